package podsecurity

import (
	"fmt"
	"maps"
	"os/exec"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"rampart.dev/e2e/operator"
)

const quiet = 8 * time.Second // longer than any retry of what has settled

var filledIn = both(pair(enforce, "baseline", "latest"), pair(warn, "restricted", "latest"), pair(audit, "restricted", "latest"))

const fillIn = `{mode: Enforce, onDelete: Remove, podSecurityAdmission: {enforce: baseline, warn: restricted, audit: restricted}}`

// A namespace in which nothing would be refused gets all labels by one write, and from then on the API server refuses
// what violates. Nothing more is written, and when the profile goes the labels are what they were.
func TestCleanNamespaceGetsItsLabelsAndGivesThemBack(t *testing.T) {
	s := begin(t, "clean", map[string]string{"tier": "web"})
	s.deployment("web", goodSpec)
	s.cronJob("nightly", goodSpec)
	before, place := s.namespace().Labels, s.place()
	s.profile(fillIn)
	s.within(func() error { return s.has(filledIn) })
	s.within(func() error { return s.says("Ready", "True: Enforced: 1 of 1 namespaces are compliant") })
	s.must(s.says("Enforcing", "True: Enforced: Pod Security Admission labels"))
	if writes, dryRuns := s.written(place); writes != 1 || dryRuns != 1 {
		t.Errorf("%d writes and %d dry runs, expected one each", writes, dryRuns)
	}

	bad := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "bad"}, Spec: corev1.PodSpec{HostNetwork: true,
		Containers: []corev1.Container{{Name: "c", Image: "registry.example.com/c:1"}}}}
	_, err := s.Client.CoreV1().Pods(s.name).Create(t.Context(), bad, metav1.CreateOptions{})
	if err == nil || !strings.Contains(err.Error(), `violates PodSecurity "baseline:latest"`) {
		t.Errorf("a pod in the host's network is not refused: %v", err)
	}

	place = s.place()
	time.Sleep(quiet)
	s.must(s.rampart.Restart(t.Context()))
	time.Sleep(quiet)
	if writes, dryRuns := s.written(place); writes+dryRuns != 0 {
		t.Errorf("%d writes and %d dry runs although all is in place", writes, dryRuns)
	}

	s.deleteProfile()
	s.within(s.isGone)
	if after := s.namespace(); !maps.Equal(after.Labels, before) || after.Annotations[mark] != "" {
		t.Errorf("labels are %v, annotations %v; the labels were %v", after.Labels, after.Annotations, before)
	}
}

// enforce waits for templates, CronJobs and pods, says which, and comes by itself when they are mended. The other labels
// do not wait.
func TestEnforceWaitsForAllThatWouldBeRefused(t *testing.T) {
	s := begin(t, "waits", nil)
	s.deployment("web", badSpec)
	s.deployment("fine", goodSpec)
	s.cronJob("nightly", badSpec)
	s.pod("bare", badSpec)
	s.profile(fillIn)
	others := both(pair(warn, "restricted", "latest"), pair(audit, "restricted", "latest"))
	s.within(func() error { return s.has(others) })
	list := []string{"enforce=baseline:latest waits", "Deployment web (privileged), CronJob nightly (privileged), Pod bare (privileged)"}
	s.within(func() error { return s.drifts("LabelWaits", list, "fine") })
	s.within(func() error { return s.tells("LabelWaits", "CronJob nightly (privileged)") })
	s.must(s.says("Ready", "False: LabelWaits: "))

	plan := s.plan()
	for _, phrase := range []string{"waits", "Deployment web (privileged)", "CronJob nightly (privileged)"} {
		if !strings.Contains(plan, phrase) {
			t.Errorf("want %q in the plan:\n%s", phrase, plan)
		}
	}

	s.deployment("web", goodSpec)
	s.within(func() error { return s.drifts("LabelWaits", []string{"CronJob nightly"}, "Deployment web") })
	s.must(s.has(others))
	s.cronJob("nightly", goodSpec)
	s.within(func() error { // pods by the API server's words, with our list beside
		return s.drifts("LabelWaits", []string{"Pod bare (privileged)", "the API server warns: existing pods in namespace", "bare: privileged"})
	})
	s.must(s.has(others))
	noTime := int64(0)
	s.must(s.Client.CoreV1().Pods(s.name).Delete(t.Context(), "bare", metav1.DeleteOptions{GracePeriodSeconds: &noTime}))
	s.within(func() error { return s.has(filledIn) })
	s.within(func() error { return s.says("Ready", "True: Enforced") })
}

// plan is what `rampart plan` says, as an admin. Exit code 3: something would change.
func (s *story) plan() string {
	s.Helper()
	binary, err := operator.Binary()
	s.must(err)
	out, err := exec.CommandContext(s.Context(), binary, "plan", "--kubeconfig", s.AdminKubeconfig).CombinedOutput()
	if exit, ok := err.(*exec.ExitError); err != nil && (!ok || exit.ExitCode() != 3) {
		s.Fatalf("%v: %s", err, out)
	}
	return string(out)
}

// In Audit nothing is set; the plan shows what Enforce would.
func TestPlanShowsTheLabels(t *testing.T) {
	s := begin(t, "planned", nil)
	s.profile(`{mode: Audit, podSecurityAdmission: {enforce: baseline}}`)
	s.within(func() error { return s.drifts("LabelMissing", []string{"Enforce would set " + enforce}) })
	if plan := s.plan(); !strings.Contains(plan, "label Namespace planned: enforce=baseline, enforce-version=latest") {
		t.Errorf("the plan does not show it:\n%s", plan)
	}
	s.must(s.has(nil))
}

