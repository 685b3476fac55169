package scenarios

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"rampart.dev/e2e/intent"
	"rampart.dev/e2e/reach"
)

const (
	tcp  = corev1.ProtocolTCP
	udp  = corev1.ProtocolUDP
	sctp = corev1.ProtocolSCTP

	nameLabel   = "kubernetes.io/metadata.name"
	meaningsMin = 30
)

// plugins are the ways in which network plugins differ; a profile must mean the same to each.
var plugins = []reach.Plugin{{BlocksHoldPods: false}, {BlocksHoldPods: true}}

// Addresses outside of the cluster: in and beside every block that the examples name.
var outside = []string{
	"192.0.2.10", "192.0.2.53", "192.0.3.1", "198.51.100.7", apiServerAddress, "203.0.113.7",
	"10.0.0.1", "10.1.0.1", "10.1.2.3", "10.2.3.4", "10.2.4.4", "10.96.0.10", "10.97.0.1", "11.0.0.1",
	"169.254.169.254", "169.254.169.253", "169.254.169.252", "169.254.169.127", "169.254.169.128", "169.254.0.1", "169.254.20.10",
	"2001:db8::53", "2001:db8::54", "2001:db8:0:1::1", "2001:db8:1::1", "2001:db9::1", "fd00:ec2::254", "fd00:ec2::253",
}

// people are the namespaces and pods around those that a profile governs. They need not exist: policies
// speak of labels.
func people() (namespaces []reach.Namespace, pods []*reach.Pod) {
	for _, ns := range []struct {
		name   string
		labels map[string]string
		pods   []map[string]string
	}{
		{"ingress-nginx", nil, []map[string]string{{"app.kubernetes.io/component": "controller"}, {"app": "other"}}},
		{"bank", map[string]string{"team": "bank"}, []map[string]string{{"app": "gateway"}, {"app": "web", "job": "nightly"}, {"tier": "back"}}},
		{"shop", map[string]string{"team": "shop"}, []map[string]string{{"app": "web"}}},
		{"shop-test", map[string]string{"team": "shop", "stage": "test"}, []map[string]string{{"app": "web"}}},
		{"platform", map[string]string{"team": "platform"}, []map[string]string{{"app": "prometheus"}, {}}},
		{"data", map[string]string{"team": "data"}, []map[string]string{{"app": "postgres"}, {"app": "redis"}}},
		{"dns", nil, []map[string]string{{"app": "resolver"}, {"app": "other"}}},
		{"kube-system", nil, []map[string]string{{"k8s-app": "kube-dns"}, {"k8s-app": "proxy"}}},
	} {
		namespaces = append(namespaces, newNamespace(ns.name, ns.labels))
		for i, set := range ns.pods {
			pods = append(pods, newPod(ns.name, fmt.Sprint(i), set))
		}
	}
	return namespaces, pods
}

// newNamespace gives a namespace the label that the API server gives it.
func newNamespace(name string, set map[string]string) reach.Namespace {
	all := map[string]string{nameLabel: name}
	maps.Copy(all, set)
	return reach.Namespace{Name: name, Labels: all}
}

var podCount int

// newPod has an address of each family, in no block of an example but the largest ones, and named ports.
func newPod(namespace, name string, set map[string]string) *reach.Pod {
	podCount++
	return &reach.Pod{
		Namespace: namespace, Name: name, Labels: set,
		Addresses: []netip.Addr{
			netip.MustParseAddr(fmt.Sprintf("10.244.%d.%d", podCount/250, 1+podCount%250)),
			netip.MustParseAddr(fmt.Sprintf("fd00:244::%x", podCount)),
		},
		Ports: map[string]reach.Port{
			"http": {Protocol: tcp, Number: 8080}, "metrics": {Protocol: tcp, Number: 9100},
			"dns": {Protocol: udp, Number: dnsPodPort}, "dns-tcp": {Protocol: tcp, Number: dnsPodPort},
			"hook": {Protocol: tcp, Number: 8443},
		},
	}
}

// ownPods are those of a namespace that a profile governs.
func ownPods(namespace string) []*reach.Pod {
	return []*reach.Pod{
		newPod(namespace, "web", map[string]string{"app": "web"}),
		newPod(namespace, "gateway", map[string]string{"app": "gateway"}),
		newPod(namespace, "hook", map[string]string{"app": "hook"}),
	}
}

