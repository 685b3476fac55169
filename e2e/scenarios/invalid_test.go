package scenarios

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// What no schema can see ends in a condition that names the field, and takes nothing else along: all of
// them at once, and a profile beside them goes on.
func TestInvalidProfilesAreStalledAndOthersGoOn(t *testing.T) {
	s := begin(t, "invalid")
	s.namespace("before", nil)
	p := s.profile("invalid", "{mode: Enforce, network: {}}")
	s.expectCompliant(p, 1)

	stalled := 0
	for _, e := range readExamples(t, "invalid") {
		if e.says("by") != "controller" {
			continue
		}
		stalled++
		s.applyProfile(e.profile)
		defer func() { s.deleteProfile(e.profile.GetName()) }() // they select every namespace, if they select one
	}
	if stalled < 5 {
		t.Errorf("%d examples, expected more", stalled)
	}
	for _, e := range readExamples(t, "invalid") {
		if e.says("by") != "controller" {
			continue
		}
		t.Run(e.name, func(t *testing.T) {
			s := &story{T: t, world: s.world, name: s.name}
			for kind, status := range map[string]metav1.ConditionStatus{
				"Stalled": metav1.ConditionTrue, "Ready": metav1.ConditionFalse, "Enforcing": metav1.ConditionFalse,
			} {
				phrases := []string{e.says("field"), e.says("error")}
				if kind == "Enforcing" {
					phrases = nil
				}
				s.expectCondition(e.profile.GetName(), kind, status, "InvalidSpec", phrases...)
			}
		})
	}
	s.expectPolicies(s.namespace("after", nil), deny)
	s.expectCompliant(p, 2)
}
