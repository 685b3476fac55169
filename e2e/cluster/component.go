package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// Component is one program of the control plane.
type Component string

const (
	Etcd              Component = "etcd"
	APIServer         Component = "kube-apiserver"
	ControllerManager Component = "kube-controller-manager"
	Scheduler         Component = "kube-scheduler"
	Kwok              Component = "kwok"
)

// slowStart is how long a start takes before, and how often then, it is said.
const slowStart = 2 * time.Second

// spec is what is particular to a component.
type spec struct {
	args  func(*Cluster) ([]string, error)
	ready func(*Cluster, context.Context) error // nil: ready when it runs
	gone  func(*Cluster, context.Context) error // nil: gone when it has ended
}

func (component Component) spec() spec {
	switch component {
	case Etcd:
		return spec{args: (*Cluster).etcdArgs, ready: (*Cluster).etcdReady}
	case APIServer:
		return spec{args: (*Cluster).apiServerArgs, ready: (*Cluster).apiServerReady, gone: (*Cluster).apiServerGone}
	case ControllerManager:
		return spec{args: (*Cluster).controllerManagerArgs, ready: (*Cluster).controllerManagerReady}
	case Scheduler:
		return spec{args: (*Cluster).schedulerArgs}
	case Kwok:
		return spec{args: (*Cluster).kwokArgs, ready: (*Cluster).kwokReady}
	}
	panic("no such component: " + string(component))
}

// Start starts a component that does not run, with the data it had, and returns when it is ready.
func (c *Cluster) Start(ctx context.Context, component Component) error {
	spec := component.spec()
	command, err := c.find(component)
	if err != nil {
		return err
	}
	args, err := spec.args(c)
	if err != nil {
		return fmt.Errorf("%s: %w", component, err)
	}
	begin := time.Now()
	p, err := c.launch(component, append(command, args...))
	if err != nil {
		return err
	}
	defer c.tellSlow(component, begin)()
	if spec.ready != nil {
		err = p.await(ctx, func(ctx context.Context) error { return spec.ready(c, ctx) })
	}
	if err != nil {
		return errors.Join(err, p.kill())
	}
	c.tell(component, time.Since(begin), true)
	return nil
}

func (c *Cluster) launch(component Component, argv []string) (*process, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p := c.running[component]; p != nil && p.alive() {
		return nil, fmt.Errorf("%s runs already", component)
	}
	// HOME: none of the programs may find the configuration of the user who runs the tests.
	env := append(os.Environ(), "HOME="+c.folder.path, "KUBECONFIG=")
	p, err := c.spawner.startProcess(string(component), c.folder.path, c.Log(component), argv, env)
	if err == nil {
		c.running[component] = p
	}
	return p, err
}

// Stop asks a component to end, as SIGTERM does in a cluster, and returns when it is gone. The API
// server lets requests in flight end first. When ctx ends before, the component is killed.
func (c *Cluster) Stop(ctx context.Context, component Component) error {
	return c.end(ctx, component, func(p *process) error { return p.stop(ctx) })
}

// Kill ends a component as SIGKILL does, and returns when it is gone.
func (c *Cluster) Kill(ctx context.Context, component Component) error {
	return c.end(ctx, component, (*process).kill)
}

func (c *Cluster) end(ctx context.Context, component Component, end func(*process) error) error {
	c.mu.Lock()
	p := c.running[component]
	delete(c.running, component)
	c.mu.Unlock()
	if p == nil {
		return fmt.Errorf("%s does not run", component)
	}
	if err := end(p); err != nil {
		return err
	}
	if gone := component.spec().gone; gone != nil {
		return gone(c, ctx)
	}
	return nil
}

// PID is the process of a component, or 0 when it does not run.
func (c *Cluster) PID(component Component) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p := c.running[component]; p != nil && p.alive() {
		return p.cmd.Process.Pid
	}
	return 0
}

// Log is the path of a component's log. It goes with the cluster.
func (c *Cluster) Log(component Component) string {
	return c.folder.join(string(component) + ".log")
}

// tellSlow tells Progress about a start that takes long, until the function that it returns is called.
func (c *Cluster) tellSlow(component Component, begin time.Time) (stop func()) {
	tick := time.NewTicker(slowStart)
	over := make(chan struct{})
	go func() {
		for {
			select {
			case <-tick.C:
				c.tell(component, time.Since(begin), false)
			case <-over:
				tick.Stop()
				return
			}
		}
	}()
	return func() { close(over) }
}

func (c *Cluster) tell(component Component, elapsed time.Duration, ready bool) {
	if c.opts.Progress == nil {
		return
	}
	c.progress.Lock()
	defer c.progress.Unlock()
	c.opts.Progress(component, elapsed, ready)
}
