package scenarios

import (
	"context"
	"errors"
	"fmt"
	"testing"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/yaml"
)

var (
	apiServices = schema.GroupVersionResource{Group: "apiregistration.k8s.io", Version: "v1", Resource: "apiservices"}
	definitions = schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}
)

// servicePort is one that the API server calls, 443, which leads to target.
func servicePort(target intstr.IntOrString) []corev1.ServicePort {
	return []corev1.ServicePort{{Name: "https", Port: 443, TargetPort: target}}
}

// makeWebhook makes a Service whose pods have the label app=SERVICE and listen on 8443, and a webhook
// behind it that is asked about nothing that there is.
func (s *story) makeWebhook(namespace, service, name string) {
	s.Helper()
	s.must(s.makeService(s.Context(), namespace, service, map[string]string{"app": service}, servicePort(intstr.FromInt32(8443)), nil))
	s.registerWebhook(namespace, service, name)
}

func (s *story) registerWebhook(namespace, service, name string) {
	s.Helper()
	hook := admissionv1.ValidatingWebhook{
		Name: "nothing.e2e.rampart.dev",
		ClientConfig: admissionv1.WebhookClientConfig{
			Service: &admissionv1.ServiceReference{Namespace: namespace, Name: service},
		},
		Rules: []admissionv1.RuleWithOperations{{
			Operations: []admissionv1.OperationType{admissionv1.Create},
			Rule:       admissionv1.Rule{APIGroups: []string{"nothing.e2e.rampart.dev"}, APIVersions: []string{"v1"}, Resources: []string{"nothings"}},
		}},
		FailurePolicy:           new(admissionv1.Ignore),
		SideEffects:             new(admissionv1.SideEffectClassNone),
		AdmissionReviewVersions: []string{"v1"},
	}
	client := s.Client.AdmissionregistrationV1().ValidatingWebhookConfigurations()
	_, err := client.Create(s.Context(), &admissionv1.ValidatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: name}, Webhooks: []admissionv1.ValidatingWebhook{hook},
	}, metav1.CreateOptions{})
	s.must(err)
	s.Cleanup(func() {
		err := client.Delete(context.Background(), name, metav1.DeleteOptions{})
		if err != nil && !apierrors.IsNotFound(err) {
			s.Error(err)
		}
	})
}

// makeClusterObject makes an object of no namespace, which goes at the story's end.
func (s *story) makeClusterObject(resource schema.GroupVersionResource, format string, args ...any) {
	s.Helper()
	object := &unstructured.Unstructured{}
	s.must(yaml.Unmarshal(fmt.Appendf(nil, format, args...), &object.Object))
	_, err := s.Dynamic.Resource(resource).Create(s.Context(), object, metav1.CreateOptions{})
	s.must(err)
	s.Cleanup(func() { s.removeClusterObject(resource, object.GetName()) })
}

func (s *story) removeClusterObject(resource schema.GroupVersionResource, name string) {
	err := s.Dynamic.Resource(resource).Delete(context.Background(), name, metav1.DeleteOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		s.Error(err)
	}
}

func allowedBackend(service string, port int) string {
	return fmt.Sprintf(`
podSelector: {matchLabels: {app: %s}}
policyTypes: [Ingress]
ingress: [{ports: [{protocol: TCP, port: %d}]}]`, service, port)
}

// The namespace is denied first, and the webhook is registered second: an allow for it comes at once. It
// goes with the webhook.
func TestWebhookOfADeniedNamespaceIsReachable(t *testing.T) {
	s := begin(t, "webhook")
	ns := s.namespace("ns", nil)
	p := s.profile("webhook", "{mode: Enforce, network: {}}")
	s.expectCompliant(p, 1)
	s.expectPolicies(ns, deny)

	s.makeWebhook(ns, "vault", "webhook-vault")
	s.expectPolicies(ns, deny, allowBackend+"vault")
	s.expectSpec(ns, allowBackend+"vault", p, allowedBackend("vault", 8443))
	s.expectCompliant(p, 1)

	// Where egress alone is denied, nothing keeps the API server out.
	s.profile(p, "{mode: Enforce, network: {defaultDeny: [Egress]}}")
	s.expectPolicies(ns, deny)
	s.profile(p, "{mode: Enforce, network: {}}")
	s.expectPolicies(ns, deny, allowBackend+"vault")

	s.must(s.Client.AdmissionregistrationV1().ValidatingWebhookConfigurations().Delete(t.Context(), "webhook-vault", metav1.DeleteOptions{}))
	s.expectPolicies(ns, deny)
}

