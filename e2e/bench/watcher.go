package bench

import (
	"context"
	"fmt"
	"sync"
	"time"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
)

// watcher is the independent witness: it watches all NetworkPolicies and notes when it first sees each.
type watcher struct {
	cancel context.CancelFunc
	news   chan struct{} // holds one when something was seen since it was last taken

	mu   sync.Mutex
	seen map[string]map[string]time.Time // by namespace, then by name
	err  error                           // why it sees nothing any more
}

func startWatcher(client kubernetes.Interface) (*watcher, error) {
	ctx, cancel := context.WithCancel(context.Background())
	list, err := client.NetworkingV1().NetworkPolicies("").List(ctx, metav1.ListOptions{})
	if err != nil {
		cancel()
		return nil, err
	}
	w := &watcher{cancel: cancel, news: make(chan struct{}, 1), seen: map[string]map[string]time.Time{}}
	go func() {
		err := w.follow(ctx, client, list.ResourceVersion)
		w.mu.Lock()
		defer w.mu.Unlock()
		w.err = err
		w.tell()
	}()
	return w, nil
}

// follow watches until its context ends, also where the API server ends a watch whose reader is slow.
func (w *watcher) follow(ctx context.Context, client kubernetes.Interface, version string) error {
	for ctx.Err() == nil {
		stream, err := client.NetworkingV1().NetworkPolicies("").Watch(ctx, metav1.ListOptions{ResourceVersion: version})
		if err != nil {
			return err
		}
		for event := range stream.ResultChan() {
			policy, ok := event.Object.(*networkingv1.NetworkPolicy)
			if !ok {
				return fmt.Errorf("the benchmark's watch says: %v", event.Object)
			}
			w.note(event.Type, policy, time.Now())
			version = policy.ResourceVersion
		}
	}
	return ctx.Err()
}

func (w *watcher) note(event watch.EventType, policy *networkingv1.NetworkPolicy, at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch event {
	case watch.Deleted:
		delete(w.seen[policy.Namespace], policy.Name)
	case watch.Added:
		if w.seen[policy.Namespace] == nil {
			w.seen[policy.Namespace] = map[string]time.Time{}
		}
		w.seen[policy.Namespace][policy.Name] = at
	}
	w.tell()
}

func (w *watcher) tell() {
	select {
	case w.news <- struct{}{}:
	default:
	}
}

func (w *watcher) stop() { w.cancel() }

// when is the moment at which all of these policies of a namespace had been seen.
func (w *watcher) when(namespace string, names []string) (at time.Time, ok bool) {
	for _, name := range names {
		seen, ok := w.seen[namespace][name]
		if !ok {
			return at, false
		}
		if seen.After(at) {
			at = seen
		}
	}
	return at, true
}

// await waits until each of the namespaces has all of the policies and returns when that was seen, by
// namespace. What does not come within the limit is left out.
func (w *watcher) await(ctx context.Context, namespaces, names []string, limit time.Duration) (map[string]time.Time, error) {
	found := map[string]time.Time{}
	missing := namespaces
	for deadline := time.After(limit); ; {
		w.mu.Lock()
		err := w.err
		still := []string{}
		for _, namespace := range missing {
			if at, ok := w.when(namespace, names); ok {
				found[namespace] = at
			} else {
				still = append(still, namespace)
			}
		}
		w.mu.Unlock()
		if missing = still; len(missing) == 0 || err != nil {
			return found, err
		}
		select {
		case <-w.news:
			time.Sleep(5 * time.Millisecond) // not at every one of thousands: moments are noted elsewhere
		case <-deadline:
			return found, nil
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// awaitNone waits until none of the namespaces has a policy.
func (w *watcher) awaitNone(ctx context.Context, namespaces []string) error {
	for deadline := time.After(burstLimit); ; {
		left := 0
		w.mu.Lock()
		for _, namespace := range namespaces {
			left += len(w.seen[namespace])
		}
		err := w.err
		w.mu.Unlock()
		if left == 0 || err != nil {
			return err
		}
		select {
		case <-w.news:
			time.Sleep(5 * time.Millisecond)
		case <-deadline:
			return fmt.Errorf("%d policies are still there", left)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
