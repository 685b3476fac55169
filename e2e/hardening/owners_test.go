package hardening

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	"rampart.dev/e2e/oracle"
)

// quiet is for how long nothing may come of what is no reason to write.
const quiet = 8 * time.Second

// kubectl runs it in the story's namespace; file, where it is not empty, is what "-f FILE" is to name.
func (s *story) kubectl(file string, args ...string) {
	s.Helper()
	if file != "" {
		path := filepath.Join(s.TempDir(), "manifest.json")
		s.must(os.WriteFile(path, []byte(file), 0o600))
		args = append(args, "-f", path)
	}
	_, err := s.RunKubectl(s.Context(), append([]string{"--namespace", s.name}, args...)...)
	s.must(err)
}

func (s *story) patch(name, body string) {
	s.Helper()
	_, err := s.Client.AppsV1().Deployments(s.name).Patch(s.Context(), name, types.StrategicMergePatchType, []byte(body), metav1.PatchOptions{FieldManager: "owner"})
	s.must(err)
}

// phaseIs waits until the mark of a Deployment says so and all of its pods are ready.
func (s *story) phaseIs(name, want string) {
	s.Helper()
	s.within(func() error {
		d, err := s.deployment(name)
		if err != nil {
			return err
		}
		if got := phase(d.Annotations); got != want || d.Status.ReadyReplicas != *d.Spec.Replicas {
			return fmt.Errorf("%s: phase %q, %d ready; expected %q", name, got, d.Status.ReadyReplicas, want)
		}
		return nil
	})
}

func (s *story) isFilled(name string) bool {
	s.Helper()
	d, err := s.deployment(name)
	s.must(err)
	pod := d.Spec.Template.Spec
	return pod.SecurityContext != nil && pod.SecurityContext.SeccompProfile != nil && pod.Containers[0].SecurityContext != nil
}

// fills counts Rampart's writes that filled something into a workload.
func (s *story) fills(name string) (count int) {
	s.Helper()
	writes, _, err := s.writes()
	s.must(err)
	for _, w := range writes {
		if w.After.GetName() == name && len(w.Filled) > 0 {
			count++
		}
	}
	return count
}

// With NextChange nothing restarts until the owner changes the template; then it is filled in once, with that change.
func TestNextChangeWaitsForTheOwner(t *testing.T) {
	t.Parallel()
	s := begin(t, "next")
	s.makeDeployment("web", image{User: "1000", BreaksOn: []string{"always"}, How: "slow"}) // pods take a while, as real ones do
	s.profile("rollout: {when: NextChange, progressDeadlineSeconds: 30}")
	s.within(func() error { return s.profileSays("Enforcing", "True", "") })
	time.Sleep(quiet)
	if d, err := s.deployment("web"); err != nil || d.Generation != 1 {
		t.Fatalf("it was written before its owner changed it: generation %d, %v", d.Generation, err)
	}
	s.patch("web", `{"spec": {"template": {"spec": {"containers": [{"name": "app", "image": "example.com/app:2"}]}}}}`)
	s.phaseIs("web", "Proven")
	d, err := s.deployment("web")
	s.must(err)
	if image := d.Spec.Template.Spec.Containers[0].Image; image != "example.com/app:2" || !s.isFilled("web") {
		t.Errorf("image %s, filled in %t", image, s.isFilled("web"))
	}
	if n := s.fills("web"); n != 1 {
		t.Errorf("it was filled in %d times", n)
	}
	s.deleteProfile()
}

