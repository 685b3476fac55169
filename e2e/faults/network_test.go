package faults

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"rampart.dev/e2e/operator"
	"rampart.dev/e2e/proxy"
)

// The cable is cut in the midst of watches: no byte comes any more, no FIN, no RST. Rampart notices within a
// minute, makes another connection as soon as one can be made, and has missed nothing.
func TestFault14CableIsCut(t *testing.T) {
	t.Parallel()
	const noticedWithin = time.Minute
	var cable *proxy.Cable
	r := beginIn(t, takeWorld(t), func(p *proxy.Proxy) (func(original, path string) error, error) {
		var err error
		if cable, err = p.LayCable(); err != nil {
			return nil, err
		}
		return cable.Kubeconfig, nil
	})
	t.Cleanup(cable.Close)
	r.play(map[string]func(){
		"edited": func() {
			before := r.proxy.Connections()
			r.must(cable.Cut())
			cut := time.Now()
			// While nobody sees it: one more namespace, which is gone before the story goes on.
			r.namespace("unseen")
			r.deletePolicy("d", allowFrom)
			for r.proxy.Connections() == before {
				if time.Since(cut) > noticedWithin {
					t.Fatalf("no new connection %s after the cable was cut", noticedWithin)
				}
				time.Sleep(waitPoll)
			}
			t.Logf("noticed after %s", time.Since(cut).Round(time.Millisecond))
			if out, err := r.operator.Health(t.Context(), "--live"); err != nil {
				t.Errorf("health --live behind a cable that is cut: %v: %s", err, out)
			}
			cable.Mend()
			r.within(func() error { return r.have(morningPolicies, "unseen", "d") })
			r.must(r.removeNamespace(t.Context(), r.name+"-unseen"))
			r.within(func() error { return r.counts(4, 4, 0) })
		},
	})
	r.endsAsReference()
	if n := r.proxy.Count(syncs("namespaces")); n != 1 {
		t.Errorf("namespaces were read %d times, expected once: a watch goes on where it was:\n%s", n, r.requests(proxy.Resource("namespaces")))
	}
}

// A line that is bad and works: late, slow, in slices.
func TestFault14CableIsBad(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		make func(c *proxy.Cable) error
	}{
		{"latency", func(c *proxy.Cable) error { return c.Latency(150, 100) }},
		{"drip", func(c *proxy.Cable) error { return c.Drip(40) }},
		{"slices", func(c *proxy.Cable) error { return c.Slice(60, 100) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var cable *proxy.Cable
			r := beginIn(t, takeWorld(t), func(p *proxy.Proxy) (func(original, path string) error, error) {
				var err error
				if cable, err = p.LayCable(); err != nil {
					return nil, err
				}
				return cable.Kubeconfig, test.make(cable)
			})
			t.Cleanup(cable.Close)
			r.play(nil)
			r.wroteAsReference()
			if n := r.proxy.Connections(); n != 1 {
				t.Errorf("%d connections over a cable that works", n)
			}
		})
	}
}

// Connections that end in every way there is, in the midst of the first state, of watches and of writes, those
// that the server has done and those that it has not. What had been done is not done twice.
func TestFault15ConnectionEnds(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		how  proxy.Break
	}{
		{"closed", proxy.CloseConnection}, {"reset", proxy.ResetConnection},
		{"half-closed", proxy.HalfClose}, {"no TLS", proxy.GarbleConnection},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := begin(t)
			end := func() { r.proxy.BreakConnections(test.how) }
			unanswered := func(w http.ResponseWriter, q *http.Request, next http.Handler) {
				defer end()
				proxy.AbortAnswered(w, q, next)
			}
			unasked := func(w http.ResponseWriter, q *http.Request, next http.Handler) {
				end()
				proxy.Abort(w, q, next)
			}
			r.endsConnections([]*proxy.Rule{
				r.proxy.Add(proxy.Rule{Match: syncs("namespaces"), Times: 1, Do: proxy.CutAfter(200, end)}),
				r.proxy.Add(proxy.Rule{Match: policies("create"), Skip: 1, Times: 1, Do: unanswered}),
				r.proxy.Add(proxy.Rule{Match: policies("create"), Skip: 6, Times: 1, Do: unasked}),
				r.proxy.Add(proxy.Rule{Match: policies("patch"), Skip: 1, Times: 1, Do: unanswered}),
				r.proxy.Add(proxy.Rule{Match: policies("delete"), Times: 1, Do: unanswered}),
				r.proxy.Add(proxy.Rule{Match: policies("delete"), Skip: 2, Times: 1, Do: unasked}),
			}, map[string]func(){"edited": end, "after removed": end})
		})
	}
}

