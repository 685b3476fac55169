package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

const statusLimit = 10 * time.Second

// env prints shell commands, and nothing else on standard output.
func env(p place) error {
	if _, err := p.pid(); err != nil {
		return err
	}
	fmt.Printf("export KUBECONFIG=%s\n", quote(p.kubeconfig()))
	fmt.Printf("export PATH=%s:\"$PATH\"\n", quote(p.kubectlDir()))
	return nil
}

// quote makes one word of any text, for a POSIX shell.
func quote(text string) string {
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

func status(p place) error {
	pid, err := p.pid()
	if err != nil {
		return err
	}
	config, err := clientcmd.BuildConfigFromFlags("", p.kubeconfig())
	if err != nil {
		return fmt.Errorf("process %d is starting: %w", pid, err)
	}
	config.Timeout = statusLimit
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	version, err := client.Discovery().ServerVersion()
	if err != nil {
		return fmt.Errorf("process %d runs, its API server does not answer: %w", pid, err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), statusLimit)
	defer cancel()
	nodes, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	pods, err := client.CoreV1().Pods("").List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	look := newLook(os.Stdout)
	fmt.Printf("%s: %s, Kubernetes %s, process %d\n", look.bold("Running"), config.Host, version.GitVersion, pid)
	fmt.Printf("  nodes  %d, %d ready\n", len(nodes.Items), count(nodes.Items, nodeReady))
	fmt.Printf("  pods   %d, %d ready\n", len(pods.Items), count(pods.Items, podReady))
	return nil
}

func count[T any](items []T, is func(T) bool) (n int) {
	for _, item := range items {
		if is(item) {
			n++
		}
	}
	return n
}

func nodeReady(node corev1.Node) bool {
	for _, condition := range node.Status.Conditions {
		if condition.Type == corev1.NodeReady {
			return condition.Status == corev1.ConditionTrue
		}
	}
	return false
}

func podReady(pod corev1.Pod) bool {
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodReady {
			return condition.Status == corev1.ConditionTrue
		}
	}
	return false
}
