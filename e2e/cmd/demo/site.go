package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"rampart.dev/e2e/cluster"
)

const poll = 25 * time.Millisecond

// site is the cluster in which the demo plays.
type site struct {
	own        *cluster.Cluster // nil: it is the user's
	dir        string           // where the demo's files are; goes with it
	kubectl    string           // a path
	kubeconfig string           // for kubectl; empty: as the environment says
	config     *rest.Config
	client     kubernetes.Interface
	dynamic    dynamic.Interface

	// operatorKubeconfig writes one with the token of Rampart's ServiceAccount and returns its path.
	operatorKubeconfig func(context.Context) (string, error)
}

// startOwn starts a control plane on this machine. Where dir is empty it is in a temporary folder.
func startOwn(ctx context.Context, screen *screen, dir string, nodes int) (*site, error) {
	var c *cluster.Cluster
	const what = "Starting etcd, API server, controllers, scheduler and nodes"
	err := screen.during(ctx, what, func(ctx context.Context) (err error) {
		c, err = cluster.Start(ctx, cluster.Options{ControllerManager: true, Scheduler: true, Nodes: nodes, Dir: dir})
		return err
	})
	if err != nil {
		return nil, err
	}
	return &site{
		own:        c,
		dir:        filepath.Dir(c.AdminKubeconfig),
		kubectl:    c.Kubectl,
		kubeconfig: c.AdminKubeconfig,
		config:     c.Config,
		client:     c.Client,
		dynamic:    c.Dynamic,
		operatorKubeconfig: func(ctx context.Context) (string, error) {
			return c.ServiceAccountKubeconfig(ctx, ownNamespace, ownAccount)
		},
	}, nil
}

// run runs kubectl and returns what it prints; the error carries its message.
func (s *site) run(ctx context.Context, input string, args ...string) (string, error) {
	cache := []string{"--cache-dir", filepath.Join(s.dir, "cache")}
	command := exec.CommandContext(ctx, s.kubectl, append(cache, args...)...)
	command.Stdin = strings.NewReader(input)
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is for the demo to handle
	command.Env = append(os.Environ(), "KUBERC=off", "KUBECTL_KUBERC=false")
	if s.kubeconfig != "" {
		command.Env = append(command.Env, "KUBECONFIG="+s.kubeconfig, "HOME="+s.dir)
	}
	out, err := command.Output()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	case errors.As(err, &exit):
		return string(out), fmt.Errorf("kubectl %s: %s", strings.Join(args, " "), strings.TrimSpace(string(exit.Stderr)))
	}
	return string(out), err
}

// until repeats check until it says yes. What is waited for is named in the error.
func until(ctx context.Context, limit time.Duration, what string, check func(context.Context) (bool, error)) error {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("%s: not within %s", what, limit))
	defer cancel()
	for {
		done, err := check(ctx)
		switch {
		case ctx.Err() != nil && err != nil && !errors.Is(err, ctx.Err()):
			return fmt.Errorf("%w; last: %w", context.Cause(ctx), err)
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case done:
			return nil
		}
		select {
		case <-time.After(poll):
		case <-ctx.Done():
		}
	}
}

// awaitPods waits until the pods of the workloads are ready, and says how many there are.
func (s *site) awaitPods(ctx context.Context, limit time.Duration, workloads []workload) (ready int, err error) {
	want := 0
	for _, w := range workloads {
		want += int(w.replicas)
	}
	err = until(ctx, limit, "pods that run", func(ctx context.Context) (bool, error) {
		ready = 0
		for _, namespace := range namespacesOf(workloads) {
			pods, err := s.client.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{})
			if err != nil {
				return false, err
			}
			for i := range pods.Items {
				if isReady(&pods.Items[i]) {
					ready++
				}
			}
		}
		return ready >= want, nil
	})
	return ready, err
}

func isReady(pod *corev1.Pod) bool {
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodReady {
			return condition.Status == corev1.ConditionTrue
		}
	}
	return false
}
