package scenarios

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"
)

// idleWorkloads run nothing, of every kind: replicas 0, no node, a schedule that is far away.
var idleWorkloads = map[string]string{
	"Deployment":  "{replicas: 0, selector: {matchLabels: {app: x}}, template: %s}",
	"StatefulSet": "{replicas: 0, serviceName: x, selector: {matchLabels: {app: x}}, template: %s}",
	"DaemonSet":   "{selector: {matchLabels: {app: x}}, template: %s}",
	"CronJob":     "{schedule: 0 0 1 1 *, jobTemplate: {spec: {template: %s}}}",
}

const idleTemplate = `{metadata: {labels: {app: x}, annotations: {note: kept}}, spec: {%snodeSelector: {nobody: here},
	securityContext: {fsGroup: 7}, initContainers: [{name: i, image: i}],
	containers: [{name: c, image: i, securityContext: {runAsUser: 7, capabilities: {add: [NET_BIND_SERVICE]}}}, {name: d, image: i}]}}`

// makeIdle makes one that was changed since, so that there is a history to ask for.
func (s *story) makeIdle(k fencedKind, namespace string) {
	s.Helper()
	restart := ""
	if k.kind == "CronJob" {
		restart = "restartPolicy: Never, "
	}
	object := &unstructured.Unstructured{}
	s.must(yaml.Unmarshal([]byte(fmt.Sprintf("{apiVersion: %s, kind: %s, metadata: {name: x, labels: {own: kept}}, spec: %s}",
		k.resource.GroupVersion(), k.kind, fmt.Sprintf(idleWorkloads[k.kind], fmt.Sprintf(idleTemplate, restart)))), &object.Object))
	objects := s.Dynamic.Resource(k.resource).Namespace(namespace)
	_, err := objects.Create(s.Context(), object, metav1.CreateOptions{FieldManager: "tenant"})
	s.must(err)
	_, err = objects.Patch(s.Context(), "x", types.MergePatchType, []byte(k.ofPod(`{"terminationGracePeriodSeconds": 7}`)),
		metav1.PatchOptions{FieldManager: "tenant"})
	s.must(err)
}

// bare is the workload without what each write changes, and what its controller counts.
func (s *story) bare(k fencedKind, namespace string) (string, error) {
	object, err := s.Dynamic.Resource(k.resource).Namespace(namespace).Get(s.Context(), "x", metav1.GetOptions{})
	if err != nil {
		return "", err
	}
	for _, path := range [][]string{
		{"status"}, {"metadata", "resourceVersion"}, {"metadata", "generation"}, {"metadata", "managedFields"},
		{"metadata", "annotations", "deployment.kubernetes.io/revision"},
		{"metadata", "annotations", "deprecated.daemonset.template.generation"},
	} {
		unstructured.RemoveNestedField(object.Object, path...)
	}
	if len(object.GetAnnotations()) == 0 {
		unstructured.RemoveNestedField(object.Object, "metadata", "annotations")
	}
	text, err := json.MarshalIndent(object.Object, "", " ")
	return string(text), err
}

// Every kind is filled in by Rampart with its own rights and behind its fences, requests and limits included, and
// taken back when the profile goes: then each is what it was.
func TestEveryKindIsFilledInAndTakenBackToTheByte(t *testing.T) {
	s := begin(t, "kinds")
	ns := s.namespace("ns", nil)
	for _, k := range fencedKinds {
		s.makeIdle(k, ns)
	}
	before := map[string]string{}
	s.within(func() error { // once the controllers have counted them
		for _, k := range fencedKinds {
			text, err := s.bare(k, ns)
			if err != nil {
				return err
			}
			if text != before[k.kind] {
				before[k.kind] = text
				return fmt.Errorf("%s changes", k.kind)
			}
		}
		return nil
	})
	p := s.profile("kinds", `
mode: Enforce
onDelete: Remove
namespaceSelector: {matchLabels: {story: kinds}}
workloads:
  fill:
    readOnlyRootFilesystem: true
    resources: {requests: {cpu: 10m, memory: 16Mi}, limits: {cpu: "1", memory: 1Gi}}
  rollout: {onUnknown: Try}`)
	s.within(func() error {
		for _, k := range fencedKinds {
			text, err := s.bare(k, ns)
			if err != nil {
				return err
			}
			for _, leaf := range []string{`"runAsNonRoot": true`, `"readOnlyRootFilesystem": true`, `"allowPrivilegeEscalation": false`,
				`"ALL"`, `"RuntimeDefault"`, `"memory": "16Mi"`, `"cpu": "1"`, "rampart.dev/fill", "rampart.dev/rollout"} {
				if !strings.Contains(text, leaf) {
					return fmt.Errorf("%s lacks %s: %s", k.kind, leaf, text)
				}
			}
		}
		return nil
	})
	s.must(s.Dynamic.Resource(profiles).Delete(context.Background(), p, metav1.DeleteOptions{}))
	s.within(func() error {
		if _, err := s.Dynamic.Resource(profiles).Get(t.Context(), p, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
			return fmt.Errorf("the profile is still there: %v", err)
		}
		return nil
	})
	for _, k := range fencedKinds {
		after, err := s.bare(k, ns)
		s.must(err)
		if after != before[k.kind] {
			t.Errorf("%s was\n%s\nand is\n%s", k.kind, before[k.kind], after)
		}
	}
}
