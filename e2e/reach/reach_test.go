package reach

import (
	"net/netip"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"sigs.k8s.io/yaml"
)

const (
	tcp  = corev1.ProtocolTCP
	udp  = corev1.ProtocolUDP
	sctp = corev1.ProtocolSCTP
)

var (
	namespaces = []Namespace{
		{"shop", map[string]string{"team": "shop"}},
		{"bank", map[string]string{"team": "bank"}},
	}
	web = &Pod{
		Namespace: "shop", Name: "web", Labels: map[string]string{"app": "web"},
		Addresses: addresses("10.0.0.1", "fd00::1"),
		Ports:     map[string]Port{"http": {tcp, 8080}, "dns": {udp, 5353}},
	}
	db      = &Pod{Namespace: "shop", Name: "db", Labels: map[string]string{"app": "db"}, Addresses: addresses("10.0.0.2")}
	till    = &Pod{Namespace: "bank", Name: "till", Labels: map[string]string{"app": "web"}, Addresses: addresses("10.0.1.1")}
	vault   = &Pod{Namespace: "bank", Name: "vault", Labels: map[string]string{"app": "db"}, Addresses: addresses("10.0.1.2")}
	outside = End{Address: netip.MustParseAddr("192.0.2.7")}
)

func addresses(texts ...string) (list []netip.Addr) {
	for _, text := range texts {
		list = append(list, netip.MustParseAddr(text))
	}
	return list
}

func at(pod *Pod) End { return End{Pod: pod, Address: pod.Addresses[0]} }

func external(text string) End { return End{Address: netip.MustParseAddr(text)} }

func to(from, to End, protocol corev1.Protocol, number int32) Connection {
	return Connection{From: from, To: to, Port: Port{protocol, number}}
}

func read(t *testing.T, texts ...string) (policies []networkingv1.NetworkPolicy) {
	t.Helper()
	for _, text := range texts {
		policy := networkingv1.NetworkPolicy{}
		policy.Namespace = "shop"
		if err := yaml.UnmarshalStrict([]byte(text), &policy.Spec); err != nil {
			t.Fatal(err)
		}
		policies = append(policies, policy)
	}
	return policies
}

