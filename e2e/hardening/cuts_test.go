package hardening

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"rampart.dev/e2e/operator"
	"rampart.dev/e2e/proxy"
)

// place is where the audit log ends now.
func (s *story) place() int64 {
	s.Helper()
	place, err := s.AuditNow()
	s.must(err)
	return place
}

// written counts by object, since a place in the audit log, what Rampart wrote in the story's namespace and to its
// profile: "patch deployments/web". What was refused changed nothing and is left out.
func (s *story) written(place int64) map[string]int {
	s.Helper()
	count := map[string]int{}
	for event, err := range s.AuditEventsSince(place) {
		s.must(err)
		ref := event.ObjectRef
		if event.User.Username != operator.User || ref == nil || event.ResponseStatus == nil || event.ResponseStatus.Code >= 300 {
			continue
		}
		isRead := slices.Contains([]string{"get", "list", "watch"}, event.Verb)
		if !isRead && (ref.Namespace == s.name || ref.Resource == "securityprofiles" && ref.Name == s.name) {
			count[event.Verb+" "+ref.Resource+"/"+ref.Name]++
		}
	}
	return count
}

// toWorkloads leaves out what is told: Events, and the status of the profile.
func toWorkloads(written map[string]int) map[string]int {
	count := map[string]int{}
	for name, n := range written {
		if !strings.Contains(name, " events/") && !strings.Contains(name, " securityprofiles/") {
			count[name] = n
		}
	}
	return count
}

// cutter ends the operator twice at each of its writes for a story: once before the API server has it, and once after
// that, before the answer. The write that follows is judged anew, until all have been survived.
type cutter struct {
	*story
	rule *proxy.Rule

	mu     sync.Mutex // one write at a time
	isDead bool       // nothing passes until it has been started again
	passed map[string]int
	deaths map[string]int // by write
}

func (s *story) cut() *cutter {
	c := &cutter{story: s, passed: map[string]int{}, deaths: map[string]int{}}
	c.rule = s.proxy.On(c.isAbout, c.judge)
	s.Cleanup(c.rule.Remove)
	return c
}

// isAbout tells whether a request writes something of the story's. The profile's status and Events only tell, and after
// each restart again.
func (c *cutter) isAbout(r *proxy.Request) bool {
	isOurs := r.Resource != "events" && (strings.Contains(r.Path, "/namespaces/"+c.name+"/") || strings.HasSuffix(r.Path, "/securityprofiles/"+c.name))
	return isOurs && proxy.Writes()(r)
}

