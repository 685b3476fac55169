// Package intent tells from the text of a SecurityProfile who may connect to whom in the namespaces that
// it governs. It knows what the schema in crds/ says that the fields mean, and nothing of how Rampart
// makes policies of them; package reach then tells whether the policies mean the same.
package intent

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/yaml"

	"rampart.dev/e2e/reach"
)

// metadataAPI is where clouds hand out credentials.
var metadataAPI = []netip.Addr{netip.MustParseAddr("169.254.169.254"), netip.MustParseAddr("fd00:ec2::254")}

// Facts is what a profile leaves to be found in the cluster.
type Facts struct {
	DNS       Service   // the cluster's own
	APIServer []Address // the endpoints of default/kubernetes
	Backends  []Service // what the API server calls: webhooks and the like
}

// Service is some pods of a namespace and the ports on which they are asked.
type Service struct {
	Namespace string
	Pods      map[string]string
	Ports     []reach.Port // of the pods
	Asked     []reach.Port // of the Service, where they differ
}

// Address is an address with a port.
type Address struct {
	IP   netip.Addr
	Port reach.Port
}

// Profile is a profile that governs some namespaces.
type Profile struct {
	spec       spec
	facts      Facts
	plugin     reach.Plugin
	namespaces map[string]labels.Set
	selectors  map[*metav1.LabelSelector]labels.Selector // ready for use
}

type spec struct {
	Mode                    string                `json:"mode"`
	Priority                int                   `json:"priority"`
	NamespaceSelector       *metav1.LabelSelector `json:"namespaceSelector"`
	ExcludedNamespaces      []string              `json:"excludedNamespaces"`
	IncludeSystemNamespaces bool                  `json:"includeSystemNamespaces"`
	OnDelete                string                `json:"onDelete"`
	Network                 *network              `json:"network"`
	Workloads               any                   `json:"workloads"`            // says nothing about traffic
	PodSecurityAdmission    any                   `json:"podSecurityAdmission"` // nor does this
}

type network struct {
	Mode        string   `json:"mode"`
	DefaultDeny []string `json:"defaultDeny"`
	Allow       allow    `json:"allow"`
	Rollout     any      `json:"rollout"` // says nothing about whom it lets through
}

type allow struct {
	DNS           *dns         `json:"dns"`
	SameNamespace *struct{}    `json:"sameNamespace"`
	APIServer     *struct{}    `json:"apiServer"`
	From          []entry      `json:"from"`
	To            []entry      `json:"to"`
	MetadataAPI   *metadataSay `json:"metadataAPI"`
}

type dns struct {
	Servers []entry `json:"servers"`
	Ports   []port  `json:"ports"`
}

type entry struct {
	NamespaceSelector *metav1.LabelSelector `json:"namespaceSelector"`
	PodSelector       *metav1.LabelSelector `json:"podSelector"`
	IPBlock           *block                `json:"ipBlock"`
	Ports             []port                `json:"ports"`
}

type block struct {
	CIDR   netip.Prefix   `json:"cidr"`
	Except []netip.Prefix `json:"except"`
}

type port struct {
	Protocol corev1.Protocol     `json:"protocol"`
	Port     *intstr.IntOrString `json:"port"`
	EndPort  int32               `json:"endPort"`
}

type metadataSay struct {
	Deny *bool `json:"deny"`
}

// Read reads a profile from YAML, for a world of namespaces.
func Read(text []byte, facts Facts, plugin reach.Plugin, namespaces []reach.Namespace) (*Profile, error) {
	var object struct {
		metav1.TypeMeta
		Metadata metav1.ObjectMeta `json:"metadata"`
		Spec     spec              `json:"spec"`
	}
	if err := yaml.UnmarshalStrict(text, &object); err != nil {
		return nil, err
	}
	if object.Kind != "SecurityProfile" || object.Spec.NamespaceSelector == nil {
		return nil, fmt.Errorf("no SecurityProfile, or one without a namespaceSelector")
	}
	p := &Profile{spec: object.Spec, facts: facts, plugin: plugin, namespaces: map[string]labels.Set{},
		selectors: map[*metav1.LabelSelector]labels.Selector{}}
	for _, ns := range namespaces {
		p.namespaces[ns.Name] = ns.Labels
	}
	return p, nil
}

