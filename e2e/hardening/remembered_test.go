package hardening

import (
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// ownerSets is a change of the owner: another tag, whose image is like that.
func (s *story) ownerSets(name, tag string, i image) {
	s.Helper()
	body := fmt.Sprintf(`{"spec": {"template": {"metadata": {"annotations": {%q: %q}},
		"spec": {"containers": [{"name": "app", "image": "example.com/app:%s"}]}}}}`, imageAnnotation, i.annotation(), tag)
	_, err := s.Client.AppsV1().Deployments(s.name).Patch(s.Context(), name, types.StrategicMergePatchType, []byte(body),
		metav1.PatchOptions{FieldManager: "owner"})
	s.must(err)
}

// filled is the security context of the only container with what is filled in; nil: nothing is.
func (s *story) filled(name string) *corev1.SecurityContext {
	s.Helper()
	d, err := s.deployment(name)
	s.must(err)
	return d.Spec.Template.Spec.Containers[0].SecurityContext
}

// reverts checks how often it was said of a workload that it was taken back, and what was said last.
func (s *story) reverts(name string, times int, words ...string) error {
	count, note := s.events("Reverted", name)
	for _, word := range words {
		if !strings.Contains(note, word) {
			return fmt.Errorf("%s: %q is not in %q", name, word, note)
		}
	}
	if count != times {
		return fmt.Errorf("%s: %d Events, expected %d; the last: %s", name, count, times, note)
	}
	return nil
}

// A process that knows nothing of the one before does not try again what has failed. A change of the template is
// another try, and only one. Until the operator is restarted, this has it for itself.
func TestWhatFailedIsRememberedUntilItsOwnerChangesIt(t *testing.T) {
	s := begin(t, "remembered")
	crashes := image{User: "1000", BreaksOn: []string{"capabilities"}}
	named := image{User: "nginx:101"}
	s.makeDeployment("crash", crashes)
	s.makeDeployment("named", named)
	s.enforce()
	for _, name := range []string{"crash", "named"} {
		s.within(func() error { return s.is(name, 3, "Reverted") })
	}
	s.within(func() error {
		return s.reverts("named", 1, "CreateContainerConfigError", "image has non-numeric user (nginx)")
	})
	s.within(func() error { return s.reverts("crash", 1, "CrashLoopBackOff") })

	s.must(s.rampart.Kill())
	s.must(s.rampart.Start(t.Context()))
	t.Parallel()
	s.makeDeployment("after", image{User: "1000"})
	s.within(func() error { return s.is("after", 3, "Proven") }) // the profile was worked through by then
	for _, name := range []string{"crash", "named"} {
		s.must(s.is(name, 3, "Reverted"))
	}
	s.must(s.reverts("crash", 1, "CrashLoopBackOff")) // and did not say so again

	s.ownerSets("crash", "2", crashes)
	s.ownerSets("named", "2", image{User: "101"})
	s.within(func() error { return s.is("crash", 6, "Reverted") }) // the owner's, the fill, and that it is taken back
	s.within(func() error { return s.reverts("crash", 2, "CrashLoopBackOff") })
	s.within(func() error { return s.is("named", 6, "Proven") })
	if s.filled("crash") != nil || s.filled("named") == nil {
		t.Errorf("crash has %v, named has %v", s.filled("crash"), s.filled("named"))
	}
	s.deleteProfile()
	for _, name := range []string{"crash", "named", "after"} {
		if s.filled(name) != nil {
			t.Errorf("%s keeps %v", name, s.filled(name))
		}
	}
}
