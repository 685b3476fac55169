package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"rampart.dev/e2e/contenders/fill"
	"rampart.dev/e2e/contenders/policy"
	"rampart.dev/e2e/proc"
)

const (
	// maxConcurrent is stated, so that the row says at which pace. Without pods it does not hold anybody up.
	maxConcurrent = 5

	evaluateLimit = time.Minute
)

// apps are the Deployments of a namespace.
var apps = []string{"api", "cache", "queue", "web", "worker"}

// Hardening is what one contender did in one round with Deployments that nobody had looked after: it starts among
// them with the profile in Audit, and then the profile says Enforce. Only Rampart evaluates.
type Hardening struct {
	Wanted    int     `json:"wanted"` // Deployments
	Evaluated int     `json:"evaluated"`
	Filled    int     `json:"filled"`
	Ready     float64 `json:"readySeconds"`    // from its start until it has listed everything
	Evaluate  float64 `json:"evaluateSeconds"` // from then until its status counts all
	Harden    float64 `json:"hardenSeconds"`   // from the request for Enforce until the last fill was seen
	Looked    Memory  `json:"looked"`          // bytes, when it has settled in Audit
	After     Memory  `json:"after"`           // when all are filled in
	Peak      Memory  `json:"peak"`
	CPU       float64 `json:"cpuSeconds"` // since its start until all has settled
	Calls     Calls   `json:"calls"`      // from the request for Enforce until all has settled
	Steady    Calls   `json:"steady"`     // afterwards
}

// harden runs one contender once, on a control plane of its own.
func (b *Bench) harden(ctx context.Context, name Name) (h Hardening, err error) {
	f, err := newField(ctx, b.Root, Workloads)
	if err != nil {
		return h, err
	}
	defer func() { err = b.leave(f, err) }()
	namespaces := names("team", 0, b.Sizes.Workloads)
	h.Wanted = len(namespaces) * len(apps)
	if err := f.makeWorkloads(ctx, namespaces); err != nil {
		return h, err
	}
	counted := f.awaitEvaluated(ctx, h.Wanted)
	begin := time.Now()
	c, err := newContender(ctx, name, Workloads, f.kubeconfig, f.dir)
	if err != nil {
		return h, err
	}
	ready := time.Now()
	h.Ready = ready.Sub(begin).Seconds()
	defer func() {
		if failed := c.stop(); err == nil {
			err = failed
		}
	}()
	samples := startSampler(c.pid())
	defer func() { h.Peak = samples.end() }()
	if name == Rampart {
		told := <-counted
		if told.err != nil {
			return h, told.err
		}
		h.Evaluated, h.Evaluate = told.count, max(0, told.at.Sub(ready).Seconds())
	}
	if h.Looked, _, err = b.settled(ctx, c); err != nil {
		return h, err
	}
	return h, b.enforce(ctx, f, c, namespaces, &h)
}

// enforce sets the profile to Enforce and looks at what comes of it.
func (b *Bench) enforce(ctx context.Context, f *field, c contender, namespaces []string, h *Hardening) error {
	place, err := f.AuditNow()
	if err != nil {
		return err
	}
	begin := time.Now()
	_, err = f.Dynamic.Resource(profiles).Patch(ctx, policy.Profile, types.MergePatchType,
		[]byte(`{"spec":{"mode":"Enforce"}}`), metav1.PatchOptions{})
	if err != nil {
		return err
	}
	all, err := f.watcher.await(ctx, namespaces, apps, burstLimit)
	if err != nil {
		return err
	}
	h.Filled = len(all) * len(apps)
	for _, at := range all {
		h.Harden = max(h.Harden, at.Sub(begin).Seconds())
	}
	if h.After, h.CPU, err = b.settled(ctx, c); err != nil {
		return err
	}
	if h.Calls, err = f.callsSince(place); err != nil {
		return err
	}
	if place, err = f.AuditNow(); err != nil {
		return err
	}
	if err := pause(ctx, b.Sizes.Steady); err != nil {
		return err
	}
	h.Steady, err = f.callsSince(place)
	return err
}

// settled is what a contender holds, and has used since its start, once what was left to do is done.
func (b *Bench) settled(ctx context.Context, c contender) (held Memory, cpuSeconds float64, err error) {
	if err := pause(ctx, b.Sizes.Settle); err != nil {
		return held, 0, err
	}
	usage, err := proc.UsageOf(c.pid())
	if err != nil {
		return held, 0, err
	}
	used, err := proc.CPUOf(c.pid())
	return usage.Memory, used.Seconds(), err
}

// makeWorkloads makes the namespaces with their Deployments.
func (f *field) makeWorkloads(ctx context.Context, namespaces []string) error {
	return parallel(namespaces, func(namespace string) error {
		if err := f.makeNamespace(ctx, namespace); err != nil {
			return err
		}
		for _, app := range apps {
			_, err := f.client.AppsV1().Deployments(namespace).Create(ctx, fill.Deployment(namespace, app), metav1.CreateOptions{})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// evaluated is when the profile's status said how many workloads.
type evaluated struct {
	at    time.Time
	count int
	err   error
}

// awaitEvaluated watches the profile from now on and tells when its status counts so many workloads, or what it
// counted at last.
func (f *field) awaitEvaluated(ctx context.Context, wanted int) <-chan evaluated {
	told := make(chan evaluated, 1)
	go func() {
		ctx, cancel := context.WithTimeout(ctx, evaluateLimit)
		defer cancel()
		last := evaluated{}
		for last.count < wanted && ctx.Err() == nil && last.err == nil {
			last.err = f.followStatus(ctx, func(count int) bool {
				last = evaluated{at: time.Now(), count: count}
				return count < wanted
			})
		}
		told <- last
	}()
	return told
}

// followStatus tells how many workloads the profile's status counts until that is no longer wanted, or the watch
// ends.
func (f *field) followStatus(ctx context.Context, tell func(count int) bool) error {
	stream, err := f.Dynamic.Resource(profiles).Watch(ctx, metav1.ListOptions{})
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return fmt.Errorf("watch the profile: %w", err)
	}
	defer stream.Stop()
	for event := range stream.ResultChan() {
		profile, ok := event.Object.(*unstructured.Unstructured)
		if ok && !tell(evaluatedOf(profile)) {
			return nil
		}
	}
	return nil
}

// evaluatedOf is how many workloads a profile's status counts with a verdict.
func evaluatedOf(profile *unstructured.Unstructured) int {
	var object struct {
		Status struct {
			Workloads struct{ Compliant, Drifted, Exempt, Failed int }
		}
	}
	text, err := json.Marshal(profile.Object)
	if err == nil {
		err = json.Unmarshal(text, &object)
	}
	if err != nil {
		return 0
	}
	w := object.Status.Workloads
	return w.Compliant + w.Drifted + w.Exempt + w.Failed
}
