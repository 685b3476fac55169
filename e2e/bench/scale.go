package bench

import (
	"context"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"rampart.dev/e2e/contenders/policy"
	"rampart.dev/e2e/proc"
)

// Point is what a contender costs at one number of namespaces, each with its deny.
type Point struct {
	Namespaces int     `json:"namespaces"`
	Memory     Memory  `json:"memory"`     // bytes, once it has settled
	Peak       Memory  `json:"peak"`       // on the way from the point before
	CPU        float64 `json:"cpuSeconds"` // since it was ready
}

// Sync is what a start costs where many namespaces exist.
type Sync struct {
	Namespaces int     `json:"namespaces"`
	Converged  int     `json:"converged"` // namespaces that have their policy in the end
	Seconds    float64 `json:"seconds"`   // until ready, or until all have their policy
	Peak       Memory  `json:"peak"`
	After      Memory  `json:"after"`
	CPU        float64 `json:"cpuSeconds"`
	Calls      Calls   `json:"calls"`
}

func (s *Sizes) most() int {
	most := s.Sync
	for _, size := range s.Scale {
		most = max(most, size)
	}
	return most
}

// grow lets the number of namespaces grow on one control plane and looks at the contender at each size. Then
// it is started again with all of them there; Rampart once more with none of their policies.
func (b *Bench) grow(ctx context.Context, name Name, report *Report) (points []Point, err error) {
	f, err := newField(ctx, b.Root, Deny)
	if err != nil {
		return nil, err
	}
	defer func() { err = b.leave(f, err) }()
	c, err := newContender(ctx, name, Deny, f.kubeconfig, f.dir)
	if err != nil {
		return nil, err
	}
	defer func() {
		if failed := c.stop(); err == nil {
			err = failed
		}
	}()
	before, err := proc.CPUOf(c.pid())
	if err != nil {
		return nil, err
	}
	all := names("scale", 0, b.Sizes.most())
	at := 0
	for _, size := range b.Sizes.Scale {
		p, err := b.growTo(ctx, f, c, all[at:size])
		if err != nil {
			return nil, err
		}
		p.Namespaces = size
		p.CPU -= before.Seconds()
		points = append(points, p)
		at = size
	}
	if name == Floor || b.Sizes.Sync == 0 { // the floor keeps nothing and knows nothing of what is there
		return points, nil
	}
	if _, err := b.growTo(ctx, f, c, all[at:]); err != nil {
		return nil, err
	}
	if err := c.stop(); err != nil {
		return nil, err
	}
	if report.Sync[name], err = b.sync(ctx, f, c, all); err != nil || name != Rampart {
		return points, err
	}
	if err := c.stop(); err != nil {
		return nil, err
	}
	if err := f.removePolicies(ctx, all); err != nil {
		return nil, err
	}
	report.FirstTime, err = b.sync(ctx, f, c, all)
	return points, err
}

func (b *Bench) growTo(ctx context.Context, f *field, c contender, more []string) (p Point, err error) {
	samples := startSampler(c.pid())
	err = f.burst(ctx, more)
	if err == nil {
		var seen map[string]time.Time
		seen, err = f.watcher.await(ctx, more, policies[Deny], burstLimit)
		if err == nil && len(seen) < len(more) {
			err = fmt.Errorf("%d of %d namespaces got no policy", len(more)-len(seen), len(more))
		}
	}
	if err == nil {
		err = pause(ctx, b.Sizes.Settle)
	}
	p.Peak = samples.end()
	if err != nil {
		return p, err
	}
	u, err := proc.UsageOf(c.pid())
	if err != nil {
		return p, err
	}
	p.Memory = u.Memory
	used, err := proc.CPUOf(c.pid())
	p.CPU = used.Seconds()
	return p, err
}

// sync starts a contender that was stopped, among the namespaces, and waits until all is right.
func (b *Bench) sync(ctx context.Context, f *field, c contender, namespaces []string) (s Sync, err error) {
	s.Namespaces = len(namespaces)
	place, err := f.AuditNow()
	if err != nil {
		return s, err
	}
	begin := time.Now()
	if err := c.start(ctx); err != nil {
		return s, err
	}
	samples := startSampler(c.pid()) // the highest RSS is kept by the kernel since the start
	seen, err := f.watcher.await(ctx, namespaces, policies[Deny], burstLimit)
	s.Seconds, s.Converged = time.Since(begin).Seconds(), len(seen)
	if err == nil {
		err = pause(ctx, b.Sizes.Settle)
	}
	s.Peak = samples.end()
	if err != nil {
		return s, err
	}
	u, err := proc.UsageOf(c.pid())
	if err != nil {
		return s, err
	}
	s.After = u.Memory
	used, err := proc.CPUOf(c.pid())
	if err != nil {
		return s, err
	}
	s.CPU = used.Seconds()
	s.Calls, err = f.callsSince(place)
	return s, err
}

// removePolicies removes the denies again, while nobody is there to make them anew.
func (f *field) removePolicies(ctx context.Context, namespaces []string) error {
	err := parallel(namespaces, func(namespace string) error {
		return f.client.NetworkingV1().NetworkPolicies(namespace).Delete(ctx, policy.DenyName, metav1.DeleteOptions{})
	})
	if err != nil {
		return err
	}
	return f.watcher.awaitNone(ctx, namespaces)
}
