package main

import (
	"context"
	"fmt"
	"slices"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes"
)

const (
	guardLabel   = "rampart-demo" // on namespaces, what the profile selects
	guarded      = "guarded"
	notGuarded   = "open"
	newNamespace = "demo-new"
	hookName     = "rampart-demo"
	hookPort     = 8443

	// Addresses from documentation ranges (RFC 5737): nothing is ever sent there.
	apiServerAddress = "203.0.113.10"
	apiServerPort    = 6443
	providerAddress  = "198.51.100.7" // inside the block that profile.yaml allows
	internetAddress  = "198.51.100.200"
	metadataAddress  = "169.254.169.254"

	image = "registry.k8s.io/pause:3.10" // does nothing; on the nodes that are played, it is not even there
)

// workload is one Deployment of the demo.
type workload struct {
	namespace, name string
	replicas, port  int32
	role            string
}

// cast is who plays.
var cast = []workload{
	{"demo-edge", "proxy", 2, 8080, "the ingress controller"},
	{"demo-shop", "web", 2, 8080, "takes requests from the ingress controller"},
	{"demo-shop", "db", 1, 5432, "the shop's database"},
	{"demo-bank", "api", 2, 8080, "takes requests from the ingress controller"},
	{"demo-hooks", "images", 1, hookPort, "checks images: a validating webhook, which the API server calls"},
}

// dns plays the cluster's DNS where there is none.
var dns = workload{"kube-system", "coredns", 2, 53, "the cluster's DNS"}

// namespacesOf lists the namespaces of the cast in their order.
func namespacesOf(cast []workload) (names []string) {
	for _, w := range cast {
		if !slices.Contains(names, w.namespace) {
			names = append(names, w.namespace)
		}
	}
	return names
}

// allNamespaces are those that the demo makes.
func allNamespaces() []string { return append(namespacesOf(cast), newNamespace) }

// guardedNamespaces are those that the profile selects, sorted.
func guardedNamespaces() (names []string) {
	for _, name := range namespacesOf(cast) {
		if guardOf(name) == guarded {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func guardOf(namespace string) string {
	if namespace == "demo-edge" {
		return notGuarded
	}
	return guarded
}

func newNamespaceObject(name, guard string) *corev1.Namespace {
	return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{guardLabel: guard}}}
}

func (w workload) labels() map[string]string {
	if w == dns {
		return map[string]string{"k8s-app": "kube-dns"}
	}
	return map[string]string{"app": w.name}
}

// deployment meets the restricted Pod Security Standard.
func (w workload) deployment() *appsv1.Deployment {
	labels := w.labels()
	little := corev1.ResourceList{
		corev1.ResourceCPU:    resource.MustParse("1m"),
		corev1.ResourceMemory: resource.MustParse("4Mi"),
	}
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: w.name},
		Spec: appsv1.DeploymentSpec{
			Replicas: new(w.replicas),
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec: corev1.PodSpec{
					AutomountServiceAccountToken: new(false),
					SecurityContext: &corev1.PodSecurityContext{
						RunAsNonRoot:   new(true),
						RunAsUser:      new(int64(65532)),
						SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
					},
					Containers: []corev1.Container{{
						Name:      "main",
						Image:     image,
						Resources: corev1.ResourceRequirements{Requests: little},
						Ports:     []corev1.ContainerPort{{Name: "main", ContainerPort: w.port}},
						SecurityContext: &corev1.SecurityContext{
							AllowPrivilegeEscalation: new(false),
							Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
						},
					}},
				},
			},
		},
	}
}

// create makes the namespaces of the cast with what is in them, and the webhook.
func createCast(ctx context.Context, client kubernetes.Interface) error {
	for _, name := range namespacesOf(cast) {
		namespace := newNamespaceObject(name, guardOf(name))
		_, err := client.CoreV1().Namespaces().Create(ctx, namespace, metav1.CreateOptions{})
		if err != nil {
			return err
		}
	}
	for _, w := range cast {
		_, err := client.AppsV1().Deployments(w.namespace).Create(ctx, w.deployment(), metav1.CreateOptions{})
		if err != nil {
			return err
		}
	}
	return createHook(ctx, client)
}

// createHook registers images as a webhook. It is for ConfigMaps with a label that nobody has, so it
// is never called.
func createHook(ctx context.Context, client kubernetes.Interface) error {
	const namespace, service = "demo-hooks", "images"
	_, err := client.CoreV1().Services(namespace).Create(ctx, &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: service},
		Spec: corev1.ServiceSpec{
			Selector: map[string]string{"app": service},
			Ports:    []corev1.ServicePort{{Name: "https", Port: 443, TargetPort: intstr.FromInt32(hookPort)}},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	_, err = client.AdmissionregistrationV1().ValidatingWebhookConfigurations().Create(ctx,
		&admissionv1.ValidatingWebhookConfiguration{
			ObjectMeta: metav1.ObjectMeta{Name: hookName},
			Webhooks: []admissionv1.ValidatingWebhook{{
				Name: "images.demo.rampart.dev",
				ClientConfig: admissionv1.WebhookClientConfig{
					Service: &admissionv1.ServiceReference{Namespace: namespace, Name: service, Port: new(int32(443))},
				},
				Rules: []admissionv1.RuleWithOperations{{
					Operations: []admissionv1.OperationType{admissionv1.Create},
					Rule: admissionv1.Rule{
						APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"configmaps"},
					},
				}},
				ObjectSelector:          &metav1.LabelSelector{MatchLabels: map[string]string{guardLabel: "checked"}},
				SideEffects:             new(admissionv1.SideEffectClassNone),
				AdmissionReviewVersions: []string{"v1"},
			}},
		}, metav1.CreateOptions{})
	return err
}

// createStandIns makes what a real cluster has and ours has not: a DNS, and an address of the API server.
func createStandIns(ctx context.Context, client kubernetes.Interface) error {
	_, err := client.CoreV1().Services(dns.namespace).Create(ctx, &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "kube-dns", Labels: dns.labels()},
		Spec: corev1.ServiceSpec{
			Selector: dns.labels(),
			Ports: []corev1.ServicePort{
				{Name: "dns", Port: dns.port, Protocol: corev1.ProtocolUDP},
				{Name: "dns-tcp", Port: dns.port, Protocol: corev1.ProtocolTCP},
			},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("the cluster's DNS: %w", err)
	}
	_, err = client.AppsV1().Deployments(dns.namespace).Create(ctx, dns.deployment(), metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("the cluster's DNS: %w", err)
	}
	_, err = client.DiscoveryV1().EndpointSlices("default").Create(ctx, &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{
			Name:   "kubernetes",
			Labels: map[string]string{discoveryv1.LabelServiceName: "kubernetes"},
		},
		AddressType: discoveryv1.AddressTypeIPv4,
		Endpoints:   []discoveryv1.Endpoint{{Addresses: []string{apiServerAddress}}},
		Ports: []discoveryv1.EndpointPort{{
			Name: new("https"), Port: new(int32(apiServerPort)), Protocol: new(corev1.ProtocolTCP),
		}},
	}, metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("address of the API server: %w", err)
	}
	return nil
}
