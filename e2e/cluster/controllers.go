package cluster

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func (c *Cluster) controllerManagerArgs() ([]string, error) {
	return []string{
		"--kubeconfig=" + controllerManagerKubeconfig,
		"--use-service-account-credentials=true",
		"--service-account-private-key-file=" + tokenKeyFile,
		"--root-ca-file=" + caCertFile,
		"--cluster-signing-cert-file=" + caCertFile,
		"--cluster-signing-key-file=" + caKeyFile,
		"--flex-volume-plugin-dir=flexvolume", // it would be made, in /usr
		"--leader-elect=false",
		"--secure-port=0", // it serves nothing that is wanted here
		// The default (20 requests a second) would make it the slowest part of every burst.
		"--kube-api-qps=1000",
		"--kube-api-burst=1000",
	}, nil
}

// controllerManagerReady: a controller has done its work.
func (c *Cluster) controllerManagerReady(ctx context.Context) error {
	_, err := c.Client.CoreV1().ServiceAccounts("default").Get(ctx, "default", metav1.GetOptions{})
	return err
}

func (c *Cluster) schedulerArgs() ([]string, error) {
	return []string{
		"--kubeconfig=" + schedulerKubeconfig,
		"--leader-elect=false",
		"--secure-port=0",
		"--kube-api-qps=1000",
		"--kube-api-burst=1000",
	}, nil
}
