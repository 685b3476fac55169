package scenarios

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
)

const (
	rolloutMark = "rampart.dev/rollout"
	parkedSpec  = `{podSelector: {matchLabels: {rampart.dev/default-deny: taken-back}}, policyTypes: [Ingress]}`
)

// makeReady makes a Deployment of one pod and waits until it is ready.
func (s *story) makeReady(namespace, name string) {
	s.Helper()
	s.makeDeployment(namespace, name, nil)
	s.expectReady(namespace, name, 1)
}

func (s *story) expectReady(namespace, name string, pods int32) {
	s.Helper()
	s.within(func() error {
		d, err := s.Client.AppsV1().Deployments(namespace).Get(s.Context(), name, metav1.GetOptions{})
		if err == nil && d.Status.ReadyReplicas != pods {
			err = fmt.Errorf("Deployment %s/%s has %d ready pods, expected %d", namespace, name, d.Status.ReadyReplicas, pods)
		}
		return err
	})
}

// turn makes the pods of a Deployment ready or unready, as a readiness probe does.
func (s *story) turn(namespace, name string, status corev1.ConditionStatus) {
	s.Helper()
	pods, err := s.Client.CoreV1().Pods(namespace).List(s.Context(), metav1.ListOptions{LabelSelector: "app=" + name})
	s.must(err)
	for _, pod := range pods.Items {
		body, err := json.Marshal(map[string]any{"status": map[string]any{"conditions": []any{
			map[string]any{"type": "Ready", "status": status},
		}}})
		s.must(err)
		_, err = s.Client.CoreV1().Pods(namespace).Patch(s.Context(), pod.Name, types.StrategicMergePatchType, body,
			metav1.PatchOptions{}, "status")
		s.must(err)
	}
	ready := int32(0)
	if status == corev1.ConditionTrue {
		ready = int32(len(pods.Items))
	}
	s.expectReady(namespace, name, ready)
}

// mark is how far the default-deny of a namespace is; "" where it has none.
func (s *story) mark(namespace string) string {
	s.Helper()
	policy, err := s.policy(namespace, deny)
	s.must(err)
	return policy.Annotations[rolloutMark]
}

func (s *story) expectMark(namespace, phrase string) {
	s.Helper()
	s.within(func() error { return hasAll(s.mark(namespace), []string{phrase}) })
}

// The default-deny of a namespace in which pods run already is taken back when they turn unready, stays so over
// a restart, and is tried again when the profile changes. Where no pods ran, and once it was proven, it stays.
func TestDenyIsTakenBackWherePodsTurnUnready(t *testing.T) {
	s := begin(t, "breaks")
	running, quiet := s.namespace("running", nil), s.namespace("quiet", nil)
	s.makeReady(running, "web")
	s.must(s.rampart.Restart(t.Context())) // it has seen the pods ready
	const rollout = "rollout: {progressDeadlineSeconds: 30}"
	p := s.profile("breaks", "{mode: Enforce, network: {allow: {sameNamespace: {}, dns: {}}, "+rollout+"}}")
	s.expectCompliant(p, 2)
	s.expectPolicies(running, deny, allowSame, allowDNS)
	s.expectMark(running, `"Proving"`)
	if text := s.mark(quiet); text != "" {
		t.Errorf("the deny of a namespace without pods is watched: %s", text)
	}

	s.turn(running, "web", corev1.ConditionFalse)
	s.expectEvent(running, "DenyTakenBack", "Namespace", running, "1 of 1 workloads: Deployment web (0 of 1 pods ready)")
	s.expectPolicies(running, deny)
	s.expectSpec(running, deny, p, parkedSpec)
	s.expectMark(running, `"TakenBack"`)
	s.expectPolicies(quiet, deny, allowSame, allowDNS)
	s.expectCondition(p, "Degraded", metav1.ConditionTrue, "DenyTakenBack", running)
	s.expect(p, func(p *seen) error {
		if n := p.Status.Namespaces; n.Selected != 2 || n.Compliant != 1 || n.Failed != 1 {
			return fmt.Errorf("namespaces %+v, expected 2 selected, 1 compliant, 1 failed", n)
		}
		return nil
	})

	s.turn(running, "web", corev1.ConditionTrue)
	s.settle()
	place := s.now(t)
	s.must(s.rampart.Kill())
	s.must(s.rampart.Start(t.Context()))
	s.settle()
	s.expectSpec(running, deny, p, parkedSpec)
	for _, a := range s.writesSince(t, place) {
		if a.resource == "networkpolicies" && a.namespace == running {
			t.Errorf("after the restart: %s", a)
		}
	}

	s.profile(p, "{mode: Enforce, network: {allow: {sameNamespace: {}}, "+rollout+"}}")
	s.expectCompliant(p, 2)
	s.expectPolicies(running, deny, allowSame)
	s.expectMark(running, `"Proving"`)
	for proven := time.Now().Add(30*time.Second + waitLimit); s.mark(running) != ""; time.Sleep(waitPoll) {
		if time.Now().After(proven) {
			t.Fatalf("not proven: %s", s.mark(running))
		}
	}
	s.turn(running, "web", corev1.ConditionFalse)
	s.settle()
	s.expectCompliant(p, 2)
	s.expectPolicies(running, deny, allowSame)
	s.expectSpec(running, deny, p, "{podSelector: {}, policyTypes: [Ingress, Egress]}")
}

