package scenarios

import (
	"fmt"
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// An allow that is added to a profile comes to its namespaces, one that is taken out goes, and one that is
// changed is changed in place.
func TestProfileIsEdited(t *testing.T) {
	s := begin(t, "edited")
	ns := s.namespace("ns", nil)
	p := s.profile("edited", "{mode: Enforce, network: {allow: {sameNamespace: {}}}}")
	s.expectCompliant(p, 1)
	s.expectPolicies(ns, deny, allowSame)

	s.profile(p, `
mode: Enforce
network:
  allow:
    sameNamespace: {}
    dns: {}
    apiServer: {}
    from: [{namespaceSelector: {matchLabels: {team: ingress}}, ports: [{port: http}]}]
    to: [{ipBlock: {cidr: 192.0.2.0/24}, ports: [{port: 5432}]}]`)
	s.expectCompliant(p, 1)
	s.expectPolicies(ns, deny, allowSame, allowDNS, allowAPI, allowFrom, allowTo)
	s.expectSpec(ns, deny, p, denyBoth)
	s.expectSpec(ns, allowFrom, p, `
podSelector: {}
policyTypes: [Ingress]
ingress: [{from: [{namespaceSelector: {matchLabels: {team: ingress}}}], ports: [{protocol: TCP, port: http}]}]`)
	s.expectSpec(ns, allowAPI, p, fmt.Sprintf(`
podSelector: {}
policyTypes: [Egress]
egress: [{to: [{ipBlock: {cidr: %s/32}}], ports: [{protocol: TCP, port: %d}]}]`, apiServerAddress, apiServerPort))

	s.profile(p, `
mode: Enforce
network:
  allow:
    sameNamespace: {}
    from: [{podSelector: {matchLabels: {app: gateway}}}]`)
	s.expectCompliant(p, 1)
	s.expectPolicies(ns, deny, allowSame, allowFrom)
	s.expectSpec(ns, allowFrom, p, `
podSelector: {}
policyTypes: [Ingress]
ingress: [{from: [{podSelector: {matchLabels: {app: gateway}}}]}]`)

	s.profile(p, "{mode: Enforce, network: {defaultDeny: [Ingress]}}")
	s.expectCompliant(p, 1)
	s.expectPolicies(ns, deny)
	s.expectSpec(ns, deny, p, "{podSelector: {}, policyTypes: [Ingress]}")
}

// Leaving Enforce keeps what was made: a profile in Audit or Off writes nothing, and so removes nothing.
func TestProfileLeavesEnforce(t *testing.T) {
	s := begin(t, "leaves")
	ns := s.namespace("ns", nil)
	p := s.profile("leaves", "{mode: Enforce, onDelete: Remove, network: {allow: {sameNamespace: {}}}}")
	s.expectCompliant(p, 1)
	for _, mode := range []string{"Audit", `"Off"`} {
		s.profile(p, "{mode: "+mode+", onDelete: Remove, network: {}}")
		s.expectCondition(p, "Enforcing", metav1.ConditionFalse, map[bool]string{true: "Audit", false: "Off"}[mode == "Audit"])
		s.expectPolicies(ns, deny, allowSame)
	}
	s.profile(p, "{mode: Enforce, onDelete: Remove, network: {}}")
	s.expectCompliant(p, 1)
	s.expectPolicies(ns, deny)
}

// A profile that contradicts itself is stalled and says where; others go on. Mended, it works at once.
func TestProfileIsInvalidAndThenMended(t *testing.T) {
	s := begin(t, "mended")
	const good = "{mode: Enforce, namespaceSelector: {matchLabels: {story: mended, of: one}}, network: {}}"
	one := s.namespace("one", map[string]string{"of": "one"})
	p := s.profile("mended", good)
	q := s.profile("mended-other", "{mode: Enforce, namespaceSelector: {matchLabels: {story: mended, of: other}}, network: {}}")
	s.expectCompliant(p, 1)
	pid := s.rampart.PID()

	s.profile(p, `
mode: Enforce
namespaceSelector:
  matchLabels: {story: mended, of: one}
  matchExpressions: [{key: of, operator: NotIn, values: [one]}]
network: {defaultDeny: [Ingress]}`)
	s.expectCondition(p, "Stalled", metav1.ConditionTrue, "InvalidSpec", "spec.namespaceSelector", "can never match")
	s.expectCondition(p, "Ready", metav1.ConditionFalse, "InvalidSpec", "spec.namespaceSelector")
	s.expectSpec(one, deny, p, denyBoth) // as it was

	other := s.namespace("other", map[string]string{"of": "other"})
	s.expectPolicies(other, deny)
	s.expectCompliant(q, 1)

	s.profile(p, good)
	s.expectCondition(p, "Stalled", metav1.ConditionFalse, "SpecAccepted")
	s.expectCompliant(p, 1)
	s.expectPolicies(s.namespace("two", map[string]string{"of": "one"}), deny)
	if s.rampart.PID() != pid {
		t.Error("rampart was started again")
	}
}

// Under Retain a profile goes at once, without a finalizer, and its policies stay and are not watched over.
func TestProfileIsDeletedAndItsPoliciesStay(t *testing.T) {
	s := begin(t, "stay")
	ns := s.namespace("ns", nil)
	p := s.profile("stay", "{mode: Enforce, network: {allow: {sameNamespace: {}}}}")
	s.expectCompliant(p, 1)
	if seen, err := s.see(p); err != nil || len(seen.Finalizers) > 0 {
		t.Fatalf("finalizers %q, %v; expected none", seen.Finalizers, err)
	}
	s.deleteProfile(p)
	s.expectNoProfile(p)
	s.settle()
	s.expectPolicies(ns, deny, allowSame)
	s.deletePolicy(ns, allowSame)
	s.settle()
	s.expectPolicies(ns, deny)
}

// Under Remove a finalizer holds the profile until its policies are gone.
func TestProfileIsDeletedAndTakesItsPoliciesAlong(t *testing.T) {
	s := begin(t, "along")
	one, two := s.namespace("one", nil), s.namespace("two", nil)
	p := s.profile("along", "{mode: Enforce, onDelete: Remove, network: {allow: {sameNamespace: {}, dns: {}}}}")
	s.expectCompliant(p, 2)
	seen, err := s.see(p)
	if err != nil || !slices.Equal(seen.Finalizers, []string{finalizer}) {
		t.Fatalf("finalizers %q, %v; expected %s", seen.Finalizers, err, finalizer)
	}
	foreign := s.makePolicy(one, "foreign", "{podSelector: {matchLabels: {app: none}}}")

	place := s.now(t)
	s.deleteProfile(p)
	s.expectNoProfile(p)
	s.expectPolicies(one, foreign.Name)
	s.expectPolicies(two)

	// The finalizer went last.
	acts := s.writesSince(t, place)
	released := slices.IndexFunc(acts, func(a act) bool { return a.verb == "patch" && a.resource == "securityprofiles" && a.name == p })
	for i, a := range acts {
		if a.verb == "delete" && a.namespace != "" && i > released && (a.namespace == one || a.namespace == two) {
			t.Errorf("%s, after the finalizer had been taken off", a)
		}
	}
	if released < 0 {
		t.Errorf("the finalizer was never taken off: %v", acts)
	}
}

// Turned from Remove to Retain, the finalizer is not needed any more.
func TestFinalizerFollowsOnDelete(t *testing.T) {
	s := begin(t, "follows")
	s.namespace("ns", nil)
	finalizers := func(want ...string) {
		t.Helper()
		s.expect("follows", func(p *seen) error {
			if !slices.Equal(p.Finalizers, want) {
				return fmt.Errorf("finalizers %q, expected %q", p.Finalizers, want)
			}
			return nil
		})
	}
	p := s.profile("follows", "{mode: Enforce, onDelete: Remove, network: {}}")
	s.expectCompliant(p, 1)
	finalizers(finalizer)
	s.profile(p, "{mode: Enforce, onDelete: Retain, network: {}}")
	finalizers()
}
