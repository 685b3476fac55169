package fills

import (
	"encoding/json"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
)

// typed are the structs by whose tags lists are merged.
var typed = map[string]any{
	"Deployment": appsv1.Deployment{}, "StatefulSet": appsv1.StatefulSet{}, "DaemonSet": appsv1.DaemonSet{},
	"CronJob": batchv1.CronJob{},
}

// difference is what a sync would change of the live object, as Argo CD computes it to say whether an application is
// Synced, and kubectl to apply: the three-way merge of what was applied last, what Git says and what is there. "" is
// Synced.
func (k kind) difference(t *testing.T, git, live *unstructured.Unstructured) string {
	t.Helper()
	was := git.DeepCopy() // as Argo CD has it where nothing was applied from here
	if text := live.GetAnnotations()[corev1.LastAppliedConfigAnnotation]; text != "" {
		if err := was.UnmarshalJSON([]byte(text)); err != nil {
			t.Fatal(err)
		}
		if len(was.GetAnnotations()) == 0 { // kubectl notes an empty map
			unstructured.RemoveNestedField(was.Object, "metadata", "annotations")
		}
	}
	old, errA := json.Marshal(was.Object)
	want, errB := json.Marshal(git.Object)
	is, errC := json.Marshal(live.Object)
	meta, errD := strategicpatch.NewPatchMetaFromStruct(typed[k.name])
	for _, err := range []error{errA, errB, errC, errD} {
		if err != nil {
			t.Fatal(err)
		}
	}
	patch, err := strategicpatch.CreateThreeWayMergePatch(old, want, is, meta, true)
	if err != nil {
		t.Fatal(err)
	}
	if string(patch) == "{}" {
		return ""
	}
	return string(patch)
}

// needKubectl skips a test that applies as people do.
func needKubectl(t *testing.T) {
	t.Helper()
	if control.Kubectl == "" {
		t.Skip("no kubectl")
	}
}

// What is filled in is no difference for who compares with Git, and a sync leaves it where it is.
func TestAFilledWorkloadIsSyncedForArgoCD(t *testing.T) {
	needKubectl(t)
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			git := k.object(t, objectName(t, "synced"), `
securityContext: {}
initContainers: [{name: wait, image: i}]
containers: [{name: web, image: i, securityContext: {capabilities: {add: [NET_BIND_SERVICE]}}}, {name: app, image: i}]`)
			kubectlApply(t, git)
			live := k.fill(t, k.get(t, git.GetName()), everything, "wait=1 web=1 app=2")
			if diff := k.difference(t, git, live); diff != "" {
				t.Errorf("the application is OutOfSync: %s", diff)
			}
			kubectlApply(t, git) // as self-heal would
			if after := k.get(t, git.GetName()); after.GetGeneration() != live.GetGeneration() {
				t.Errorf("a sync changed it: generation %d, was %d", after.GetGeneration(), live.GetGeneration())
			}

			other := k.object(t, git.GetName(), `
containers: [{name: web, image: other}, {name: app, image: i, securityContext: {allowPrivilegeEscalation: true}}]`)
			if k.difference(t, other, live) == "" {
				t.Error("a change in Git is no difference: this compares nothing")
			}
			kubectlApply(t, other)
			app := k.podSpec(t, k.get(t, git.GetName()))["containers"].([]any)[1].(map[string]any)
			context := app["securityContext"].(map[string]any)
			if context["allowPrivilegeEscalation"] != true || context["runAsUser"] != int64(2) {
				t.Errorf("what Git states since is not there, or more is gone than that: %v", context)
			}
		})
	}
}

// The same with server-side apply, by which Argo CD (ServerSideApply=true) and Flux compare, in a dry run, and apply.
func TestAFilledWorkloadIsSyncedForServerSideApply(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			git := k.object(t, objectName(t, "applied"), plain)
			live := k.fill(t, k.apply(t, git), everything, "web=1 app=2")
			for _, dryRun := range [][]string{{metav1.DryRunAll}, nil} {
				after, err := control.Dynamic.Resource(k.resource).Namespace(namespace).Apply(t.Context(), git.GetName(), git,
					metav1.ApplyOptions{FieldManager: "git", Force: true, DryRun: dryRun})
				if err != nil {
					t.Fatal(err)
				}
				demandSame(t, bare(after), bare(live))
			}
		})
	}
}

// An explicit null asks for a field to be absent, which some charts render by accident: each sync takes it out.
func TestANullInGitTakesAFillOut(t *testing.T) {
	needKubectl(t)
	k := kinds[0]
	git := k.object(t, "null", `containers: [{name: web, image: i, securityContext: null}]`)
	kubectlApply(t, git)
	live := k.fill(t, k.get(t, "null"), "nothing drop", "")
	if k.difference(t, git, live) == "" {
		t.Error("it is no difference")
	}
	kubectlApply(t, git)
	if _, isThere := k.podSpec(t, k.get(t, "null"))["containers"].([]any)[0].(map[string]any)["securityContext"]; isThere {
		t.Error("it is still there")
	}
}
