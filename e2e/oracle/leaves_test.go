package oracle

import (
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// What was applied with kubectl is its own; a null there asks for the field to be away, and owns nothing.
func TestNullThatWasAppliedOwnsNothing(t *testing.T) {
	o := &unstructured.Unstructured{Object: map[string]any{}}
	o.SetAnnotations(map[string]string{lastApplied: `{"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"paused": true, "replicas": null}}`})
	if got := owners(o, "spec paused"); !slices.Equal(got, []string{"kubectl apply"}) {
		t.Errorf("a value is owned by %q", got)
	}
	if got := owners(o, "spec replicas"); len(got) > 0 {
		t.Errorf("a null is owned by %q", got)
	}
}
