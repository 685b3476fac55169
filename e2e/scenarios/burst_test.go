package scenarios

import (
	"fmt"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	burstSize    = 200
	burstWriters = 8
	killedSize   = 60
	killedAfter  = 15
)

// burst makes namespaces as fast as the API server takes them.
func (s *story) burst(count int) {
	s.Helper()
	numbers, errs := make(chan int), make(chan error, count)
	var writers sync.WaitGroup
	for range burstWriters {
		writers.Go(func() {
			for i := range numbers {
				ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
					Name: fmt.Sprintf("%s-%d", s.name, i), Labels: map[string]string{storyLabel: s.name},
				}}
				_, err := s.Client.CoreV1().Namespaces().Create(s.Context(), ns, metav1.CreateOptions{})
				errs <- err
			}
		})
	}
	for i := range count {
		numbers <- i
	}
	close(numbers)
	writers.Wait()
	for range count {
		s.must(<-errs)
	}
}

// denied counts the story's namespaces that have their default-deny.
func (s *story) denied() (count int) {
	s.Helper()
	list, err := s.Client.NetworkingV1().NetworkPolicies("").List(s.Context(), metav1.ListOptions{
		LabelSelector: "rampart.dev/profile=" + s.name, FieldSelector: "metadata.name=" + deny,
	})
	s.must(err)
	return len(list.Items)
}

func (s *story) expectDenied(count int) {
	s.Helper()
	s.within(func() error {
		if got := s.denied(); got < count {
			return fmt.Errorf("%d of %d namespaces have their default-deny", got, count)
		}
		return nil
	})
}

// Two hundred namespaces at once: every one of them gets its policies.
func TestBurstOfNamespaces(t *testing.T) {
	s := begin(t, "burst")
	p := s.profile("burst", "{mode: Enforce, network: {allow: {sameNamespace: {}}}}")
	s.expectCompliant(p, 0)
	begin := time.Now()
	s.burst(burstSize)
	made := since(begin)
	s.expectDenied(burstSize)
	denied := since(begin)
	s.expectCompliant(p, burstSize)
	memory, err := s.rampart.Memory()
	s.must(err)
	t.Logf("%d namespaces made in %s, denied after %s; rampart holds %.1f MB, %.1f of them its own", burstSize,
		made, denied, float64(memory.RSS)/1e6, float64(memory.Anonymous)/1e6)
}

// Killed in the midst of it and started again, it loses none.
func TestKilledInABurst(t *testing.T) {
	s := begin(t, "killed-burst")
	p := s.profile("killed-burst", "{mode: Enforce, network: {allow: {sameNamespace: {}, dns: {}}}}")
	s.expectCompliant(p, 0)
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.burst(killedSize)
	}()
	s.expectDenied(killedAfter)
	s.must(s.rampart.Kill())
	<-done
	if denied := s.denied(); denied == killedSize {
		t.Log("all were denied when it was killed")
	}
	s.must(s.rampart.Start(t.Context()))
	s.expectDenied(killedSize)
	s.expectCompliant(p, killedSize)
}
