package cluster

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const stagesFile = "stages.yaml"

// needsStages are described in their file.
//
//go:embed needs.yaml
var needsStages string

func (c *Cluster) kwokArgs() ([]string, error) {
	if err := c.writeStages(); err != nil {
		return nil, err
	}
	return []string{
		"--kubeconfig=" + kwokKubeconfig,
		"--config=" + stagesFile,
		"--manage-all-nodes=true",
		"--cidr=10.244.0.1/16",             // of pods; of no interface
		"--node-port=0",                    // it serves nothing
		"--node-lease-duration-seconds=40", // without a lease a node is not ready any more after 50 s
		"-v=WARN",                          // not one line for each pod
	}, nil
}

// writeStages gives kwok its own default stages with ours and those of the options on top.
func (c *Cluster) writeStages() error {
	command, err := findKwok()
	if err != nil {
		return err
	}
	defaults, err := exec.Command(command[0], "stages").Output()
	if err != nil {
		return fmt.Errorf("read kwok's default stages: %w", err)
	}
	stages, err := mergeStages(append([]string{string(defaults), needsStages}, c.opts.Stages...))
	if err != nil {
		return err
	}
	return os.WriteFile(c.folder.join(stagesFile), stages, 0o600)
}

// kwokReady: the nodes are there, made by this where they are not, and all are ready.
func (c *Cluster) kwokReady(ctx context.Context) error {
	nodes := c.Client.CoreV1().Nodes()
	for i := range max(1, c.opts.Nodes) {
		want := node(i)
		have, err := nodes.Get(ctx, want.Name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			have, err = nodes.Create(ctx, want, metav1.CreateOptions{})
		}
		if err != nil {
			return err
		}
		if !isReady(have) {
			return errors.New(want.Name + " is not ready")
		}
	}
	return nil
}

// node is one fake node. Its internal address is from a documentation range (RFC 5737). The API server
// looks for a kubelet at the external one, so that what is asked of a kubelet stays on this machine,
// where it is refused.
func node(i int) *corev1.Node {
	name := fmt.Sprintf("node-%d", i)
	room := corev1.ResourceList{
		corev1.ResourceCPU:    resource.MustParse("1k"),
		corev1.ResourceMemory: resource.MustParse("1Ti"),
		corev1.ResourcePods:   resource.MustParse("100k"),
	}
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{
			Name: name,
			Labels: map[string]string{
				corev1.LabelHostname:   name,
				corev1.LabelOSStable:   "linux",
				corev1.LabelArchStable: "amd64",
			},
			Annotations: map[string]string{"kwok.x-k8s.io/node": "fake"},
		},
		Status: corev1.NodeStatus{
			Capacity:    room,
			Allocatable: room,
			Addresses: []corev1.NodeAddress{
				{Type: corev1.NodeHostName, Address: name},
				{Type: corev1.NodeInternalIP, Address: fmt.Sprintf("192.0.2.%d", 1+i%254)},
				{Type: corev1.NodeExternalIP, Address: host},
			},
		},
	}
}

func isReady(node *corev1.Node) bool {
	for _, condition := range node.Status.Conditions {
		if condition.Type == corev1.NodeReady {
			return condition.Status == corev1.ConditionTrue
		}
	}
	return false
}
