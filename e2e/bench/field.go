package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"rampart.dev/e2e/cluster"
	"rampart.dev/e2e/contenders/policy"
	"rampart.dev/e2e/operator"
)

var profiles = schema.GroupVersionResource{
	Group: "rampart.dev", Version: "v1alpha1", Resource: "securityprofiles",
}

// profileText is the profile of a row, without what it selects.
var profileText = map[Row]string{
	Deny:       "mode: Enforce, network: {}",
	DenyAndDNS: "mode: Enforce, network: {allow: {dns: {}}}",
	Workloads: fmt.Sprintf("mode: Audit, workloads: {level: restricted, fill: {}, rollout: {when: Now, maxConcurrent: %d}}",
		maxConcurrent),
}

// policies is what each namespace is to get in a row.
var policies = map[Row][]string{
	Deny:       {policy.DenyName},
	DenyAndDNS: {policy.DenyName, policy.DNSName},
}

// field is a fresh control plane for one contender: etcd and the API server, with Rampart's types, rights and
// fence, the profile of the row, and the token of Rampart's ServiceAccount, which all contenders use, so that
// the API server has the same work with each.
type field struct {
	*cluster.Cluster
	row        Row
	client     kubernetes.Interface // of the benchmark: protobuf, no rate limit
	kubeconfig string
	watcher    *watcher
	dir        string // of the contenders' logs
}

func newField(ctx context.Context, root string, row Row) (f *field, err error) {
	c, err := cluster.Start(ctx, cluster.Options{})
	if err != nil {
		return nil, err
	}
	f = &field{Cluster: c, row: row, dir: filepath.Dir(c.AdminKubeconfig)}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.close())
		}
	}()
	config := rest.CopyConfig(c.Config)
	config.ContentType = "application/vnd.kubernetes.protobuf"
	if f.client, err = kubernetes.NewForConfig(config); err != nil {
		return f, err
	}
	if f.kubeconfig, err = f.install(ctx, root); err != nil {
		return f, err
	}
	if row == Workloads {
		f.watcher, err = startWatcher(filledOf(f.client))
	} else {
		f.watcher, err = startWatcher(policiesOf(f.client))
	}
	return f, err
}

func (f *field) install(ctx context.Context, root string) (kubeconfig string, err error) {
	// The manifests hold the CRD, and kubectl does not wait until it is served.
	if _, err := f.RunKubectl(ctx, "apply", "-k", filepath.Join(root, "crds")); err != nil {
		return "", err
	}
	if kubeconfig, err = operator.Install(ctx, f.Cluster, filepath.Join(root, "deploy")); err != nil {
		return "", err
	}
	if f.row == DenyAndDNS {
		if err := f.makeDNS(ctx); err != nil {
			return "", err
		}
	}
	text := fmt.Sprintf(`apiVersion: rampart.dev/v1alpha1
kind: SecurityProfile
metadata: {name: %s}
spec: {namespaceSelector: {matchLabels: {%s: "yes"}}, %s}`, policy.Profile, policy.Label, profileText[f.row])
	object := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(text), &object.Object); err != nil {
		return "", err
	}
	return kubeconfig, retry(ctx, func() error {
		_, err := f.Dynamic.Resource(profiles).Create(ctx, object, metav1.CreateOptions{})
		return err
	})
}

// makeDNS makes the Service by which the cluster's DNS is found.
func (f *field) makeDNS(ctx context.Context) error {
	labels := map[string]string{"k8s-app": "kube-dns"}
	_, err := f.client.CoreV1().Services("kube-system").Create(ctx, &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "kube-dns", Labels: labels},
		Spec: corev1.ServiceSpec{
			Selector:  labels,
			ClusterIP: "10.96.0.10",
			Ports: []corev1.ServicePort{
				{Name: "dns", Protocol: corev1.ProtocolUDP, Port: 53},
				{Name: "dns-tcp", Protocol: corev1.ProtocolTCP, Port: 53},
			},
		},
	}, metav1.CreateOptions{})
	return err
}

func (f *field) close() error {
	if f.watcher != nil {
		f.watcher.stop()
	}
	return f.Cluster.Close()
}

// keepLogs copies the contenders' logs to where they outlive the cluster: for who looks into a failure.
func (f *field) keepLogs(to string) {
	logs, _ := filepath.Glob(filepath.Join(f.dir, "*.log"))
	for _, log := range logs {
		if text, err := os.ReadFile(log); err == nil && !strings.HasPrefix(filepath.Base(log), "audit") {
			_ = os.WriteFile(filepath.Join(to, filepath.Base(log)), text, 0o600)
		}
	}
}

// retry repeats what the API server may not serve yet.
func retry(ctx context.Context, try func() error) error {
	for deadline := time.Now().Add(30 * time.Second); ; {
		err := try()
		if err == nil || time.Now().After(deadline) || ctx.Err() != nil {
			return err
		}
		time.Sleep(50 * time.Millisecond)
	}
}
