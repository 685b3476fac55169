// Package policy has the policies that the contenders of the benchmark write: those that Rampart writes for
// the profiles of the benchmark, under the same names, so that the API server has the same to do.
package policy

import (
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

const (
	DenyName = "rampart-default-deny"
	DNSName  = "rampart-allow-dns"

	// Profile is the SecurityProfile of the benchmark, and Selector the label of the namespaces it selects.
	Profile  = "bench"
	Label    = "rampart-bench"
	Selector = Label + "=yes"

	// Manager is the name under which Rampart writes. Who patches what is not its own does so too, so that
	// managedFields grow alike.
	Manager = "rampart"
)

// Deny isolates all pods of a namespace in both directions.
func Deny(namespace string) *networkingv1.NetworkPolicy {
	return &networkingv1.NetworkPolicy{
		ObjectMeta: meta(namespace, DenyName),
		Spec: networkingv1.NetworkPolicySpec{
			PolicyTypes: []networkingv1.PolicyType{networkingv1.PolicyTypeEgress, networkingv1.PolicyTypeIngress},
		},
	}
}

// DNS lets all pods of a namespace ask the pods of the cluster's DNS.
func DNS(namespace string) *networkingv1.NetworkPolicy {
	udp, tcp, port := corev1.ProtocolUDP, corev1.ProtocolTCP, intstr.FromInt32(53)
	return &networkingv1.NetworkPolicy{
		ObjectMeta: meta(namespace, DNSName),
		Spec: networkingv1.NetworkPolicySpec{
			PolicyTypes: []networkingv1.PolicyType{networkingv1.PolicyTypeEgress},
			Egress: []networkingv1.NetworkPolicyEgressRule{{
				To: []networkingv1.NetworkPolicyPeer{{
					NamespaceSelector: &metav1.LabelSelector{
						MatchLabels: map[string]string{"kubernetes.io/metadata.name": "kube-system"},
					},
					PodSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"k8s-app": "kube-dns"}},
				}},
				Ports: []networkingv1.NetworkPolicyPort{{Protocol: &tcp, Port: &port}, {Protocol: &udp, Port: &port}},
			}},
		},
	}
}

func meta(namespace, name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Namespace: namespace,
		Name:      name,
		Labels: map[string]string{
			"app.kubernetes.io/managed-by": "rampart",
			"rampart.dev/profile":          Profile,
		},
	}
}