// Each case is a sentence of the documentation. The policies are in namespace shop.
func TestPoliciesMeanWhatTheDocumentationSays(t *testing.T) {
	const denyIn, denyOut = "{podSelector: {}, policyTypes: [Ingress]}", "{podSelector: {}, policyTypes: [Egress]}"
	for _, test := range []struct {
		name     string
		policies []string
		allowed  []Connection
		denied   []Connection
	}{
		{
			name:    "without a policy everything is allowed",
			allowed: []Connection{to(at(till), at(web), tcp, 80), to(outside, at(web), udp, 53), to(at(web), outside, tcp, 443)},
		},
		{
			name:     "default deny all ingress",
			policies: []string{denyIn},
			allowed:  []Connection{to(at(web), at(till), tcp, 80), to(at(web), outside, tcp, 80), to(at(till), at(vault), tcp, 80)},
			denied:   []Connection{to(at(till), at(web), tcp, 80), to(at(db), at(web), tcp, 80), to(outside, at(db), sctp, 1)},
		},
		{
			name:     "default deny all egress",
			policies: []string{denyOut},
			allowed:  []Connection{to(at(till), at(web), tcp, 80), to(outside, at(web), tcp, 80)},
			denied:   []Connection{to(at(web), at(till), tcp, 80), to(at(web), outside, udp, 53), to(at(web), at(db), tcp, 80)},
		},
		{
			name:     "an empty rule allows all",
			policies: []string{denyIn, "{podSelector: {}, policyTypes: [Ingress], ingress: [{}]}"},
			allowed:  []Connection{to(at(till), at(web), tcp, 80), to(outside, at(db), udp, 53)},
		},
		{
			name:     "a pod cannot block access to itself",
			policies: []string{denyIn, denyOut},
			allowed:  []Connection{to(at(web), at(web), tcp, 80)},
		},
		{
			name:     "both sides have a say",
			policies: []string{denyIn, denyOut, "{podSelector: {}, policyTypes: [Egress], egress: [{to: [{podSelector: {}}]}]}"},
			denied:   []Connection{to(at(db), at(web), tcp, 80)},
		},
		{
			name: "a policy isolates the pods that it selects, and no others",
			policies: []string{`
podSelector: {matchLabels: {app: db}}
policyTypes: [Ingress]
ingress: [{from: [{podSelector: {matchLabels: {app: web}}}]}]`},
			allowed: []Connection{to(at(web), at(db), tcp, 5432), to(at(till), at(web), tcp, 80)},
			denied:  []Connection{to(at(till), at(db), tcp, 5432), to(outside, at(db), tcp, 5432)},
		},
		{
			name:     "policies add up",
			policies: []string{denyIn, "{podSelector: {}, ingress: [{ports: [{port: 80}]}]}", "{podSelector: {}, ingress: [{ports: [{port: 81}]}]}"},
			allowed:  []Connection{to(at(till), at(web), tcp, 80), to(at(till), at(web), tcp, 81)},
			denied:   []Connection{to(at(till), at(web), tcp, 82)},
		},
		{
			name:     "one entry with two selectors means both, two entries mean either",
			policies: []string{"{podSelector: {matchLabels: {app: web}}, ingress: [{from: [{namespaceSelector: {matchLabels: {team: bank}}, podSelector: {matchLabels: {app: web}}}]}]}", "{podSelector: {matchLabels: {app: db}}, ingress: [{from: [{namespaceSelector: {matchLabels: {team: bank}}}, {podSelector: {matchLabels: {app: web}}}]}]}"},
			allowed:  []Connection{to(at(till), at(web), tcp, 80), to(at(till), at(db), tcp, 80), to(at(vault), at(db), tcp, 80), to(at(web), at(db), tcp, 80)},
			denied:   []Connection{to(at(vault), at(web), tcp, 80), to(at(db), at(web), tcp, 80)},
		},
		{
			name:     "an empty namespaceSelector is every namespace, and no address outside",
			policies: []string{"{podSelector: {}, ingress: [{from: [{namespaceSelector: {}}]}]}"},
			allowed:  []Connection{to(at(vault), at(web), tcp, 80), to(at(db), at(web), tcp, 80)},
			denied:   []Connection{to(outside, at(web), tcp, 80)},
		},
		{
			name:     "an empty podSelector is every pod of the policy's namespace",
			policies: []string{"{podSelector: {}, ingress: [{from: [{podSelector: {}}]}]}"},
			allowed:  []Connection{to(at(db), at(web), tcp, 80)},
			denied:   []Connection{to(at(vault), at(web), tcp, 80)},
		},
		{
			name:     "except is cut out of a block",
			policies: []string{"{podSelector: {}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 192.0.2.0/24, except: [192.0.2.128/25]}}]}]}"},
			allowed:  []Connection{to(at(web), external("192.0.2.127"), tcp, 80), to(at(web), external("192.0.2.0"), udp, 80)},
			denied:   []Connection{to(at(web), external("192.0.2.128"), tcp, 80), to(at(web), external("192.0.3.0"), tcp, 80)},
		},
		{
			name:     "a block is of one family",
			policies: []string{"{podSelector: {}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: '::/0', except: ['2001:db8::/32']}}]}]}"},
			allowed:  []Connection{to(at(web), external("2001:db9::1"), tcp, 80)},
			denied:   []Connection{to(at(web), external("2001:db8::1"), tcp, 80), to(at(web), outside, tcp, 80)},
		},
		{
			name:     "a port is TCP where it does not say",
			policies: []string{"{podSelector: {}, ingress: [{ports: [{port: 53}]}]}"},
			allowed:  []Connection{to(outside, at(web), tcp, 53)},
			denied:   []Connection{to(outside, at(web), udp, 53)},
		},
		{
			name:     "a protocol alone is all its ports",
			policies: []string{"{podSelector: {}, ingress: [{ports: [{protocol: UDP}]}]}"},
			allowed:  []Connection{to(outside, at(web), udp, 1), to(outside, at(web), udp, 65535)},
			denied:   []Connection{to(outside, at(web), tcp, 1), to(outside, at(web), sctp, 1)},
		},
		{
			name:     "a range ends with endPort",
			policies: []string{"{podSelector: {}, policyTypes: [Egress], egress: [{ports: [{port: 32000, endPort: 32768}]}]}"},
			allowed:  []Connection{to(at(web), outside, tcp, 32000), to(at(web), outside, tcp, 32768)},
			denied:   []Connection{to(at(web), outside, tcp, 31999), to(at(web), outside, tcp, 32769)},
		},
		{
			name:     "a named port is the receiving pod's",
			policies: []string{"{podSelector: {}, policyTypes: [Ingress, Egress], ingress: [{ports: [{port: http}, {port: dns}]}], egress: [{ports: [{port: http}]}]}"},
			allowed:  []Connection{to(outside, at(web), tcp, 8080), to(at(db), at(web), tcp, 8080)},
			denied: []Connection{
				to(outside, at(web), tcp, 5353), // the port of that name is UDP
				to(outside, at(db), tcp, 8080),  // which has no port of that name
				to(at(web), outside, tcp, 8080), // nor has an address outside
			},
		},
		{
			name:     "without policyTypes egress is isolated where there are egress rules",
			policies: []string{"{podSelector: {matchLabels: {app: web}}}", "{podSelector: {matchLabels: {app: db}}, egress: [{ports: [{port: 443}]}]}"},
			allowed:  []Connection{to(at(web), outside, tcp, 80), to(at(db), outside, tcp, 443)},
			denied:   []Connection{to(outside, at(web), tcp, 80), to(at(db), outside, tcp, 80), to(outside, at(db), tcp, 80)},
		},
		{
			name:     "rules of a direction that policyTypes does not name say nothing",
			policies: []string{denyIn, "{podSelector: {}, policyTypes: [Egress], ingress: [{}]}"},
			denied:   []Connection{to(outside, at(web), tcp, 80), to(at(web), outside, tcp, 80)},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			rules, err := New(Plugin{}, namespaces, read(t, test.policies...))
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range test.allowed {
				if !rules.Allow(c) {
					t.Errorf("denied: %v", c)
				}
			}
			for _, c := range test.denied {
				if rules.Allow(c) {
					t.Errorf("allowed: %v", c)
				}
			}
		})
	}
}