// Told to go on, it sets the label and says who is refused from now on.
func TestOnViolationEnforceGoesOn(t *testing.T) {
	s := begin(t, "imposed", nil)
	s.deployment("web", badSpec)
	s.profile(`{mode: Enforce, podSecurityAdmission: {enforce: baseline, onViolation: Enforce}}`)
	s.within(func() error { return s.has(pair(enforce, "baseline", "latest")) })
	s.within(func() error { return s.tells("LabelImposed", "Deployment web (privileged)") })
}

// What is stated stays, and what is left out beside it is filled in.
func TestStatedLabelsStay(t *testing.T) {
	stated := both(map[string]string{enforce: "privileged"}, pair(warn, "baseline", "v1.30"))
	s := begin(t, "stated", stated)
	s.profile(fillIn)
	s.within(func() error { return s.has(both(stated, pair(audit, "restricted", "latest"))) })
	s.within(func() error { return s.drifts("LabelStated", []string{"less than the"}) })
	s.deleteProfile()
	s.within(s.isGone)
	s.must(s.has(stated))
}

// The profile is edited: what is ours follows, through the gate.
func TestEditedProfileChangesWhatIsOurs(t *testing.T) {
	s := begin(t, "edited", map[string]string{audit: "baseline"})
	s.profile(fillIn)
	own := both(pair(enforce, "baseline", "latest"), pair(warn, "restricted", "latest"), map[string]string{audit: "baseline"})
	s.within(func() error { return s.has(own) })
	s.pod("plain", goodSpec) // which restricted refuses
	s.profile(`{mode: Enforce, onDelete: Remove, podSecurityAdmission: {enforce: restricted, version: v1.30}}`)
	s.within(func() error { return s.drifts("LabelWaits", []string{"Pod plain ("}) })
	s.must(s.has(both(pair(enforce, "baseline", "latest"), map[string]string{audit: "baseline"})))
	noTime := int64(0)
	s.must(s.Client.CoreV1().Pods(s.name).Delete(t.Context(), "plain", metav1.DeleteOptions{GracePeriodSeconds: &noTime}))
	s.within(func() error {
		return s.has(both(pair(enforce, "restricted", "v1.30"), map[string]string{audit: "baseline"}))
	})
}

// ---- others ----

// kubectl apply of a manifest without the labels, and server-side apply with force alike, leave them: a sync of Git that
// states none of them changes nothing. What it states is Git's from then on, also where the value is the same.
func TestWhatGitAppliesIsGits(t *testing.T) {
	s := begin(t, "git", nil)
	manifest := func(labels string) string {
		return fmt.Sprintf(`{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": %q, "labels": {"story": %q%s}}}`, s.name, s.name, labels)
	}
	kubectl := func(labels string) {
		t.Helper()
		s.kubectlApply(manifest(labels))
	}
	server := func(labels string) {
		t.Helper()
		force := true
		_, err := s.Client.CoreV1().Namespaces().Patch(t.Context(), s.name, types.ApplyPatchType, []byte(manifest(labels)),
			metav1.PatchOptions{FieldManager: "argocd-controller", Force: &force})
		s.must(err)
	}
	kubectl("")
	s.profile(fillIn)
	s.within(func() error { return s.has(filledIn) })
	place := s.place()
	kubectl("")
	server("")
	time.Sleep(quiet)
	s.must(s.has(filledIn))
	if writes, dryRuns := s.written(place); writes+dryRuns != 0 {
		t.Errorf("a sync that changes nothing leads to %d writes and %d dry runs", writes, dryRuns)
	}

	kubectl(`, "` + warn + `": "restricted"`)   // the same value: nothing of it in managedFields
	server(`, "` + enforce + `": "privileged"`) // another one, by force
	s.within(func() error { return s.drifts("LabelStated", []string{enforce + "=privileged"}) })
	s.deleteProfile()
	s.within(s.isGone)
	s.must(s.has(map[string]string{warn: "restricted", enforce: "privileged"}))
}

func (s *story) kubectlApply(manifest string) {
	s.Helper()
	path := s.T.TempDir() + "/namespace.json"
	s.must(writeFile(path, manifest))
	out, err := s.RunKubectl(s.Context(), "apply", "-f", path)
	if err != nil {
		s.Fatalf("%v: %s", err, out)
	}
}

// Who takes the labels away twice has his way, and is told of.
func TestWhoTakesItAwayTwiceHasIt(t *testing.T) {
	s := begin(t, "contested", nil)
	s.profile(fillIn)
	s.within(func() error { return s.has(filledIn) })
	replace := func() {
		t.Helper()
		s.within(func() error { // as a tool does that replaces what it finds
			ns := s.namespace()
			ns.Labels, ns.Annotations = map[string]string{"story": s.name}, nil
			_, err := s.Client.CoreV1().Namespaces().Update(t.Context(), ns, metav1.UpdateOptions{})
			return err
		})
	}
	replace()
	s.within(func() error { return s.has(filledIn) })
	s.within(func() error { return s.tells("LabelRemoved", enforce) })
	replace()
	s.within(func() error { return s.drifts("Contested", []string{"taken away twice"}) })
	s.within(func() error { return s.says("Contested", "True: Contested") })
	place := s.place()
	time.Sleep(quiet)
	s.must(s.has(nil))
	if writes, _ := s.written(place); writes != 0 {
		t.Errorf("%d writes after it was given up", writes)
	}
	s.deleteProfile()
	s.within(s.isGone)
}
