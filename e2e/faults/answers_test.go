package faults

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"rampart.dev/e2e/proxy"
)

// "Slowly", with what a server, or something before it, may say about how slowly. Rampart waits as long as it
// is told to, at most a minute, and by its own back-off where it is told nothing that makes sense.
func TestFault17TooManyRequests(t *testing.T) {
	t.Parallel()
	const capped = 60 * time.Second
	busy := func(headers ...string) proxy.Do {
		return proxy.Fail(apierrors.NewTooManyRequests("slowly", 0), headers...)
	}
	list, watch, write := "a list", "a watch", "a write"
	for _, test := range []struct {
		name   string
		do     proxy.Do
		min    time.Duration
		max    time.Duration
		kinds  []string
		places int
	}{
		{"1", busy("Retry-After", "1"), time.Second, 0, []string{list, watch, write}, 2},
		{"32", busy("Retry-After", "32"), 32 * time.Second, 0, []string{list}, 1},
		{"32", busy("Retry-After", "32"), 32 * time.Second, 0, []string{watch}, 1},
		{"32", busy("Retry-After", "32"), 32 * time.Second, 0, []string{write}, 1},
		{"absent", busy(), 0, 0, []string{list, watch, write}, 3},
		{"1000000000", busy("Retry-After", "1000000000"), capped, 0, []string{list}, 1},
		{"1000000000", busy("Retry-After", "1000000000"), capped, 0, []string{watch}, 1},
		{"1000000000", busy("Retry-After", "1000000000"), capped, 0, []string{write}, 1},
		{"abc", busy("Retry-After", "abc"), 0, 0, []string{list, watch, write}, 3},
		{"a date", busy("Retry-After", "Wed, 21 Oct 2065 07:28:00 GMT"), 0, 0, []string{list, watch, write}, 3},
	} {
		t.Run(fmt.Sprintf("%s, %v", test.name, test.kinds), func(t *testing.T) {
			t.Parallel()
			r := begin(t)
			faults := map[string]func(){}
			limited := map[string]proxy.Match{}
			limit := func(kind string, match proxy.Match) {
				limited[kind] = match
				r.proxy.Add(proxy.Rule{Match: match, Times: test.places, Do: test.do})
			}
			for _, kind := range test.kinds {
				switch kind {
				case list:
					r.refuseWatchList(http.StatusBadRequest)
					limit(kind, proxy.Lists("namespaces"))
				case write:
					limit(kind, proxy.All(policies("create"), proxy.Namespaced(r.name+"-a")))
				case watch:
					faults["edited"] = func() {
						limit(kind, rewatches("networkpolicies"))
						r.proxy.EndRunning(proxy.Watches("networkpolicies"))
					}
				}
			}
			r.play(faults)
			r.wroteAsReference()
			for kind, match := range limited {
				r.expectGaps(kind, match, test.places, test.min)
			}
		})
	}
}

// A write was told to wait. That a watch fails meanwhile, and comes back, is no reason to ask sooner.
func TestFault17WaitOutlastsARecovery(t *testing.T) {
	t.Parallel()
	const wait = 16 * time.Second
	r := begin(t)
	write := proxy.All(policies("create"), proxy.Namespaced(r.name+"-a"))
	slowly := proxy.Fail(apierrors.NewTooManyRequests("slowly", 0), "Retry-After", fmt.Sprint(int(wait.Seconds())))
	rule := r.proxy.Add(proxy.Rule{Match: write, Times: 1, Do: slowly})
	r.play(map[string]func(){"after started": func() {
		r.within(func() error { return taken(rule, 1) })
		away := r.proxy.Add(proxy.Rule{Match: rewatches("services"), Times: 1, Do: proxy.Fail(apierrors.NewServiceUnavailable("away"))})
		r.proxy.EndRunning(proxy.Watches("services"))
		r.within(func() error { return taken(away, 1) })
		r.within(func() error { // it is back, and does what it does
			if n := len(r.proxy.Running(proxy.All(proxy.Watches("services"), func(q *proxy.Request) bool { return q.Status == 200 }))); n != 1 {
				return fmt.Errorf("%d watches of services", n)
			}
			return nil
		})
		mark := proxy.Bookmark("v1", "Service", r.version(), nil)
		if n := r.proxy.Inject(proxy.Watches("services"), mark); n != 1 {
			t.Errorf("the bookmark came into %d watches", n)
		}
	}})
	r.wroteAsReference()
	r.expectGaps("a write", write, 1, wait)
}

