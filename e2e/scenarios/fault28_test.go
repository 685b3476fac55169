package scenarios

import (
	"fmt"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"
)

// A profile that works is given a spec that cannot. Either the API server refuses it, and nothing changes; or
// it is stalled, and what stands stays. Others are unaffected, and the old spec works as if nothing had been.
func TestFault28InvalidSpecIsGivenAndTakenBack(t *testing.T) {
	s := begin(t, "fault28")
	const good = "{mode: Enforce, namespaceSelector: {matchLabels: {story: fault28, of: one}}, network: {allow: {sameNamespace: {}}}}"
	one := s.namespace("one", map[string]string{"of": "one"})
	p := s.profile("fault28", good)
	q := s.profile("fault28-other", "{mode: Enforce, namespaceSelector: {matchLabels: {story: fault28, of: other}}, network: {}}")
	s.expectCompliant(p, 1)
	pid := s.rampart.PID()

	many := func(count, width int) string {
		rules := []string{}
		for i := range count {
			rules = append(rules, fmt.Sprintf("{podSelector: {matchLabels: {app: a%d%s}}}", i, strings.Repeat("x", width)))
		}
		return "{mode: Enforce, network: {allow: {from: [" + strings.Join(rules, ",") + "]}}}"
	}
	for i, test := range []struct {
		name, spec string
		isStalled  bool // it is taken, and Rampart finds out
	}{
		{"a CIDR that is none", "{mode: Enforce, network: {allow: {to: [{ipBlock: {cidr: 300.0.0.0/8}}]}}}", false},
		{"a CIDR with bits of a host", "{mode: Enforce, network: {allow: {to: [{ipBlock: {cidr: 10.0.0.1/8}}]}}}", false},
		{"a mode that is none", "{mode: Maybe, network: {}}", false},
		{"10,000 rules", many(10000, 0), false},
		{"a spec of more than 1.5 MB", many(30000, 40), false},
		{"a selector that contradicts itself", `{mode: Enforce, network: {}, namespaceSelector:
  {matchLabels: {of: one}, matchExpressions: [{key: of, operator: NotIn, values: [one]}]}}`, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := &story{T: t, world: s.world, name: s.name}
			before, err := s.policy(one, deny)
			s.must(err)
			err = s.replaceSpec(p, test.spec)
			switch {
			case test.isStalled:
				s.must(err)
				s.expectCondition(p, "Stalled", metav1.ConditionTrue, "InvalidSpec", "spec.namespaceSelector")
				s.expectCondition(p, "Ready", metav1.ConditionFalse, "InvalidSpec")
			case !apierrors.IsInvalid(err) && !apierrors.IsRequestEntityTooLargeError(err) && !apierrors.IsBadRequest(err):
				t.Fatalf("the API server says %v, want a refusal", err)
			}
			s.expectPolicies(s.namespace(fmt.Sprintf("other-%d", i), map[string]string{"of": "other"}), deny)
			s.expectCompliant(q, i+1)

			s.must(s.replaceSpec(p, good))
			s.expectCondition(p, "Stalled", metav1.ConditionFalse, "SpecAccepted")
			s.expectCompliant(p, 1)
			s.expectPolicies(one, deny, allowSame)
			after, err := s.policy(one, deny)
			s.must(err)
			if before.UID != after.UID || specDiff(before, after) != "" {
				t.Errorf("the default-deny is another one: %s", specDiff(before, after))
			}
		})
	}
	if s.rampart.PID() != pid {
		t.Error("rampart was started again")
	}
}

// replaceSpec gives a profile another spec, and returns what the API server says.
func (s *story) replaceSpec(name, spec string) error {
	s.Helper()
	text, err := yaml.YAMLToJSON([]byte(spec))
	s.must(err)
	if !strings.Contains(spec, "namespaceSelector") {
		text = []byte(strings.Replace(string(text), "{", `{"namespaceSelector":{"matchLabels":{"story":"`+s.name+`","of":"one"}},`, 1))
	}
	_, err = s.Dynamic.Resource(profiles).Patch(s.Context(), name, types.JSONPatchType,
		[]byte(`[{"op":"replace","path":"/spec","value":`+string(text)+`}]`), metav1.PatchOptions{})
	return err
}
