package bench

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"rampart.dev/e2e/contenders/policy"
)

const burstWriters = 16

func (f *field) makeNamespace(ctx context.Context, name string) error {
	_, err := f.client.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{policy.Label: "yes"}},
	}, metav1.CreateOptions{})
	return err
}

func names(prefix string, from, to int) (names []string) {
	for i := from; i < to; i++ {
		names = append(names, fmt.Sprintf("%s-%05d", prefix, i))
	}
	return names
}

// pace makes namespaces at a steady rate, whatever the API server's answers take, and returns when each
// was answered.
func (f *field) pace(ctx context.Context, namespaces []string, every time.Duration) (made map[string]time.Time, err error) {
	made = map[string]time.Time{}
	var (
		mu   sync.Mutex
		done sync.WaitGroup
	)
	tick := time.NewTicker(every)
	defer tick.Stop()
	for _, name := range namespaces {
		done.Go(func() {
			failed := f.makeNamespace(ctx, name)
			at := time.Now()
			mu.Lock()
			defer mu.Unlock()
			made[name] = at
			err = errors.Join(err, failed)
		})
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	done.Wait()
	return made, err
}

// burst makes namespaces as fast as the API server takes them.
func (f *field) burst(ctx context.Context, namespaces []string) error {
	return parallel(namespaces, func(name string) error { return f.makeNamespace(ctx, name) })
}

// parallel does something for each of the names, burstWriters at a time.
func parallel(names []string, do func(name string) error) (err error) {
	var (
		mu      sync.Mutex
		writers sync.WaitGroup
		next    = make(chan string)
	)
	for range burstWriters {
		writers.Go(func() {
			for name := range next {
				if failed := do(name); failed != nil {
					mu.Lock()
					err = errors.Join(err, failed)
					mu.Unlock()
				}
			}
		})
	}
	for _, name := range names {
		next <- name
	}
	close(next)
	writers.Wait()
	return err
}