func (c *cutter) judge(w http.ResponseWriter, r *http.Request, next http.Handler) {
	c.mu.Lock()
	defer c.mu.Unlock()
	path := r.Method + " " + r.URL.Path
	write := fmt.Sprintf("%s, number %d", path, c.passed[path]+1)
	switch {
	case c.isDead || r.Context().Err() != nil: // it was on its way when the operator was killed
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

// end kills the operator, and the request with it.
func (c *cutter) end(write string) {
	c.deaths[write]++
	c.isDead = true
	_ = c.rampart.Kill() // it is gone, or the story waits in vain
	panic(http.ErrAbortHandler)
}

func (c *cutter) hasKilled() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.isDead
}

// relaunch starts it again, and no write is judged meanwhile: the proxy may learn of one of the former life's only now,
// and what that ends must be the new life, not the one that is over.
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

// pods are those of the story's namespace, by uid.
func (s *story) pods() (uids []string) {
	s.Helper()
	list, err := s.Client.CoreV1().Pods(s.name).List(s.Context(), metav1.ListOptions{})
	s.must(err)
	for _, pod := range list.Items {
		uids = append(uids, string(pod.UID))
	}
	slices.Sort(uids)
	return uids
}

// prune takes all out of a Deployment's template that its owner has not stated, and leaves the mark.
func (s *story) prune(name string) {
	s.Helper()
	s.patchAs("owner", name, `{"spec": {"template": {"metadata": {"annotations": {"rampart.dev/fill": null}},
		"spec": {"securityContext": null, "containers": [{"name": "app", "securityContext": null}]}}}}`)
}

// Killed before and after each of its writes, it comes to the same ends by the same writes: nothing is rolled out
// twice. Started once more after that, it writes nothing and restarts nothing. It is not parallel: it restarts the
// operator of all.
func TestKilledBeforeAndAfterEachWriteItWritesNoMore(t *testing.T) {
	s := begin(t, "cut")
	made := map[string][]byte{}
	for name, i := range map[string]image{
		"fine": {User: "1000"}, "fought": {User: "1000"},
		"crash": {User: "1000", BreaksOn: []string{"capabilities"}},
	} {
		s.makeDeployment(name, i)
		made[name] = s.asMade(name)
	}
	s.makeStatefulSet("set", image{User: "1000", BreaksOn: []string{"seccompProfile"}})
	threeWay(s, s.inGit("undone", "1", "")) // only of what kubectl made is it known that kubectl went back to it
	s.settles("undone", "")
	c := s.cut()
	place := s.place()
	s.enforce()

	for range 2 {
		c.within(func() error { return s.hasFilled("fought") })
		s.prune("fought")
	}
	c.within(func() error { return s.is("fought", 6, "Contested") })
	c.within(func() error { return s.is("undone", 3, "Proven") })
	if out, err := s.RunKubectl(t.Context(), "rollout", "undo", "-n", s.name, "deployment/undone"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	c.within(func() error { return s.is("undone", 5, "StoodDown") })
	c.within(func() error { return s.is("fine", 3, "Proven") })
	c.within(func() error { return s.is("crash", 3, "Reverted") })
	c.within(func() error { return s.setIs("set", 3, "Reverted") })
	told := map[string]string{"Reverted": "crash", "Contested": "fought", "StoodDown": "undone"}
	for reason, name := range told {
		c.within(func() error {
			// Killed between a write and its Event it still tells, and killed after that not again.
			if count, note := s.events(reason, name); count != 1 {
				return fmt.Errorf("%d Events %s about %s, the last: %s", count, reason, name, note)
			}
			return nil
		})
	}
	s.expectWrites(place, map[string]int{"fine": 2, "crash": 2, "set": 2, "fought": 3, "undone": 3})

	c.rule.Remove()
	pods, place := s.pods(), s.place()
	s.must(s.rampart.Restart(t.Context()))
	time.Sleep(quiet)
	if got := toWorkloads(s.written(place)); len(got) > 0 {
		t.Errorf("started again, it writes %v", got)
	}
	if got := s.pods(); !slices.Equal(got, pods) {
		t.Errorf("started again, the pods are %v and were %v", got, pods)
	}
	for reason, name := range told {
		if count, note := s.events(reason, name); count != 1 {
			t.Errorf("started again, there are %d Events %s about %s, the last: %s", count, reason, name, note)
		}
	}

	place = s.place()
	c = s.cut()
	s.must(s.Dynamic.Resource(profiles).Delete(t.Context(), s.name, metav1.DeleteOptions{}))
	c.within(func() error {
		if _, err := s.Dynamic.Resource(profiles).Get(t.Context(), s.name, metav1.GetOptions{}); err == nil {
			return fmt.Errorf("profile %s is still there", s.name)
		}
		return nil
	})
	c.rule.Remove()
	c.within(func() error { return nil })
	for name, was := range made {
		if got := s.asMade(name); string(got) != string(was) {
			t.Errorf("%s was\n%s\nand is\n%s", name, was, got)
		}
	}
	// Fields go in one write and the mark in the next, once the pods are back; where only a mark is left it is one.
	s.expectWrites(place, map[string]int{"fine": 2, "crash": 1, "set": 1, "fought": 1, "undone": 1})
	t.Logf("killed at %d writes of taking back", len(c.deaths))
}

// expectWrites demands so many writes to each workload.
func (s *story) expectWrites(place int64, want map[string]int) {
	s.Helper()
	got := s.written(place)
	for name, n := range want {
		if count := got["patch deployments/"+name] + got["patch statefulsets/"+name]; count != n {
			s.Errorf("%d writes to %s, expected %d; all: %v", count, name, n, got)
		}
	}
}