// Enforces tells whether the profile has an effect on connections at all.
func (p *Profile) Enforces() bool {
	if p.spec.Network == nil {
		return false
	}
	mode := p.spec.Network.Mode
	if mode == "" {
		mode = p.spec.Mode
	}
	return mode == "Enforce"
}

// Governs tells whether the profile selects the namespace. Of several profiles it knows nothing.
func (p *Profile) Governs(namespace string) bool {
	set, ok := p.namespaces[namespace]
	isSystem := strings.HasPrefix(namespace, "kube-") && !p.spec.IncludeSystemNamespaces
	return ok && namespace != "rampart-system" && !isSystem &&
		!slices.Contains(p.spec.ExcludedNamespaces, namespace) && p.matches(p.spec.NamespaceSelector, set)
}

// Allow tells whether the profile means the connection to be possible.
func (p *Profile) Allow(c reach.Connection) bool {
	return p.MayLeave(c) && p.MayEnter(c)
}

func isToItself(c reach.Connection) bool {
	return c.From.Pod != nil && c.From.Pod == c.To.Pod // which nothing can deny
}

func (p *Profile) denies(direction string, pod *reach.Pod) bool {
	if pod == nil || !p.Enforces() || !p.Governs(pod.Namespace) {
		return false
	}
	denied := p.spec.Network.DefaultDeny
	return denied == nil || slices.Contains(denied, direction)
}

// MayLeave tells whether the profile lets the pod that connects do so.
func (p *Profile) MayLeave(c reach.Connection) bool {
	if isToItself(c) || !p.denies("Egress", c.From.Pod) {
		return true
	}
	allow := p.spec.Network.Allow
	switch {
	case allow.SameNamespace != nil && c.To.Pod != nil && c.To.Pod.Namespace == c.From.Pod.Namespace:
		return true
	case allow.DNS != nil && p.isDNS(allow.DNS, c):
		return true
	case allow.APIServer != nil && p.isAPIServer(c):
		return true
	}
	for _, entry := range allow.To {
		if p.isPeer(entry, c.From.Pod.Namespace, c.To, true) && isPort(entry.Ports, c) {
			return true
		}
	}
	return false
}

// MayEnter tells whether the profile lets the pod that is connected to be reached.
func (p *Profile) MayEnter(c reach.Connection) bool {
	if isToItself(c) || !p.denies("Ingress", c.To.Pod) {
		return true
	}
	allow := p.spec.Network.Allow
	if allow.SameNamespace != nil && c.From.Pod != nil && c.From.Pod.Namespace == c.To.Pod.Namespace {
		return true
	}
	for _, service := range append([]Service{p.facts.DNS}, p.facts.Backends...) {
		if service.has(c.To.Pod) && slices.Contains(service.Ports, c.Port) {
			return true // what the whole cluster, or its API server, depends on is never cut off
		}
	}
	for _, entry := range allow.From {
		if p.isPeer(entry, c.To.Pod.Namespace, c.From, false) && isPort(entry.Ports, c) {
			return true
		}
	}
	return false
}

func (s Service) has(pod *reach.Pod) bool {
	return pod != nil && s.Namespace != "" && pod.Namespace == s.Namespace &&
		labels.SelectorFromSet(s.Pods).Matches(labels.Set(pod.Labels))
}