// facts is what the shared world has for its DNS and its API server.
func facts(backends ...intent.Service) intent.Facts {
	return intent.Facts{
		DNS: intent.Service{
			Namespace: "kube-system", Pods: map[string]string{"k8s-app": "kube-dns"},
			Ports: []reach.Port{{Protocol: udp, Number: dnsPodPort}, {Protocol: tcp, Number: dnsPodPort}},
			Asked: []reach.Port{{Protocol: udp, Number: dnsPort}, {Protocol: tcp, Number: dnsPort}},
		},
		APIServer: []intent.Address{{IP: netip.MustParseAddr(apiServerAddress), Port: reach.Port{Protocol: tcp, Number: apiServerPort}}},
		Backends:  backends,
	}
}

// connections are all from and to the pods inside: with every other one, with each other and with the
// outside, by both families, on these ports by every protocol.
func connections(inside, others []*reach.Pod, numbers []int32, each func(reach.Connection)) {
	ends := []reach.End{}
	for _, pod := range slices.Concat(inside, others) {
		for _, address := range pod.Addresses {
			ends = append(ends, reach.End{Pod: pod, Address: address})
		}
	}
	for _, text := range outside {
		ends = append(ends, reach.End{Address: netip.MustParseAddr(text)})
	}
	for _, pod := range inside {
		for _, address := range pod.Addresses {
			own := reach.End{Pod: pod, Address: address}
			for _, other := range ends {
				if address.Is4() != other.Address.Is4() {
					continue
				}
				for _, number := range numbers {
					for _, protocol := range []corev1.Protocol{tcp, udp, sctp} {
						port := reach.Port{Protocol: protocol, Number: number}
						each(reach.Connection{From: own, To: other, Port: port})
						each(reach.Connection{From: other, To: own, Port: port})
					}
				}
			}
		}
	}
}

// interesting are the ports that the profile names, their neighbours, and those of the world.
func interesting(p *intent.Profile) []int32 {
	numbers := []int32{22, dnsPort, 80, 443, dnsPodPort, apiServerPort, 8080, 8443, 9100}
	for _, number := range p.Ports() {
		for _, n := range []int32{number - 1, number, number + 1} {
			if n > 0 && n <= 65535 {
				numbers = append(numbers, n)
			}
		}
	}
	slices.Sort(numbers)
	return slices.Compact(numbers)
}

// meaning is one example, its two namespaces and what came of it.
type meaning struct {
	example
	text       []byte // with the selector of its namespaces
	namespaces []string
}

// The policies mean what the profile says: for each example, who may talk to whom under the policies that
// Rampart made is what the text of the profile says.
func TestPoliciesMeanWhatTheProfileSays(t *testing.T) {
	s := begin(t, "meaning")
	examples := []*meaning{}
	for i, e := range readExamples(t, "valid") {
		m := &meaning{example: e}
		selector := map[string]any{"matchLabels": map[string]any{storyLabel: s.name, "example": e.name}}
		m.profile.Object["spec"].(map[string]any)["namespaceSelector"] = selector
		var err error
		m.text, err = yaml.Marshal(m.profile.Object)
		s.must(err)
		for _, suffix := range []string{"a", "b"} {
			m.namespaces = append(m.namespaces, s.namespace(fmt.Sprintf("%02d-%s", i, suffix), map[string]string{"example": e.name}))
		}
		s.applyProfile(m.profile)
		examples = append(examples, m)
	}
	compared := 0
	for _, m := range examples {
		t.Run(m.name, func(t *testing.T) {
			s := &story{T: t, world: s.world, name: s.name}
			if m.compare(s) {
				compared++
			}
		})
	}
	if compared < meaningsMin {
		t.Errorf("%d profiles compared, expected at least %d", compared, meaningsMin)
	}
}