// expectGaps demands that so many of the requests were refused, and that each was followed by another one no
// earlier than min, which is at least a back-off of milliseconds that grows.
func (r *run) expectGaps(kind string, match proxy.Match, refused int, min time.Duration) {
	r.Helper()
	seen := 0
	all := r.proxy.Since(0, match)
	for i, q := range all {
		if q.Status != http.StatusTooManyRequests {
			continue
		}
		seen++
		if i+1 == len(all) {
			r.Errorf("%s was not asked for again", kind)
			return
		}
		if gap := all[i+1].At.Sub(q.At); gap < max(min, time.Millisecond) {
			r.Errorf("%s was asked for again after %s, expected at least %s", kind, gap, min)
		}
	}
	if seen != refused {
		r.Errorf("%s was refused %d times, expected %d:\n%s", kind, seen, refused, r.requests(match))
	}
}

// What comes instead of an answer when something is broken. Wherever it comes, as the first list, as a later
// one, as a watch or as the answer to a write, nothing is believed of it, and nothing is deleted for it.
func TestFault18BrokenAnswers(t *testing.T) {
	t.Parallel()
	const html = "<!DOCTYPE html><html><head><title>503</title></head><body>Service Unavailable</body></html>"
	table := `{"kind":"Table","apiVersion":"meta.k8s.io/v1","metadata":{"resourceVersion":"1"},"columnDefinitions":[],"rows":[]}`
	other := `{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"1"},"items":[]}`
	for _, test := range []struct {
		name string
		do   proxy.Do
	}{
		{"500", proxy.Fail(apierrors.NewInternalError(fmt.Errorf("etcdserver: leader changed")))},
		{"503", proxy.Fail(apierrors.NewServiceUnavailable("the server is starting"))},
		{"504", proxy.Fail(apierrors.NewTimeoutError("request did not complete within the allotted timeout", 1))},
		{"503 and HTML", proxy.Answer(503, html, "Content-Type", "text/html")},
		{"502 and nothing", proxy.Answer(502, "")},
		{"200 and HTML", proxy.Answer(200, html, "Content-Type", "text/html")},
		{"200 and nothing", proxy.Answer(200, "")},
		{"null", proxy.Answer(200, "null")},
		{"another kind", proxy.Answer(200, other)},
		{"a Table", proxy.Answer(200, table)},
		{"truncated", proxy.EndAfter(150)},
		{"cut off", proxy.CutAfter(150, nil)},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := begin(t)
			rules := map[string]*proxy.Rule{}
			breaks := func(where string, skip int, match proxy.Match) {
				rules[where] = r.proxy.Add(proxy.Rule{Match: match, Skip: skip, Times: 1, Do: test.do})
			}
			breaks("first state of namespaces", 0, syncs("namespaces"))
			breaks("first state of policies", 0, syncs("networkpolicies"))
			breaks("a creation", 2, policies("create"))
			breaks("a patch", 1, policies("patch"))
			breaks("a deletion", 1, policies("delete"))
			r.play(map[string]func(){
				"made": func() {
					breaks("a watch of profiles", 0, rewatches("securityprofiles"))
					r.proxy.EndRunning(proxy.Watches("securityprofiles"))
				},
				"undone": func() {
					breaks("a later state of policies", 0, syncs("networkpolicies"))
					r.expire("networkpolicies")
				},
				"late": func() {
					breaks("a later state of namespaces", 0, syncs("namespaces"))
					r.expire("namespaces")
				},
			})
			r.wroteAsReference()
			for where, rule := range rules {
				if rule.Taken() != 1 {
					t.Errorf("%s was not broken", where)
				}
			}
		})
	}
}

// A watch brings what is no object of its kind: a Table, another kind, something without a name, a string. It
// is left out, and the events after it count.
func TestFault18StrangeEvents(t *testing.T) {
	t.Parallel()
	r := begin(t)
	strange := []string{
		`{"type":"MODIFIED","object":{"kind":"Table","apiVersion":"meta.k8s.io/v1","metadata":{"resourceVersion":"1"},"rows":[]}}`,
		`{"type":"DELETED","object":{"kind":"Pod","apiVersion":"v1","metadata":{"name":"kube-system","resourceVersion":"1"}}}`,
		`{"type":"DELETED","object":{}}`, `{"type":"DELETED","object":"default"}`, `{"type":"ADDED"}`, `{}`, `[]`, `"text"`, `17`,
		`{"type":"STRANGE","object":{"kind":"Namespace","metadata":{"name":"default"}}}`,
	}
	r.play(map[string]func(){"deselected": func() {
		for _, line := range strange {
			if !json.Valid([]byte(line)) {
				t.Errorf("no JSON: %s", line)
			}
			for _, resource := range []string{"namespaces", "networkpolicies", "securityprofiles"} {
				if n := r.proxy.InjectRaw(proxy.Watches(resource), line); n != 1 {
					t.Errorf("came into %d watches of %s", n, resource)
				}
			}
		}
	}})
	r.wroteAsReference()
	r.memoryIsBack()
}
