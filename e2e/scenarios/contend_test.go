package scenarios

import (
	"fmt"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// expectOverridden demands that the profile says who decides in its place.
func (s *story) expectOverridden(name, winner string, namespaces int) {
	s.Helper()
	s.expectCondition(name, "Enforcing", metav1.ConditionFalse, "Overridden", winner)
	s.expect(name, func(p *seen) error {
		if p.Status.Namespaces.Overridden != namespaces {
			return fmt.Errorf("%d namespaces overridden, expected %d", p.Status.Namespaces.Overridden, namespaces)
		}
		return nil
	})
}

// Of several profiles for a namespace the highest priority decides, and of equal ones the first name.
func TestHighestPriorityDecides(t *testing.T) {
	s := begin(t, "contend")
	ns := s.namespace("ns", nil)
	low := s.profile("contend-low", "{mode: Enforce, priority: 10, network: {allow: {sameNamespace: {}}}}")
	s.expectCompliant(low, 1)
	s.expectSpec(ns, deny, low, denyBoth)
	first, err := s.policy(ns, deny)
	s.must(err)

	high := s.profile("contend-high", "{mode: Enforce, priority: 20, network: {defaultDeny: [Ingress]}}")
	s.expectCompliant(high, 1)
	s.expectPolicies(ns, deny)
	s.expectSpec(ns, deny, high, "{podSelector: {}, policyTypes: [Ingress]}")
	s.expectOverridden(low, high, 1)

	// The deny changed hands; it was never away.
	second, err := s.policy(ns, deny)
	s.must(err)
	if first.UID != second.UID {
		t.Error("the default-deny was made anew")
	}

	tied := s.profile("contend-a", "{mode: Enforce, priority: 20, network: {allow: {dns: {}}}}")
	s.expectCompliant(tied, 1)
	s.expectPolicies(ns, deny, allowDNS)
	s.expectOverridden(high, tied, 1)
	s.expectOverridden(low, tied, 1)

	s.profile(low, "{mode: Enforce, priority: 21, network: {allow: {sameNamespace: {}}}}")
	s.expectCompliant(low, 1)
	s.expectPolicies(ns, deny, allowSame)
	s.expectOverridden(tied, low, 1)
}

// Each namespace has its own winner.
func TestPrioritiesDecideNamespaceByNamespace(t *testing.T) {
	s := begin(t, "parted")
	both, one := s.namespace("both", map[string]string{"tier": "gold"}), s.namespace("one", nil)
	low := s.profile("parted-low", "{mode: Enforce, network: {}}")
	s.profile("parted-high", "{mode: Enforce, priority: 1, namespaceSelector: {matchLabels: {story: parted, tier: gold}}, network: {defaultDeny: [Egress]}}")
	s.expectSpec(both, deny, "parted-high", "{podSelector: {}, policyTypes: [Egress]}")
	s.expectSpec(one, deny, low, denyBoth)
	s.expect(low, func(p *seen) error {
		if n := p.Status.Namespaces; n.Selected != 2 || n.Overridden != 1 || n.Compliant != 1 {
			return fmt.Errorf("namespaces %+v, expected 2 selected, 1 overridden, 1 compliant", n)
		}
		return nil
	})
	// A profile without the section leaves it to others, whatever its priority.
	s.profile("parted-top", "{mode: Enforce, priority: 100}")
	s.settle()
	s.expectSpec(one, deny, low, denyBoth)
}

// A higher profile in Audit masks a lower one in Enforce: what stands stays, nothing more is written, and
// both say so.
func TestHigherAuditMasksLowerEnforce(t *testing.T) {
	s := begin(t, "masked")
	ns := s.namespace("ns", nil)
	low := s.profile("masked-low", "{mode: Enforce, network: {}}")
	s.expectCompliant(low, 1)
	high := s.profile("masked-high", "{mode: Audit, priority: 1, network: {allow: {sameNamespace: {}}}}")
	s.expectCondition(high, "Enforcing", metav1.ConditionFalse, "Audit")
	s.expectOverridden(low, high, 1)

	s.expectPolicies(ns, deny)
	s.deletePolicy(ns, deny)
	s.expect(high, func(p *seen) error {
		if n := p.Status.Namespaces; n.Drifted != 1 {
			return fmt.Errorf("%d namespaces drifted, expected 1", n.Drifted)
		}
		return nil
	})
	s.expectPolicies(ns)

	s.deleteProfile(high)
	s.expectPolicies(ns, deny)
	s.expectCompliant(low, 1)
}

// The winner's policies go when it is deleted with Remove, but for what the next in line needs too: that
// changes hands without a moment in which it is not there.
func TestNextInLineTakesOver(t *testing.T) {
	s := begin(t, "next")
	ns := s.namespace("ns", nil)
	low := s.profile("next-low", "{mode: Enforce, network: {allow: {sameNamespace: {}}}}")
	high := s.profile("next-high", "{mode: Enforce, priority: 1, onDelete: Remove, network: {allow: {dns: {}}}}")
	s.expectCompliant(high, 1)
	s.expectPolicies(ns, deny, allowDNS)
	first, err := s.policy(ns, deny)
	s.must(err)

	s.deleteProfile(high)
	s.expectNoProfile(high)
	s.expectCompliant(low, 1)
	s.expectPolicies(ns, deny, allowSame)
	s.expectSpec(ns, deny, low, denyBoth)
	second, err := s.policy(ns, deny)
	s.must(err)
	if first.UID != second.UID {
		t.Error("the default-deny was away for a moment")
	}
}
