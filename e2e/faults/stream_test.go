package faults

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"rampart.dev/e2e/operator"
	"rampart.dev/e2e/proxy"
)

// Changes that take themselves back while no event comes through. What comes in the end is the state, and not
// the way to it.
func TestFault05ChangesWhileNoEventComes(t *testing.T) {
	t.Parallel()
	backAndForth := func(r *run) {
		r.label("a", false)
		r.label("a", true)
		r.makePolicy("d", "open")
		r.deletePolicy("d", "open")
		r.edit("d", deny, `{"spec": {"ingress": [{}]}}`)
		r.edit("d", deny, `{"spec": {"ingress": null}}`)
		r.profile(morning)
		r.profile(evening)
		r.namespace("brief")
		r.must(r.removeNamespace(r.Context(), r.name+"-brief"))
	}
	for _, test := range []struct {
		name      string
		isExpired bool
	}{{"then all at once", false}, {"then the watch has expired", true}} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := begin(t)
			var valve proxy.Valve
			r.proxy.On(proxy.Watches(), valve.Answers)
			r.play(map[string]func(){"late": func() {
				valve.Hold()
				backAndForth(r)
				if test.isExpired {
					for _, resource := range operator.Watched {
						r.proxy.Add(proxy.Rule{Match: rewatches(resource), Times: 1, Do: proxy.Fail(expired)})
					}
					r.proxy.AbortRunning(proxy.Watches())
				}
				valve.Release()
			}})
			if test.isExpired { // Rampart never saw that anything was otherwise
				r.wroteAsReference()
			} else {
				r.endsAsReference()
			}
		})
	}
}

// Bookmarks are a service: without any, and with many that say what nobody has heard of, the day is the same.
func TestFault10Bookmarks(t *testing.T) {
	t.Parallel()
	isBookmark := func(e proxy.Event) bool { return e.Type == "BOOKMARK" && len(e.Meta().Annotations) == 0 }
	t.Run("never", func(t *testing.T) {
		t.Parallel()
		r := begin(t)
		r.proxy.On(proxy.Watches(), proxy.DropEvents(isBookmark))
		r.play(map[string]func(){"edited": func() { r.proxy.EndRunning(proxy.Watches()) }})
		r.wroteAsReference()
	})
	t.Run("every 100 ms", func(t *testing.T) {
		t.Parallel()
		r := begin(t)
		last := lastVersions{versions: map[string]string{}}
		r.proxy.On(proxy.Watches(), proxy.Events(last.note))
		done := make(chan struct{})
		var marker sync.WaitGroup
		marker.Go(func() { last.mark(r, done) })
		r.play(map[string]func(){"edited": func() { r.proxy.EndRunning(proxy.Watches("securityprofiles")) }})
		close(done)
		marker.Wait()
		r.wroteAsReference()
	})
	t.Run("move a quiet watch on", func(t *testing.T) {
		t.Parallel()
		r := begin(t)
		r.play(map[string]func(){"late": func() {
			version := r.version()
			mark := proxy.Bookmark("v1", "Service", version, map[string]string{"example.com/unheard-of": "yes"})
			if n := r.proxy.Inject(proxy.Watches("services"), mark); n != 1 {
				t.Errorf("the bookmark came into %d watches", n)
			}
			r.proxy.EndRunning(proxy.Watches("services"))
			r.within(func() error {
				again := r.proxy.Since(0, rewatches("services"))
				if len(again) == 0 {
					return errors.New("services are not watched again")
				}
				if got := again[len(again)-1].Query.Get("resourceVersion"); got != version {
					return fmt.Errorf("it goes on from %s, the bookmark said %s", got, version)
				}
				return nil
			})
		}})
		r.wroteAsReference()
	})
}

// lastVersions knows how far the watch of each kind has come.
type lastVersions struct {
	mu       sync.Mutex
	versions map[string]string // by "apiVersion kind"
}

func (l *lastVersions) note(e proxy.Event, send func(proxy.Event)) {
	meta := e.Meta()
	l.mu.Lock()
	defer l.mu.Unlock()
	if isInitial := e.Type == "ADDED" && l.versions[meta.APIVersion+" "+meta.Kind] == ""; !isInitial && meta.Kind != "Status" {
		l.versions[meta.APIVersion+" "+meta.Kind] = meta.ResourceVersion
	}
	send(e)
}

