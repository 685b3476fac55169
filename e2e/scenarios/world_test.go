package scenarios

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"rampart.dev/e2e/cluster"
	"rampart.dev/e2e/operator"
	"rampart.dev/e2e/poll"
)

// What every world has to be found in it. Addresses are from documentation ranges.
const (
	apiServerAddress = "203.0.113.6"
	apiServerPort    = 6443
	dnsPort          = 53   // of the Service
	dnsPodPort       = 1053 // of its pods, which name it
)

// world is a control plane with controllers and nodes, deploy/ applied, on which Rampart runs under its own
// ServiceAccount.
type world struct {
	*cluster.Cluster
	rampart    *operator.Operator
	kubeconfig string // of Rampart's ServiceAccount
	dir        string // for logs and kubeconfigs; goes with the world
	settled    atomic.Int64
	aways      []away // of its API server
}

// theWorld is the one that the stories share. Each has namespaces and profiles of its own in it.
var theWorld = sync.OnceValues(func() (*world, error) { return newWorld(nil) })

var (
	worldsMu sync.Mutex
	worlds   []*world // all that were made: closed at the end, and judged by the test of the rights
)

func newWorld(gates map[string]bool) (*world, error) {
	ctx := context.Background()
	c, err := cluster.Start(ctx, cluster.Options{
		ControllerManager: true, Scheduler: true, Nodes: 1,
		FeatureGates: gates, Progress: cluster.SlowTo(os.Stderr),
	})
	if err != nil {
		return nil, err
	}
	w := &world{Cluster: c}
	worldsMu.Lock()
	worlds = append(worlds, w)
	worldsMu.Unlock()
	if w.dir, err = os.MkdirTemp("", "rampart-e2e-world-"); err != nil {
		return nil, err
	}
	if w.kubeconfig, err = operator.Install(ctx, c, deploy); err != nil {
		return nil, err
	}
	if err := errors.Join(w.makeDNS(ctx), w.makeAPIServerEndpoints(ctx)); err != nil {
		return nil, err
	}
	w.rampart, err = operator.Start(ctx, operator.Options{
		Kubeconfig: w.kubeconfig,
		Log:        filepath.Join(w.dir, "rampart.log"),
	})
	return w, err
}

// closeWorlds ends all that was started, operators first: what they say at their end counts.
func closeWorlds() (err error) {
	worldsMu.Lock()
	defer worldsMu.Unlock()
	for _, w := range worlds {
		if w.rampart != nil && w.rampart.Alive() {
			err = errors.Join(err, w.rampart.Stop())
		}
		if w.rampart != nil && w.rampart.Reports() != "" {
			err = errors.Join(err, fmt.Errorf("rampart reports:\n%s", w.rampart.Reports()))
		}
		err = errors.Join(err, w.Close(), os.RemoveAll(w.dir))
	}
	worlds = nil
	return err
}

// makeDNS makes what a cluster has for its DNS, with a pod on a played node, and waits until the pod's
// port is known.
func (w *world) makeDNS(ctx context.Context) error {
	pods := map[string]string{"k8s-app": "kube-dns"}
	ports := []corev1.ServicePort{
		{Name: "dns", Protocol: corev1.ProtocolUDP, Port: dnsPort, TargetPort: intstr.FromString("dns")},
		{Name: "dns-tcp", Protocol: corev1.ProtocolTCP, Port: dnsPort, TargetPort: intstr.FromString("dns-tcp")},
		{Name: "metrics", Protocol: corev1.ProtocolTCP, Port: 9153, TargetPort: intstr.FromInt32(9153)},
	}
	return w.makeService(ctx, "kube-system", "kube-dns", pods, ports, []corev1.ContainerPort{
		{Name: "dns", Protocol: corev1.ProtocolUDP, ContainerPort: dnsPodPort},
		{Name: "dns-tcp", Protocol: corev1.ProtocolTCP, ContainerPort: dnsPodPort},
	})
}

// makeService makes a Service and, where it has container ports, a pod for it, and waits for its endpoints.
func (w *world) makeService(ctx context.Context, namespace, name string, pods map[string]string,
	ports []corev1.ServicePort, of []corev1.ContainerPort,
) error {
	service := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: pods},
		Spec:       corev1.ServiceSpec{Selector: pods, Ports: ports},
	}
	if _, err := w.Client.CoreV1().Services(namespace).Create(ctx, service, metav1.CreateOptions{}); err != nil {
		return err
	}
	if of == nil {
		return nil
	}
	return w.makePod(ctx, namespace, name, pods, of)
}

// makePod makes a pod, and waits until its ports are in an EndpointSlice.
func (w *world) makePod(ctx context.Context, namespace, name string, set map[string]string, ports []corev1.ContainerPort) error {
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: set},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: "played", Ports: ports}}},
	}
	err := poll.Until(waitLimit, func() error { // until the namespace has its ServiceAccount
		_, err := w.Client.CoreV1().Pods(namespace).Create(ctx, pod, metav1.CreateOptions{})
		return err
	})
	if err != nil {
		return err
	}
	return poll.Until(waitLimit, func() error {
		slices, err := w.Client.DiscoveryV1().EndpointSlices(namespace).List(ctx, metav1.ListOptions{
			LabelSelector: discoveryv1.LabelServiceName + "=" + name,
		})
		if err != nil {
			return err
		}
		for _, slice := range slices.Items {
			if len(slice.Endpoints) > 0 && len(slice.Ports) > 0 {
				return nil
			}
		}
		return fmt.Errorf("Service %s/%s has no endpoints", namespace, name)
	})
}

// makeAPIServerEndpoints says where the API server is; it does not do so itself where it listens on
// loopback alone. Nothing is sent there.
func (w *world) makeAPIServerEndpoints(ctx context.Context) error {
	slice := &discoveryv1.EndpointSlice{
		ObjectMeta:  metav1.ObjectMeta{Name: "kubernetes", Labels: map[string]string{discoveryv1.LabelServiceName: "kubernetes"}},
		AddressType: discoveryv1.AddressTypeIPv4,
		Endpoints:   []discoveryv1.Endpoint{{Addresses: []string{apiServerAddress}}},
		Ports: []discoveryv1.EndpointPort{{
			Name: new("https"), Port: new(int32(apiServerPort)), Protocol: new(corev1.ProtocolTCP),
		}},
	}
	_, err := w.Client.DiscoveryV1().EndpointSlices("default").Create(ctx, slice, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		_, err = w.Client.DiscoveryV1().EndpointSlices("default").Update(ctx, slice, metav1.UpdateOptions{})
	}
	return err
}

// since is a duration for people.
func since(begin time.Time) time.Duration {
	return time.Since(begin).Round(time.Millisecond)
}
