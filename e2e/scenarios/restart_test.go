package scenarios

import (
	"fmt"
	"strings"
	"testing"
)

// Started again where all is well, it writes nothing: neither a policy nor a status.
func TestRestartWritesNothing(t *testing.T) {
	s := begin(t, "restart")
	one, two := s.namespace("one", nil), s.namespace("two", nil)
	enforced := s.profile("restart", `
mode: Enforce
onDelete: Remove
network:
  allow:
    dns: {}
    sameNamespace: {}
    apiServer: {}
    from: [{ipBlock: {cidr: 192.0.2.0/24}}]
    to: [{ipBlock: {cidr: 0.0.0.0/0}}]`)
	audited := s.profile("restart-audited", "{mode: Audit, priority: -1, network: {}}")
	s.makeWebhook(one, "hook", "restart")
	s.expectCompliant(enforced, 2)
	s.expectPolicies(one, deny, allowDNS, allowSame, allowAPI, allowFrom, allowTo, allowBackend+"hook")
	s.expectPolicies(two, deny, allowDNS, allowSame, allowAPI, allowFrom, allowTo)
	s.expectOverridden(audited, enforced, 2)
	s.settleStatus()

	s.must(s.rampart.Stop()) // which may still tell the counts of Events
	place := s.now(t)
	s.must(s.rampart.Start(t.Context()))
	s.settleStatus()
	for _, a := range s.writesSince(t, place) {
		if !strings.Contains(a.String(), "settle") {
			t.Errorf("after the restart: %s", a)
		}
	}
}

// The probes of the Deployment say how it is.
func TestHealthTellsLiveFromReady(t *testing.T) {
	s := begin(t, "health")
	for _, flags := range [][]string{nil, {"--live"}} {
		if out, err := s.rampart.Health(t.Context(), flags...); err != nil {
			t.Errorf("health %v: %v: %s", flags, err, out)
		}
	}
	s.must(s.rampart.Stop())
	for _, flags := range [][]string{nil, {"--live"}} {
		if out, err := s.rampart.Health(t.Context(), flags...); err == nil || out == "" {
			t.Errorf("health %v of a controller that does not run: %v: %q", flags, err, out)
		}
	}
	s.must(s.rampart.Start(t.Context()))
}

// settleStatus waits until the status of the profile settle counts one more namespace: passes of profiles
// come at most once a second, and by then all others had theirs.
func (s *story) settleStatus() {
	s.Helper()
	for range 2 { // in the second one a pass that was put off at the first has taken place
		s.settle()
		want := int(s.settled.Load())
		s.expect("settle", func(p *seen) error {
			if n := p.Status.Namespaces; n.Selected != want || n.Compliant != want {
				return fmt.Errorf("%+v namespaces, expected %d", n, want)
			}
			return nil
		})
	}
}
