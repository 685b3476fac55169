// Package cluster runs a whole Kubernetes control plane for tests: etcd, kube-apiserver,
// kube-controller-manager, kube-scheduler, and kwok for nodes with running pods. It is the real thing:
// real RBAC, real controllers, each under its own identity; only the kubelets are played.
//
// It listens on one port of 127.0.0.1 (etcd on a socket in its own folder), and everything goes when
// the process that called Start goes, also by SIGKILL: processes, port and folder.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// startLimit bounds Start where the caller's context has no earlier deadline. Ten times what is
// measured on two cores, for machines that compile beside it.
const startLimit = 2 * time.Minute

// Options says what a cluster has. The zero value is etcd and the API server alone.
type Options struct {
	ControllerManager bool
	Scheduler         bool
	Nodes             int // kwok nodes, "node-0" and on; kwok runs when there is at least one

	FeatureGates  map[string]bool // of the API server
	APIServerArgs []string        // further flags, which win over ours
	Stages        []string        // kwok stages (YAML) besides kwok's own and needs.yaml; the same name replaces

	Dir    string // where the data is; must not exist. Empty: a temporary folder
	Keep   bool   // leave the folder (logs, audit log, data) behind
	Binary string // another `kube`, e.g. an older one. Empty: see find in binary.go
	Nice   int    // nice value of every component

	// Progress, where not nil, is told when the start of a component begins to take long
	// (every two seconds, ready false) and when it is ready. Calls do not overlap.
	Progress func(component Component, elapsed time.Duration, ready bool)
}

// Cluster is a control plane that runs.
type Cluster struct {
	AdminKubeconfig string // a path; user kubernetes-admin, group system:masters
	Kubectl         string // a path; empty where there is none (KUBEBUILDER_ASSETS alone)
	URL             string // of the API server
	Config          *rest.Config
	Client          kubernetes.Interface
	Dynamic         dynamic.Interface

	opts    Options
	folder  *folder
	ca      *pki
	spawner *spawner
	port    int

	mu      sync.Mutex // guards running
	running map[Component]*process

	progress  sync.Mutex // Progress calls do not overlap
	closeOnce sync.Once
	closeErr  error
}

// Start starts what the options name and returns when all of it is ready. ctx bounds the start only.
// On failure nothing is left behind, and the error carries the end of the failed component's log.
func Start(ctx context.Context, opts Options) (*Cluster, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, startLimit, errors.New("not ready in time"))
	defer cancel()

	c, err := prepare(opts)
	if err != nil {
		return nil, fmt.Errorf("cluster: %w", err)
	}
	if err := c.startAll(ctx); err != nil {
		return nil, fmt.Errorf("cluster: %w", errors.Join(err, c.Close()))
	}
	return c, nil
}

// prepare makes everything but processes: folder, port, keys, kubeconfigs, clients.
func prepare(opts Options) (*Cluster, error) {
	at, err := newFolder(opts.Dir, opts.Keep)
	if err != nil {
		return nil, err
	}
	c := &Cluster{
		opts:    opts,
		folder:  at,
		spawner: newSpawner(opts.Nice),
		running: map[Component]*process{},
	}
	if c.port, err = freePort(); err == nil {
		if c.ca, err = newPKI(); err == nil {
			err = errors.Join(c.ca.write(at), c.writeKubeconfigs(), writeAuditPolicy(at), c.linkKubectl(), c.connect())
		}
	}
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// startAll starts the components in waves; what is in one wave comes up side by side.
func (c *Cluster) startAll(ctx context.Context) error {
	rest := []Component{}
	if c.opts.ControllerManager {
		rest = append(rest, ControllerManager)
	}
	if c.opts.Scheduler {
		rest = append(rest, Scheduler)
	}
	if c.opts.Nodes > 0 {
		rest = append(rest, Kwok)
	}
	for _, wave := range [][]Component{{Etcd}, {APIServer}, rest} {
		errs := make(chan error)
		for _, component := range wave {
			go func() { errs <- c.Start(ctx, component) }()
		}
		var err error
		for range wave {
			err = errors.Join(err, <-errs)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Close ends every process, waits until the port is free, and removes the folder. Nothing is asked to
// end in good order: the data goes too. It may be called more than once.
func (c *Cluster) Close() error {
	c.closeOnce.Do(func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		for component := range c.running {
			c.closeErr = errors.Join(c.closeErr, c.running[component].kill())
		}
		clear(c.running)
		c.spawner.close()

		ctx, cancel := context.WithTimeout(context.Background(), killedProcess)
		defer cancel()
		if c.port != 0 {
			c.closeErr = errors.Join(c.closeErr, awaitFree(ctx, c.port))
		}
		c.closeErr = errors.Join(c.closeErr, c.folder.remove())
	})
	return c.closeErr
}
