package hardening

import (
	"errors"
	"net/http"
	"sync"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"rampart.dev/e2e/proxy"
)

// killer kills the operator at writes to workloads and pods of a namespace, and starts it again.
type killer struct {
	*story
	mu     sync.Mutex // guards what follows, and the operator's life
	lives  int
	writes int
	error  error
}

// killEach kills it at each write: once the server has done what was asked, before its answer comes; or each time
// before the server hears of it, but for every other one, which is the same one again.
func (s *story) killEach(isDone bool) (k *killer, stop func()) {
	k = &killer{story: s}
	rule := s.proxy.On(proxy.All(proxy.Writes("deployments", "statefulsets", "pods"), proxy.Namespaced(s.name)),
		func(w http.ResponseWriter, q *http.Request, next http.Handler) {
			life, isMeant := k.meets(isDone)
			if !isMeant {
				next.ServeHTTP(w, q)
				return
			}
			defer k.kill(life)
			if isDone {
				proxy.AbortAnswered(w, q, next)
			}
			proxy.Abort(w, q, next)
		})
	return k, rule.Remove
}

func (k *killer) meets(isDone bool) (life int, isMeant bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.writes++
	return k.lives, isDone || k.writes%2 == 1
}

// lives guards the one operator: two killers do not kill at once.
var lives sync.Mutex

func (k *killer) kill(life int) {
	lives.Lock()
	defer lives.Unlock()
	k.mu.Lock()
	defer k.mu.Unlock()
	if life != k.lives || k.error != nil {
		return
	}
	k.lives++
	k.error = errors.Join(k.rampart.Kill(), k.rampart.Launch())
}

// ended is how often it was killed.
func (k *killer) ended() int {
	k.Helper()
	k.mu.Lock()
	defer k.mu.Unlock()
	k.must(k.error)
	return k.lives
}

// Killed at every write of a hardening, a revert and a standing down, before the server has it and after, it comes to
// the same end, with as many rollouts and no more. It restarts the operator of all.
func TestKilledAtEveryWriteItComesToTheSameEnd(t *testing.T) {
	for _, test := range []struct {
		name    string
		isDone  bool
		atLeast int // deaths: writes that come at once die together
	}{{"before", false, 5}, {"after", true, 5}} {
		t.Run(test.name, func(t *testing.T) {
			s := begin(t, "each-write-"+test.name)
			fine := s.make(workload{kind: deployment, name: "fine", replicas: 2, image: image{User: "1000"}})
			crash := s.make(workload{kind: deployment, name: "crash", replicas: 2, image: image{User: "1000", BreaksOn: []string{"capabilities"}}})
			set := s.make(workload{kind: statefulSet, name: "set", replicas: 2, image: image{User: "1000", BreaksOn: []string{"capabilities"}}})
			contested := s.make(workload{kind: deployment, name: "web", replicas: 2, image: image{User: "1000"}})
			k, stop := s.killEach(test.isDone)
			defer stop()
			s.enforceWith(atOnce)
			for range 2 {
				s.within(func() error { return s.holdsFill(contested) })
				s.awaitWhole(contested)
				s.patchBy(contested, "argocd-controller", types.StrategicMergePatchType, within(deployment, "{spec: "+bareContext+"}"))
			}
			s.comesTo(fine, "Proven")
			s.comesTo(crash, "Reverted")
			s.comesTo(set, "Reverted")
			s.comesTo(contested, "Contested")
			stop()
			deaths := k.ended()
			s.must(s.rampart.AwaitReady(t.Context()))
			s.expectRollouts(fine, 2, 3)
			s.expectRollouts(crash, 2, 3)
			s.expectRollouts(set, 2, 3)
			if got := s.revisions(contested); got != 5 { // its own, and two of each side
				t.Errorf("%d templates of what was contested, expected 5", got)
			}
			s.expectStated(crash, s.get(crash))
			s.expectStated(set, s.get(set))
			if deaths < test.atLeast {
				t.Errorf("it was killed %d times, expected %d or more", deaths, test.atLeast)
			}
			t.Logf("killed %d times", deaths)
			s.deleteProfile()
			s.must(s.isUntouched(fine))
		})
	}
}

// A failure is remembered by the cluster: neither a restart nor a rollback to what failed makes it try again. Another
// image does.
func TestFailureIsRememberedUntilTheTemplateChanges(t *testing.T) {
	s := begin(t, "remembers")
	o := s.make(workload{kind: deployment, name: "web", replicas: 2, image: image{User: "1000", BreaksOn: []string{"capabilities"}}})
	s.enforceWith(atOnce)
	s.comesTo(o, "Reverted")
	s.must(s.rampart.Restart(t.Context()))
	s.expectRollouts(o, 2, 3)

	// Whoever makes the mark go, the ReplicaSet still tells.
	s.patchBy(o, "editor", types.MergePatchType, `{metadata: {annotations: {`+markAnnotation+`: null}}}`)
	s.expectSkipped(o, "TriedBefore")
	s.must(s.rampart.Restart(t.Context()))
	s.expectRollouts(o, 2, 4)

	s.newImage(o, image{User: "1000"})
	now := s.comesTo(o, "Proven")
	if !hasLeaf(now, "app", "securityContext", "capabilities", "drop") {
		t.Errorf("nothing is filled in:\n%s", stated(now))
	}
	s.deleteProfile()
}

// expectRollouts demands that it ever had so many templates, and is of this generation.
func (s *story) expectRollouts(o *unstructured.Unstructured, templates int, generation int64) {
	s.Helper()
	now := s.get(o)
	if got := s.revisions(o); got != templates || now.GetGeneration() != generation {
		s.Errorf("%s %s: %d templates, generation %d; expected %d and %d", o.GetKind(), o.GetName(), got, now.GetGeneration(), templates, generation)
	}
}
