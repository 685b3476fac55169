package podsecurity

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/yaml"

	"rampart.dev/e2e/operator"
)

const (
	enforce = "pod-security.kubernetes.io/enforce"
	warn    = "pod-security.kubernetes.io/warn"
	audit   = "pod-security.kubernetes.io/audit"
	version = "-version"
	mark    = "rampart.dev/pod-security"
)

// story is one namespace with a profile of its own, all named alike.
type story struct {
	*testing.T
	*world
	name string
}

func begin(t *testing.T, name string, stated map[string]string) *story {
	t.Helper()
	s := &story{t, theWorld, name}
	labels := map[string]string{"story": name}
	maps.Copy(labels, stated)
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}}
	_, err := s.Client.CoreV1().Namespaces().Create(t.Context(), ns, metav1.CreateOptions{})
	s.must(err)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("how it stands:\n%s\nrampart's log ends:\n%s", s.state(), s.rampart.Tail())
		}
		_ = s.Dynamic.Resource(profiles).Delete(context.Background(), name, metav1.DeleteOptions{})
	})
	return s
}

func (s *story) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *story) within(check func() error) {
	s.Helper()
	s.must(poll(waitLimit, check))
}

func (s *story) state() string {
	text := strings.Builder{}
	for _, what := range [][]string{
		{"get", "namespace", s.name, "-o", "yaml", "--show-managed-fields"}, {"get", "securityprofile", s.name, "-o", "yaml"},
		{"get", "pods", "-n", s.name},
	} {
		out, err := s.RunKubectl(context.Background(), what...)
		fmt.Fprintln(&text, out, err)
	}
	return text.String()
}

// ---- the namespace ----

func (s *story) namespace() *corev1.Namespace {
	s.Helper()
	ns, err := s.Client.CoreV1().Namespaces().Get(s.Context(), s.name, metav1.GetOptions{})
	s.must(err)
	return ns
}

// has demands such labels of Pod Security Admission, and no others; "" stands for one that is not there.
func (s *story) has(want map[string]string) error {
	s.Helper()
	got := s.namespace().Labels
	for _, label := range []string{enforce, enforce + version, warn, warn + version, audit, audit + version} {
		if got[label] != want[label] {
			return fmt.Errorf("label %s is %q, expected %q", label, got[label], want[label])
		}
	}
	return nil
}

func pair(label, level, of string) map[string]string {
	return map[string]string{label: level, label + version: of}
}

func both(maps_ ...map[string]string) map[string]string {
	all := map[string]string{}
	for _, m := range maps_ {
		maps.Copy(all, m)
	}
	return all
}

// label sets a label, or takes it off where the value is "".
func (s *story) label(set map[string]string) {
	s.Helper()
	labels := map[string]any{}
	for key, value := range set {
		labels[key] = nil
		if value != "" {
			labels[key] = value
		}
	}
	body, err := json.Marshal(map[string]any{"metadata": map[string]any{"labels": labels}})
	s.must(err)
	_, err = s.Client.CoreV1().Namespaces().Patch(s.Context(), s.name, types.MergePatchType, body,
		metav1.PatchOptions{FieldManager: "kubectl-label"})
	s.must(err)
}

// ---- the profile ----

func (s *story) profile(spec string) {
	s.Helper()
	object := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "rampart.dev/v1alpha1", "kind": "SecurityProfile"}}
	var read map[string]any
	s.must(yaml.Unmarshal([]byte(spec), &read))
	read["namespaceSelector"] = map[string]any{"matchLabels": map[string]any{"story": s.name}}
	object.Object["spec"] = read
	object.SetName(s.name)
	client := s.Dynamic.Resource(profiles)
	_, err := client.Create(s.Context(), object, metav1.CreateOptions{})
	if !apierrors.IsAlreadyExists(err) {
		s.must(err)
		return
	}
	s.must(retry.RetryOnConflict(retry.DefaultRetry, func() error {
		now, err := client.Get(s.Context(), s.name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		now.Object["spec"] = read
		_, err = client.Update(s.Context(), now, metav1.UpdateOptions{})
		return err
	}))
}

func (s *story) deleteProfile() {
	s.Helper()
	s.must(s.Dynamic.Resource(profiles).Delete(s.Context(), s.name, metav1.DeleteOptions{}))
}

