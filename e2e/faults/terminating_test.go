package faults

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"rampart.dev/e2e/proxy"
)

// A namespace is being deleted, and Rampart does not know yet: what it writes there is refused (403, the
// namespace is terminating). It drops it, without an Event and without trying again; when it hears, it has
// nothing to do there.
func TestFault30WritesIntoATerminatingNamespace(t *testing.T) {
	t.Parallel()
	r := begin(t)
	r.namespace("a")
	r.namespace("z")
	r.profile(tight)
	r.start()
	r.within(func() error { return errors.Join(r.counts(2, 2, 0), r.have([]string{deny, allowSame}, "a", "z")) })
	valve := &proxy.Valve{}
	r.proxy.On(proxy.Watches("namespaces"), valve.Answers)
	r.proxy.EndRunning(proxy.Watches("namespaces"))
	r.within(func() error {
		if len(r.proxy.Running(proxy.Watches("namespaces"))) != 1 {
			return errors.New("namespaces are not watched")
		}
		return nil
	})
	valve.Hold()
	// Nobody finishes the deletion: no controller runs here.
	r.must(r.Client.CoreV1().Namespaces().Delete(t.Context(), r.name+"-z", metav1.DeleteOptions{}))
	r.deletePolicy("z", allowSame)

	creations := proxy.All(proxy.Verb("create"), proxy.Resource("networkpolicies"), proxy.Namespaced(r.name+"-z"))
	refused := func() (n int) {
		for _, q := range r.proxy.Since(0, creations) {
			if q.Status == http.StatusForbidden {
				n++
			}
		}
		return n
	}
	r.within(func() error {
		if refused() == 0 {
			return fmt.Errorf("no write was refused:\n%s", r.requests(creations))
		}
		return nil
	})
	// 5 ms, doubling, would be nine more by now.
	time.Sleep(believed)
	if n := refused(); n > 1 {
		t.Errorf("refused %d times:\n%s", n, r.requests(creations))
	}
	r.namespace("b") // which it hears of later
	valve.Release()
	r.within(func() error { return errors.Join(r.counts(2, 2, 0), r.have([]string{deny, allowSame}, "a", "b")) })
	if n := refused(); n > 1 {
		t.Errorf("refused %d times:\n%s", n, r.requests(creations))
	}
	events, err := r.Client.EventsV1().Events(r.name+"-z").List(t.Context(), metav1.ListOptions{})
	r.must(err)
	for _, event := range events.Items {
		if event.Reason != "PolicyDeleted" {
			t.Errorf("Event %s: %s", event.Reason, event.Note)
		}
	}
}
