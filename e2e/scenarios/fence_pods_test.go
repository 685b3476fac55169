package scenarios

import (
	"context"
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
)

// makeFencedPods makes pods by hand, since no controller runs, and returns them by name.
func makeFencedPods(t *testing.T) map[string]*corev1.Pod {
	t.Helper()
	client, ctx := control.Client.CoreV1(), context.Background()
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "fenced"}}
	if _, err := client.ServiceAccounts("default").Create(ctx, account, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := client.ServiceAccounts("default").Delete(ctx, account.Name, metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	})
	pods := map[string]*corev1.Pod{}
	for _, row := range []struct {
		name, owner, apiVersion string
		isFilled                bool
	}{
		{"stuck", "StatefulSet", "apps/v1", true},
		{"ready", "StatefulSet", "apps/v1", true},
		{"plain", "StatefulSet", "apps/v1", false},
		{"alien", "StatefulSet", "apps.example.com/v1", true},
		{"replica", "ReplicaSet", "apps/v1", true},
		{"daemon", "DaemonSet", "apps/v1", true},
		{"bare", "", "", true},
	} {
		yes, seconds := true, int64(5)
		pod := &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Name: row.name, Labels: map[string]string{"test": "fence-pods"}},
			Spec: corev1.PodSpec{ServiceAccountName: account.Name, TerminationGracePeriodSeconds: &seconds,
				Containers: []corev1.Container{{Name: "c", Image: "registry.example.com/c:1", Resources: corev1.ResourceRequirements{
					Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("100m")}}}}},
		}
		if row.isFilled {
			pod.Annotations = map[string]string{"rampart.dev/fill": "0011223344556677.8899aabbccddeeff"}
		}
		if row.owner != "" {
			pod.OwnerReferences = []metav1.OwnerReference{
				{APIVersion: row.apiVersion, Kind: row.owner, Name: "owner", UID: "u-1", Controller: &yes}}
		}
		made, err := client.Pods("default").Create(ctx, pod, metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		pods[row.name] = made
		t.Cleanup(func() {
			noTime := int64(0) // of the kubelet that is not there
			err := client.Pods("default").Delete(ctx, row.name, metav1.DeleteOptions{GracePeriodSeconds: &noTime})
			if err != nil {
				t.Error(err)
			}
		})
	}
	// On a node: a pod without one has no kubelet that could still run it.
	binding := &corev1.Binding{ObjectMeta: metav1.ObjectMeta{Name: "stuck"}, Target: corev1.ObjectReference{Kind: "Node", Name: "far-away"}}
	if err := client.Pods("default").Bind(ctx, binding, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	mustPatchStatus(t, "stuck", `{"conditions": [{"type": "Ready", "status": "False"}]}`)
	mustPatchStatus(t, "ready", `{"conditions": [{"type": "Ready", "status": "True"}]}`)
	stuck, err := client.Pods("default").Get(ctx, "stuck", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	pods["stuck"] = stuck
	return pods
}

// mustPatchStatus says of a pod what a kubelet would say.
func mustPatchStatus(t *testing.T, name, status string) {
	t.Helper()
	_, err := control.Client.CoreV1().Pods("default").Patch(t.Context(), name, types.MergePatchType,
		[]byte(`{"status": `+status+`}`), metav1.PatchOptions{}, "status")
	if err != nil {
		t.Fatal(err)
	}
}

// podAttempt is one request about pods; says is what the fence says to it when Rampart makes it, "" is nothing.
type podAttempt struct {
	name, says string
	do         func(context.Context, kubernetes.Interface) error
}

func deletePod(pod *corev1.Pod, options metav1.DeleteOptions) func(context.Context, kubernetes.Interface) error {
	return func(ctx context.Context, client kubernetes.Interface) error {
		return client.CoreV1().Pods(pod.Namespace).Delete(ctx, pod.Name, options)
	}
}

// byUID is how Rampart deletes.
func byUID(pod *corev1.Pod) metav1.DeleteOptions {
	return metav1.DeleteOptions{DryRun: dryPatch.DryRun, Preconditions: &metav1.Preconditions{UID: &pod.UID}}
}

func podAttempts(pods map[string]*corev1.Pod) []podAttempt {
	const nothingElse, ofStatefulSets = "one at a time, and do nothing else", "those of a StatefulSet alone"
	stuck, ready := pods["stuck"], pods["ready"]
	none, noTime := metav1.DeleteOptions{DryRun: dryPatch.DryRun}, int64(0)
	forced := byUID(stuck)
	forced.GracePeriodSeconds = &noTime
	foreign := byUID(stuck)
	foreign.Preconditions = &metav1.Preconditions{ResourceVersion: &stuck.ResourceVersion}
	onPods := func(do func(context.Context, typedcorev1.PodInterface) error) func(context.Context, kubernetes.Interface) error {
		return func(ctx context.Context, client kubernetes.Interface) error {
			return do(ctx, client.CoreV1().Pods("default"))
		}
	}
	patch := func(pod *corev1.Pod, body string, subresources ...string) func(context.Context, kubernetes.Interface) error {
		return onPods(func(ctx context.Context, client typedcorev1.PodInterface) error {
			_, err := client.Patch(ctx, pod.Name, types.StrategicMergePatchType, []byte(body), dryPatch, subresources...)
			return err
		})
	}
	attempts := []podAttempt{
		{"a stuck pod of a StatefulSet", "", deletePod(stuck, byUID(stuck))},
		{"a stuck pod by its name", "by its uid alone", deletePod(stuck, none)},
		{"a stuck pod by its version", "by its uid alone", deletePod(stuck, foreign)},
		{"a stuck pod by force", "the time that a pod has to end", deletePod(stuck, forced)},
		{"a ready pod of a StatefulSet", "one that is ready", deletePod(ready, byUID(ready))},
		{"a pod of a StatefulSet that was not filled in", "from a template that it filled in",
			deletePod(pods["plain"], byUID(pods["plain"]))},
		{"a pod of a StatefulSet of another kind", ofStatefulSets, deletePod(pods["alien"], byUID(pods["alien"]))},
		{"a pod of a Deployment", ofStatefulSets, deletePod(pods["replica"], byUID(pods["replica"]))},
		{"a pod of a DaemonSet", ofStatefulSets, deletePod(pods["daemon"], byUID(pods["daemon"]))},
		{"a pod of nobody", ofStatefulSets, deletePod(pods["bare"], byUID(pods["bare"]))},
		{"all at once", nothingElse, onPods(func(ctx context.Context, client typedcorev1.PodInterface) error {
			return client.DeleteCollection(ctx, byUID(stuck), metav1.ListOptions{FieldSelector: "metadata.name=" + stuck.Name})
		})},
		{"an eviction", nothingElse, onPods(func(ctx context.Context, client typedcorev1.PodInterface) error {
			options := byUID(stuck)
			return client.EvictV1(ctx, &policyv1.Eviction{ObjectMeta: metav1.ObjectMeta{Name: stuck.Name}, DeleteOptions: &options})
		})},
		{"a new pod", nothingElse, onPods(func(ctx context.Context, client typedcorev1.PodInterface) error {
			pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "fenced-new"}, Spec: corev1.PodSpec{
				ServiceAccountName: "fenced", Containers: []corev1.Container{{Name: "c", Image: "evil"}}}}
			_, err := client.Create(ctx, pod, metav1.CreateOptions{DryRun: dryPatch.DryRun})
			return err
		})},
		{"a node for it", nothingElse, onPods(func(ctx context.Context, client typedcorev1.PodInterface) error {
			binding := &corev1.Binding{ObjectMeta: metav1.ObjectMeta{Name: stuck.Name}, Target: corev1.ObjectReference{Kind: "Node", Name: "n"}}
			return client.Bind(ctx, binding, metav1.CreateOptions{DryRun: dryPatch.DryRun})
		})},
		{"an image", nothingElse, patch(stuck, `{"spec": {"containers": [{"name": "c", "image": "evil"}]}}`)},
		{"a label", nothingElse, patch(stuck, `{"metadata": {"labels": {"tier": "vault"}}}`)},
		{"an annotation of its own", nothingElse, patch(stuck, `{"metadata": {"annotations": {"rampart.dev/fill": "x"}}}`)},
		{"a status", nothingElse, patch(stuck, `{"status": {"message": "well"}}`, "status")},
		{"an ephemeral container", nothingElse,
			patch(stuck, `{"spec": {"ephemeralContainers": [{"name": "evil", "image": "evil"}]}}`, "ephemeralcontainers")},
		{"a size", nothingElse, patch(ready, `{"spec": {"containers": [{"name": "c", "resources": {"requests": {"cpu": "200m"}}}]}}`, "resize")},
	}
	for _, subresource := range []string{"exec", "attach", "portforward", "proxy"} {
		attempts = append(attempts, podAttempt{subresource, nothingElse, func(ctx context.Context, client kubernetes.Interface) error {
			return client.CoreV1().RESTClient().Post().Namespace("default").Resource("pods").Name(stuck.Name).SubResource(subresource).
				Param("container", "c").Param("command", "sh").Param("stdout", "true").Param("ports", "80").Do(ctx).Error()
		}})
	}
	return attempts
}

