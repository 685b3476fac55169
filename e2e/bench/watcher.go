package bench

import (
	"context"
	"fmt"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"

	"rampart.dev/e2e/contenders/fill"
)

// watcher is the independent witness: it watches all objects of a kind and notes when it first sees each as it
// is wanted.
type watcher struct {
	watched
	cancel context.CancelFunc
	news   chan struct{} // holds one when something was seen since it was last taken

	mu   sync.Mutex
	seen map[string]map[string]time.Time // by namespace, then by name
	err  error                           // why it sees nothing any more
}

// watched is what a witness watches.
type watched struct {
	list     func(context.Context) (version string, err error)
	watch    func(context.Context, metav1.ListOptions) (watch.Interface, error)
	isWanted func(runtime.Object) bool
}

// policiesOf: each NetworkPolicy, from when it is there.
func policiesOf(client kubernetes.Interface) watched {
	all := client.NetworkingV1().NetworkPolicies("")
	return watched{
		list: func(ctx context.Context) (string, error) {
			list, err := all.List(ctx, metav1.ListOptions{Limit: 1})
			if err != nil {
				return "", err
			}
			return list.ResourceVersion, nil
		},
		watch:    all.Watch,
		isWanted: func(runtime.Object) bool { return true },
	}
}

// filledOf: each Deployment, from when it is filled in.
func filledOf(client kubernetes.Interface) watched {
	all := client.AppsV1().Deployments("")
	return watched{
		list: func(ctx context.Context) (string, error) {
			list, err := all.List(ctx, metav1.ListOptions{Limit: 1})
			if err != nil {
				return "", err
			}
			return list.ResourceVersion, nil
		},
		watch: all.Watch,
		isWanted: func(object runtime.Object) bool {
			deployment, ok := object.(*appsv1.Deployment)
			return ok && fill.IsFilled(deployment)
		},
	}
}

func startWatcher(what watched) (*watcher, error) {
	ctx, cancel := context.WithCancel(context.Background())
	version, err := what.list(ctx)
	if err != nil {
		cancel()
		return nil, err
	}
	w := &watcher{watched: what, cancel: cancel, news: make(chan struct{}, 1), seen: map[string]map[string]time.Time{}}
	go func() {
		err := w.follow(ctx, version)
		w.mu.Lock()
		defer w.mu.Unlock()
		w.err = err
		w.tell()
	}()
	return w, nil
}

// follow watches until its context ends, also where the API server ends a watch whose reader is slow.
func (w *watcher) follow(ctx context.Context, version string) error {
	for ctx.Err() == nil {
		stream, err := w.watch(ctx, metav1.ListOptions{ResourceVersion: version})
		if err != nil {
			return err
		}
		for event := range stream.ResultChan() {
			object, ok := event.Object.(metav1.Object)
			if !ok {
				return fmt.Errorf("the benchmark's watch says: %v", event.Object)
			}
			w.note(event, object, time.Now())
			version = object.GetResourceVersion()
		}
	}
	return ctx.Err()
}

func (w *watcher) note(event watch.Event, object metav1.Object, at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	namespace, name := object.GetNamespace(), object.GetName()
	if event.Type == watch.Deleted {
		delete(w.seen[namespace], name)
	} else if _, ok := w.seen[namespace][name]; !ok && w.isWanted(event.Object) {
		if w.seen[namespace] == nil {
			w.seen[namespace] = map[string]time.Time{}
		}
		w.seen[namespace][name] = at
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

// when is the moment at which all of these objects of a namespace had been seen.
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

// await waits until each of the namespaces has all of the objects and returns when that was seen, by
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
