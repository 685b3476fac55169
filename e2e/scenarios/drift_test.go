package scenarios

import (
	"fmt"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Whatever somebody does to a policy of ours is put right, and an Event says what it was, and who, where
// the API server knows.
func TestDriftIsPutRight(t *testing.T) {
	s := begin(t, "drift")
	ns := s.namespace("ns", nil)
	p := s.profile("drift", `
mode: Enforce
network:
  allow:
    sameNamespace: {}
    from: [{namespaceSelector: {matchLabels: {team: ingress}}, ports: [{port: 8080}]}]`)
	s.expectCompliant(p, 1)
	const from = `
podSelector: {}
policyTypes: [Ingress]
ingress: [{from: [{namespaceSelector: {matchLabels: {team: ingress}}}], ports: [{protocol: TCP, port: 8080}]}]`
	year := fmt.Sprintf("(changed at %d-", time.Now().UTC().Year())

	for _, edit := range []struct {
		what, manager, policy, body string
		says                        []string
		right                       string
	}{
		{
			"a value is changed", "policyTypes-editor", deny, `{"spec": {"policyTypes": ["Egress"]}}`,
			[]string{"spec.policyTypes was changed by policyTypes-editor", year}, denyBoth,
		},
		{
			"a rule is added", "ingress-editor", deny, `{"spec": {"ingress": [{}]}}`,
			[]string{"spec.ingress was changed by ingress-editor", year}, denyBoth,
		},
		{
			"a rule is widened", "widened-editor", allowFrom, `{"spec": {"ingress": [{"from": [{"namespaceSelector": {}}]}]}}`,
			[]string{"spec.ingress was changed by widened-editor", year}, from,
		},
		{
			"the pods are narrowed", "podSelector-editor", deny, `{"spec": {"podSelector": {"matchLabels": {"app": "none"}}}}`,
			[]string{"spec.podSelector was changed by podSelector-editor", year}, denyBoth,
		},
		{
			"the pods are narrowed by an expression", "expression-editor", deny,
			`{"spec": {"podSelector": {"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]}}}`,
			[]string{"spec.podSelector was changed by expression-editor", year}, denyBoth,
		},
		{
			"several fields are changed", "several-editor", allowSame, `{"spec": {"policyTypes": ["Ingress"], "egress": null}}`,
			[]string{"spec.policyTypes, spec.egress was changed by several-editor", year}, sameBoth,
		},
		{
			"a field is removed", "editor", allowFrom, `{"spec": {"ingress": null}}`,
			[]string{"spec.ingress was changed or removed by an unrecorded manager", "audit log for uid "}, from,
		},
		{
			"our labels are taken off", "editor", deny,
			`{"metadata": {"labels": {"app.kubernetes.io/managed-by": null, "rampart.dev/profile": null}}}`,
			[]string{"metadata (labels or ownerReferences)"}, denyBoth,
		},
		{
			"our label is changed", "editor", allowSame, `{"metadata": {"labels": {"app.kubernetes.io/managed-by": "Helm"}}}`,
			[]string{"metadata (labels or ownerReferences)"}, sameBoth,
		},
		{
			"the owner is taken off", "editor", allowFrom, `{"metadata": {"ownerReferences": null}}`,
			[]string{"metadata (labels or ownerReferences)"}, from,
		},
	} {
		t.Run(edit.what, func(t *testing.T) {
			s := &story{T: t, world: s.world, name: s.name}
			s.intrude(edit.manager, ns, edit.policy, edit.body)
			s.expectSpec(ns, edit.policy, p, edit.right)
			s.expectEvent(ns, "PolicyEdited", "NetworkPolicy", edit.policy,
				append(edit.says, "NetworkPolicy "+ns+"/"+edit.policy, "SecurityProfile drift")...)
		})
	}
	s.expectCompliant(p, 1)
}

// A policy that is deleted comes back. The API keeps no trace of who did it.
func TestDeletedPolicyComesBack(t *testing.T) {
	s := begin(t, "deleted")
	ns := s.namespace("ns", nil)
	p := s.profile("deleted", "{mode: Enforce, network: {allow: {sameNamespace: {}}}}")
	s.expectCompliant(p, 1)
	for _, name := range []string{deny, allowSame} {
		s.deletePolicy(ns, name)
		s.expectPolicies(ns, deny, allowSame)
		s.expectEvent(ns, "PolicyDeleted", "NetworkPolicy", name, "by an unrecorded manager", "Rampart made it again")
	}
	s.must(s.Client.NetworkingV1().NetworkPolicies(ns).DeleteCollection(t.Context(), metav1.DeleteOptions{}, metav1.ListOptions{}))
	s.expectPolicies(ns, deny, allowSame)
	s.expectSpec(ns, deny, p, denyBoth)
	s.expectSpec(ns, allowSame, p, sameBoth)
	s.expectCompliant(p, 1)
}

// The same drift again is counted on the same Event.
func TestRepeatedDriftIsOneEvent(t *testing.T) {
	s := begin(t, "repeated")
	ns := s.namespace("ns", nil)
	p := s.profile("repeated", "{mode: Enforce, network: {}}")
	s.expectCompliant(p, 1)
	for range 3 {
		s.intrude("stubborn", ns, deny, `{"spec": {"ingress": [{}]}}`)
		s.expectSpec(ns, deny, p, denyBoth)
	}
	s.within(func() error {
		list, err := s.Client.EventsV1().Events(ns).List(t.Context(), metav1.ListOptions{FieldSelector: "reason=PolicyEdited"})
		if err != nil {
			return err
		}
		if len(list.Items) != 1 || list.Items[0].Series == nil || list.Items[0].Series.Count < 2 {
			return fmt.Errorf("%d Events, expected one with a count: %+v", len(list.Items), list.Items)
		}
		return nil
	})
}

// What somebody adds to an object of ours, in every place that means something, goes: rules, pods, owners,
// and the labels by which a GitOps tool would take it for its own. A label that means nothing stays, since a
// webhook that labels everything would put it back for ever.
func TestForeignFieldsGo(t *testing.T) {
	s := begin(t, "added")
	ns := s.namespace("ns", nil)
	p := s.profile("added", `
mode: Enforce
network:
  allow:
    dns: {}
    sameNamespace: {}
    apiServer: {}
    from: [{podSelector: {matchLabels: {app: gateway}}}]
    to: [{ipBlock: {cidr: 192.0.2.0/24}}]`)
	s.makeWebhook(ns, "hooked", "added")
	s.expectCompliant(p, 1)
	all := []string{deny, allowDNS, allowSame, allowAPI, allowFrom, allowTo, allowBackend + "hooked"}
	s.expectPolicies(ns, all...)

	namespace, err := s.Client.CoreV1().ConfigMaps(ns).Get(t.Context(), "kube-root-ca.crt", metaGet)
	s.must(err)
	for _, name := range all {
		before, err := s.policy(ns, name)
		s.must(err)
		s.intrude("adder", ns, name, fmt.Sprintf(`{
			"metadata": {
				"labels": {
					"app.kubernetes.io/instance": "shop", "argocd.argoproj.io/instance": "shop",
					"kustomize.toolkit.fluxcd.io/name": "shop", "helm.toolkit.fluxcd.io/name": "shop"},
				"ownerReferences": [
					{"apiVersion": "v1", "kind": "Namespace", "name": %q, "uid": %q},
					{"apiVersion": "v1", "kind": "ConfigMap", "name": "kube-root-ca.crt", "uid": %q}]},
			"spec": {
				"podSelector": {"matchLabels": {"added": "label"}, "matchExpressions": [{"key": "added", "operator": "Exists"}]},
				"policyTypes": ["Ingress", "Egress"], "ingress": [{}], "egress": [{}]}}`,
			ns, before.OwnerReferences[0].UID, namespace.UID))
		s.within(func() error {
			after, err := s.policy(ns, name)
			if err != nil {
				return err
			}
			if after.UID != before.UID {
				return fmt.Errorf("NetworkPolicy %s/%s was made anew", ns, name)
			}
			if text := specDiff(before, after); text != "" {
				return fmt.Errorf("NetworkPolicy %s/%s, before (-) and after (+):\n%s", ns, name, text)
			}
			return s.checkMarks(after, p)
		})
	}
	s.expectCompliant(p, 1)

	s.intrude("labeller", ns, deny, `{"metadata": {"labels": {"cost-center": "42"}}}`)
	labelled, err := s.policy(ns, deny)
	s.must(err)
	s.settle()
	s.expectUntouched(labelled)
	s.expectCompliant(p, 1)
}