func (p *Profile) isDNS(dns *dns, c reach.Connection) bool {
	isServer := p.facts.DNS.has(c.To.Pod)
	if dns.Servers != nil {
		isServer = slices.ContainsFunc(dns.Servers, func(server entry) bool {
			return p.isPeer(server, c.From.Pod.Namespace, c.To, true)
		})
	}
	switch {
	case !isServer:
		return false
	case dns.Ports != nil:
		return isPort(dns.Ports, c)
	case dns.Servers != nil:
		return c.Port.Number == 53 && (c.Port.Protocol == corev1.ProtocolUDP || c.Port.Protocol == corev1.ProtocolTCP)
	default:
		return slices.Contains(p.facts.DNS.Ports, c.Port) || slices.Contains(p.facts.DNS.Asked, c.Port)
	}
}

func (p *Profile) isAPIServer(c reach.Connection) bool {
	return p.mayBeInBlock(c.To) && slices.Contains(p.facts.APIServer, Address{c.To.Address, c.Port})
}

// isPeer tells whether the other end is one that the entry names, seen from a pod in the namespace own.
func (p *Profile) isPeer(entry entry, own string, other reach.End, isEgress bool) bool {
	if entry.IPBlock != nil {
		return p.mayBeInBlock(other) && entry.IPBlock.holds(other.Address) && !(isEgress && p.cutsOut(other.Address))
	}
	if other.Pod == nil {
		return false
	}
	namespace, known := p.namespaces[other.Pod.Namespace]
	if entry.NamespaceSelector == nil && other.Pod.Namespace != own {
		return false
	}
	if entry.NamespaceSelector != nil && !(known && p.matches(entry.NamespaceSelector, namespace)) {
		return false
	}
	return entry.PodSelector == nil || p.matches(entry.PodSelector, other.Pod.Labels)
}

func (p *Profile) mayBeInBlock(end reach.End) bool {
	return end.Pod == nil || p.plugin.BlocksHoldPods
}

func (p *Profile) cutsOut(address netip.Addr) bool {
	say := p.spec.Network.Allow.MetadataAPI
	return slices.Contains(metadataAPI, address) && (say == nil || say.Deny == nil || *say.Deny)
}

func (b block) holds(address netip.Addr) bool {
	return b.CIDR.Contains(address) &&
		!slices.ContainsFunc(b.Except, func(except netip.Prefix) bool { return except.Contains(address) })
}

func isPort(ports []port, c reach.Connection) bool {
	return ports == nil || slices.ContainsFunc(ports, func(p port) bool { return p.is(c) })
}

func (p port) is(c reach.Connection) bool {
	protocol := p.Protocol
	if protocol == "" {
		protocol = corev1.ProtocolTCP
	}
	switch {
	case protocol != c.Port.Protocol:
		return false
	case p.Port == nil:
		return true
	case p.Port.Type == intstr.String:
		return c.To.Pod != nil && c.To.Pod.Ports[p.Port.StrVal] == c.Port
	default:
		return p.Port.IntVal <= c.Port.Number && c.Port.Number <= max(p.EndPort, p.Port.IntVal)
	}
}

// matches: a selector that cannot be read, which the schema lets nobody write, selects nothing.
func (p *Profile) matches(selector *metav1.LabelSelector, set map[string]string) bool {
	read, ok := p.selectors[selector]
	if !ok {
		var err error
		if read, err = metav1.LabelSelectorAsSelector(selector); err != nil {
			read = labels.Nothing()
		}
		p.selectors[selector] = read
	}
	return read.Matches(labels.Set(set))
}

// Ports are the numbers that the text names; whoever compares looks at their neighbours too.
func (p *Profile) Ports() (numbers []int32) {
	if p.spec.Network == nil {
		return nil
	}
	allow := p.spec.Network.Allow
	entries := slices.Concat(allow.From, allow.To)
	if allow.DNS != nil {
		entries = append(entries, entry{Ports: allow.DNS.Ports})
	}
	for _, entry := range entries {
		for _, port := range entry.Ports {
			if port.Port != nil && port.Port.Type == intstr.Int {
				numbers = append(numbers, port.Port.IntVal)
			}
			if port.EndPort > 0 {
				numbers = append(numbers, port.EndPort)
			}
		}
	}
	return numbers
}
