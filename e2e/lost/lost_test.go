package lost

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"rampart.dev/e2e/cluster"
	"rampart.dev/e2e/operator"
)

const (
	calmSize  = 40
	calmGone  = 2
	killsMax  = 20
	editKills = 5                // of those, during the edit
	lastKills = 2                // and while the last policies are taken back
	awayLimit = 30 * time.Second // how long the API server is away

	// Of a burst's namespaces, one in deselectedOf loses its label in the end. The deletions of policies stay
	// below the budget, a tenth of what there is.
	deselectedOf = 20
)

// reference is what a namespace is in the end when nothing fails.
type reference struct {
	kept, deselected *one
	first, next      int // changes of policies that a namespace takes: until it is right, and at the edit
}

var theReference *reference

// calm is the run in which nothing fails, which the others are compared with: made once.
func calm(t *testing.T) *reference {
	t.Helper()
	if theReference != nil {
		return theReference
	}
	b := begin(t, "calm", calmSize)
	b.deleted = calmGone
	b.follow()
	b.create(0, b.count)
	b.expectCompliant(b.count)
	b.within(b.countsEvenly)
	first := int(b.seen.Load()) / b.count
	b.edit()
	b.expectCompliant(b.count)
	b.within(b.countsEvenly)
	next := int(b.seen.Load())/b.count - first
	kept := b.finish()
	found := b.look()
	r := &reference{kept: found[b.namespace(kept-1)], deselected: found[b.namespace(kept)], first: first, next: next}
	if len(r.kept.Policies) != 3 || len(r.deselected.Policies) != 0 || first < 3 || next < 2 {
		t.Fatalf("the run without a fault is no reference: %+v", r)
	}
	theReference = r
	b.expectAsIn(r, ofOperator)
	t.Logf("a namespace takes %d writes, the edit %d; in all %q", first, next, r.kept.Writes)
	return r
}

// countsEvenly tells whether every namespace has had the same number of changes.
func (b *burst) countsEvenly() error {
	if seen := int(b.seen.Load()); seen == 0 || seen%b.count != 0 {
		return fmt.Errorf("%d changes of policies in %d namespaces", seen, b.count)
	}
	return nil
}

// finish takes the label off some and deletes some, and returns how many are kept: the first ones.
func (b *burst) finish() (kept int) {
	b.Helper()
	deselected := b.count / deselectedOf
	kept = b.count - deselected - b.deleted
	b.deselect(kept, kept+deselected)
	b.delete(kept+deselected, b.count)
	b.expectCompliant(kept)
	b.within(func() error { // the deleted ones go when the controller manager has emptied them
		found := b.look()
		if len(found) != kept+deselected {
			return fmt.Errorf("%d namespaces, expected %d", len(found), kept+deselected)
		}
		for i := kept; i < kept+deselected; i++ {
			if left := found[b.namespace(i)].Policies; len(left) > 0 {
				return fmt.Errorf("namespace %s, which is no longer selected, has %s", b.namespace(i), left)
			}
		}
		return nil
	})
	return kept
}

// fault is what a run has to put up with, and what is therefore different.
type fault struct {
	isWatched bool     // to the end: no API server was killed
	events    []string // the reasons of Events that there may be
}

var (
	ofOperator = fault{isWatched: true}
	// One that has just started does not know anybody's rights yet.
	ofAPIServer = fault{events: []string{"WriteFailed", "Forbidden"}}
)

// expectAsIn demands that every namespace is as in the run without a fault: nothing is missing, double or
// left over, and no object took another number of writes.
func (b *burst) expectAsIn(r *reference, f fault) {
	b.Helper()
	found := b.look()
	deselected := b.count / deselectedOf
	kept := b.count - deselected - b.deleted
	wrong := 0
	for i := range kept + deselected {
		want, got := r.kept, found[b.namespace(i)]
		if i >= kept {
			want = r.deselected
		}
		if got == nil {
			got = &one{}
		}
		if !f.isWatched {
			got.Changes = want.Changes
		}
		if err := want.same(got); err != nil {
			if wrong++; wrong <= 3 {
				b.Errorf("namespace %s: %v", b.namespace(i), err)
			}
		}
	}
	if wrong > 3 {
		b.Errorf("%d namespaces are wrong", wrong)
	}
	if len(found) != kept+deselected {
		b.Errorf("%d namespaces, expected %d", len(found), kept+deselected)
	}
	b.expectNoEvents(f.events)
}

