package faults

import (
	"testing"

	"rampart.dev/e2e/operator"
	"rampart.dev/e2e/proxy"
)

// What the other tests compare with is worth comparing with: it is the same twice, and it has all kinds of
// writes in it.
func TestDayWithoutFaultsIsTheSameTwice(t *testing.T) {
	t.Parallel()
	r := begin(t)
	r.play(nil)
	r.wroteAsReference()
	writes := r.writes()
	for _, verb := range []string{"create", "patch", "delete"} {
		if writes.Total(verb) < 3 {
			t.Errorf("%d writes of the verb %s: %v", writes.Total(verb), verb, writes)
		}
	}
	if lists := r.proxy.Count(proxy.Lists()); lists != 0 {
		t.Errorf("%d lists where the server has WatchList", lists)
	}
	for _, resource := range operator.Watched {
		if n := len(r.proxy.Running(proxy.Watches(resource))); n != 1 {
			t.Errorf("%d watches of %s, expected 1", n, resource)
		}
	}
	if n := r.proxy.Connections(); n != 1 {
		t.Errorf("%d connections, expected 1", n)
	}
	t.Logf("the day takes these writes: %v", writes)
}
