package scenarios

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	networkingv1 "k8s.io/api/networking/v1"

	"rampart.dev/e2e/gate"
	"rampart.dev/e2e/operator"
)

// Policies add up, so somebody's policy that allows everything undoes a deny. It is not ours to change: it
// is said.
func TestForeignPolicyThatAllowsEverythingIsReported(t *testing.T) {
	s := begin(t, "undone")
	ns := s.namespace("ns", nil)
	p := s.profile("undone", "{mode: Enforce, network: {allow: {sameNamespace: {}}}}")
	s.expectCompliant(p, 1)

	open := s.makePolicy(ns, "open", "{podSelector: {}, policyTypes: [Ingress], ingress: [{}]}")
	s.expectCondition(p, "Ready", metav1.ConditionFalse, "Undone", "NetworkPolicy undone-ns/open", "allows all ingress for every pod")
	s.expect(p, func(p *seen) error {
		if len(p.Status.Drift) != 1 || p.Status.Drift[0].Reason != "Undone" || p.Status.Drift[0].Object != "NetworkPolicy undone-ns/open" {
			return fmt.Errorf("drift %+v, expected Undone", p.Status.Drift)
		}
		return nil
	})
	s.expectEvent(ns, "Undone", "NetworkPolicy", "open", "the default-deny has no effect there")
	s.expectUntouched(open)

	s.deletePolicy(ns, "open")
	s.expectCompliant(p, 1)

	// A policy that allows something is nobody's fault.
	s.makePolicy(ns, "narrow", "{podSelector: {}, policyTypes: [Ingress], ingress: [{ports: [{port: 80}]}]}")
	s.settle()
	s.expectCompliant(p, 1)
}

func (s *story) expectUntouched(policy *networkingv1.NetworkPolicy) {
	s.Helper()
	now, err := s.policy(policy.Namespace, policy.Name)
	s.must(err)
	if now.UID != policy.UID || now.ResourceVersion != policy.ResourceVersion {
		s.Errorf("NetworkPolicy %s/%s was touched", policy.Namespace, policy.Name)
	}
}

// An object that has a name of ours and belongs to somebody else is never taken over; where it is in the
// way, nothing is begun.
func TestTakenNameIsLeftAlone(t *testing.T) {
	s := begin(t, "taken")
	ns, free := s.namespace("ns", nil), s.namespace("free", nil)
	foreign := s.makePolicy(ns, allowSame, "{podSelector: {matchLabels: {app: theirs}}}")
	p := s.profile("taken", "{mode: Enforce, onDelete: Remove, network: {allow: {sameNamespace: {}, dns: {}}}}")
	s.expectPolicies(free, deny, allowSame, allowDNS)
	s.expectCondition(p, "Degraded", metav1.ConditionTrue, "NameTaken", ns+"/"+allowSame, "rename or delete it")
	s.expectCondition(p, "Ready", metav1.ConditionFalse, "NameTaken")
	s.expectEvent(ns, "NameTaken", "NetworkPolicy", allowSame, "does not belong to Rampart")
	s.expectPolicies(ns, allowSame)
	s.expectUntouched(foreign)

	s.deletePolicy(ns, allowSame)
	s.expectCompliant(p, 2)
	s.expectPolicies(ns, deny, allowSame, allowDNS)

	// Somebody's own policy that copies our marks is not ours to remove either.
	s.deletePolicy(ns, allowDNS)
	s.expectPolicies(ns, deny, allowSame, allowDNS)
	copied := s.makePolicy(free, "theirs", "{podSelector: {}}")
	s.intrude("copier", free, "theirs", `{"metadata": {"labels": {"app.kubernetes.io/managed-by": "rampart", "rampart.dev/profile": "taken"}}}`)
	s.deleteProfile(p)
	s.expectNoProfile(p)
	s.expectPolicies(free, copied.Name)
}

// A name can be taken, and an object changed, in the very moment in which Rampart writes: then it reads
// again and decides anew.
func TestRacesAreLostGracefully(t *testing.T) {
	s := begin(t, "races")
	g, err := gate.New(s.Cluster)
	s.must(err)
	defer g.Close()
	through := filepath.Join(t.TempDir(), "kubeconfig")
	s.must(g.Kubeconfig(s.kubeconfig, through))
	s.must(s.rampart.Stop())
	defer func() { s.must(s.rampart.Start(t.Context())) }()
	rampart, err := operator.Start(t.Context(), operator.Options{
		Kubeconfig: through, Log: filepath.Join(t.TempDir(), "rampart.log"),
	})
	s.must(err)
	defer func() {
		s.must(rampart.Stop())
		if text := rampart.Reports(); text != "" {
			t.Errorf("rampart reports:\n%s", text)
		}
	}()

	ns := s.namespace("ns", nil)
	raced := map[string]bool{}
	once := func(what string) bool { // under the gate's lock
		if raced[what] {
			return false
		}
		raced[what] = true
		return true
	}
	var foreign *networkingv1.NetworkPolicy
	g.OnWrite(func(r *http.Request) bool {
		mine := strings.Contains(r.URL.Path, "/namespaces/"+ns+"/networkpolicies")
		if mine && r.Method == http.MethodPost && once("create") {
			foreign = s.makePolicy(ns, allowSame, "{podSelector: {matchLabels: {app: theirs}}}")
		}
		return true
	})
	p := s.profile("races", "{mode: Enforce, network: {allow: {sameNamespace: {}}}}")
	s.expectCondition(p, "Degraded", metav1.ConditionTrue, "NameTaken")
	s.expectUntouched(foreign)
	s.deletePolicy(ns, allowSame)
	s.expectCompliant(p, 1)

	g.OnWrite(func(r *http.Request) bool {
		mine := strings.HasSuffix(r.URL.Path, "/namespaces/"+ns+"/networkpolicies/"+deny)
		if mine && r.Method == http.MethodPatch && once("patch") {
			s.intrude("second", ns, deny, `{"spec": {"egress": [{}]}}`)
		}
		return true
	})
	s.intrude("first", ns, deny, `{"spec": {"ingress": [{}]}}`)
	s.expectSpec(ns, deny, p, denyBoth)
	s.expectCompliant(p, 1)
	if !raced["create"] || !raced["patch"] {
		t.Errorf("the races did not take place: %v", raced)
	}
}
