package scenarios

import (
	"context"
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
)

const (
	psaEnforce = "pod-security.kubernetes.io/enforce"
	psaWarn    = "pod-security.kubernetes.io/warn"
	psaAudit   = "pod-security.kubernetes.io/audit"
)

// patchNamespace makes a merge patch as Rampart does.
func patchNamespace(ctx context.Context, client kubernetes.Interface, name, body string, options metav1.PatchOptions, subresources ...string) error {
	options.FieldManager = "rampart"
	_, err := client.CoreV1().Namespaces().Patch(ctx, name, types.MergePatchType, []byte(body), options, subresources...)
	return err
}

func labelPatch(key, value string) string {
	return fmt.Sprintf(`{"metadata": {"labels": {%q: %s}}}`, key, value)
}

// namespaceAttack is a patch that the fence refuses with such words.
type namespaceAttack struct{ name, body, says string }

var namespaceAttacks = []namespaceAttack{
	{"another label", labelPatch("team", `"shop"`), "those of Pod Security Admission alone"},
	{"another label changed", labelPatch("tier", `"vault"`), "those of Pod Security Admission alone"},
	{"another label removed", labelPatch("tier", `null`), "those of Pod Security Admission alone"},
	{"another label of the same prefix", labelPatch("pod-security.kubernetes.io/exempt", `"true"`), "those of Pod Security Admission alone"},
	{"all labels removed", `{"metadata": {"labels": null}}`, "those of Pod Security Admission alone"},
	{"a label that somebody stated, lower", labelPatch(psaEnforce, `"privileged"`), "did not fill in"},
	{"a label that somebody stated, higher", labelPatch(psaEnforce, `"restricted"`), "did not fill in"},
	{"a label that somebody stated, removed", labelPatch(psaEnforce, `null`), "did not fill in"},
	{"a version that somebody stated, lower", labelPatch(psaEnforce+"-version", `"v1.25"`), "did not fill in"},
	{"another annotation", `{"metadata": {"annotations": {"openshift.io/node-selector": "x"}}}`, "rampart.dev/pod-security alone"},
	{"another annotation changed", `{"metadata": {"annotations": {"note": "x"}}}`, "rampart.dev/pod-security alone"},
	{"another annotation removed", `{"metadata": {"annotations": {"note": null}}}`, "rampart.dev/pod-security alone"},
	{"a finalizer", `{"metadata": {"finalizers": ["example.com/stuck"]}}`, "labels and one annotation alone"},
	{"an owner", `{"metadata": {"ownerReferences": [{"apiVersion": "v1", "kind": "Namespace", "name": "default", "uid": "u"}]}}`,
		"labels and one annotation alone"},
	{"what managedFields say of others", `{"metadata": {"managedFields": [{}]}}`, "managedFields say of others"},
	{"a claim to what somebody stated", `{"metadata": {"managedFields": [{"manager": "rampart", "operation": "Update",
		"apiVersion": "v1", "time": "2026-01-01T00:00:00Z", "fieldsType": "FieldsV1",
		"fieldsV1": {"f:metadata": {"f:labels": {"f:pod-security.kubernetes.io/enforce": {}}}}}]}}`, "may not"},
}

// A stolen token fills in labels of Pod Security Admission where nobody states them, takes those back, and can do nothing
// else to a Namespace, whatever rights it is given.
func TestFenceAroundNamespaces(t *testing.T) {
	needDeployed(t)
	ctx, name := t.Context(), "fenced-labels"
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		Name: name, Annotations: map[string]string{"note": "kept"},
		Labels: map[string]string{"tier": "web", psaEnforce: "baseline", psaEnforce + "-version": "latest"},
	}}
	if _, err := control.Client.CoreV1().Namespaces().Create(ctx, ns, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = control.Client.CoreV1().Namespaces().Delete(context.Background(), name, metav1.DeleteOptions{})
	})
	rampart, err := kubernetes.NewForConfig(configOf(t, ownNamespace, ownAccount))
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error { // a policy takes effect a moment after it was made
		err := patchNamespace(ctx, rampart, name, namespaceAttacks[0].body, dryPatch)
		if refused(err, namespaceAttacks[0].says) {
			return nil
		}
		return fmt.Errorf("there is no fence: %v", err)
	})
	mayFill := func(what, body string) {
		t.Helper()
		if err := patchNamespace(ctx, rampart, name, body, metav1.PatchOptions{}); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	attack := func(t *testing.T, a namespaceAttack) {
		t.Helper()
		if err := patchNamespace(ctx, rampart, name, a.body, dryPatch); !refused(err, a.says) {
			t.Errorf("%s: want %q, got %v", a.name, a.says, err)
		}
		if err := patchNamespace(ctx, control.Client, name, a.body, dryPatch); err != nil {
			t.Errorf("%s: the admin may not either: %v", a.name, err)
		}
	}
	for _, a := range namespaceAttacks {
		t.Run(a.name, func(t *testing.T) { attack(t, a) })
	}
	mayFill("fill in", `{"metadata": {"labels": {"`+psaWarn+`": "baseline", "`+psaWarn+`-version": "v1.30"},
		"annotations": {"rampart.dev/pod-security": "shop"}}}`)
	mayFill("change its own", labelPatch(psaWarn, `"restricted"`))
	for _, a := range namespaceAttacks {
		t.Run("beside its own: "+a.name, func(t *testing.T) { attack(t, a) })
	}
	// What somebody states as well is his: the value is the same, and he owns it too.
	apply := `{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "` + name + `", "labels": {"` + psaWarn + `": "restricted"}}}`
	_, err = control.Client.CoreV1().Namespaces().Patch(ctx, name, types.ApplyPatchType, []byte(apply), metav1.PatchOptions{FieldManager: "git"})
	if err != nil {
		t.Fatal(err)
	}
	attack(t, namespaceAttack{"its own, which somebody has adopted", labelPatch(psaWarn, `null`), "somebody else states"})
	mayFill("take its own back", `{"metadata": {"labels": {"`+psaWarn+`-version": null}, "annotations": {"rampart.dev/pod-security": null}}}`)

	own := `{"metadata": {"labels": {"` + psaAudit + `": "privileged"}}}`
	if err := patchNamespace(ctx, rampart, ownNamespace, own, dryPatch); !refused(err, "namespace that it runs in") {
		t.Errorf("its own namespace: %v", err)
	}
	t.Run("with every right there is", func(t *testing.T) {
		widenRights(t)
		beyond := func(do func() error) {
			t.Helper()
			eventually(t, func() error { // these rights hold a moment later
				if err := do(); !refused(err, "neither create nor delete") {
					return fmt.Errorf("want a refusal, got %v", err)
				}
				return nil
			})
		}
		beyond(func() error {
			return rampart.CoreV1().Namespaces().Delete(ctx, name, metav1.DeleteOptions{DryRun: dryPatch.DryRun})
		})
		beyond(func() error {
			made := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "made"}}
			_, err := rampart.CoreV1().Namespaces().Create(ctx, made, metav1.CreateOptions{DryRun: dryPatch.DryRun})
			return err
		})
		beyond(func() error {
			_, err := rampart.CoreV1().Namespaces().Finalize(ctx, ns, metav1.UpdateOptions{DryRun: dryPatch.DryRun})
			return err
		})
		beyond(func() error {
			return patchNamespace(ctx, rampart, name, `{"status": {"conditions": [
				{"type": "NamespaceDeletionContentFailure", "status": "True"}]}}`, dryPatch, "status")
		})
	})
}
