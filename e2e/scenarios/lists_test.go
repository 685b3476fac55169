package scenarios

import (
	"strings"
	"testing"

	"rampart.dev/e2e/operator"
)

// Where the API server does not stream its lists (the feature WatchList, before 1.34 or switched off), they
// are listed and then watched. Nothing else is different.
func TestServerWithoutWatchListIsListed(t *testing.T) {
	w, err := newWorld(map[string]bool{"WatchList": false})
	if err != nil {
		t.Fatal(err)
	}
	s := beginIn(t, w, "listed")
	ns := s.namespace("ns", nil)
	p := s.profile("listed", "{mode: Enforce, onDelete: Remove, network: {allow: {dns: {}, sameNamespace: {}, apiServer: {}}}}")
	s.makeWebhook(ns, "hook", "listed")
	s.expectCompliant(p, 1)
	s.expectPolicies(ns, deny, allowDNS, allowSame, allowAPI, allowBackend+"hook")
	s.intrude("editor", ns, deny, `{"spec": {"ingress": [{}]}}`)
	s.expectSpec(ns, deny, p, denyBoth)
	s.deletePolicy(ns, allowDNS)
	s.expectPolicies(ns, deny, allowDNS, allowSame, allowAPI, allowBackend+"hook")

	s.must(s.rampart.Restart(t.Context())) // which lists what there is by now
	s.expectPolicies(s.namespace("two", nil), deny, allowDNS, allowSame, allowAPI)
	s.expectCompliant(p, 2)
	s.deleteProfile(p)
	s.expectNoProfile(p)
	s.expectPolicies(ns)

	// One server, one refusal: the first resource that is asked for learns it for all.
	lists, refused := map[string]int{}, 0
	for event, err := range s.AuditEvents() {
		s.must(err)
		switch {
		case event.User.Username != operator.User || event.ObjectRef == nil || event.ResponseStatus == nil:
		case event.Verb == "list":
			lists[event.ObjectRef.Resource]++
		case event.Verb == "watch" && strings.Contains(event.RequestURI, "sendInitialEvents=true") && event.ResponseStatus.Code >= 400:
			refused++
		}
	}
	for _, resource := range operator.Watched {
		if lists[resource] < 2 {
			t.Errorf("%s: listed %d times in two lives, expected 2", resource, lists[resource])
		}
	}
	if refused == 0 {
		t.Error("WatchList was never asked for and refused")
	}
	t.Logf("%d streams refused; lists: %v", refused, lists)
}
