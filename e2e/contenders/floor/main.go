// Floor is the least that a client can do to give every new namespace its policy: it watches the namespaces
// of the benchmark and writes, for each that it has not seen, what it was told to. It decides nothing, keeps
// nothing, repairs nothing, and no operator that does can be faster than it, but by using the API better.
// With --harden it fills in Deployments instead.
//
// It is client-go as it comes, without its rate limit: HTTP/2, one connection, JSON. (The reference speaks
// protobuf for built-in types, because controller-runtime chooses that. Rampart speaks JSON.)
package main

import (
	"context"
	"flag"
	"fmt"
	"os"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"rampart.dev/e2e/contenders/policy"
)

// writesInFlight is more than the API server of the benchmark can work on at once, and leaves room on the
// connection, which takes 100 streams.
const writesInFlight = 64

func main() {
	kubeconfig := flag.String("kubeconfig", "", "a path")
	selector := flag.String("selector", "", "the namespaces that get policies")
	withDNS := flag.Bool("dns", false, "write the policy for DNS as well, after the deny")
	content := flag.String("content", "application/json", "the media type")
	hardens := flag.Bool("harden", false, "fill in all Deployments, once the profile is in Enforce, instead")
	flag.Parse()
	config, err := configOf(*kubeconfig, *content)
	switch {
	case err != nil:
	case *hardens:
		err = harden(config)
	default:
		err = run(config, *selector, *withDNS)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "floor:", err)
		os.Exit(1)
	}
}

func configOf(kubeconfig, content string) (*rest.Config, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, err
	}
	config.QPS = -1
	config.ContentType = content
	config.UserAgent = "floor"
	return config, nil
}

func run(config *rest.Config, selector string, withDNS bool) error {
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	namespaces := make(chan string, 16384)
	for range writesInFlight {
		go write(client, namespaces, withDNS)
	}
	return follow(client, selector, namespaces)
}

// follow hands out the names of the namespaces that come to be. It says "ready" when it watches.
func follow(client kubernetes.Interface, selector string, namespaces chan<- string) error {
	ctx := context.Background()
	list, err := client.CoreV1().Namespaces().List(ctx, metav1.ListOptions{LabelSelector: selector})
	if err != nil {
		return err
	}
	for i := range list.Items {
		namespaces <- list.Items[i].Name
	}
	fmt.Println("ready")
	for version := list.ResourceVersion; ; {
		watch, err := client.CoreV1().Namespaces().Watch(ctx,
			metav1.ListOptions{LabelSelector: selector, ResourceVersion: version})
		if err != nil {
			return err
		}
		// It ends whenever the API server likes: when a reader was too slow for it, say.
		for event := range watch.ResultChan() {
			namespace, ok := event.Object.(*corev1.Namespace)
			if !ok {
				return fmt.Errorf("the watch says: %v", event.Object)
			}
			if event.Type == "ADDED" {
				namespaces <- namespace.Name
			}
			version = namespace.ResourceVersion
		}
	}
}

func write(client kubernetes.Interface, namespaces <-chan string, withDNS bool) {
	for namespace := range namespaces {
		policies := []*networkingv1.NetworkPolicy{policy.Deny(namespace)}
		if withDNS {
			policies = append(policies, policy.DNS(namespace))
		}
		for _, p := range policies {
			_, err := client.NetworkingV1().NetworkPolicies(namespace).Create(context.Background(), p, metav1.CreateOptions{})
			if err != nil {
				fmt.Fprintln(os.Stderr, "floor:", err)
			}
		}
	}
}
