package oracle

import (
	"strings"
	"testing"
)

func TestStatesDifferByWhatIsMissingLeftOverOrOtherwise(t *testing.T) {
	reference := State{"NetworkPolicy run-a/x": "spec: {}", "NetworkPolicy run-a/y": "spec: {}"}
	if text := reference.Diff(reference); text != "" {
		t.Errorf("the same differs: %s", text)
	}
	for _, test := range []struct {
		state State
		want  string
	}{
		{State{"NetworkPolicy run-a/x": "spec: {}"}, "NetworkPolicy run-a/y is missing"},
		{State{"NetworkPolicy run-a/x": "spec: {}", "NetworkPolicy run-a/y": "spec: {}", "NetworkPolicy run-b/z": ""},
			"NetworkPolicy run-b/z is left over"},
		{State{"NetworkPolicy run-a/x": "spec: {}", "NetworkPolicy run-a/y": "spec: {ingress: []}"}, "spec: {ingress: []}"},
	} {
		if text := test.state.Diff(reference); !strings.Contains(text, test.want) {
			t.Errorf("%q does not say %q", text, test.want)
		}
	}
}

func TestWritesDifferByTheirCounts(t *testing.T) {
	reference := Writes{"create networkpolicies run-a/x": 1, "patch networkpolicies run-a/x": 2}
	if text := reference.Diff(reference); text != "" {
		t.Errorf("the same differs: %s", text)
	}
	more := Writes{"create networkpolicies run-a/x": 2, "delete networkpolicies run-a/x": 1}
	text := more.Diff(reference)
	for _, want := range []string{
		"create networkpolicies run-a/x: 2 times, in the reference 1", "patch networkpolicies run-a/x: 0 times, in the reference 2",
		"delete networkpolicies run-a/x: 1 times, in the reference 0",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q does not say %q", text, want)
		}
	}
	if more.Total("create") != 2 || more.Total("patch") != 0 {
		t.Errorf("%d creations, %d patches", more.Total("create"), more.Total("patch"))
	}
}

// What differs from run to run is masked; a generation only where it is the current one.
func TestStatusIsMasked(t *testing.T) {
	status := map[string]any{"observedGeneration": int64(3), "conditions": []any{
		map[string]any{"lastTransitionTime": "2026-01-01T00:00:00Z", "observedGeneration": int64(2), "type": "Ready"},
	}}
	maskStatus(status, 3)
	condition := status["conditions"].([]any)[0].(map[string]any)
	if status["observedGeneration"] != "current" || condition["observedGeneration"] != int64(2) ||
		condition["lastTransitionTime"] != "masked" || condition["type"] != "Ready" {
		t.Errorf("%v", status)
	}
}
