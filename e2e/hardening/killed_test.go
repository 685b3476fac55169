package hardening

import (
	"testing"
	"time"
)

// Killed every few seconds, from the first fill to the last revert, it takes the same rollouts as without. It is not
// parallel: it restarts the operator of all.
func TestKilledAgainAndAgainItRollsOutNoMore(t *testing.T) {
	s := begin(t, "killed")
	s.makeDeployment("fine", image{User: "1000"})
	s.makeDeployment("crash", image{User: "1000", BreaksOn: []string{"capabilities"}})
	s.makeStatefulSet("set", image{User: "1000", BreaksOn: []string{"seccompProfile"}})
	s.enforce()
	for i := range 8 {
		time.Sleep(time.Duration(1000+i*500) * time.Millisecond)
		s.must(s.rampart.Kill())
		s.must(s.rampart.Start(t.Context()))
	}
	s.within(func() error { return s.is("fine", 3, "Proven") })
	s.within(func() error { return s.is("crash", 3, "Reverted") })
	s.within(func() error { return s.setIs("set", 3, "Reverted") })
	for _, name := range []string{"crash", "set"} { // whichever of the processes it was that said so
		s.within(func() error { return s.reverts(name, 1, "CrashLoopBackOff") })
	}
	s.deleteProfile()
}