// mark puts bookmarks into all watches whose initial events are over.
func (l *lastVersions) mark(r *run, done <-chan struct{}) {
	kinds := map[string]string{"Namespace": "namespaces", "NetworkPolicy": "networkpolicies", "SecurityProfile": "securityprofiles"}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case <-tick.C:
		}
		l.mu.Lock()
		for kind, version := range l.versions {
			apiVersion, kind, _ := strings.Cut(kind, " ")
			if resource := kinds[kind]; resource != "" {
				r.proxy.Inject(proxy.Watches(resource), proxy.Bookmark(apiVersion, kind, version,
					map[string]string{"example.com/unheard-of": strings.Repeat("x", 1000), "k8s.io/initial-events-end": "maybe"}))
			}
		}
		l.mu.Unlock()
	}
}

// How bytes are cut into pieces, and what stands between events, makes no difference.
func TestFault13StreamInOtherPieces(t *testing.T) {
	t.Parallel()
	line := func(edit func(line []byte) []byte) proxy.Do {
		return proxy.Lines(func(line []byte, send func([]byte)) { send(edit(line)) })
	}
	for _, test := range []struct {
		name string
		do   proxy.Do
	}{
		{"byte by byte", proxy.Chop(1)},
		{"CRLF", line(func(line []byte) []byte { return append(bytes.TrimRight(line, "\n"), "\r\n"...) })},
		{"empty lines", line(func(line []byte) []byte { return append([]byte("\n \r\n\n"), line...) })},
		{"no line ends", line(func(line []byte) []byte { return bytes.TrimRight(line, "\n") })},
		{"several events at once", proxy.Lines(atOnce())},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := begin(t)
			rule := r.proxy.On(proxy.Watches(), test.do)
			r.play(nil)
			r.wroteAsReference()
			if rule.Taken() < len(operator.Watched) {
				t.Errorf("%d watches were cut up", rule.Taken())
			}
			if n := r.proxy.Count(syncs("namespaces")); n != 1 {
				t.Errorf("namespaces were read %d times:\n%s", n, r.requests(proxy.Resource("namespaces")))
			}
		})
	}
}

// atOnce keeps events back until there is a bookmark, and lets a lone one through with the next byte that
// comes: events that come one by one later are doubled, which a watch may do.
func atOnce() func(line []byte, send func([]byte)) {
	return func(line []byte, send func([]byte)) {
		send(line)
		if !bytes.HasPrefix(line, []byte(`{"type":"DELETED"`)) && !bytes.Contains(line, []byte(`"BOOKMARK"`)) {
			send(line)
			send(line)
		}
	}
}

// An event of 3 MiB is more than an API server stores, and less than Rampart's bound. It is read like any
// other, and the memory is given back.
func TestFault13EventOfThreeMebibytes(t *testing.T) {
	t.Parallel()
	r := begin(t)
	pad := strings.Repeat("x", 3<<20)
	padded := 0
	var mu sync.Mutex
	r.proxy.On(proxy.Watches("namespaces"), proxy.Events(func(e proxy.Event, send func(proxy.Event)) {
		if strings.HasPrefix(e.Meta().Name, r.name) {
			object := map[string]any{}
			if json.Unmarshal(e.Object, &object) == nil {
				object["metadata"].(map[string]any)["annotations"] = map[string]any{"pad": pad}
				e.Object, _ = json.Marshal(object) // it was JSON
				mu.Lock()
				padded++
				mu.Unlock()
			}
		}
		send(e)
	}))
	r.play(nil)
	r.wroteAsReference()
	mu.Lock()
	defer mu.Unlock()
	if padded < 6 {
		t.Errorf("%d events were made so large", padded)
	}
	if n := r.proxy.Count(syncs("namespaces")); n != 1 {
		t.Errorf("namespaces were read %d times:\n%s", n, r.requests(proxy.Resource("namespaces")))
	}
	r.memoryIsBack()
}
