package main

import (
	"context"
	"fmt"
	"os"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"rampart.dev/e2e/contenders/fill"
	"rampart.dev/e2e/contenders/policy"
)

var profiles = schema.GroupVersionResource{Group: "rampart.dev", Version: "v1alpha1", Resource: "securityprofiles"}

// harden lists and watches all Deployments, and once the profile is in Enforce fills in each that it has listed.
// It says "ready" when it watches.
func harden(config *rest.Config) error {
	ctx := context.Background()
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	list, err := client.AppsV1().Deployments("").List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- watchDeployments(ctx, client, list.ResourceVersion) }()
	fmt.Println("ready")
	if err := awaitEnforce(ctx, config); err != nil {
		return err
	}
	queue := make(chan *appsv1.Deployment)
	for range fill.InFlight {
		go fillIn(client, queue)
	}
	for i := range list.Items {
		queue <- &list.Items[i]
	}
	return <-ended
}

// watchDeployments reads what comes, as who keeps a cache would, and keeps nothing.
func watchDeployments(ctx context.Context, client kubernetes.Interface, version string) error {
	for {
		changes, err := client.AppsV1().Deployments("").Watch(ctx, metav1.ListOptions{ResourceVersion: version})
		if err != nil {
			return err
		}
		for event := range changes.ResultChan() {
			deployment, ok := event.Object.(*appsv1.Deployment)
			if !ok {
				return fmt.Errorf("the watch says: %v", event.Object)
			}
			version = deployment.ResourceVersion
		}
	}
}

// awaitEnforce returns once the benchmark's profile is in Enforce.
func awaitEnforce(ctx context.Context, config *rest.Config) error {
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return err
	}
	for {
		changes, err := client.Resource(profiles).Watch(ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		for event := range changes.ResultChan() {
			if isEnforced(event) {
				changes.Stop()
				return nil
			}
		}
	}
}

func isEnforced(event watch.Event) bool {
	profile, ok := event.Object.(*unstructured.Unstructured)
	if !ok || profile.GetName() != policy.Profile {
		return false
	}
	mode, _, _ := unstructured.NestedString(profile.Object, "spec", "mode")
	return mode == "Enforce"
}

func fillIn(client kubernetes.Interface, queue <-chan *appsv1.Deployment) {
	for d := range queue {
		_, err := client.AppsV1().Deployments(d.Namespace).Patch(context.Background(), d.Name,
			types.StrategicMergePatchType, fill.Patch(d, time.Now().Unix()), metav1.PatchOptions{FieldManager: policy.Manager})
		if err != nil {
			fmt.Fprintln(os.Stderr, "floor:", err)
		}
	}
}