// compare tells whether the profile enforces anything.
func (m *meaning) compare(s *story) bool {
	namespaces, others := people()
	inside := []*reach.Pod{}
	for _, ns := range m.namespaces {
		namespaces = append(namespaces, newNamespace(ns, map[string]string{storyLabel: s.name, "example": m.name}))
		inside = append(inside, ownPods(ns)...)
	}
	said, err := intent.Read(m.text, facts(), plugins[0], namespaces)
	s.must(err)
	if said.Enforces() {
		s.expectCompliant(m.name, len(m.namespaces))
	} else {
		s.expect(m.name, func(*seen) error { return nil })
	}
	policies := s.allPolicies(m.namespaces...)
	compare := func(policies []networkingv1.NetworkPolicy) (d differences, err error) {
		for _, plugin := range plugins {
			said, err := intent.Read(m.text, facts(), plugin, namespaces)
			s.must(err)
			made, err := reach.New(plugin, namespaces, policies)
			if err != nil {
				return d, err
			}
			connections(inside, others, interesting(said), func(c reach.Connection) {
				d.compare("leave", c, said.MayLeave(c), made.MayLeave(c))
				d.compare("enter", c, said.MayEnter(c), made.MayEnter(c))
			})
		}
		return d, nil
	}
	d, err := compare(policies)
	s.must(err)
	d.report(s.T)
	for name, without := range mutants(s.T, policies, m.namespaces[0]) {
		if d, err := compare(without); err == nil && d.wrong == 0 {
			s.Errorf("nothing tells that %s is not there: the test is blind to it", name)
		}
	}
	return said.Enforces()
}

// mutants are the policies with one element taken out of one of their lists: a rule, a peer, a port, an
// exception, a value of a selector. Not policyTypes: each policy of a direction isolates all pods in it.
func mutants(t *testing.T, policies []networkingv1.NetworkPolicy, namespace string) map[string][]networkingv1.NetworkPolicy {
	t.Helper()
	all := map[string][]networkingv1.NetworkPolicy{}
	for i := range policies {
		if policies[i].Namespace != namespace {
			continue
		}
		object, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&policies[i].Spec)
		if err != nil {
			t.Fatal(err)
		}
		delete(object, "policyTypes")
		eachElement(object, "spec", func(path string) {
			mutant := networkingv1.NetworkPolicy{}
			if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object, &mutant.Spec); err != nil {
				t.Fatal(err)
			}
			mutant.ObjectMeta, mutant.Spec.PolicyTypes = policies[i].ObjectMeta, policies[i].Spec.PolicyTypes
			changed := slices.Clone(policies)
			changed[i] = *mutant.DeepCopy()
			all[policies[i].Namespace+"/"+policies[i].Name+" "+path] = changed
		})
	}
	return all
}

// eachElement calls with each element of each list in the value taken out, and puts it back.
func eachElement(value any, path string, call func(path string)) {
	object, _ := value.(map[string]any)
	for key, member := range object {
		list, ok := member.([]any)
		if !ok {
			eachElement(member, path+"."+key, call)
			continue
		}
		for i, element := range list {
			at := fmt.Sprintf("%s.%s[%d]", path, key, i)
			object[key] = slices.Delete(slices.Clone(list), i, i+1)
			call(at)
			object[key] = list
			eachElement(element, at, call)
		}
	}
}

func (s *story) allPolicies(namespaces ...string) (policies []networkingv1.NetworkPolicy) {
	s.Helper()
	for _, ns := range namespaces {
		list, err := s.Client.NetworkingV1().NetworkPolicies(ns).List(s.Context(), metav1.ListOptions{})
		s.must(err)
		policies = append(policies, list.Items...)
	}
	return policies
}

// differences are connections that are not as they should be; the first few are told.
type differences struct {
	compared, allowed, wrong int
	first                    []string
}

func (d *differences) compare(what string, c reach.Connection, want, got bool) {
	d.compared++
	if want {
		d.allowed++
	}
	if want == got {
		return
	}
	d.wrong++
	if len(d.first) < 5 {
		d.first = append(d.first, fmt.Sprintf("%s: may %s %t, expected %t", c, what, got, want))
	}
}

func (d *differences) report(t *testing.T) {
	t.Helper()
	if d.wrong > 0 {
		t.Errorf("%d of %d connections are wrong:\n%s", d.wrong, d.compared, d.first)
	}
	if d.compared == 0 || d.allowed == 0 {
		t.Errorf("%d connections compared, %d of them allowed", d.compared, d.allowed)
	}
}
