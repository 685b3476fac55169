package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
)

// lookout watches one kind of object and notes when it saw what: this is how the demo measures.
type lookout struct {
	resource schema.GroupVersionResource

	mu      sync.Mutex
	seen    []sighting
	changed chan struct{} // closed and replaced at each sighting
	err     error         // the watch has ended
}

type sighting struct {
	at     time.Time
	event  watch.EventType // ADDED, MODIFIED, DELETED
	object *unstructured.Unstructured
}

// is says whether the sighting is of that object, added or modified.
func (s sighting) is(namespace, name string) bool {
	return s.event != watch.Deleted && s.object.GetNamespace() == namespace && s.object.GetName() == name
}

// look starts to watch what happens from now on.
func look(ctx context.Context, client dynamic.Interface, resource schema.GroupVersionResource) (*lookout, error) {
	list, err := client.Resource(resource).List(ctx, metav1.ListOptions{Limit: 1})
	if err != nil {
		return nil, err
	}
	watcher, err := client.Resource(resource).Watch(ctx, metav1.ListOptions{
		ResourceVersion: list.GetResourceVersion(),
		TimeoutSeconds:  new(int64(3600)),
	})
	if err != nil {
		return nil, err
	}
	l := &lookout{resource: resource, changed: make(chan struct{})}
	go l.follow(watcher)
	return l, nil
}

func (l *lookout) follow(watcher watch.Interface) {
	defer watcher.Stop()
	for event := range watcher.ResultChan() {
		at := time.Now()
		object, ok := event.Object.(*unstructured.Unstructured)
		if !ok || event.Type == watch.Error {
			break
		}
		l.note(func() { l.seen = append(l.seen, sighting{at, event.Type, object}) })
	}
	l.note(func() { l.err = fmt.Errorf("the watch of %s ended", l.resource.Resource) })
}

func (l *lookout) note(change func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change()
	close(l.changed)
	l.changed = make(chan struct{})
}

// since returns what was seen from a moment on.
func (l *lookout) since(begin time.Time) (seen []sighting) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.seen {
		if !s.at.Before(begin) {
			seen = append(seen, s)
		}
	}
	return seen
}

// await waits until what was seen since a moment is enough, and returns it.
func (l *lookout) await(
	ctx context.Context, limit time.Duration, what string, begin time.Time, isEnough func([]sighting) bool,
) ([]sighting, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("%s: not within %s", what, limit))
	defer cancel()
	for {
		l.mu.Lock()
		changed, err := l.changed, l.err
		l.mu.Unlock()
		seen := l.since(begin)
		if isEnough(seen) {
			return seen, nil
		}
		if err != nil {
			return nil, errors.Join(err, context.Cause(ctx))
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// milliseconds is a duration as the demo prints it.
func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
}
