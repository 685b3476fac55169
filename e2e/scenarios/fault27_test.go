package scenarios

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// everything is all that stands in namespaces, as the API server gives it: what is not ours may not change by
// one byte, its resourceVersion included.
func (s *story) everything(namespaces ...string) (texts map[string]string) {
	s.Helper()
	texts = map[string]string{}
	for _, resource := range []schema.GroupVersionResource{
		networkingv1.SchemeGroupVersion.WithResource("networkpolicies"),
		{Version: "v1", Resource: "services"}, {Version: "v1", Resource: "configmaps"}, {Version: "v1", Resource: "namespaces"},
	} {
		for _, ns := range namespaces {
			options := metav1.ListOptions{}
			client := s.Dynamic.Resource(resource).Namespace(ns)
			if resource.Resource == "namespaces" {
				options.FieldSelector = "metadata.name=" + ns
				client = s.Dynamic.Resource(resource).Namespace("")
			}
			list, err := client.List(s.Context(), options)
			s.must(err)
			for _, object := range list.Items {
				if strings.HasPrefix(object.GetName(), "rampart-") {
					continue
				}
				text, err := json.Marshal(object.Object)
				s.must(err)
				texts[fmt.Sprintf("%s %s/%s", resource.Resource, ns, object.GetName())] = string(text)
			}
		}
	}
	return texts
}

// A field goes from a profile, then a rule, then the profile: each time what it made goes, and nothing else
// is touched, neither what is still asked for nor what others have put there.
func TestFault27WhatIsTakenOutOfAProfileIsTakenBack(t *testing.T) {
	s := begin(t, "fault27")
	ns, other := s.namespace("ns", nil), s.namespaceWith("other", map[string]string{"team": "other"})
	for _, at := range []string{ns, other} {
		s.makePolicy(at, "theirs", "{podSelector: {matchLabels: {app: theirs}}, ingress: [{from: [{podSelector: {}}]}]}")
	}
	p := s.profile("fault27", `
mode: Enforce
onDelete: Remove
network:
  allow:
    sameNamespace: {}
    dns: {}
    from:
    - {namespaceSelector: {matchLabels: {team: ingress}}, ports: [{port: http}, {port: 9100}]}
    - {ipBlock: {cidr: 198.51.100.0/24}}
    to: [{ipBlock: {cidr: 192.0.2.0/24}, ports: [{port: 5432}]}]`)
	s.expectCompliant(p, 1)
	s.expectPolicies(ns, deny, allowSame, allowDNS, allowFrom, allowTo, "theirs")
	s.intrude("tenant", ns, allowSame, `{"metadata": {"annotations": {"team": "theirs"}}}`) // a note on ours
	foreign := s.everything(ns, other)
	kept, err := s.policy(ns, allowDNS)
	s.must(err)
	place := s.now(t)

	s.profile(p, `
mode: Enforce
onDelete: Remove
network:
  allow:
    sameNamespace: {}
    dns: {}
    from:
    - {namespaceSelector: {matchLabels: {team: ingress}}, ports: [{port: http}]}
    - {ipBlock: {cidr: 198.51.100.0/24}}
    to: [{ipBlock: {cidr: 192.0.2.0/24}}]`) // a port each
	s.expectSpec(ns, allowFrom, p, `
podSelector: {}
policyTypes: [Ingress]
ingress:
- {from: [{namespaceSelector: {matchLabels: {team: ingress}}}], ports: [{protocol: TCP, port: http}]}
- {from: [{ipBlock: {cidr: 198.51.100.0/24}}]}`)
	s.expectSpec(ns, allowTo, p, "{podSelector: {}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 192.0.2.0/24}}]}]}")

	s.profile(p, "{mode: Enforce, onDelete: Remove, network: {allow: {sameNamespace: {}, dns: {}}}}") // two rules
	s.expectPolicies(ns, deny, allowSame, allowDNS, "theirs")
	s.expectSpec(ns, deny, p, denyBoth)
	s.expectCompliant(p, 1)
	now, err := s.policy(ns, allowDNS)
	s.must(err)
	if now.UID != kept.UID || now.ResourceVersion != kept.ResourceVersion {
		t.Error("a policy that is asked for all along was written")
	}
	noted, err := s.policy(ns, allowSame)
	s.must(err)
	if noted.Annotations["team"] != "theirs" {
		t.Errorf("somebody's annotation on ours is gone: %v", noted.Annotations)
	}

	s.deleteProfile(p) // all of it
	s.expectNoProfile(p)
	s.expectPolicies(ns, "theirs")
	for what, text := range s.everything(ns, other) {
		if foreign[what] != text {
			t.Errorf("%s was touched:\n%s\nnow\n%s", what, foreign[what], text)
		}
		delete(foreign, what)
	}
	for what := range foreign {
		t.Errorf("%s is gone", what)
	}
	for _, a := range s.writesSince(t, place) {
		if a.namespace == other || a.resource == "networkpolicies" && !strings.HasPrefix(a.name, "rampart-") {
			t.Errorf("it wrote: %s", a)
		}
	}
}
