package cluster

import (
	"context"
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func testPod(t *testing.T, c *Cluster) {
	makeNamespace(t, c, "pods")
	pods := c.Client.CoreV1().Pods("pods")
	_, err := pods.Create(t.Context(), &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "web"},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "web", Image: "web"}}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, func(ctx context.Context) error {
		pod, err := pods.Get(ctx, "web", metav1.GetOptions{})
		if err == nil && stateOf(pod) != "ready" {
			err = fmt.Errorf("pod is not ready: %+v", pod.Status)
		}
		return err
	})
	if err := pods.Delete(t.Context(), "web", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, func(ctx context.Context) error {
		_, err := pods.Get(ctx, "web", metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return nil
		}
		return fmt.Errorf("pod is not deleted: %w", err)
	})
}

// stateOf is "ready", the reason for which the first container waits, or empty.
func stateOf(pod *corev1.Pod) string {
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodReady && condition.Status == corev1.ConditionTrue {
			return "ready"
		}
	}
	if statuses := pod.Status.ContainerStatuses; len(statuses) > 0 && statuses[0].State.Waiting != nil {
		return statuses[0].State.Waiting.Reason
	}
	return ""
}

func testNeeds(t *testing.T, c *Cluster) {
	makeNamespace(t, c, "needs")
	const start, crash = "CreateContainerConfigError", "CrashLoopBackOff"
	type security = corev1.SecurityContext
	tests := []struct {
		needs   string
		context *security
		want    string
	}{
		{"root", nil, "ready"},
		{"root", &security{RunAsNonRoot: new(true)}, start},
		{"root", &security{RunAsNonRoot: new(true), RunAsUser: new(int64(1000))}, "ready"},
		{"root", &security{RunAsNonRoot: new(false)}, "ready"},
		{"capabilities,writable-root", nil, "ready"},
		{"capabilities,writable-root", &security{ReadOnlyRootFilesystem: new(true)}, crash},
		{"capabilities", &security{Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}}}, crash},
		{"privilege-escalation", &security{AllowPrivilegeEscalation: new(false)}, crash},
		{"privilege-escalation", &security{ReadOnlyRootFilesystem: new(true)}, "ready"},
		{"token", nil, crash}, // the pods below mount none
		{"", nil, "ready"},
	}
	check := func(i int) func(context.Context) error {
		return func(ctx context.Context) error {
			pod, err := c.Client.CoreV1().Pods("needs").Get(ctx, fmt.Sprintf("pod-%d", i), metav1.GetOptions{})
			if err == nil && stateOf(pod) == "" {
				return fmt.Errorf("pod has no state yet: %+v", pod.Status)
			}
			if err == nil && stateOf(pod) != tests[i].want {
				t.Errorf("needs %s, context %+v: %s, want %s",
					tests[i].needs, tests[i].context, stateOf(pod), tests[i].want)
			}
			return err
		}
	}
	for i, test := range tests {
		_, err := c.Client.CoreV1().Pods("needs").Create(t.Context(), &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{
				Name:        fmt.Sprintf("pod-%d", i),
				Annotations: map[string]string{"e2e.rampart.dev/needs": test.needs},
			},
			Spec: corev1.PodSpec{
				Containers:                   []corev1.Container{{Name: "c", Image: "i", SecurityContext: test.context}},
				AutomountServiceAccountToken: new(false),
			},
		}, metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		eventually(t, check(i))
	}
	for i := range tests { // none became ready later: kwok has handled the last pod since
		eventually(t, check(i))
	}
}