// A target port that has a name is what the pods make of it. Until one does, there is no deny: it would cut
// the webhook off.
func TestDenyWaitsForAnUnresolvedBackend(t *testing.T) {
	s := begin(t, "unresolved")
	ns := s.namespace("ns", nil)
	s.must(s.makeService(t.Context(), ns, "hooks", map[string]string{"app": "hooks"}, servicePort(intstr.FromString("admission")), nil))
	s.registerWebhook(ns, "hooks", "unresolved-hooks")
	p := s.profile("unresolved", "{mode: Enforce, network: {allow: {sameNamespace: {}}}}")
	s.expectCondition(p, "Degraded", metav1.ConditionTrue, "BackendUnresolved", ns+"/hooks", "names its target port", "unresolved-hooks")
	s.expectCondition(p, "Ready", metav1.ConditionFalse, "BackendUnresolved")
	s.expectEvent(ns, "BackendUnresolved", "NetworkPolicy", allowBackend+"hooks", ns+"/hooks")
	s.settle()
	s.expectPolicies(ns)

	s.must(s.makePod(t.Context(), ns, "hooks", map[string]string{"app": "hooks"},
		[]corev1.ContainerPort{{Name: "admission", ContainerPort: 9876}}))
	s.expectPolicies(ns, deny, allowSame, allowBackend+"hooks")
	s.expectSpec(ns, allowBackend+"hooks", p, allowedBackend("hooks", 9876))
	s.expectCompliant(p, 1)

	// A deny that stands already stays when a backend cannot be told: a posture is not lowered.
	s.registerWebhook(ns, "nobody", "unresolved-nobody")
	s.expectCondition(p, "Degraded", metav1.ConditionTrue, "BackendUnresolved", ns+"/nobody", "does not exist")
	s.settle()
	s.expectPolicies(ns, deny, allowSame, allowBackend+"hooks")
}

// An aggregated API and a conversion of custom resources are called by the API server as webhooks are.
func TestAggregatedAPIsAndConversionsAreReachable(t *testing.T) {
	s := begin(t, "called")
	ns := s.namespace("ns", nil)
	s.must(errors.Join(
		s.makeService(t.Context(), ns, "metrics", map[string]string{"app": "metrics"}, servicePort(intstr.FromInt32(4443)), nil),
		s.makeService(t.Context(), ns, "convert", map[string]string{"app": "convert"},
			[]corev1.ServicePort{{Name: "https", Port: 9443, TargetPort: intstr.FromInt32(9444)}}, nil)))
	p := s.profile("called", "{mode: Enforce, network: {}}")
	s.expectPolicies(ns, deny)

	s.makeClusterObject(apiServices, `
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: v1.metrics.e2e.rampart.dev}
spec:
  group: metrics.e2e.rampart.dev
  version: v1
  groupPriorityMinimum: 10
  versionPriority: 10
  insecureSkipTLSVerify: true
  service: {namespace: %s, name: metrics}`, ns)
	s.makeClusterObject(definitions, `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.convert.e2e.rampart.dev}
spec:
  group: convert.e2e.rampart.dev
  names: {plural: things, singular: thing, kind: Thing, listKind: ThingList}
  scope: Namespaced
  versions:
    - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}
    - {name: v2, served: true, storage: false, schema: {openAPIV3Schema: {type: object}}}
  conversion:
    strategy: Webhook
    webhook:
      conversionReviewVersions: [v1]
      clientConfig: {service: {namespace: %s, name: convert, port: 9443}}`, ns)
	s.expectPolicies(ns, deny, allowBackend+"metrics", allowBackend+"convert")
	s.expectSpec(ns, allowBackend+"metrics", p, allowedBackend("metrics", 4443))
	s.expectSpec(ns, allowBackend+"convert", p, allowedBackend("convert", 9444))
	s.expectCompliant(p, 1)

	s.removeClusterObject(apiServices, "v1.metrics.e2e.rampart.dev")
	s.removeClusterObject(definitions, "things.convert.e2e.rampart.dev")
	s.expectPolicies(ns, deny)
}

// Where the cluster's DNS itself is denied ingress, its pods stay reachable for everybody.
func TestClusterDNSStaysReachable(t *testing.T) {
	s := begin(t, "dnspods")
	s.label("kube-system", storyLabel, s.name)
	t.Cleanup(func() { s.unlabel("kube-system") })
	ns := s.namespace("ns", nil)
	p := s.profile("dnspods", "{mode: Enforce, onDelete: Remove, includeSystemNamespaces: true, network: {allow: {dns: {}}}}")
	s.expectCompliant(p, 2)
	s.expectPolicies("kube-system", deny, allowDNS, allowDNSPods)
	s.expectSpec("kube-system", allowDNSPods, p, fmt.Sprintf(`
podSelector: {matchLabels: {k8s-app: kube-dns}}
policyTypes: [Ingress]
ingress: [{ports: [{protocol: TCP, port: %[1]d}, {protocol: UDP, port: %[1]d}]}]`, dnsPodPort))
	s.expectPolicies(ns, deny, allowDNS)
	s.expectSpec(ns, allowDNS, p, fmt.Sprintf(`
podSelector: {}
policyTypes: [Egress]
egress:
- to: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: kube-system}}, podSelector: {matchLabels: {k8s-app: kube-dns}}}]
  ports: [{protocol: TCP, port: %[1]d}, {protocol: TCP, port: %[2]d}, {protocol: UDP, port: %[1]d}, {protocol: UDP, port: %[2]d}]`,
		dnsPort, dnsPodPort))

	s.deleteProfile(p)
	s.expectNoProfile(p)
	s.expectPolicies("kube-system")
}
