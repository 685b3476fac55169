package scenarios

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"rampart.dev/e2e/poll"
)

const (
	stuckDeadline = 30 // seconds, the least there is
	stuckPatience = 2 * time.Minute
)

// cordon keeps new pods from all nodes, until the function that it returns is called.
func (s *story) cordon() (uncordon func()) {
	s.Helper()
	nodes := s.Client.CoreV1().Nodes()
	set := func(ctx context.Context, body string) error {
		list, err := nodes.List(ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		for _, node := range list.Items {
			_, patched := nodes.Patch(ctx, node.Name, types.MergePatchType, []byte(body), metav1.PatchOptions{})
			err = errors.Join(err, patched)
		}
		return err
	}
	s.must(set(s.Context(), `{"spec": {"unschedulable": true}}`))
	uncordon = func() { s.must(set(context.Background(), `{"spec": {"unschedulable": null}}`)) }
	s.Cleanup(func() {
		if err := set(context.Background(), `{"spec": {"unschedulable": null}}`); err != nil {
			s.Error(err)
		}
	})
	return uncordon
}

// A StatefulSet whose pod does not come back with what was filled in: that is taken back, and the pod, which its
// controller would leave where it is for good, is deleted by Rampart, once, by its own right and through the fence.
func TestStuckPodOfAStatefulSetIsDeletedAfterTheRevert(t *testing.T) {
	s := begin(t, "stuck")
	ns := s.namespace("ns", nil)
	sets, pods := s.Client.AppsV1().StatefulSets(ns), s.Client.CoreV1().Pods(ns)
	one := int32(1)
	_, err := sets.Create(t.Context(), &appsv1.StatefulSet{
		ObjectMeta: metav1.ObjectMeta{Name: "db"},
		Spec: appsv1.StatefulSetSpec{
			Replicas: &one,
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "db"}},
			Template: template("db", func(spec *corev1.PodSpec) { spec.Containers[0].SecurityContext.Capabilities = nil }),
		},
	}, metav1.CreateOptions{})
	s.must(err)
	s.within(func() error {
		set, err := sets.Get(t.Context(), "db", metav1.GetOptions{})
		if err == nil && (set.Status.AvailableReplicas != 1 || set.Status.ObservedGeneration != set.Generation) {
			err = fmt.Errorf("db: %+v", set.Status)
		}
		return err
	})
	uncordon := s.cordon() // as good as a pod that does not start
	place := s.now(t)
	s.profile("stuck", fmt.Sprintf(`
mode: Enforce
namespaceSelector: {matchLabels: {story: stuck}}
workloads: {rollout: {when: Now, progressDeadlineSeconds: %d}}`, stuckDeadline))

	var failed types.UID
	isReplaced := func() error {
		pod, err := pods.Get(t.Context(), "db-0", metav1.GetOptions{})
		if err != nil {
			return err
		}
		_, isFilled := pod.Annotations["rampart.dev/fill"]
		if isFilled {
			failed = pod.UID
		}
		if failed == "" || pod.UID == failed || isFilled {
			return fmt.Errorf("pod db-0 %s is filled in: %t, failed is %q", pod.UID, isFilled, failed)
		}
		return nil
	}
	s.must(poll.Until(stuckPatience, isReplaced))
	uncordon()
	s.within(func() error {
		set, err := sets.Get(t.Context(), "db", metav1.GetOptions{})
		if err == nil && set.Status.AvailableReplicas != 1 {
			err = fmt.Errorf("db does not come back: %+v", set.Status)
		}
		return err
	})
	s.expectEvent(ns, "Reverted", "StatefulSet", "db", "0 of 1 new pods ready")
	deletions := 0
	for _, a := range s.writesSince(t, place) {
		if a.resource == "pods" {
			deletions++
			if a.verb != "delete" || a.name != "db-0" {
				t.Errorf("write: %+v", a)
			}
		}
	}
	if deletions != 1 {
		t.Errorf("%d pods were deleted, expected 1", deletions)
	}
}