// The operator's own token, with every right there is: of all that one can do to a pod, only the deletion of a stuck
// one of a StatefulSet that was filled in goes through.
func TestFenceAroundPods(t *testing.T) {
	needDeployed(t)
	widenRights(t)
	rampart, err := kubernetes.NewForConfig(configOf(t, ownNamespace, ownAccount))
	if err != nil {
		t.Fatal(err)
	}
	pods := makeFencedPods(t)
	attempts := podAttempts(pods)
	eventually(t, func() error { // rights and policy take effect a moment after they were made
		if err := attempts[1].do(t.Context(), rampart); !refused(err, attempts[1].says) {
			return fmt.Errorf("there is no fence: %v", err)
		}
		return nil
	})
	for _, a := range attempts {
		t.Run(a.name, func(t *testing.T) {
			err := a.do(t.Context(), rampart)
			if a.says == "" && err != nil || a.says != "" && !refused(err, a.says) {
				t.Errorf("want %q, got %v", a.says, err)
			}
			if err := a.do(t.Context(), control.Client); refused(err, "") {
				t.Errorf("the admin is refused: %v", err)
			}
		})
	}
	options := byUID(pods["stuck"])
	options.DryRun = nil
	if err := deletePod(pods["stuck"], options)(t.Context(), rampart); err != nil {
		t.Fatal(err)
	}
	pod, err := control.Client.CoreV1().Pods("default").Get(t.Context(), "stuck", metav1.GetOptions{})
	if err != nil || pod.DeletionTimestamp == nil || *pod.DeletionGracePeriodSeconds != 5 {
		t.Errorf("it is not being deleted with its own time to end: %v %v", pod.DeletionGracePeriodSeconds, err)
	}
}