// Who rolls a fill back with kubectl means it: not again until the template changes.
func TestRolloutUndoIsTheUsersWord(t *testing.T) {
	t.Parallel()
	s := begin(t, "undo")
	s.kubectl(fmt.Sprintf(manifest, s.name, container("app")), "apply")
	s.phaseIs("web", "") // it runs
	s.enforce()
	s.phaseIs("web", "Proven")
	s.kubectl("", "rollout", "undo", "deployment/web")
	s.phaseIs("web", "StoodDown")
	time.Sleep(quiet)
	if s.isFilled("web") {
		t.Error("it is filled in again")
	}
	if count, note := s.events("StoodDown", "web"); count != 1 {
		t.Errorf("%d Events, the last: %s", count, note)
	}
	s.patch("web", `{"spec": {"template": {"spec": {"containers": [{"name": "app", "image": "example.com/app:2"}]}}}}`)
	s.phaseIs("web", "Proven")
	s.deleteProfile()
}

const manifest = `{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "%s"}, "spec": {"replicas": 1,
	"selector": {"matchLabels": {"app": "web"}}, "template": {"metadata": {"labels": {"app": "web"}, "annotations": {"e2e.rampart.dev/image": "{\"user\":\"1000\"}"}},
	"spec": {"containers": [%s]}}}}`

func container(name string) string {
	return fmt.Sprintf(`{"name": %q, "image": "example.com/%s:1"}`, name, name)
}

// The owner's tools go on as before: what Git does not state stays, and containers come, go and change their order.
func TestOwnersToolsGoOnAsBefore(t *testing.T) {
	for _, tool := range []struct {
		name string
		args []string
	}{{"apply", []string{"apply"}}, {"server-side", []string{"apply", "--server-side"}}} {
		t.Run(tool.name, func(t *testing.T) {
			t.Parallel()
			s := begin(t, "tools-"+tool.name)
			first := fmt.Sprintf(manifest, s.name, container("app")+","+container("proxy"))
			s.kubectl(first, tool.args...)
			s.phaseIs("web", "") // it runs
			s.enforce()
			s.phaseIs("web", "Proven")
			before, err := s.deployment("web")
			s.must(err)
			s.kubectl(first, tool.args...) // the same again
			time.Sleep(quiet)
			if d, err := s.deployment("web"); err != nil || !s.isFilled("web") || d.Generation > before.Generation+1 || s.fills("web") != 1 {
				t.Errorf("the same manifest once more: generation %d to %d, filled in %t and %d times, %v",
					before.Generation, d.Generation, s.isFilled("web"), s.fills("web"), err)
			}
			s.kubectl(fmt.Sprintf(manifest, s.name, container("proxy")+","+container("main")), tool.args...)
			s.phaseIs("web", "Proven")
			s.within(func() error {
				d, err := s.deployment("web")
				if err != nil {
					return err
				}
				c := d.Spec.Template.Spec.Containers
				if len(c) != 2 || c[0].Name != "proxy" || c[1].Name != "main" {
					return fmt.Errorf("containers %v", c)
				}
				for i := range c {
					if c[i].SecurityContext == nil || c[i].SecurityContext.AllowPrivilegeEscalation == nil {
						return fmt.Errorf("container %s is not filled in", c[i].Name)
					}
				}
				return nil
			})
			s.deleteProfile()
		})
	}
}

// What is not well, is paused, or has no room is not touched, and it is said why.
func TestWhatIsNotWellIsLeftAlone(t *testing.T) {
	t.Parallel()
	s := begin(t, "unwell")
	s.makeDeployment("paused", image{User: "1000"})
	s.patch("paused", `{"spec": {"paused": true}}`)
	s.makeDeployment("guarded", image{User: "1000"})
	zero := intstr.FromInt32(0)
	_, err := s.Client.PolicyV1().PodDisruptionBudgets(s.name).Create(t.Context(), &policyv1.PodDisruptionBudget{
		ObjectMeta: metav1.ObjectMeta{Name: "guarded"},
		Spec: policyv1.PodDisruptionBudgetSpec{
			MaxUnavailable: &zero,
			Selector:       &metav1.LabelSelector{MatchLabels: map[string]string{"app": "guarded"}},
		},
	}, metav1.CreateOptions{})
	s.must(err)
	s.makeDeployment("broken", image{User: "1000"})
	s.patch("broken", `{"spec": {"progressDeadlineSeconds": 3, "template": {"metadata": {"annotations": {"e2e.rampart.dev/image": "{\"user\":\"1000\",\"breaksOn\":[\"always\"]}"}}}}}`)
	s.makeDeployment("fine", image{User: "1000"})
	s.enforce()
	s.phaseIs("fine", "Proven")
	s.within(func() error {
		for name, reason := range map[string]string{"broken": "Unhealthy", "guarded": "NoBudgetRoom"} {
			if _, note := s.events("WorkloadSkipped", name); !strings.HasPrefix(note, reason) {
				return fmt.Errorf("%s: %q is no %s", name, note, reason)
			}
		}
		return nil
	})
	for _, name := range []string{"paused", "guarded", "broken"} {
		if s.isFilled(name) {
			t.Errorf("%s is filled in", name)
		}
	}
	s.deleteProfile()
}

