package bench

import (
	"context"
	"fmt"
	"time"

	"rampart.dev/e2e/proc"
)

// Row is a profile that is measured.
type Row string

const (
	Deny       Row = "deny"         // a bare default-deny, one policy a namespace
	DenyAndDNS Row = "deny and DNS" // two policies a namespace
	Workloads  Row = "workloads"    // evaluated in Audit, then filled in
)

// Sizes says how much is measured.
type Sizes struct {
	Rounds    int           `json:"rounds"`
	IsQuick   bool          `json:"quick"`     // too small to judge speed
	Paced     int           `json:"paced"`     // namespaces one after the other
	PerSecond int           `json:"perSecond"` // of those
	Burst     int           `json:"burst"`     // namespaces at once
	Scale     []int         `json:"scale"`     // numbers of namespaces at which cost is looked at
	Growing   []Name        `json:"growing"`   // who is looked at there
	Sync      int           `json:"sync"`      // namespaces that exist when they start again
	Workloads int           `json:"workloads"` // namespaces with five Deployments each
	Idle      time.Duration `json:"idle"`      // a contender is ready, until its memory counts as idle
	Settle    time.Duration `json:"settle"`    // the last policy was seen, until what is left to do counts as done
	Steady    time.Duration `json:"steady"`    // how long writes are counted when all is done
}

// Full is what the documentation's figures are made with.
func Full() Sizes {
	return Sizes{
		Rounds: 5, Paced: 200, PerSecond: 20, Burst: 1000,
		Scale: []int{250, 500, 1000, 2000, 4000, 8000}, Growing: []Name{Floor, Reference, Rampart}, Sync: 10000, Workloads: 1000,
		Idle: 3 * time.Second, Settle: 6 * time.Second, Steady: 10 * time.Second,
	}
}

// Quick checks that everything is measured, in a minute or two. Its times mean nothing.
func Quick() Sizes {
	return Sizes{
		IsQuick: true, Rounds: 1, Paced: 20, PerSecond: 20, Burst: 150,
		Scale: []int{100, 200}, Growing: []Name{Rampart}, Sync: 400, Workloads: 60,
		Idle: time.Second, Settle: 3 * time.Second, Steady: 3 * time.Second,
	}
}

const (
	burstLimit = 2 * time.Minute  // what has no policy by then never gets one
	pacedLimit = 20 * time.Second // the same, after the last paced namespace
)

// Sample is what one contender did in one round.
type Sample struct {
	Wanted    int     `json:"wanted"`    // namespaces
	Converged int     `json:"converged"` // those that got all of their policies
	P50       float64 `json:"p50ms"`     // reaction, in milliseconds
	P99       float64 `json:"p99ms"`
	Burst     float64 `json:"burstSeconds"` // from the first request for a namespace to the last policy
	Idle      Memory  `json:"idle"`         // bytes
	After     Memory  `json:"after"`
	Peak      Memory  `json:"peak"`
	CPU       float64 `json:"cpuSeconds"` // from ready until all has settled
	Calls     Calls   `json:"calls"`      // from ready until all has settled
	Steady    Calls   `json:"steady"`     // afterwards
}

// measure runs one contender once, on a control plane of its own.
func (b *Bench) measure(ctx context.Context, row Row, name Name) (s Sample, err error) {
	f, err := newField(ctx, b.Root, row)
	if err != nil {
		return s, err
	}
	defer func() { err = b.leave(f, err) }()
	c, err := newContender(ctx, name, row, f.kubeconfig, f.dir)
	if err != nil {
		return s, err
	}
	defer func() {
		if failed := c.stop(); err == nil {
			err = failed
		}
	}()
	samples := startSampler(c.pid())
	defer func() { s.Peak = samples.end() }()

	if err := pause(ctx, b.Sizes.Idle); err != nil {
		return s, err
	}
	idle, err := proc.UsageOf(c.pid())
	if err != nil {
		return s, err
	}
	s.Idle = idle.Memory
	before, err := proc.CPUOf(c.pid())
	if err != nil {
		return s, err
	}
	place, err := f.AuditNow()
	if err != nil {
		return s, err
	}
	if err := b.load(ctx, f, &s); err != nil {
		return s, err
	}
	if err := pause(ctx, b.Sizes.Settle); err != nil {
		return s, err
	}
	after, err := proc.UsageOf(c.pid())
	if err != nil {
		return s, err
	}
	s.After = after.Memory
	used, err := proc.CPUOf(c.pid())
	if err != nil {
		return s, err
	}
	s.CPU = (used - before).Seconds()
	if s.Calls, err = f.callsSince(place); err != nil {
		return s, err
	}
	if place, err = f.AuditNow(); err != nil {
		return s, err
	}
	if err := pause(ctx, b.Sizes.Steady); err != nil {
		return s, err
	}
	s.Steady, err = f.callsSince(place)
	return s, err
}

// load makes the namespaces of a round, first at a steady rate, then all at once.
func (b *Bench) load(ctx context.Context, f *field, s *Sample) error {
	s.Wanted = b.Sizes.Paced + b.Sizes.Burst
	paced := names("paced", 0, b.Sizes.Paced)
	made, err := f.pace(ctx, paced, time.Second/time.Duration(b.Sizes.PerSecond))
	if err != nil {
		return err
	}
	seen, err := f.watcher.await(ctx, paced, policies[f.row], pacedLimit)
	if err != nil {
		return err
	}
	reactions := []float64{}
	for namespace, at := range seen {
		reactions = append(reactions, at.Sub(made[namespace]).Seconds()*1000)
	}
	s.P50, s.P99 = percentile(reactions, 50), percentile(reactions, 99)

	begin := time.Now()
	burst := names("burst", 0, b.Sizes.Burst)
	if err := f.burst(ctx, burst); err != nil {
		return err
	}
	all, err := f.watcher.await(ctx, burst, policies[f.row], burstLimit)
	if err != nil {
		return err
	}
	for _, at := range all {
		s.Burst = max(s.Burst, at.Sub(begin).Seconds())
	}
	s.Converged = len(seen) + len(all)
	return nil
}

// leave ends a field; where something failed, with what the contenders said.
func (b *Bench) leave(f *field, err error) error {
	if err != nil && b.Out != "" {
		f.keepLogs(b.Out)
		err = fmt.Errorf("%w; logs are in %s", err, b.Out)
	}
	if failed := f.close(); err == nil {
		err = failed
	}
	return err
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
