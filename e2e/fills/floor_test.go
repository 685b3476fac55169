package fills

import (
	"encoding/json"
	"regexp"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"rampart.dev/e2e/contenders/fill"
	"rampart.dev/e2e/contenders/policy"
)

// key is what the floor of the benchmark cannot know.
var key = regexp.MustCompile(`"rampart\.dev/fill":"[0-9a-f.]+"`)

// The benchmark's ratio to the floor means something only while both send the same.
func TestFloorOfTheBenchmarkSendsTheSamePatch(t *testing.T) {
	k := kinds[0]
	made, err := control.Client.AppsV1().Deployments(namespace).
		Create(t.Context(), fill.Deployment(namespace, "floor"), metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	ours := fill.Patch(made, 1_700_000_000)
	var sent struct {
		Metadata struct{ Annotations map[string]string }
	}
	if err := json.Unmarshal(ours, &sent); err != nil {
		t.Fatal(err)
	}
	a := ask(t, map[string]any{"kind": k.name, "object": k.get(t, "floor").Object, "wants": "", "evidence": "",
		"mark": sent.Metadata.Annotations["rampart.dev/rollout"]})
	if a.Error != "" || a.Patch == nil {
		t.Fatalf("%+v", a)
	}
	if got, want := key.ReplaceAllString(string(ours), "KEY"), key.ReplaceAllString(*a.Patch, "KEY"); got != want {
		t.Errorf("the floor sends\n%s\nand Rampart\n%s", ours, *a.Patch)
	}
	patched, err := control.Client.AppsV1().Deployments(namespace).Patch(t.Context(), "floor",
		types.StrategicMergePatchType, ours, metav1.PatchOptions{FieldManager: policy.Manager})
	if err != nil {
		t.Fatal(err)
	}
	if !fill.IsFilled(patched) || fill.IsFilled(made) {
		t.Error("it does not count as filled in afterwards, or did before")
	}
	if leaves := leavesLeft(t, k, patched); leaves != 0 {
		t.Errorf("there are %d leaves left to fill in", leaves)
	}
}

func leavesLeft(t *testing.T, k kind, d *appsv1.Deployment) int {
	t.Helper()
	object, err := runtime.DefaultUnstructuredConverter.ToUnstructured(d)
	if err != nil {
		t.Fatal(err)
	}
	return k.askFill(t, &unstructured.Unstructured{Object: object}, "", "").Leaves
}
