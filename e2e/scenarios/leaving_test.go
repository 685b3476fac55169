package scenarios

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"rampart.dev/e2e/operator"
)

// README.md, Uninstall: profiles first, the operator second; and the remedy for who did it the other way round.
func TestUninstallLeavesNothingBehind(t *testing.T) {
	w, err := newWorld(nil)
	if err != nil {
		t.Fatal(err)
	}
	s := beginIn(t, w, "leaving")
	ns := s.namespace("ns", nil)
	p := s.profile("leaving", "{mode: Enforce, onDelete: Remove, network: {allow: {dns: {}, sameNamespace: {}}}}")
	s.expectCompliant(p, 1)

	_, err = w.RunKubectl(t.Context(), "delete", "secprof", "--all", "--timeout=60s")
	s.must(err)
	s.expectPolicies(ns)
	s.must(w.rampart.Stop()) // as its pod ends with the namespace
	_, err = w.RunKubectl(t.Context(), "delete", "-k", deploy, "--timeout=60s")
	s.must(err)
	s.expectNothingOfRampart()

	// The same again, with an operator that is gone before its profile.
	kubeconfig, err := operator.Install(t.Context(), w.Cluster, deploy)
	s.must(err)
	w.rampart, err = operator.Start(t.Context(), operator.Options{Kubeconfig: kubeconfig, Log: w.dir + "/again.log"})
	s.must(err)
	p = s.profile("held", "{mode: Enforce, onDelete: Remove, network: {allow: {dns: {}}}}")
	s.expectCompliant(p, 1)
	s.must(w.rampart.Kill())
	out, err := w.RunKubectl(t.Context(), "delete", "-k", deploy, "--timeout=3s")
	if err == nil {
		t.Errorf("nothing held the CRD, so there is nothing to remedy: %s", out)
	}
	s.expectPolicies(ns, deny, allowDNS) // nobody removed what was in force
	_, err = w.RunKubectl(t.Context(), "patch", "secprof", p, "--type=merge", "-p", `{"metadata":{"finalizers":null}}`)
	s.must(err)
	s.expectNothingOfRampart()
	_, err = w.RunKubectl(t.Context(), "delete", "networkpolicies", "--all-namespaces", "-l", "app.kubernetes.io/managed-by=rampart")
	s.must(err)
	s.expectPolicies(ns)

	// And it can be installed again.
	kubeconfig, err = operator.Install(t.Context(), w.Cluster, deploy)
	s.must(err)
	w.rampart, err = operator.Start(t.Context(), operator.Options{Kubeconfig: kubeconfig, Log: w.dir + "/third.log"})
	s.must(err)
}

func (s *story) expectNothingOfRampart() {
	s.Helper()
	s.within(func() error {
		out, err := s.RunKubectl(s.Context(), "get", "crd,namespace,clusterrole,clusterrolebinding,"+
			"validatingadmissionpolicy,validatingadmissionpolicybinding", "-o", "name")
		for line := range strings.SplitSeq(out, "\n") {
			if strings.Contains(line, "rampart") {
				err = errors.Join(err, fmt.Errorf("%s is still there", line))
			}
		}
		return err
	})
}
