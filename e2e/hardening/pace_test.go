package hardening

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/watch"
)

// pace is what a watch saw of the fills in a namespace.
type pace struct {
	mu      sync.Mutex
	order   []string // the workloads in the order in which they were filled in
	under   map[string]bool
	most    int // under proof at once
	watcher watch.Interface
}

// watchPace counts from every event of the Deployments of the story's namespace: none is left out by the server.
func (s *story) watchPace() *pace {
	s.Helper()
	p := &pace{under: map[string]bool{}}
	var err error
	p.watcher, err = s.Dynamic.Resource(deployment.resource).Namespace(s.name).Watch(s.Context(), metav1.ListOptions{})
	s.must(err)
	s.Cleanup(p.watcher.Stop)
	go func() {
		for event := range p.watcher.ResultChan() {
			if o, ok := event.Object.(*unstructured.Unstructured); ok {
				p.see(o.GetName(), phase(o.GetAnnotations()))
			}
		}
	}()
	return p
}

func (p *pace) see(name, phase string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if phase == "Proving" && !p.under[name] {
		p.order = append(p.order, name)
	}
	p.under[name] = phase == "Proving"
	count := 0
	for _, is := range p.under {
		if is {
			count++
		}
	}
	p.most = max(p.most, count)
}

func (p *pace) seen() (order []string, most int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.order), p.most
}

// Not more at a time than the profile says, and the smallest first.
func TestNoMoreThanSoManyAtATimeSmallestFirst(t *testing.T) {
	t.Parallel()
	s := begin(t, "pace")
	want, all := []string{}, []*unstructured.Unstructured{}
	for _, replicas := range []int{6, 2, 4, 1, 5, 3} {
		name := fmt.Sprintf("size-%d", replicas)
		all = append(all, s.make(workload{kind: deployment, name: name, replicas: replicas, image: image{User: "1000"}}))
		want = append(want, name)
	}
	slices.Sort(want)
	p := s.watchPace()
	s.enforceWith("{rollout: {when: Now, maxConcurrent: 2, progressDeadlineSeconds: 30}}")
	for _, o := range all {
		s.comesTo(o, "Proven")
	}
	order, most := p.seen()
	if most != 2 {
		t.Errorf("%d were under proof at once, expected 2", most)
	}
	for i := 0; i < len(order); i += 2 { // of two that begin together the order does not matter
		slices.Sort(order[i:min(i+2, len(order))])
	}
	if !slices.Equal(order, want) {
		t.Errorf("filled in %q, expected %q", order, want)
	}
	s.deleteProfile()
}

// Another fill is another chance, also for a profile that has paused itself. Server-side apply turns off a default of
// the profile as everything else.
func TestWhatFailedIsTriedAgainWithAnotherFill(t *testing.T) {
	t.Parallel()
	s := begin(t, "again")
	all := []*unstructured.Unstructured{}
	for i := range 3 {
		all = append(all, s.make(workload{
			kind: deployment, name: fmt.Sprintf("crash-%d", i), image: image{User: "1000", BreaksOn: []string{"capabilities"}},
		}))
	}
	last := s.make(workload{kind: deployment, name: "large", replicas: 2, image: image{User: "1000"}})
	s.enforceWith("{rollout: {when: Now, maxConcurrent: 1, progressDeadlineSeconds: 30}}")
	for _, o := range all {
		s.expectStated(o, s.comesTo(o, "Reverted"))
	}
	s.within(func() error { return s.profileSays("Degraded", "True", "RolloutsPaused") })
	s.must(s.isUntouched(last))
	s.enforceWith("{fill: {dropCapabilities: []}, rollout: {when: Now, maxConcurrent: 4, progressDeadlineSeconds: 30}}")
	for _, o := range append(all, last) {
		s.comesTo(o, "Proven")
	}
	s.within(func() error { return s.profileSays("Degraded", "False", "AllWell") })
	s.deleteProfile()
	for _, o := range append(all, last) {
		s.must(s.isUntouched(o))
	}
}
