package scenarios

import (
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// In Audit nothing is written but status and Events. The API server's audit log is the judge.
func TestAuditWritesNothingButStatusAndEvents(t *testing.T) {
	s := begin(t, "audited")
	left := s.namespace("left", nil)
	const spec = "onDelete: Remove, network: {allow: {sameNamespace: {}, dns: {}}}"
	p := s.profile("audited", "{mode: Enforce, "+spec+"}")
	s.expectCompliant(p, 1)
	s.profile(p, "{mode: Audit, "+spec+"}")
	s.expectCompliant(p, 1)

	place := s.now(t)
	s.intrude("editor", left, deny, `{"spec": {"ingress": [{}]}}`)
	strange := s.namespaceWith("strange", nil)
	s.makePolicy(strange, "open", "{podSelector: {}, ingress: [{}]}")
	s.makePolicy(strange, allowSame, "{podSelector: {matchLabels: {app: theirs}}}")
	s.label(strange, storyLabel, s.name)
	bare := s.namespace("bare", nil)
	s.expectCondition(p, "Enforcing", metav1.ConditionFalse, "Audit", "nothing is written")
	s.expectEvent("default", "PolicyMissing", "SecurityProfile", p,
		"namespace "+bare, "Enforce would create", deny, allowSame, allowDNS)
	s.expectEvent("default", "NameTaken", "SecurityProfile", p, strange+"/"+allowSame)
	s.expectEvent("default", "Undone", "SecurityProfile", p, strange+"/open")
	s.expectEvent("default", "PolicyDiffers", "SecurityProfile", p, left+"/"+deny, "spec.ingress", "Enforce would put it right")
	s.expect(p, func(p *seen) error {
		if n := p.Status.Namespaces; n.Selected != 3 || n.Drifted != 2 || n.Failed != 1 || n.Compliant != 0 {
			return fmt.Errorf("namespaces %+v, expected 3 selected, 2 drifted, 1 failed", n)
		}
		return nil
	})
	s.settle()
	s.expectPolicies(bare)
	s.expectPolicies(strange, "open", allowSame)
	edited, err := s.policy(left, deny)
	s.must(err)
	if len(edited.Spec.Ingress) != 1 {
		t.Error("the edit was put right")
	}

	said := 0
	for _, a := range s.writesSince(t, place) {
		switch {
		case a.resource == "events" && (a.verb == "create" || a.verb == "patch"):
		case a.resource == "securityprofiles/status" && a.verb == "patch":
			said++
		case strings.HasPrefix(a.namespace, "settle-") || a.name == "settle":
		default:
			t.Errorf("in Audit: %s", a)
		}
	}
	if said == 0 {
		t.Error("the audit log shows no status either")
	}
}