func (s *story) isGone() error {
	_, err := s.Dynamic.Resource(profiles).Get(s.Context(), s.name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	return fmt.Errorf("profile %s is still there: %v", s.name, err)
}

// status returns the reason and message of a condition, "True: Enforced: ...", and the messages in drift by reason.
func (s *story) status(condition string) (string, map[string]string, error) {
	object, err := s.Dynamic.Resource(profiles).Get(s.Context(), s.name, metav1.GetOptions{})
	if err != nil {
		return "", nil, err
	}
	generation, _, _ := unstructured.NestedInt64(object.Object, "status", "observedGeneration")
	if generation != object.GetGeneration() {
		return "", nil, fmt.Errorf("the status is about generation %d", generation)
	}
	said, drift := "", map[string]string{}
	conditions, _, _ := unstructured.NestedSlice(object.Object, "status", "conditions")
	for _, c := range conditions {
		if c := c.(map[string]any); c["type"] == condition {
			said = fmt.Sprintf("%v: %v: %v", c["status"], c["reason"], c["message"])
		}
	}
	entries, _, _ := unstructured.NestedSlice(object.Object, "status", "drift")
	for _, e := range entries {
		e := e.(map[string]any)
		drift[e["reason"].(string)] = e["message"].(string)
	}
	return said, drift, nil
}

// says demands that a condition begins so.
func (s *story) says(condition, begin string) error {
	said, _, err := s.status(condition)
	if err == nil && !strings.HasPrefix(said, begin) {
		err = fmt.Errorf("%s is %q, expected %q", condition, said, begin)
	}
	return err
}

// drifts demands an entry of drift with the phrases, and without others.
func (s *story) drifts(reason string, phrases []string, without ...string) error {
	_, drift, err := s.status("Ready")
	if err != nil {
		return err
	}
	for _, phrase := range phrases {
		if !strings.Contains(drift[reason], phrase) {
			return fmt.Errorf("want %q in the drift %s, which is %q of %v", phrase, reason, drift[reason], drift)
		}
	}
	for _, phrase := range without {
		if strings.Contains(drift[reason], phrase) {
			return fmt.Errorf("want no %q in the drift %s, which is %q", phrase, reason, drift[reason])
		}
	}
	return nil
}

// tells demands an Event about the namespace.
func (s *story) tells(reason, phrase string) error {
	list, err := s.Client.EventsV1().Events(s.name).List(s.Context(), metav1.ListOptions{})
	if err != nil {
		return err
	}
	others := []string{}
	for _, e := range list.Items {
		if e.Reason == reason && e.Regarding.Kind == "Namespace" && e.Regarding.Name == s.name && strings.Contains(e.Note, phrase) {
			return nil
		}
		others = append(others, e.Reason+": "+e.Note)
	}
	return fmt.Errorf("no Event %s with %q among %q", reason, phrase, others)
}

// ---- what Rampart wrote ----

func (s *story) place() int64 {
	s.Helper()
	place, err := s.AuditNow()
	s.must(err)
	return place
}

// written counts what Rampart changed in the namespace itself since a place in the audit log, and its dry runs.
func (s *story) written(place int64) (writes, dryRuns int) {
	s.Helper()
	for event, err := range s.AuditEventsSince(place) {
		s.must(err)
		ref := event.ObjectRef
		if event.User.Username != operator.User || ref == nil || ref.Resource != "namespaces" || ref.Name != s.name ||
			slices.Contains([]string{"get", "list", "watch"}, event.Verb) {
			continue
		}
		if strings.Contains(event.RequestURI, "dryRun=All") {
			dryRuns++
		} else {
			writes++
		}
	}
	return writes, dryRuns
}

// ---- what runs in it ----

const badSpec = `{containers: [{name: c, image: registry.example.com/c:1, securityContext: {privileged: true}}], restartPolicy: %s}`
const goodSpec = `{containers: [{name: c, image: registry.example.com/c:1}], restartPolicy: %s}`

func (s *story) apply(manifest string) {
	s.Helper()
	object := &unstructured.Unstructured{}
	s.must(yaml.Unmarshal([]byte(manifest), &object.Object))
	object.SetNamespace(s.name)
	text, err := json.Marshal(object)
	s.must(err)
	resource := map[string]string{"Deployment": "deployments", "CronJob": "cronjobs", "Pod": "pods", "Job": "jobs"}[object.GetKind()]
	force := true
	s.within(func() error { // a pod needs the namespace's ServiceAccount
		_, err := s.Dynamic.Resource(object.GroupVersionKind().GroupVersion().WithResource(resource)).Namespace(s.name).Patch(
			s.Context(), object.GetName(), types.ApplyPatchType, text, metav1.PatchOptions{FieldManager: "owner", Force: &force})
		return err
	})
}

func (s *story) deployment(name, spec string) {
	s.Helper()
	s.apply(fmt.Sprintf(`{apiVersion: apps/v1, kind: Deployment, metadata: {name: %s}, spec: {replicas: 1,
		selector: {matchLabels: {app: %s}}, template: {metadata: {labels: {app: %s}}, spec: %s}}}`,
		name, name, name, fmt.Sprintf(spec, "Always")))
}

func (s *story) cronJob(name, spec string) {
	s.Helper()
	s.apply(fmt.Sprintf(`{apiVersion: batch/v1, kind: CronJob, metadata: {name: %s}, spec: {schedule: "0 0 1 1 *",
		jobTemplate: {spec: {template: {spec: %s}}}}}`, name, fmt.Sprintf(spec, "Never")))
}

func (s *story) pod(name, spec string) {
	s.Helper()
	s.apply(fmt.Sprintf(`{apiVersion: v1, kind: Pod, metadata: {name: %s}, spec: %s}`, name, fmt.Sprintf(spec, "Always")))
}
