// Package reach tells who may connect to whom under a set of NetworkPolicies. It is written from what
// Kubernetes documents and from nothing else:
//
//	https://kubernetes.io/docs/concepts/services-networking/network-policies/
//	https://kubernetes.io/docs/reference/kubernetes-api/policy-resources/network-policy-v1/
//
// Where these leave something to the network plugin, Plugin says which way to take.
package reach

import (
	"fmt"
	"net/netip"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// Namespace is a namespace with its labels.
type Namespace struct {
	Name   string
	Labels map[string]string
}

// Pod is a pod on the pod network; the documentation leaves open what becomes of those on the host's.
type Pod struct {
	Namespace string
	Name      string
	Labels    map[string]string
	Addresses []netip.Addr
	Ports     map[string]Port // of its containers, by name
}

// Port is a port with its protocol.
type Port struct {
	Protocol corev1.Protocol
	Number   int32
}

// End is one end of a connection: an address, and the pod that has it, if one has.
type End struct {
	Pod     *Pod // nil: outside of the cluster
	Address netip.Addr
}

// Connection goes from an address to a port of another. Answers to it are allowed with it.
type Connection struct {
	From, To End
	Port     Port
}

func (p Port) String() string { return fmt.Sprintf("%s %d", p.Protocol, p.Number) }

func (e End) String() string {
	if e.Pod == nil {
		return e.Address.String()
	}
	return fmt.Sprintf("%s/%s (%s)", e.Pod.Namespace, e.Pod.Name, e.Address)
}

func (c Connection) String() string { return fmt.Sprintf("%s -> %s on %s", c.From, c.To, c.Port) }

// Plugin is what plugins do in different ways.
type Plugin struct {
	// BlocksHoldPods: an ipBlock also means pods whose addresses it holds. "These should be
	// cluster-external IPs, since Pod IPs are ephemeral and unpredictable."
	BlocksHoldPods bool
}

// Rules are policies made ready for questions. They keep what they learn of each pod, so one value is
// not for use by several goroutines.
type Rules struct {
	plugin     Plugin
	namespaces map[string]labels.Set
	policies   map[string][]policy // by namespace
	pods       map[*Pod]*verdict
}

type policy struct {
	namespace string
	pods      labels.Selector
	isolates  [2]bool // by direction
	rules     [2][]rule
}

type direction int

const (
	ingress direction = iota
	egress
)

type rule struct {
	peers []peer // none: everybody
	ports []port // none: every one
}

// peer is either a block or pods.
type peer struct {
	block      netip.Prefix
	except     []netip.Prefix
	isBlock    bool
	namespaces labels.Selector // nil: the policy's own
	pods       labels.Selector
}

type port struct {
	protocol corev1.Protocol
	name     string // of a container port
	from, to int32  // 0: every one; unless there is a name
}

// verdict is what the policies make of one pod.
type verdict struct {
	isIsolated [2]bool
	rules      [2][]scoped
}

type scoped struct {
	rule
	namespace string // of the policy
}

// New reads the policies. It refuses what the API server would refuse.
func New(plugin Plugin, namespaces []Namespace, policies []networkingv1.NetworkPolicy) (*Rules, error) {
	r := &Rules{
		plugin:     plugin,
		namespaces: map[string]labels.Set{},
		policies:   map[string][]policy{},
		pods:       map[*Pod]*verdict{},
	}
	for _, ns := range namespaces {
		r.namespaces[ns.Name] = ns.Labels
	}
	for i := range policies {
		read, err := readPolicy(&policies[i])
		if err != nil {
			return nil, fmt.Errorf("NetworkPolicy %s/%s: %w", policies[i].Namespace, policies[i].Name, err)
		}
		r.policies[read.namespace] = append(r.policies[read.namespace], read)
	}
	return r, nil
}

// Allow tells whether the policies let the connection through. Both sides have a say.
func (r *Rules) Allow(c Connection) bool {
	return r.MayLeave(c) && r.MayEnter(c)
}

// MayLeave is the say of the pod that connects, its egress.
func (r *Rules) MayLeave(c Connection) bool {
	return isToItself(c) || r.letsThrough(egress, c)
}

// MayEnter is the say of the pod that is connected to, its ingress.
func (r *Rules) MayEnter(c Connection) bool {
	return isToItself(c) || r.letsThrough(ingress, c)
}

// isToItself: "a pod cannot block access to itself".
func isToItself(c Connection) bool {
	return c.From.Pod != nil && c.From.Pod == c.To.Pod
}

// letsThrough is one side's say: of the pod that connects for egress, of the other for ingress.
func (r *Rules) letsThrough(d direction, c Connection) bool {
	own, other := c.From, c.To
	if d == ingress {
		own, other = c.To, c.From
	}
	if own.Pod == nil {
		return true
	}
	v := r.verdict(own.Pod)
	if !v.isIsolated[d] {
		return true // "non-isolated: all connections are allowed"
	}
	for _, rule := range v.rules[d] { // "the effects of those lists combine additively"
		if r.matchesPeer(rule, other) && matchesPort(rule.ports, c) {
			return true
		}
	}
	return false
}

func (r *Rules) verdict(pod *Pod) *verdict {
	if v := r.pods[pod]; v != nil {
		return v
	}
	v := &verdict{}
	for _, p := range r.policies[pod.Namespace] {
		if !p.pods.Matches(labels.Set(pod.Labels)) {
			continue
		}
		for d := range p.isolates {
			if !p.isolates[d] {
				continue
			}
			v.isIsolated[d] = true
			for _, rule := range p.rules[d] {
				v.rules[d] = append(v.rules[d], scoped{rule, p.namespace})
			}
		}
	}
	r.pods[pod] = v
	return v
}

func (r *Rules) matchesPeer(rule scoped, other End) bool {
	if len(rule.peers) == 0 {
		return true
	}
	for _, p := range rule.peers {
		if p.isBlock && (other.Pod == nil || r.plugin.BlocksHoldPods) && p.holds(other.Address) {
			return true
		}
		if !p.isBlock && other.Pod != nil && r.selects(p, rule.namespace, other.Pod) {
			return true
		}
	}
	return false
}

func (p peer) holds(address netip.Addr) bool {
	if !p.block.Contains(address) {
		return false
	}
	for _, except := range p.except {
		if except.Contains(address) {
			return false
		}
	}
	return true
}

func (r *Rules) selects(p peer, namespace string, pod *Pod) bool {
	if !p.pods.Matches(labels.Set(pod.Labels)) {
		return false
	}
	if p.namespaces == nil {
		return pod.Namespace == namespace
	}
	set, ok := r.namespaces[pod.Namespace]
	return ok && p.namespaces.Matches(set)
}

// matchesPort: ports are always those of the pod that is connected to, and so are their names.
func matchesPort(ports []port, c Connection) bool {
	if len(ports) == 0 {
		return true
	}
	for _, p := range ports {
		if p.protocol != c.Port.Protocol {
			continue
		}
		if p.name == "" && (p.from == 0 || p.from <= c.Port.Number && c.Port.Number <= p.to) {
			return true
		}
		if p.name != "" && c.To.Pod != nil && c.To.Pod.Ports[p.name] == c.Port {
			return true
		}
	}
	return false
}

func readPolicy(object *networkingv1.NetworkPolicy) (policy, error) {
	p := policy{namespace: object.Namespace}
	var err error
	if p.pods, err = metav1.LabelSelectorAsSelector(&object.Spec.PodSelector); err != nil {
		return p, err
	}
	// "If no policyTypes are specified then by default Ingress will always be set and Egress will be set
	// if the NetworkPolicy has any egress rules."
	p.isolates[ingress] = len(object.Spec.PolicyTypes) == 0
	p.isolates[egress] = len(object.Spec.PolicyTypes) == 0 && len(object.Spec.Egress) > 0
	for _, kind := range object.Spec.PolicyTypes {
		switch kind {
		case networkingv1.PolicyTypeIngress:
			p.isolates[ingress] = true
		case networkingv1.PolicyTypeEgress:
			p.isolates[egress] = true
		default:
			return p, fmt.Errorf("policyTypes: %q is unknown", kind)
		}
	}
	for _, in := range object.Spec.Ingress {
		if err := p.add(ingress, in.From, in.Ports); err != nil {
			return p, err
		}
	}
	for _, out := range object.Spec.Egress {
		if err := p.add(egress, out.To, out.Ports); err != nil {
			return p, err
		}
	}
	return p, nil
}

func (p *policy) add(d direction, peers []networkingv1.NetworkPolicyPeer, ports []networkingv1.NetworkPolicyPort) error {
	made := rule{}
	for _, peer := range peers {
		read, err := readPeer(peer)
		if err != nil {
			return err
		}
		made.peers = append(made.peers, read)
	}
	for _, port := range ports {
		read, err := readPort(port)
		if err != nil {
			return err
		}
		made.ports = append(made.ports, read)
	}
	p.rules[d] = append(p.rules[d], made)
	return nil
}

func readPeer(from networkingv1.NetworkPolicyPeer) (p peer, err error) {
	if from.IPBlock != nil {
		if from.NamespaceSelector != nil || from.PodSelector != nil {
			return p, fmt.Errorf("ipBlock %s stands beside a selector", from.IPBlock.CIDR)
		}
		p.isBlock = true
		if p.block, err = netip.ParsePrefix(from.IPBlock.CIDR); err != nil {
			return p, err
		}
		for _, text := range from.IPBlock.Except {
			except, err := netip.ParsePrefix(text)
			if err != nil {
				return p, err
			}
			p.except = append(p.except, except)
		}
		return p, nil
	}
	if from.NamespaceSelector == nil && from.PodSelector == nil {
		return p, fmt.Errorf("a peer says nothing")
	}
	p.pods = labels.Everything() // "all Pods in the Namespaces selected by NamespaceSelector"
	if from.PodSelector != nil {
		if p.pods, err = metav1.LabelSelectorAsSelector(from.PodSelector); err != nil {
			return p, err
		}
	}
	if from.NamespaceSelector != nil {
		p.namespaces, err = metav1.LabelSelectorAsSelector(from.NamespaceSelector)
	}
	return p, err
}

func readPort(from networkingv1.NetworkPolicyPort) (port, error) {
	p := port{protocol: corev1.ProtocolTCP}
	if from.Protocol != nil {
		p.protocol = *from.Protocol
	}
	if from.Port == nil {
		if from.EndPort != nil {
			return p, fmt.Errorf("endPort %d without a port", *from.EndPort)
		}
		return p, nil
	}
	if from.Port.Type == intstr.String {
		if from.EndPort != nil {
			return p, fmt.Errorf("endPort %d with the name of a port", *from.EndPort)
		}
		p.name = from.Port.StrVal
		return p, nil
	}
	p.from, p.to = from.Port.IntVal, from.Port.IntVal
	if from.EndPort != nil {
		p.to = *from.EndPort
	}
	if p.from < 1 || p.to < p.from {
		return p, fmt.Errorf("ports %d to %d are no range", p.from, p.to)
	}
	return p, nil
}
