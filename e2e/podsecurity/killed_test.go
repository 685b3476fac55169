package podsecurity

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"

	"rampart.dev/e2e/proxy"
)

func writeFile(path, text string) error { return os.WriteFile(path, []byte(text), 0o600) }

// cutter ends the operator twice at each of its requests that write to the story's namespace or profile, dry runs
// included: before the API server has it, and after that, before the answer.
type cutter struct {
	*story
	mu     sync.Mutex
	isDead bool
	passed map[string]int
	deaths map[string]int
}

func (s *story) cut() *cutter {
	c := &cutter{story: s, passed: map[string]int{}, deaths: map[string]int{}}
	rule := s.proxy.On(c.isAbout, c.judge)
	s.Cleanup(func() {
		rule.Remove()
		if !s.rampart.Alive() { // the story has failed, and others follow
			_ = s.rampart.Start(context.Background())
		}
	})
	return c
}

func (c *cutter) isAbout(r *proxy.Request) bool {
	isOurs := strings.HasSuffix(r.Path, "/namespaces/"+c.name) || strings.HasSuffix(r.Path, "/securityprofiles/"+c.name)
	return isOurs && proxy.Writes()(r)
}

func (c *cutter) judge(w http.ResponseWriter, r *http.Request, next http.Handler) {
	c.mu.Lock()
	defer c.mu.Unlock()
	path := r.Method + " " + r.URL.RequestURI()
	write := fmt.Sprintf("%s, number %d", path, c.passed[path]+1)
	if strings.Contains(path, "dryRun=All") { // which changes nothing: each life asks again
		write = path
	}
	switch {
	case c.isDead || r.Context().Err() != nil:
		panic(http.ErrAbortHandler)
	case c.deaths[write] == 0:
		c.end(write)
	case c.deaths[write] == 1:
		next.ServeHTTP(httptest.NewRecorder(), r)
		c.passed[path]++
		c.end(write)
	}
	c.passed[path]++
	next.ServeHTTP(w, r)
}

func (c *cutter) end(write string) {
	c.deaths[write]++
	c.isDead = true
	_ = c.rampart.Kill()
	panic(http.ErrAbortHandler)
}

func (c *cutter) hasKilled() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.isDead
}

func (c *cutter) relaunch() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.isDead = false
	return c.rampart.Launch()
}

// within starts the operator whenever it was killed, until the check succeeds.
func (c *cutter) within(check func() error) {
	c.Helper()
	c.story.within(func() error {
		if c.hasKilled() {
			c.must(c.rampart.AwaitGone())
			c.must(c.relaunch())
			if err := c.rampart.AwaitReady(c.Context()); err != nil && !c.hasKilled() {
				c.Fatal(err)
			}
		}
		return check()
	})
}

// Killed before and after each request that writes, it comes to the same ends: labels and mark come together, what
// waits goes on waiting, and all is taken back.
func TestKilledAtEachWriteItComesToTheSameEnd(t *testing.T) {
	s := begin(t, "killed", map[string]string{"tier": "web"})
	before := s.namespace().Labels
	s.cronJob("nightly", badSpec)
	c := s.cut()
	s.profile(fillIn)
	c.within(func() error {
		return s.has(both(pair(warn, "restricted", "latest"), pair(audit, "restricted", "latest")))
	})
	if got := s.namespace().Annotations[mark]; got != s.name {
		t.Errorf("the mark is %q", got)
	}
	c.within(func() error { return s.drifts("LabelWaits", []string{"CronJob nightly"}) })
	s.cronJob("nightly", goodSpec)
	c.within(func() error { return s.has(filledIn) })
	c.within(func() error { return s.says("Ready", "True: Enforced") })
	s.deleteProfile()
	c.within(s.isGone)
	if after := s.namespace(); !maps.Equal(after.Labels, before) || after.Annotations[mark] != "" {
		t.Errorf("labels are %v, annotations %v; the labels were %v", after.Labels, after.Annotations, before)
	}
	if len(c.deaths) < 5 {
		t.Errorf("killed at %d writes: %v", len(c.deaths), c.deaths)
	}
	c.within(func() error { return nil })
}