// killing kills Rampart so many times while `changes` changes of policies take place, each time at a random
// one of them or soon after its start, and starts it again. The function that is returned waits for the end.
func (b *burst) killing(r *rand.Rand, changes, times int) (wait func()) {
	b.Helper()
	type moment struct {
		seen  int64         // changes that there were
		later time.Duration // after that, or after the start
		soon  bool          // while it lists what there is
	}
	moments := []moment{}
	for range times {
		moments = append(moments, moment{
			seen:  b.seen.Load() + int64(r.IntN(max(changes*9/10, 1))),
			later: time.Duration(r.IntN(30)) * time.Millisecond,
			soon:  r.IntN(4) == 0,
		})
	}
	slices.SortFunc(moments, func(a, b moment) int { return int(a.seen - b.seen) })
	ctx, cancel := context.WithTimeout(b.Context(), waitLimit)
	var running sync.WaitGroup
	var err error
	running.Go(func() {
		for _, m := range moments {
			if m.soon {
				m.later *= 10
			}
			for !m.soon && b.seen.Load() < m.seen && ctx.Err() == nil {
				time.Sleep(time.Millisecond)
			}
			time.Sleep(m.later)
			if err = errors.Join(ctx.Err(), b.rampart.Kill(), b.rampart.Launch()); err != nil {
				return
			}
		}
	})
	return func() {
		b.Helper()
		running.Wait()
		cancel()
		b.must(err)
		b.must(b.rampart.AwaitReady(b.Context()))
	}
}

// Killed at twenty random moments of a burst, of an edit and of what follows, it loses nothing.
func TestOperatorKilledTwentyTimesLosesNothing(t *testing.T) {
	r := calm(t)
	b := begin(t, "kills", size(t))
	b.deleted = b.count / 50
	b.follow()
	dice := random(t)
	wait := b.killing(dice, b.count*r.first, killsMax-editKills-lastKills)
	b.create(0, b.count)
	wait()
	b.expectCompliant(b.count)
	b.tell("the burst is over")

	wait = b.killing(dice, b.count*r.next, editKills)
	b.edit()
	wait()
	b.expectCompliant(b.count)
	b.tell("the edit is over")

	wait = b.killing(dice, b.count/deselectedOf*3, lastKills)
	b.finish()
	wait()
	b.tell("all is over")
	b.expectAsIn(r, ofOperator)
}

// The API server is killed in the midst of a burst and stays away for half a minute.
func TestAPIServerAwayForHalfAMinuteLosesNothing(t *testing.T) {
	r := calm(t)
	b := begin(t, "away", size(t))
	b.follow()
	pid := b.rampart.PID()
	created := make(chan struct{})
	go func() {
		defer close(created)
		b.create(0, b.count)
	}()
	b.within(func() error {
		if seen := int(b.seen.Load()); seen < b.count {
			return fmt.Errorf("%d changes of policies of %d", seen, b.count)
		}
		return nil
	})
	b.must(b.Kill(t.Context(), cluster.APIServer))
	time.Sleep(awayLimit) // the fault itself
	if out, err := b.rampart.Health(t.Context(), "--live"); err != nil {
		t.Errorf("health --live without an API server: %v: %s", err, out)
	}
	b.must(b.Start(t.Context(), cluster.APIServer))
	b.tell("the API server is back")
	<-created
	b.goOnAs(pid, r)
}

// goOnAs sees the burst, the edit and the end through to what they are without a fault, by the same process.
func (b *burst) goOnAs(pid int, r *reference) {
	b.Helper()
	b.expectCompliant(b.count)
	b.tell("the burst is over")
	b.edit()
	b.expectCompliant(b.count)
	b.tell("the edit is over")
	b.finish()
	b.tell("all is over")
	b.expectAsIn(r, ofAPIServer)
	if b.rampart.PID() != pid {
		b.Error("rampart was started again")
	}
}

// Cut off in the midst of a burst, while etcd forgets what happens and an API server is started that never
// knew: every watch is answered 410, and listed again once.
func TestEveryWatchExpiredLosesNothing(t *testing.T) {
	r := calm(t)
	b := begin(t, "expired", size(t))
	b.follow()
	pid := b.rampart.PID()
	b.create(0, b.count/2)
	b.wire.Cut()
	b.create(b.count/2, b.count)
	b.must(b.Kill(t.Context(), cluster.APIServer))
	b.must(b.Compact(t.Context()))
	b.must(b.Start(t.Context(), cluster.APIServer))
	b.tell("the API server is back")
	place, err := b.AuditNow()
	b.must(err)
	b.wire.Mend()

	b.goOnAs(pid, r)
	again := b.syncsSince(place)
	for _, resource := range operator.Watched {
		if again[resource] != 1 {
			t.Errorf("%s: %d times listed anew, expected 1", resource, again[resource])
		}
	}
}

// syncsSince counts, for each resource, the watches since that had the initial events sent.
func (b *burst) syncsSince(place int64) map[string]int {
	b.Helper()
	counts := map[string]int{}
	for event, err := range b.AuditEventsSince(place) {
		b.must(err)
		if event.User.Username == operator.User && event.ObjectRef != nil && event.Verb == "watch" &&
			event.Stage == "ResponseStarted" && strings.Contains(event.RequestURI, "sendInitialEvents=true") &&
			event.ResponseStatus != nil && event.ResponseStatus.Code == 200 {
			counts[event.ObjectRef.Resource]++
		}
	}
	return counts
}