// A GOAWAY, as a server sends it that wants its clients elsewhere: with the first state, with a watch, with
// writes. And a stream that ends without an answer on a connection that goes on.
func TestFault15ConnectionGoesAway(t *testing.T) {
	t.Parallel()
	t.Run("GOAWAY", func(t *testing.T) {
		t.Parallel()
		r := begin(t)
		r.endsConnections([]*proxy.Rule{
			r.proxy.Add(proxy.Rule{Match: syncs("namespaces"), Times: 1, Do: proxy.GoAway}),
			r.proxy.Add(proxy.Rule{Match: policies("create"), Skip: 1, Times: 2, Do: proxy.GoAway}),
			r.proxy.Add(proxy.Rule{Match: policies("patch"), Skip: 1, Times: 2, Do: proxy.GoAway}),
			r.proxy.Add(proxy.Rule{Match: policies("delete"), Times: 1, Do: proxy.GoAway}),
			r.proxy.Add(proxy.Rule{Match: rewatches("networkpolicies"), Skip: 1, Times: 1, Do: proxy.GoAway}),
		}, map[string]func(){
			"edited":  func() { r.proxy.EndRunning(proxy.Watches("networkpolicies")) },
			"changed": func() { r.proxy.EndRunning(proxy.Watches("networkpolicies")) },
		})
		if n := r.proxy.Connections(); n < 4 {
			t.Errorf("%d connections, expected another one after each GOAWAY", n)
		}
	})
	t.Run("RST_STREAM", func(t *testing.T) {
		t.Parallel()
		r := begin(t)
		r.endsConnections([]*proxy.Rule{
			r.proxy.Add(proxy.Rule{Match: syncs("namespaces"), Times: 1, Do: proxy.Abort}),
			r.proxy.Add(proxy.Rule{Match: policies("create"), Skip: 1, Times: 1, Do: proxy.AbortAnswered}),
			r.proxy.Add(proxy.Rule{Match: policies("create"), Skip: 6, Times: 1, Do: proxy.Abort}),
			r.proxy.Add(proxy.Rule{Match: policies("patch"), Skip: 1, Times: 1, Do: proxy.AbortAnswered}),
			r.proxy.Add(proxy.Rule{Match: policies("patch"), Skip: 4, Times: 1, Do: proxy.Abort}),
			r.proxy.Add(proxy.Rule{Match: policies("delete"), Times: 1, Do: proxy.AbortAnswered}),
			r.proxy.Add(proxy.Rule{Match: proxy.Writes("securityprofiles"), Skip: 1, Times: 1, Do: proxy.AbortAnswered}),
		}, map[string]func(){"edited": func() { r.proxy.AbortRunning(proxy.Watches()) }})
		if n := r.proxy.Connections(); n != 1 {
			t.Errorf("%d connections, although this one worked", n)
		}
	})
}

func policies(verb string) proxy.Match {
	return proxy.All(proxy.Verb(verb), proxy.Resource("networkpolicies"))
}

// endsConnections plays the day, and demands that each rule had its request and that nothing was done twice.
func (r *run) endsConnections(rules []*proxy.Rule, faults map[string]func()) {
	r.Helper()
	r.play(faults)
	r.wroteAsReference()
	for i, rule := range rules {
		if rule.Taken() == 0 {
			r.Errorf("rule %d had no request", i)
		}
	}
}

// Watches that end at once, one or all of them, for half a minute: the first waits are short, and they grow.
// Then it is as if nothing had been.
func TestFault16WatchEndsAtOnce(t *testing.T) {
	t.Parallel()
	const (
		window     = 30 * time.Second
		requestMax = 7 // 0.8 s doubling, without the jitter: six waits are longer than the window
	)
	for _, test := range []struct {
		name  string
		match proxy.Match
	}{{"one", rewatches("networkpolicies")}, {"all", proxy.All(proxy.Watches(), proxy.Not(proxy.InitialEvents))}} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := begin(t)
			r.play(map[string]func(){"late": func() {
				place := r.proxy.Now()
				rule := r.proxy.On(test.match, proxy.Answer(http.StatusOK, ""))
				r.proxy.EndRunning(proxy.Watches())
				time.Sleep(window) // nothing to wait for: it is what must not happen that counts
				rule.Remove()
				for _, resource := range operator.Watched {
					asked := r.proxy.Since(place, proxy.All(proxy.Resource(resource), proxy.Verb("watch", "list")))
					if len(asked) > requestMax {
						t.Errorf("%s: %d requests in %s:\n%s", resource, len(asked), window, r.requests(proxy.Resource(resource)))
					}
				}
				r.within(func() error {
					if n := len(r.proxy.Running(proxy.Watches())); n != len(operator.Watched) {
						return fmt.Errorf("%d watches run, expected %d", n, len(operator.Watched))
					}
					return nil
				})
			}})
			r.wroteAsReference()
		})
	}
}
