package faults

import (
	"errors"
	"fmt"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

var (
	patchNamespaces = right{"", "namespaces", "patch"}
	getNamespaces   = right{"", "namespaces", "get"}
)

// isOfLabels tells the rights that the labels of Pod Security Admission alone need.
func isOfLabels(one right) bool { return one == patchNamespaces || one == getNamespaces }

// Without the right to patch Namespaces the profile says so, for a write and for a dry run; without the right to read
// one, nothing is taken back and the profile waits. Granted, each goes on by itself.
func TestFault31RightToLabelIsMissing(t *testing.T) {
	t.Parallel()
	const enforce, warn = "pod-security.kubernetes.io/enforce", "pod-security.kubernetes.io/warn"
	r := begin(t)
	object := &unstructured.Unstructured{}
	r.must(yaml.Unmarshal([]byte(fmt.Sprintf(`
apiVersion: rampart.dev/v1alpha1
kind: SecurityProfile
metadata: {name: %s}
spec: {mode: Enforce, onDelete: Remove, namespaceSelector: {matchLabels: {story: %s}}, podSecurityAdmission: {warn: baseline}}`,
		r.name, r.name)), &object.Object))
	_, err := r.Dynamic.Resource(profiles).Create(r.Context(), object, metav1.CreateOptions{})
	r.must(err)
	r.start()
	has := func(suffix, label, level string) error {
		ns, err := r.Client.CoreV1().Namespaces().Get(r.Context(), r.name+"-"+suffix, metav1.GetOptions{})
		if err == nil && ns.Labels[label] != level {
			err = fmt.Errorf("label %s is %q, expected %q", label, ns.Labels[label], level)
		}
		return err
	}

	grant := r.without(patchNamespaces)
	r.namespace("write")
	r.saysForbidden(patchNamespaces)
	grant()
	r.within(func() error { return has("write", warn, "baseline") })

	grant = r.without(patchNamespaces)
	r.edits(`{"spec": {"podSecurityAdmission": {"enforce": "baseline"}}}`)
	r.logs("pass failed", "patch (a dry run) of namespace", "grant the verb")
	r.within(func() error {
		s, err := r.status()
		if err == nil && s.condition("Ready").Reason != "Forbidden" {
			err = fmt.Errorf("Ready is %+v", s.condition("Ready"))
		}
		return err
	})
	grant()
	r.within(func() error { return has("write", enforce, "baseline") })

	grant = r.without(getNamespaces)
	r.must(r.Dynamic.Resource(profiles).Delete(r.Context(), r.name, metav1.DeleteOptions{}))
	r.logs("pass failed", "get of namespace", "grant the verb")
	r.must(errors.Join(has("write", warn, "baseline"), has("write", enforce, "baseline")))
	grant()
	r.within(func() error { return errors.Join(has("write", warn, ""), has("write", enforce, "")) })
}