func TestPluginDecidesWhetherABlockHoldsPods(t *testing.T) {
	policies := read(t, "{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8}}]}]}")
	for _, holds := range []bool{false, true} {
		rules, err := New(Plugin{BlocksHoldPods: holds}, namespaces, policies)
		if err != nil {
			t.Fatal(err)
		}
		if rules.Allow(to(at(till), at(web), tcp, 80)) != holds {
			t.Errorf("a pod in the block, where blocks hold pods is %t", holds)
		}
		if !rules.Allow(to(external("10.9.9.9"), at(web), tcp, 80)) {
			t.Error("an address outside of the cluster in the block is denied")
		}
	}
}

func TestNonsenseIsRefused(t *testing.T) {
	for _, text := range []string{
		"{podSelector: {}, policyTypes: [Sideways]}",
		"{podSelector: {}, ingress: [{from: [{}]}]}",
		"{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/33}}]}]}",
		"{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8, except: [nothing]}}]}]}",
		"{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8}, podSelector: {}}]}]}",
		"{podSelector: {}, ingress: [{ports: [{endPort: 9}]}]}",
		"{podSelector: {}, ingress: [{ports: [{port: http, endPort: 9}]}]}",
		"{podSelector: {}, ingress: [{ports: [{port: 9, endPort: 8}]}]}",
		"{podSelector: {matchExpressions: [{key: a, operator: Maybe}]}}",
	} {
		if _, err := New(Plugin{}, nil, read(t, text)); err == nil {
			t.Errorf("taken: %s", text)
		}
	}
}
