package main

import (
	"context"
	"fmt"
	"net/netip"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"rampart.dev/e2e/reach"
)

// end is one party of the picture: a workload, or an address outside of the cluster's pods.
type end struct {
	place, name string // "demo-shop", "web"
	port        reach.Port
	end         reach.End
	isSource    bool
	isTarget    bool
}

// parties are all that the picture shows. One pod stands for all of a workload: labels decide.
func parties(dnsPods map[string]string, apiServer netip.AddrPort) (all []end) {
	for _, w := range cast {
		pod := &reach.Pod{Namespace: w.namespace, Name: w.name, Labels: w.labels()}
		all = append(all, end{
			place: strings.TrimPrefix(w.namespace, "demo-"), name: w.name, end: reach.End{Pod: pod},
			port: reach.Port{Protocol: corev1.ProtocolTCP, Number: w.port}, isSource: true, isTarget: w != cast[0],
		})
	}
	if dnsPods != nil {
		pod := &reach.Pod{Namespace: dns.namespace, Name: dns.name, Labels: dnsPods}
		all = append(all, end{
			place: "cluster", name: "DNS", end: reach.End{Pod: pod},
			port: reach.Port{Protocol: corev1.ProtocolUDP, Number: dns.port}, isTarget: true,
		})
	}
	if apiServer.IsValid() {
		all = append(all, end{
			place: "cluster", name: "API", end: reach.End{Address: apiServer.Addr()},
			port: reach.Port{Protocol: corev1.ProtocolTCP, Number: int32(apiServer.Port())}, isSource: true, isTarget: true,
		})
	}
	outside := func(name, address string, port int32, isSource bool) {
		all = append(all, end{
			place: "outside", name: name, end: reach.End{Address: netip.MustParseAddr(address)},
			port: reach.Port{Protocol: corev1.ProtocolTCP, Number: port}, isSource: isSource, isTarget: true,
		})
	}
	outside("payment", providerAddress, 443, false)
	outside("metadata", metadataAddress, 80, false)
	outside("internet", internetAddress, 443, true)
	return all
}

// picture draws who may connect to whom under the policies that the cluster has now.
func (d *demo) picture(ctx context.Context) error {
	rules, err := d.rules(ctx)
	if err != nil {
		return err
	}
	sources, targets := []end{}, []end{}
	widest := 0
	for _, e := range parties(d.dnsPods, d.apiServer) {
		if e.isSource {
			sources = append(sources, e)
			widest = max(widest, len(e.title()))
		}
		if e.isTarget {
			targets = append(targets, e)
		}
	}
	places, names, ports := pad("", widest), pad("", widest), pad("", widest)
	for i, to := range targets {
		if i == 0 || targets[i-1].place != to.place {
			places = pad(places, len(names)) + "  " + to.place
		}
		names += "  " + pad(to.name, to.column())
		ports += "  " + pad(fmt.Sprint(":", to.port.Number), to.column())
	}
	for _, line := range []string{places, names, ports} {
		d.block(d.dim(strings.TrimRight(line, " ")))
	}
	for _, from := range sources {
		row := d.dim(pad(from.title(), widest))
		for _, to := range targets {
			row += "  " + d.mark(rules, from, to)
		}
		d.block(row)
	}
	return nil
}

// mark says whether one may connect to the other; nothing where it is the same, or neither is a pod.
func (d *demo) mark(rules *reach.Rules, from, to end) string {
	switch {
	case from.title() == to.title(), from.end.Pod == nil && to.end.Pod == nil:
		return pad("", to.column())
	case rules.Allow(reach.Connection{From: from.end, To: to.end, Port: to.port}):
		return d.green("yes") + pad("", to.column()-len("yes"))
	}
	return pad("-", to.column())
}

func (e end) title() string {
	if e.end.Pod == nil {
		return e.name
	}
	return e.place + "/" + e.name
}

// column is how wide the column of a target is.
func (e end) column() int { return max(len(e.name), len(":8080")) }

// rules are all policies of the cluster, ready for questions.
func (d *demo) rules(ctx context.Context) (*reach.Rules, error) {
	policies, err := d.client.NetworkingV1().NetworkPolicies("").List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	list, err := d.client.CoreV1().Namespaces().List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	namespaces := []reach.Namespace{}
	for _, ns := range list.Items {
		namespaces = append(namespaces, reach.Namespace{Name: ns.Name, Labels: ns.Labels})
	}
	return reach.New(reach.Plugin{}, namespaces, policies.Items)
}

// findLandmarks learns where the cluster's DNS and API server are. What is not found is left out of the
// profile and of the picture.
func (d *demo) findLandmarks(ctx context.Context) error {
	services, err := d.client.CoreV1().Services(dns.namespace).List(ctx,
		metav1.ListOptions{LabelSelector: "k8s-app=kube-dns"})
	if err != nil {
		return err
	}
	for _, service := range services.Items {
		if len(service.Spec.Selector) > 0 {
			d.dnsPods = service.Spec.Selector
		}
	}
	slices, err := d.client.DiscoveryV1().EndpointSlices("default").List(ctx,
		metav1.ListOptions{LabelSelector: "kubernetes.io/service-name=kubernetes"})
	if err != nil {
		return err
	}
	for _, slice := range slices.Items {
		if len(slice.Endpoints) == 0 || len(slice.Endpoints[0].Addresses) == 0 || len(slice.Ports) == 0 {
			continue
		}
		address, err := netip.ParseAddr(slice.Endpoints[0].Addresses[0])
		if err == nil && slice.Ports[0].Port != nil {
			d.apiServer = netip.AddrPortFrom(address, uint16(*slice.Ports[0].Port))
		}
	}
	return nil
}

func pad(text string, width int) string {
	return text + strings.Repeat(" ", max(0, width-len(text)))
}