// No more than maxConcurrent are under way at any time, the smallest come first, and when too many fail, the profile
// pauses itself until it is changed.
func TestTooManyFailuresPauseTheProfile(t *testing.T) {
	t.Parallel()
	s := begin(t, "pause")
	for i := range 3 {
		s.makeDeployment(fmt.Sprintf("bad-%d", i), image{User: "1000", BreaksOn: []string{"capabilities"}})
	}
	for i := range 3 {
		name := fmt.Sprintf("good-%d", i)
		s.makeDeployment(name, image{User: "1000"})
		s.patch(name, `{"spec": {"replicas": 3}}`)
		s.within(func() error {
			d, err := s.deployment(name)
			if err == nil && d.Status.ReadyReplicas != 3 {
				err = fmt.Errorf("%s: %d ready", name, d.Status.ReadyReplicas)
			}
			return err
		})
	}
	s.profile("rollout: {when: Now, maxConcurrent: 2, progressDeadlineSeconds: 30, pauseAtFailuresPercent: 20}")
	s.within(func() error { return s.profileSays("Ready", "False", "RolloutsPaused") })
	untouched := 0
	for i := range 3 {
		if !s.isFilled(fmt.Sprintf("good-%d", i)) {
			untouched++
		}
	}
	if untouched < 2 { // with the third failure one more may have begun
		t.Errorf("only %d of the larger ones are untouched", untouched)
	}
	_, err := s.Dynamic.Resource(profiles).Patch(t.Context(), s.name, types.MergePatchType,
		[]byte(`{"spec": {"workloads": {"rollout": {"pauseAtFailuresPercent": 100}}}}`), metav1.PatchOptions{})
	s.must(err)
	for i := range 3 {
		s.phaseIs(fmt.Sprintf("good-%d", i), "Proven")
	}
	writes, _, err := s.writes()
	s.must(err)
	expectAtMost(t, writes, 2)
	s.deleteProfile()
}

// expectAtMost follows the marks: so many workloads are being proven at once, and no more.
func expectAtMost(t *testing.T, writes []oracle.WorkloadWrite, most int) {
	t.Helper()
	proving, peak := map[string]bool{}, 0
	for _, w := range writes {
		if phase(w.After.GetAnnotations()) == "Proving" {
			proving[w.Object()] = true
		} else {
			delete(proving, w.Object())
		}
		peak = max(peak, len(proving))
	}
	if peak > most || peak == 0 {
		t.Errorf("%d workloads were being proven at once, expected 1 to %d", peak, most)
	}
}

// profileSays checks a condition of the story's profile; reason "" is any.
func (s *story) profileSays(kind, status, reason string) error {
	p, err := s.Dynamic.Resource(profiles).Get(context.WithoutCancel(s.Context()), s.name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	for _, c := range conditions(p) {
		if c["type"] == kind && c["status"] == status && (reason == "" || c["reason"] == reason) {
			return nil
		}
	}
	return fmt.Errorf("condition %s is not %s with reason %q: %v", kind, status, reason, conditions(p))
}