// A policy of the namespace's own is another reason to try again, and so is the parked policy's deletion.
func TestDenyIsTriedAgainWhenTheNamespaceAllowsMore(t *testing.T) {
	s := begin(t, "retries")
	ns := s.namespace("ns", nil)
	s.makeReady(ns, "web")
	s.must(s.rampart.Restart(t.Context()))
	p := s.profile("retries", "{mode: Enforce, network: {rollout: {maxUnreadyPercent: 0}}}")
	const denied = "{podSelector: {}, policyTypes: [Ingress, Egress]}"
	broken := func() {
		s.Helper()
		s.expectSpec(ns, deny, p, denied)
		s.expectMark(ns, `"Proving"`)
		s.turn(ns, "web", corev1.ConditionFalse)
		s.expectSpec(ns, deny, p, parkedSpec)
		s.turn(ns, "web", corev1.ConditionTrue)
		s.settle()
		s.expectSpec(ns, deny, p, parkedSpec)
	}
	broken()
	s.makePolicy(ns, "mine", "{podSelector: {matchLabels: {app: web}}, ingress: [{from: [{podSelector: {}}]}]}")
	broken()
	s.intrude("somebody", ns, "mine", `{"metadata": {"labels": {"touched": "yes"}}}`)
	s.settle()
	s.expectSpec(ns, deny, p, parkedSpec)
	s.intrude("somebody", ns, "mine", `{"spec": {"egress": [{}], "policyTypes": ["Ingress", "Egress"]}}`)
	broken()
	s.deletePolicy(ns, deny)
	broken()
}

// Before it comes, Audit says what the default-deny would cut off, and says it no more of what the profile lets
// in.
func TestAuditSaysWhatTheDenyWouldCutOff(t *testing.T) {
	s := begin(t, "cutoff")
	ns := s.namespace("ns", nil)
	s.makeReady(ns, "web")
	set := map[string]string{"app": "web"}
	s.must(s.makeService(t.Context(), ns, "web", set, []corev1.ServicePort{{Port: 80, TargetPort: intstr.FromInt32(8080)}}, nil))
	_, err := s.Client.NetworkingV1().Ingresses(ns).Create(t.Context(), &networkingv1.Ingress{
		ObjectMeta: metav1.ObjectMeta{Name: "front"},
		Spec: networkingv1.IngressSpec{DefaultBackend: &networkingv1.IngressBackend{
			Service: &networkingv1.IngressServiceBackend{Name: "web", Port: networkingv1.ServiceBackendPort{Number: 80}},
		}},
	}, metav1.CreateOptions{})
	s.must(err)
	_, err = s.Client.CoreV1().Services(ns).Create(t.Context(), &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "metrics", Annotations: map[string]string{
			"prometheus.io/scrape": "true", "prometheus.io/port": "9100",
		}},
		Spec: corev1.ServiceSpec{Selector: set, Ports: []corev1.ServicePort{{Port: 9100}}},
	}, metav1.CreateOptions{})
	s.must(err)

	p := s.profile("cutoff", "{mode: Audit, network: {}}")
	said := func(want ...string) {
		s.Helper()
		s.expect(p, func(p *seen) error {
			got := []string{}
			for _, d := range p.Status.Drift {
				if d.Reason == "WouldCutOff" {
					got = append(got, d.Object)
				}
			}
			if !slices.Equal(got, want) {
				return fmt.Errorf("WouldCutOff of %q, expected %q", got, want)
			}
			return nil
		})
	}
	said("Service "+ns+"/metrics", "Service "+ns+"/web")
	s.expectEvent("default", "WouldCutOff", "SecurityProfile", p, "Service "+ns+"/web", "the controller of Ingress front",
		"port 8080", "{port: 8080, protocol: TCP}")
	s.expectEvent("default", "WouldCutOff", "SecurityProfile", p, "Service "+ns+"/metrics", "Prometheus", "port 9100")
	s.profile(p, "{mode: Audit, network: {allow: {from: [{namespaceSelector: {}, ports: [{port: 8080}]}]}}}")
	said("Service " + ns + "/metrics")
	s.profile(p, "{mode: Enforce, network: {allow: {from: [{namespaceSelector: {}, ports: [{port: 8080}]}]}}}")
	s.expectCompliant(p, 1)
	s.profile(p, "{mode: Audit, network: {}}") // the deny stands by now
	said()
}

// With Keep it is told, and that is all.
func TestDenyIsKeptWhereTheProfileSaysSo(t *testing.T) {
	s := begin(t, "keeps")
	ns := s.namespace("ns", nil)
	s.makeReady(ns, "web")
	s.must(s.rampart.Restart(t.Context()))
	p := s.profile("keeps", "{mode: Enforce, network: {rollout: {onFailure: Keep}}}")
	s.expectCompliant(p, 1)
	s.expectMark(ns, `"Proving"`)
	s.turn(ns, "web", corev1.ConditionFalse)
	s.expectEvent(ns, "DenyKept", "Namespace", ns, "Deployment web (0 of 1 pods ready)")
	s.within(func() error {
		if text := s.mark(ns); text != "" {
			return fmt.Errorf("still watched: %s", text)
		}
		return nil
	})
	s.expectCompliant(p, 1)
	s.expectSpec(ns, deny, p, "{podSelector: {}, policyTypes: [Ingress, Egress]}")
}
