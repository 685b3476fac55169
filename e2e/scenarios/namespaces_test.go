package scenarios

import (
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

const (
	denyBoth = "{podSelector: {}, policyTypes: [Ingress, Egress]}"
	sameBoth = `
podSelector: {}
policyTypes: [Ingress, Egress]
ingress: [{from: [{podSelector: {}}]}]
egress: [{to: [{podSelector: {}}]}]`
)

// A namespace has its policies as long as the profile selects it, and not longer where the profile says
// Remove.
func TestNamespaceIsProtectedWhileItIsSelected(t *testing.T) {
	s := begin(t, "selected")
	const spec = `
mode: Enforce
onDelete: Remove
namespaceSelector: {matchLabels: {story: selected, posture: tight}}
network: {allow: {sameNamespace: {}}}`
	tight := map[string]string{"posture": "tight"}

	before := s.namespace("before", tight)
	other := s.namespace("other", nil)
	p := s.profile("selected", spec)
	after := s.namespace("after", tight)
	s.expectCompliant(p, 2)
	for _, ns := range []string{before, after} {
		s.expectPolicies(ns, deny, allowSame)
		s.expectSpec(ns, deny, p, denyBoth)
		s.expectSpec(ns, allowSame, p, sameBoth)
	}
	s.expectPolicies(other)

	s.label(other, "posture", "tight") // relabelled into the selector
	s.expectPolicies(other, deny, allowSame)
	s.expectCompliant(p, 3)

	s.label(other, "posture", "loose") // and out of it
	s.expectPolicies(other)
	s.expectCompliant(p, 2)

	s.profile(p, spec+"\nexcludedNamespaces: [selected-before]")
	s.expectPolicies(before)
	s.expectCompliant(p, 1)

	s.profile(p, spec)
	s.expectPolicies(before, deny, allowSame)
	s.expectCompliant(p, 2)
}

// A namespace of the same name is another namespace.
func TestNamespaceIsDeletedAndMadeAgain(t *testing.T) {
	s := begin(t, "again")
	p := s.profile("again", "{mode: Enforce, network: {allow: {sameNamespace: {}}}}")
	ns := s.namespace("ns", nil)
	s.expectPolicies(ns, deny, allowSame)
	first, err := s.policy(ns, deny)
	s.must(err)

	s.deleteNamespace(ns)
	s.expectCompliant(p, 0)

	s.namespace("ns", nil)
	s.expectCompliant(p, 1)
	s.expectSpec(ns, deny, p, denyBoth) // which checks that the new Namespace owns it
	second, err := s.policy(ns, deny)
	s.must(err)
	if second.UID == first.UID {
		t.Error("the policy outlived its namespace")
	}
}

// Under Retain what was made stays in a namespace that is no longer selected, is no longer watched over,
// and one Event says how to remove it. The command in it does.
func TestRetainedPoliciesAreSaidAndCanBeRemoved(t *testing.T) {
	s := begin(t, "retained")
	const spec = "{mode: Enforce, network: {allow: {sameNamespace: {}}}}"
	p := s.profile("retained", spec)
	excluded, relabelled := s.namespace("excluded", nil), s.namespace("relabelled", nil)
	s.expectCompliant(p, 2)

	s.profile(p, "{mode: Enforce, network: {allow: {sameNamespace: {}}}, excludedNamespaces: [retained-excluded]}")
	s.label(relabelled, storyLabel, "")
	s.expectCompliant(p, 0)
	for ns, phrase := range map[string]string{excluded: "now excludes", relabelled: "no longer selects"} {
		event := s.expectEvent(ns, "Retained", "Namespace", ns, "SecurityProfile retained", phrase, "onDelete is Retain")
		s.expectPolicies(ns, deny, allowSame)

		command := regexp.MustCompile(`kubectl .*`).FindString(event.Note)
		run := exec.CommandContext(t.Context(), s.Kubectl, strings.Fields(command)[1:]...)
		run.Env = []string{"KUBECONFIG=" + s.AdminKubeconfig}
		if out, err := run.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", command, err, out)
		}
		s.expectPolicies(ns)
	}
	// Nothing comes back: by the time a new namespace has its policies, these two had their turn.
	s.expectPolicies(s.namespace("last", nil), deny, allowSame)
	s.expectPolicies(excluded)
	s.expectPolicies(relabelled)
}

// What is not a profile's business stays so: our own namespace, and those of the system unless it is asked
// for them.
func TestSomeNamespacesAreNeverTouched(t *testing.T) {
	s := begin(t, "never")
	for _, ns := range []string{ownNamespace, "kube-public"} {
		s.label(ns, storyLabel, s.name)
		t.Cleanup(func() { s.unlabel(ns) })
	}
	p := s.profile("never", "{mode: Enforce, onDelete: Remove, network: {}}")
	s.namespace("ns", nil)
	s.expectCompliant(p, 1)
	s.expectPolicies("kube-public")

	s.profile(p, "{mode: Enforce, onDelete: Remove, includeSystemNamespaces: true, network: {}}")
	s.expectCompliant(p, 2)
	s.expectPolicies("kube-public", deny)
	s.expectPolicies(ownNamespace, "rampart") // that of deploy/

	s.deleteProfile(p)
	s.expectNoProfile(p)
	s.expectPolicies("kube-public")
	if _, err := s.policy(ownNamespace, "rampart"); err != nil {
		t.Error(err)
	}
}
