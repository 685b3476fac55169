package faults

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"
)

// hardenedKind is one that is filled in. No controller runs, so each workload runs nothing and is filled in at once.
type hardenedKind struct {
	kind     string
	resource schema.GroupVersionResource
	template []string // where it is
	spec     string   // with the template as %s
	history  right    // to list what tells which templates were tried
}

var hardenedKinds = []hardenedKind{
	{"Deployment", schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}, []string{"spec", "template"},
		"{replicas: 0, selector: {matchLabels: {app: x}}, template: %s}", right{"apps", "replicasets", "list"}},
	{"StatefulSet", schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "statefulsets"}, []string{"spec", "template"},
		"{replicas: 0, serviceName: x, selector: {matchLabels: {app: x}}, template: %s}", right{"apps", "controllerrevisions", "list"}},
	{"DaemonSet", schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "daemonsets"}, []string{"spec", "template"},
		"{selector: {matchLabels: {app: x}}, template: %s}", right{"apps", "controllerrevisions", "list"}},
	{"CronJob", schema.GroupVersionResource{Group: "batch", Version: "v1", Resource: "cronjobs"}, []string{"spec", "jobTemplate", "spec", "template"},
		"{schedule: 0 0 1 1 *, jobTemplate: {spec: {template: %s}}}", right{"batch", "jobs", "list"}},
}

func (k hardenedKind) right(verb string) right {
	return right{k.resource.Group, k.resource.Resource, verb}
}

// isOfHardening tells the rights that hardening alone needs. The deletion of stuck pods takes controllers and nodes:
// see e2e/scenarios.
func isOfHardening(one right) bool {
	for _, k := range hardenedKinds {
		if one == k.right("get") || one == k.right("patch") {
			return true
		}
	}
	return one == right{"", "pods", "delete"}
}

// makeWorkload makes one that has been changed since it was made, so that its history and its pods are asked.
func (r *run) makeWorkload(k hardenedKind, suffix string) {
	r.Helper()
	template := "{metadata: {labels: {app: x}}, spec: {containers: [{name: c, image: i}]}}"
	if k.kind == "CronJob" {
		template = "{spec: {restartPolicy: Never, containers: [{name: c, image: i}]}}"
	}
	object := &unstructured.Unstructured{}
	r.must(yaml.Unmarshal([]byte(fmt.Sprintf("{apiVersion: %s, kind: %s, metadata: {name: x}, spec: %s}",
		k.resource.GroupVersion(), k.kind, fmt.Sprintf(k.spec, template))), &object.Object))
	objects := r.Dynamic.Resource(k.resource).Namespace(r.name + "-" + suffix)
	_, err := objects.Create(r.Context(), object, metav1.CreateOptions{FieldManager: "tenant"})
	r.must(err)
	body := `{"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 7}}}}`
	if k.kind == "CronJob" {
		body = `{"spec": {"jobTemplate": ` + body + `}}`
	}
	_, err = objects.Patch(r.Context(), "x", types.MergePatchType, []byte(body), metav1.PatchOptions{FieldManager: "tenant"})
	r.must(err)
}

// isFilled checks whether the workload has what the profile fills in.
func (r *run) isFilled(k hardenedKind, suffix string, want bool) error {
	object, err := r.Dynamic.Resource(k.resource).Namespace(r.name+"-"+suffix).Get(r.Context(), "x", metav1.GetOptions{})
	if err != nil {
		return err
	}
	template, _, err := unstructured.NestedMap(object.Object, k.template...)
	if err != nil {
		return err
	}
	containers, _, err := unstructured.NestedSlice(template, "spec", "containers")
	if err != nil {
		return err
	}
	_, has, _ := unstructured.NestedSlice(containers[0].(map[string]any), "securityContext", "capabilities", "drop")
	if has != want || strings.Contains(fmt.Sprint(object.GetAnnotations()), "rampart.dev/rollout") != want {
		return fmt.Errorf("%s in %s: filled in is %t, annotations %v", k.kind, suffix, has, object.GetAnnotations())
	}
	return nil
}

// Each right that hardening needs is taken away while Rampart needs it. The log names it, the other kinds go on, and
// once it is granted it catches up by itself; without the right to read a workload afresh nothing of it is taken back,
// and the profile waits.
func TestFault31RightToHardenIsMissing(t *testing.T) {
	t.Parallel()
	r := begin(t)
	object := &unstructured.Unstructured{}
	r.must(yaml.Unmarshal([]byte(fmt.Sprintf(`
apiVersion: rampart.dev/v1alpha1
kind: SecurityProfile
metadata: {name: %s}
spec: {mode: Enforce, onDelete: Remove, namespaceSelector: {matchLabels: {story: %s}}, workloads: {}}`, r.name, r.name)), &object.Object))
	_, err := r.Dynamic.Resource(profiles).Create(r.Context(), object, metav1.CreateOptions{})
	r.must(err)
	r.start()

	suffixes := map[string][]hardenedKind{}
	for i, k := range hardenedKinds {
		other := hardenedKinds[(i+2)%len(hardenedKinds)] // whose history is another
		for _, one := range []right{k.right("patch"), k.history, {"", "pods", "list"}, {"policy", "poddisruptionbudgets", "list"}} {
			suffix := strings.ToLower(fmt.Sprintf("%s-%s", k.kind, one.resource))
			grant := r.without(one)
			r.namespace(suffix)
			r.makeWorkload(k, suffix)
			r.logs("hardening failed", one.verb, " on "+one.resource)
			if one.group == k.resource.Group {
				r.makeWorkload(other, suffix)
				r.within(func() error { return r.isFilled(other, suffix, true) })
				suffixes[suffix] = append(suffixes[suffix], other)
			}
			r.must(r.isFilled(k, suffix, false))
			if out, err := r.operator.Health(t.Context()); err != nil {
				t.Errorf("without %s it is not ready: %s", one, out)
			}
			grant()
			r.within(func() error { return r.isFilled(k, suffix, true) })
			suffixes[suffix] = append(suffixes[suffix], k)
		}
	}

	reads := []right{}
	for _, k := range hardenedKinds {
		reads = append(reads, k.right("get"))
	}
	grant := r.without(reads...)
	r.must(r.Dynamic.Resource(profiles).Delete(r.Context(), r.name, metav1.DeleteOptions{}))
	for _, one := range reads {
		r.logs("hardening failed", one.verb, " on "+one.resource)
	}
	each := func(want bool) (err error) {
		for suffix, kinds := range suffixes {
			for _, k := range kinds {
				err = errors.Join(err, r.isFilled(k, suffix, want))
			}
		}
		return err
	}
	r.must(each(true))
	grant()
	r.within(func() error {
		_, err := r.Dynamic.Resource(profiles).Get(r.Context(), r.name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return each(false)
		}
		return fmt.Errorf("the profile is still there: %v", err)
	})
}
