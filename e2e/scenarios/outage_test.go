package scenarios

import (
	"testing"
	"time"

	"rampart.dev/e2e/cluster"
)

// The API server goes and comes back. What happened to the cluster meanwhile and after is seen; Rampart is
// not started again, and its liveness probe never fails.
func TestAPIServerGoesAndComesBack(t *testing.T) {
	s := begin(t, "outage")
	p := s.profile("outage", "{mode: Enforce, network: {allow: {sameNamespace: {}}}}")
	s.expectPolicies(s.namespace("before", nil), deny, allowSame)
	s.expectCompliant(p, 1)
	pid := s.rampart.PID()

	for _, end := range []struct {
		name string
		how  func() error
	}{
		{"stopped", func() error { return s.Stop(t.Context(), cluster.APIServer) }},
		{"killed", func() error { return s.Kill(t.Context(), cluster.APIServer) }},
	} {
		gone := time.Now()
		s.must(end.how())
		if out, err := s.rampart.Health(t.Context(), "--live"); err != nil {
			t.Errorf("health --live without an API server: %v: %s", err, out)
		}
		s.must(s.Start(t.Context(), cluster.APIServer))
		back := time.Now()
		s.aways = append(s.aways, away{gone, back})

		ns := s.namespace(end.name, nil)
		s.expectPolicies(ns, deny, allowSame)
		t.Logf("%s: the API server was away for %s; %s later a new namespace had its policies",
			end.name, back.Sub(gone).Round(time.Millisecond), since(back))
		s.deletePolicy(ns, deny)
		s.expectPolicies(ns, deny, allowSame)
		s.must(s.rampart.AwaitReady(t.Context()))
	}
	s.expectCompliant(p, 3)
	if s.rampart.PID() != pid {
		t.Error("rampart was started again")
	}
}
