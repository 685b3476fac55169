package scenarios

import (
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// Two profiles select the same namespace and want different things. In whatever order they come, are changed
// and change their priority: the same specs end in the same policies and the same status.
func TestFault29OrderOfEditsDoesNotMatter(t *testing.T) {
	s := begin(t, "fault29")
	const (
		first  = "mode: Enforce, onDelete: Remove, network: {allow: {sameNamespace: {}, to: [{ipBlock: {cidr: 192.0.2.0/24}}]}}"
		second = "mode: Enforce, onDelete: Remove, network: {defaultDeny: [Ingress], allow: {from: [{podSelector: {}}]}}"
	)
	set := func(name, spec string, priority int) func(round string) {
		return func(round string) {
			s.profile(name+round, fmt.Sprintf("{namespaceSelector: {matchLabels: {round: r%s}}, priority: %d, %s}", round, priority, spec))
		}
	}
	a1, a2, a3 := set("fault29-a", first, 1), set("fault29-a", second, 5), set("fault29-a", first, 7)
	b1, b2, b3 := set("fault29-b", second, 2), set("fault29-b", first, 6), set("fault29-b", second, 7)
	// The last edit of each is the third; of each, the order is kept.
	orders := [][]func(string){
		{a1, a2, a3, b1, b2, b3}, {b1, b2, b3, a1, a2, a3}, {a1, b1, a2, b2, a3, b3},
		{b1, a1, b2, a2, b3, a3}, {a1, b1, b2, b3, a2, a3}, {a3, b3},
	}
	seen := []string{}
	for i, order := range orders {
		round := fmt.Sprint(i)
		ns := s.namespace(round, map[string]string{"round": "r" + round})
		for _, edit := range order {
			edit(round)
		}
		s.expectCompliant("fault29-a"+round, 1) // of equal priorities the first name decides
		s.expectOverridden("fault29-b"+round, "fault29-a"+round, 1)
		s.expectPolicies(ns, deny, allowSame, allowTo)
		seen = append(seen, s.said(ns, "fault29-a"+round, "fault29-b"+round))
	}
	for i := range seen {
		if seen[i] != seen[0] {
			t.Errorf("order %d ends in\n%s\nand order 0 in\n%s", i, seen[i], seen[0])
		}
	}
}

// said is the text of a namespace's policies and of profiles' status, without names that belong to a round
// and times.
func (s *story) said(ns string, profiles ...string) string {
	s.Helper()
	list, err := s.Client.NetworkingV1().NetworkPolicies(ns).List(s.Context(), metav1.ListOptions{})
	s.must(err)
	texts := []any{}
	for _, policy := range list.Items {
		texts = append(texts, policy.Name, policy.Spec, policy.Labels, policy.Annotations)
	}
	for _, name := range profiles {
		p, err := s.see(name)
		s.must(err)
		p.Status.ObservedGeneration = 0 // as many edits as there were
		for i := range p.Status.Conditions {
			p.Status.Conditions[i].LastTransitionTime = metav1.Time{}
			p.Status.Conditions[i].ObservedGeneration = 0
		}
		texts = append(texts, p.Status)
	}
	text, err := yaml.Marshal(texts)
	s.must(err)
	out := strings.ReplaceAll(string(text), ns, "NAMESPACE")
	for i, name := range profiles {
		out = strings.ReplaceAll(out, name, fmt.Sprintf("PROFILE-%d", i))
	}
	return out
}
