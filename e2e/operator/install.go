package operator

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"rampart.dev/e2e/cluster"
)

// What deploy/ calls things.
const (
	Namespace      = "rampart-system"
	ServiceAccount = "rampart"
	PodName        = "rampart-e2e-0" // as a pod of the Deployment would have one

	// User is who Rampart is to the API server.
	User = "system:serviceaccount:" + Namespace + ":" + ServiceAccount
)

// Watched are the resources that Rampart watches, each for itself.
var Watched = []string{
	"namespaces", "securityprofiles", "securityexceptions", "networkpolicies", "services", "endpointslices",
	"validatingwebhookconfigurations", "mutatingwebhookconfigurations", "apiservices", "customresourcedefinitions",
	"deployments", "statefulsets", "daemonsets", "cronjobs",
}

// Install applies the manifests, as a user would. The Deployment gets no pod: its image is not there, and
// the binary runs beside the cluster instead. It returns a kubeconfig of the ServiceAccount.
func Install(ctx context.Context, c *cluster.Cluster, manifests string) (kubeconfig string, err error) {
	if _, err := c.RunKubectl(ctx, "apply", "-k", manifests); err != nil {
		return "", err
	}
	_, err = c.Client.AppsV1().Deployments(Namespace).Patch(ctx, "rampart",
		types.MergePatchType, []byte(`{"spec": {"replicas": 0}}`), metav1.PatchOptions{})
	if err != nil {
		return "", fmt.Errorf("scale Deployment %s/rampart: %w", Namespace, err)
	}
	return c.ServiceAccountKubeconfig(ctx, Namespace, ServiceAccount)
}
