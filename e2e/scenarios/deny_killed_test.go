package scenarios

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"rampart.dev/e2e/gate"
	"rampart.dev/e2e/operator"
)

// Killed at any write of taking a default-deny back, and started again, it comes to the same end, and deletes no
// policy twice.
func TestDenyIsTakenBackThoughKilledAtAnyWrite(t *testing.T) {
	s := begin(t, "halfway")
	g, rampart := s.behindGate()
	for after := range cutMax {
		writes, isCut := s.takeBackCut(g, rampart, after)
		if isCut {
			continue
		}
		t.Logf("%d writes, killed at each", writes)
		if writes < 5 || writes > after { // the deny carries, three allows go, the deny is parked
			t.Errorf("taking back takes %d writes, of which %d were cut off; expected at least 5, and all", writes, after)
		}
		return
	}
	t.Errorf("it still writes after %d writes", cutMax)
}

// takeBackCut makes a namespace whose deny breaks its pods, kills Rampart at the write of that number, starts it
// again, and demands the end. It tells how many writes passed before that, and whether there was one to kill it at.
func (s *story) takeBackCut(g *gate.Gate, rampart *operator.Operator, after int) (writes int, isCut bool) {
	s.Helper()
	name := fmt.Sprintf("halfway-%02d", after)
	ns := s.namespace(fmt.Sprintf("%02d", after), map[string]string{"halfway": name})
	s.makeReady(ns, "web")
	s.must(rampart.Restart(s.Context()))
	p := s.profile(name, `{mode: Enforce, namespaceSelector: {matchLabels: {halfway: `+name+`}},
  network: {allow: {dns: {}, sameNamespace: {}, to: [{ipBlock: {cidr: 192.0.2.0/24}}]}}}`)
	s.expectPolicies(ns, deny, allowDNS, allowSame, allowTo)
	s.expectSpec(ns, deny, p, "{podSelector: {}, policyTypes: [Ingress, Egress]}")
	s.expectMark(ns, `"Proving"`)

	place := s.now(s.T)
	g.OnWrite(func(r *http.Request) bool {
		switch {
		case !strings.Contains(r.URL.Path, "/namespaces/"+ns+"/networkpolicies"):
			return true
		case isCut: // it is dying
			return false
		case writes == after:
			isCut = true
			_ = rampart.Kill()
			return false
		}
		writes++
		return true
	})
	isParked := func() error {
		if got := s.policyNames(ns); !slices.Equal(got, []string{deny}) {
			return fmt.Errorf("policies %q, expected the parked deny alone", got)
		}
		policy, err := s.policy(ns, deny)
		if err != nil {
			return err
		}
		if len(policy.Spec.PodSelector.MatchLabels) == 0 {
			return fmt.Errorf("the deny selects every pod")
		}
		return hasAll(policy.Annotations[rolloutMark], []string{`"TakenBack"`})
	}
	s.turn(ns, "web", corev1.ConditionFalse)
	s.within(func() error {
		if !rampart.Alive() {
			return nil
		}
		return isParked()
	})
	g.OnWrite(nil)
	if !rampart.Alive() {
		s.must(rampart.Start(s.Context()))
	}
	s.within(isParked)
	s.expectSpec(ns, deny, p, parkedSpec)
	s.expectEvent(ns, "DenyTakenBack", "Namespace", ns, "Deployment web (0 of 1 pods ready)")

	deleted := map[string]int{}
	for _, a := range s.writesSince(s.T, place) {
		if a.verb == "delete" && a.resource == "networkpolicies" && a.namespace == ns && a.code < 300 {
			deleted[a.name]++
		}
	}
	for _, policy := range []string{allowDNS, allowSame, allowTo} {
		if deleted[policy] != 1 {
			s.Errorf("killed at write %d: %s was deleted %d times", after, policy, deleted[policy])
		}
	}
	if deleted[deny] != 0 {
		s.Errorf("killed at write %d: the deny was deleted, and its mark with it", after)
	}
	return writes, isCut
}
