package faults

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"rampart.dev/e2e/oracle"
	"rampart.dev/e2e/proxy"
)

// liveLimit is how long after its last start it may take until all is as it is to be (LIVE).
const liveLimit = 30 * time.Second

// killer kills an operator at writes, and starts it again.
type killer struct {
	*run
	rule *proxy.Rule

	mu    sync.Mutex // guards what follows, and the operator's life
	life  int
	last  time.Time // of its last start
	error error
}

// killed has the rule kill: once the server has done what was asked, before its answer comes, or instead of asking.
func (r *run) killed(rule proxy.Rule, isDone bool) *killer {
	k := &killer{run: r}
	rule.Do = func(w http.ResponseWriter, q *http.Request, next http.Handler) {
		k.mu.Lock()
		life := k.life
		k.mu.Unlock()
		defer k.kill(life)
		if isDone {
			proxy.AbortAnswered(w, q, next)
		}
		proxy.Abort(w, q, next)
	}
	k.rule = r.proxy.Add(rule)
	return k
}

// kill ends the life in which a write was sent, if it has not been ended for another one.
func (k *killer) kill(life int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if life != k.life || k.error != nil {
		return
	}
	k.life++
	k.last = time.Now()
	k.error = errors.Join(k.operator.Kill(), k.operator.Launch())
}

// stop ends the killing, and tells how often it was.
func (k *killer) stop() int {
	k.Helper()
	k.rule.Remove()
	k.mu.Lock()
	defer k.mu.Unlock()
	k.must(k.error)
	return k.life
}

func (k *killer) livesSoon() {
	k.Helper()
	k.mu.Lock()
	defer k.mu.Unlock()
	if took := time.Since(k.last); k.life > 0 && took > liveLimit {
		k.Errorf("it took %s from its last start", took)
	}
}

// Killed after every single write of a day, before it hears of it, Rampart goes on where it was: it never does
// a thing twice, and the day ends as without. TestFault01KilledBetweenAnyTwoWrites in e2e/scenarios kills before
// each write, and judges what the policies mean meanwhile.
func TestFault01KilledAfterEveryWrite(t *testing.T) {
	t.Parallel()
	r := begin(t)
	k := r.killed(proxy.Rule{Match: proxy.Writes("networkpolicies", "securityprofiles")}, true)
	checks := map[string]func(){}
	for _, step := range day[1:] {
		checks[step.name] = k.livesSoon
	}
	r.play(checks)
	kills := k.stop()
	r.within(func() error { _, err := r.operator.Health(t.Context()); return err })
	r.endsAsReference()
	want := reference(t).writes
	r.didNothingTwice(want)
	if kills < want.Total("") {
		t.Errorf("killed %d times at %d writes", kills, want.Total(""))
	}
	t.Logf("killed %d times", kills)
}

// Killed in the midst of a write to the profile, its status, the finalizer that is put on it or the one that is
// taken off: nothing is left in the end, and nobody is held.
func TestFault02KilledInAWriteToTheProfile(t *testing.T) {
	t.Parallel()
	status := func(q *proxy.Request) bool { return q.Resource == "securityprofiles" && q.Subresource == "status" }
	finalizer := func(q *proxy.Request) bool {
		return q.Resource == "securityprofiles" && q.Subresource == "" && q.IsWrite()
	}
	for _, test := range []struct {
		name   string
		match  proxy.Match
		isLate bool // at the end, when what was made is taken back
		isDone bool // the server has done what was asked
		times  int
	}{
		{"status, not done", status, false, false, 3},
		{"status, done", status, false, true, 3},
		{"finalizer put on, not done", finalizer, false, false, 1},
		{"finalizer put on, done", finalizer, false, true, 1},
		{"finalizer taken off, not done", finalizer, true, false, 1},
		{"finalizer taken off, done", finalizer, true, true, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := begin(t)
			var k *killer
			at := func() { k = r.killed(proxy.Rule{Match: test.match, Times: test.times}, test.isDone) }
			if !test.isLate {
				at()
			}
			r.namespace("a")
			r.profile(morning)
			r.must(r.operator.Launch())
			r.within(func() error { return errors.Join(r.counts(1, 1, 0), r.have(morningPolicies, "a")) })
			if test.isLate {
				at()
			}
			r.deleteProfile()
			r.within(func() error { return r.isGone("a") })
			k.livesSoon()
			if test.times == 1 {
				if kills := k.stop(); kills != 1 {
					t.Errorf("killed %d times", kills)
				}
			} else if kills := k.stop(); kills == 0 {
				t.Error("it was never killed")
			}
			once := oracle.Writes{}
			for _, policy := range morningPolicies {
				once["create networkpolicies run-a/"+policy] = 1
				once["delete networkpolicies run-a/"+policy] = 1
			}
			r.didNothingTwice(once)
			// Nobody of that name stands in the way of another one.
			r.profile(tight)
			r.within(func() error { return errors.Join(r.counts(1, 1, 0), r.has("a", deny, allowSame)) })
		})
	}
}

// didNothingTwice demands that no object was created or deleted more often than that. It may look as if it
// had been less often: what was asked for by somebody who is killed takes effect, and counts as failed.
func (r *run) didNothingTwice(want oracle.Writes) {
	r.Helper()
	got := r.writes()
	for what, count := range got {
		if !strings.HasPrefix(what, "patch ") && count > want[what] {
			r.Errorf("%s: %d times, expected %d", what, count, want[what])
		}
	}
}

// isGone checks that neither the profile nor a policy of it is left.
func (r *run) isGone(suffixes ...string) error {
	_, err := r.status()
	switch {
	case err == nil:
		err = errors.New("the profile is still there")
	case apierrors.IsNotFound(err):
		err = nil
	}
	for _, suffix := range suffixes {
		err = errors.Join(err, r.has(suffix))
	}
	return err
}

func isAbout(q *proxy.Request, namespace, name string) bool {
	return q.Resource == "networkpolicies" && strings.HasSuffix(q.Path, "/namespaces/"+namespace+"/networkpolicies/"+name)
}
