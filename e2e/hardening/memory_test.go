package hardening

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
)

// A failure is remembered by the cluster: neither a restart nor a rollback to what failed makes it try again. Another
// image does.
func TestFailureIsRememberedUntilTheTemplateChanges(t *testing.T) {
	s := begin(t, "remembers")
	o := s.make(workload{kind: deployment, name: "web", replicas: 2, image: image{User: "1000", BreaksOn: []string{"capabilities"}}})
	s.enforceWith(atOnce)
	s.comesTo(o, "Reverted")
	s.must(s.rampart.Restart(t.Context()))
	s.expectRollouts(o, 2, 3)

	// Whoever makes the mark go, the ReplicaSet still tells.
	s.patchBy(o, "editor", types.MergePatchType, `{metadata: {annotations: {`+markAnnotation+`: null}}}`)
	s.expectSkipped(o, "TriedBefore")
	s.must(s.rampart.Restart(t.Context()))
	s.expectRollouts(o, 2, 4)

	s.newImage(o, image{User: "1000"})
	now := s.comesTo(o, "Proven")
	if !hasLeaf(now, "app", "securityContext", "capabilities", "drop") {
		t.Errorf("nothing is filled in:\n%s", stated(now))
	}
	s.deleteProfile()
}

// expectRollouts demands that it ever had so many templates, and is of this generation.
func (s *story) expectRollouts(o *unstructured.Unstructured, templates int, generation int64) {
	s.Helper()
	now := s.get(o)
	if got := s.revisions(o); got != templates || now.GetGeneration() != generation {
		s.Errorf("%s %s: %d templates, generation %d; expected %d and %d", o.GetKind(), o.GetName(), got, now.GetGeneration(), templates, generation)
	}
}
