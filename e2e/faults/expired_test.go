package faults

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"rampart.dev/e2e/proxy"
)

var (
	expired = apierrors.NewResourceExpired("too old resource version: 1 (2)")
	gone    = apierrors.NewGone("too old resource version: 1 (2)") // what servers said until 1.17
)

// rewatches matches watches that go on from a resourceVersion.
func rewatches(resource string) proxy.Match {
	return proxy.All(proxy.Watches(resource), proxy.Not(proxy.InitialEvents))
}

// syncs matches what reads the whole state of a resource.
func syncs(resource string) proxy.Match {
	return proxy.Any(proxy.All(proxy.Watches(resource), proxy.InitialEvents), proxy.Lists(resource))
}

// expire ends the watch of a resource, and has the server say that there is no going on.
func (r *run) expire(resource string) {
	r.Helper()
	r.proxy.Add(proxy.Rule{Match: rewatches(resource), Times: 1, Do: proxy.Fail(expired)})
	if n := r.proxy.EndRunning(proxy.Watches(resource)); n != 1 {
		r.Errorf("%d watches of %s were ended, expected 1", n, resource)
	}
}

// A watch that is answered 410 when it is to go on leads to one new sync, which finds what happened meanwhile.
func TestFault06WatchHasExpiredAtConnect(t *testing.T) {
	t.Parallel()
	for _, answer := range []*apierrors.StatusError{expired, gone} {
		t.Run(string(answer.ErrStatus.Reason), func(t *testing.T) {
			t.Parallel()
			r := begin(t)
			refuse := func(resource string) func() {
				return func() {
					rule := r.proxy.Add(proxy.Rule{Match: rewatches(resource), Times: 1, Do: proxy.Fail(answer)})
					r.proxy.EndRunning(proxy.Watches(resource))
					r.within(func() error { return taken(rule, 1) })
				}
			}
			r.play(map[string]func(){
				"made": refuse("namespaces"), "edited": refuse("networkpolicies"), "changed": refuse("securityprofiles"),
				"undone": refuse("networkpolicies"), "gone": refuse("namespaces"),
			})
			r.wroteAsReference()
			r.expectSyncs(map[string]int{"namespaces": 3, "networkpolicies": 3, "securityprofiles": 2, "services": 1})
		})
	}
}

// The same as an event in the stream. Nothing of what happened before came through the watch.
func TestFault06WatchExpiresInTheStream(t *testing.T) {
	t.Parallel()
	for _, event := range []*apierrors.StatusError{expired, gone} {
		t.Run(string(event.ErrStatus.Reason), func(t *testing.T) {
			t.Parallel()
			r := begin(t)
			var isBlind atomic.Bool
			r.proxy.On(proxy.Watches(), proxy.DropEvents(func(proxy.Event) bool { return isBlind.Load() }))
			blind := func() { isBlind.Store(true) }
			expire := func(resource string) func() {
				return func() {
					// What was dropped is on its way no more: the next event of any watch is let through.
					if n := r.proxy.Inject(proxy.Watches(resource), proxy.ErrorEvent(event)); n != 1 {
						t.Errorf("the event came into %d watches of %s", n, resource)
					}
					isBlind.Store(false)
					r.proxy.EndRunning(proxy.Watches(resource))
				}
			}
			r.play(map[string]func(){
				"made": blind, "after made": expire("namespaces"),
				"edited": blind, "after edited": expire("networkpolicies"),
				"changed": blind, "after changed": expire("securityprofiles"),
				"gone": blind, "after gone": func() { expire("networkpolicies")(); expire("namespaces")() },
			})
			r.wroteAsReference()
			r.expectSyncs(map[string]int{"namespaces": 3, "networkpolicies": 3, "securityprofiles": 2, "services": 1})
		})
	}
}

// expectSyncs demands that the state of resources was read so often: once at the start, once for each 410.
func (r *run) expectSyncs(counts map[string]int) {
	r.Helper()
	for resource, want := range counts {
		if got := r.proxy.Count(syncs(resource)); got != want {
			r.Errorf("%s were read %d times, expected %d:\n%s", resource, got, want, r.requests(syncs(resource)))
		}
	}
}

func taken(rule *proxy.Rule, count int) error {
	if got := rule.Taken(); got < count {
		return fmt.Errorf("%d of %d requests came", got, count)
	}
	return nil
}

// A server whose cache is behind cannot serve the resourceVersion that another one gave. It says so itself
// here, asked for one that is far in the future, after three seconds each time. Rampart asks for another one,
// and does not hammer.
func TestFault09ResourceVersionIsTooLarge(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		lists bool
	}{{"initial events", false}, {"list", true}} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := begin(t)
			if test.lists {
				r.refuseWatchList(http.StatusBadRequest)
			}
			future := proxy.EditQuery(func(q map[string][]string) { q["resourceVersion"] = []string{"900000000"} })
			var asked []proxy.Request
			r.play(map[string]func(){"late": func() {
				r.expire("networkpolicies")
				place := r.proxy.Now()
				rule := r.proxy.Add(proxy.Rule{Match: syncs("networkpolicies"), Times: 2, Do: future})
				r.within(func() error {
					asked = r.proxy.Since(place, syncs("networkpolicies"))
					if rule.Taken() < 2 || len(asked) < 3 || asked[2].Status != http.StatusOK {
						return fmt.Errorf("%d syncs, expected two that fail and one that does not", len(asked))
					}
					return nil
				})
			}})
			r.wroteAsReference()
			if len(asked) != 3 {
				t.Errorf("%d syncs, expected two that fail and one that does not:\n%s", len(asked), r.requests(syncs("networkpolicies")))
			}
			for i := 1; i < len(asked); i++ {
				if gap := asked[i].At.Sub(asked[i-1].Ended); gap < 500*time.Millisecond {
					t.Errorf("asked again after %s", gap)
				}
			}
			r.logged("Too large resource version: 900000000")
		})
	}
}
