package cluster

import (
	"context"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// A frozen peer knows nothing of what happens to the first server, says so to nobody who asks for any age,
// answers nobody who asks for the newest, and catches up.
func testPeer(t *testing.T, c *Cluster) {
	peer, err := c.StartPeer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := peer.Close(); err != nil {
			t.Error(err)
		}
	}()
	makeNamespace(t, c, "before-the-frost")
	has := func(ctx context.Context, name, version string) error {
		_, err := peer.Client.CoreV1().Namespaces().Get(ctx, name, metav1.GetOptions{ResourceVersion: version})
		return err
	}
	eventually(t, func(ctx context.Context) error { return has(ctx, "before-the-frost", "0") })

	peer.Freeze()
	object := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "in-the-frost"}}
	if _, err := c.Client.CoreV1().Namespaces().Create(t.Context(), object, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := has(t.Context(), "before-the-frost", "0"); err != nil {
		t.Errorf("of any age, what was there: %v", err)
	}
	if err := has(t.Context(), "in-the-frost", "0"); !apierrors.IsNotFound(err) {
		t.Errorf("of any age, what came since: %v, want that it is not found", err)
	}
	soon, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := has(soon, "in-the-frost", ""); err == nil || apierrors.IsNotFound(err) {
		t.Errorf("the newest: %v, want no answer", err)
	}
	peer.Thaw()
	eventually(t, func(ctx context.Context) error { return has(ctx, "in-the-frost", "0") })
}

// testCompact: what etcd has forgotten, and an API server that was started since never knew, is 410.
func testCompact(t *testing.T, c *Cluster) {
	list, err := c.Client.CoreV1().Namespaces().List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	makeNamespace(t, c, "compacted")
	if err := c.Kill(t.Context(), APIServer); err != nil {
		t.Fatal(err)
	}
	if err := c.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := c.Start(t.Context(), APIServer); err != nil {
		t.Fatal(err)
	}
	watch, err := c.Client.CoreV1().Namespaces().Watch(t.Context(), metav1.ListOptions{ResourceVersion: list.ResourceVersion})
	if err == nil {
		defer watch.Stop()
		err = apierrors.FromObject((<-watch.ResultChan()).Object)
	}
	if !apierrors.IsResourceExpired(err) && !apierrors.IsGone(err) {
		t.Errorf("a watch from before the compaction: %v, want 410", err)
	}
}
