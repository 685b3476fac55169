package faults

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"rampart.dev/e2e/operator"
	"rampart.dev/e2e/proxy"
)

const initialMax = 60 * time.Second // that Rampart waits for the end of initial events

// refuseWatchList answers as a server that does not know it: 400, or 422 as one that knows it half.
func (r *run) refuseWatchList(code int) {
	status := metav1.Status{
		TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"},
		Status:   metav1.StatusFailure, Code: int32(code), Reason: metav1.StatusReasonInvalid,
		Message: "sendInitialEvents: Forbidden: sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled",
	}
	text, err := json.Marshal(status)
	r.must(err)
	r.proxy.On(proxy.All(proxy.Watches(), proxy.InitialEvents), proxy.Answer(code, string(text)))
}

// A server without WatchList, the real one and two that are played. It is asked once for each resource at
// most, and for lists from then on.
func TestFault11ServerWithoutWatchList(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		code int // 0: a server with the feature gate off
	}{{"feature gate off", 0}, {"400", http.StatusBadRequest}, {"422", http.StatusUnprocessableEntity}} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := beginIn(t, takeWorldWith(t, test.code != 0), nil)
			if test.code != 0 {
				r.refuseWatchList(test.code)
			}
			r.play(map[string]func(){"late": func() { r.expire("namespaces") }})
			r.wroteAsReference()
			for _, resource := range operator.Watched {
				tries := r.proxy.Since(0, proxy.All(proxy.Watches(resource), proxy.InitialEvents))
				lists := r.proxy.Count(proxy.Lists(resource))
				if len(tries) > 1 || lists < 1 || lists > 2 {
					t.Errorf("%s: %d times WatchList and %d lists:\n%s", resource, len(tries), lists, r.requests(proxy.Resource(resource)))
				}
			}
			r.logged("the API server has no WatchList; listing instead")
		})
	}
}

// The end of the initial events never comes: left out by something on the way, or by a server that does not
// know the parameter and ignores it. Rampart says so, and lists.
func TestFault12EndOfInitialEventsNeverComes(t *testing.T) {
	t.Parallel()
	ignore := proxy.EditQuery(func(q map[string][]string) {
		delete(q, "sendInitialEvents")
		delete(q, "resourceVersionMatch")
	})
	for _, test := range []struct {
		name         string
		hasWatchList bool // without it, the initial events are those of a plain watch
		do           proxy.Do
	}{{"it is left out", true, proxy.DropEvents(isInitialEnd)}, {"the parameter is ignored", false, ignore}} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := beginIn(t, takeWorldWith(t, test.hasWatchList), nil)
			r.limit = initialMax + waitLimit
			initial := proxy.All(proxy.Watches("networkpolicies"), proxy.InitialEvents)
			rule := r.proxy.On(initial, test.do)
			began := time.Now()
			r.play(nil)
			r.wroteAsReference()
			if rule.Taken() != 1 {
				t.Errorf("WatchList was tried %d times:\n%s", rule.Taken(), r.requests(proxy.Resource("networkpolicies")))
			}
			if n := r.proxy.Count(proxy.Lists("networkpolicies")); n != 1 {
				t.Errorf("%d lists", n)
			}
			r.logged(fmt.Sprintf("no end of the initial events within %d s", int(initialMax.Seconds())))
			if took := time.Since(began); took < initialMax {
				t.Errorf("it waited no more than %s", took)
			}
		})
	}
}

func isInitialEnd(e proxy.Event) bool {
	return e.Type == "BOOKMARK" && e.Meta().Annotations["k8s.io/initial-events-end"] == "true"
}
