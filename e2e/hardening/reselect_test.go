package hardening

import (
	"fmt"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// selectNamespace lets the profile of the story select its namespace, or not.
func (s *story) selectNamespace(isSelected bool) {
	s.Helper()
	label := "null"
	if isSelected {
		label = fmt.Sprintf("%q", s.name)
	}
	_, err := s.Client.CoreV1().Namespaces().Patch(s.Context(), s.name, types.MergePatchType,
		[]byte(`{"metadata": {"labels": {"story": `+label+`}}}`), metav1.PatchOptions{})
	s.must(err)
}

// A namespace comes and goes as often as it likes: what Rampart takes back itself is no rival's doing and no failure. Of
// a StatefulSet the API does not record that it was proven, and so it is left alone, and says so.
func TestNamespaceThatIsSelectedAgainIsFilledInAgain(t *testing.T) {
	t.Parallel()
	s := begin(t, "reselected")
	web := s.make(workload{kind: deployment, name: "web", image: image{User: "1000"}})
	set := s.make(workload{kind: statefulSet, name: "set", image: image{User: "1000"}})
	s.enforceWith(atOnce)
	s.comesTo(set, "Proven")
	for range 2 {
		s.comesTo(web, "Proven")
		s.selectNamespace(false)
		s.within(func() error { return s.isUntouched(web) })
		s.within(func() error { return s.isUntouched(set) })
		s.awaitWhole(web)
		s.selectNamespace(true)
	}
	s.comesTo(web, "Proven")
	for _, reason := range []string{"Contested", "StoodDown", "WorkloadSkipped"} {
		if count, note := s.events(reason, "web"); count > 0 {
			t.Errorf("%s: %s", reason, note)
		}
	}
	s.expectSkipped(set, "TriedBefore")
	s.newTag(set, "2")
	s.comesTo(set, "Proven")
	s.deleteProfile()
}
