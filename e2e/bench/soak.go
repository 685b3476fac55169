package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"rampart.dev/e2e/cluster"
	"rampart.dev/e2e/gate"
	"rampart.dev/e2e/operator"
	"rampart.dev/e2e/proc"
)

// Soak is one operator under churn for a while: namespaces come, go and are relabelled, rivals edit and delete
// policies, connections are cut, the API server is restarted.
type Soak struct {
	Root     string
	Out      string
	Length   time.Duration
	Progress func(what string, done, total int)
}

// What must not grow.
const (
	soakBaseline = time.Minute      // what it is compared to: the memory at the end of that
	soakSample   = 2 * time.Second  // how often memory is looked at
	soakWindow   = 20 * time.Second // over which the median is taken
	soakGrowth   = 0.10             // of RSS
	soakLimit    = time.Minute      // until all is right once the churn is over
)

// SoakResult is what came of it, as it is written to soak.json.
type SoakResult struct {
	Seconds     float64 `json:"seconds"`
	First       Memory  `json:"firstMinute"` // median at its end, bytes
	Last        Memory  `json:"end"`         // median of the last seconds
	Peak        Memory  `json:"peak"`
	Descriptors [2]int  `json:"descriptors"` // after the first minute, and at the end
	CPU         float64 `json:"cpuSeconds"`
	Churn       Churn   `json:"churn"`
	Wrong       int     `json:"wrong"` // namespaces that are not as they should be in the end
	Goals       []Goal  `json:"goals"`

	series []Memory
}

// Run lets it run. It fails where the operator ends, or ceases to do its work.
func (s *Soak) Run(ctx context.Context) (result *SoakResult, err error) {
	control, err := cluster.Start(ctx, cluster.Options{ControllerManager: true})
	if err != nil {
		return nil, err
	}
	b := &Bench{Root: s.Root, Out: s.Out}
	f := &field{Cluster: control, row: Deny, dir: filepath.Dir(control.AdminKubeconfig), client: control.Client}
	defer func() { err = b.leave(f, err) }()
	kubeconfig, err := f.install(ctx, s.Root)
	if err != nil {
		return nil, err
	}
	cut, err := gate.New(control)
	if err != nil {
		return nil, err
	}
	defer cut.Close()
	through := filepath.Join(f.dir, "through-the-gate.kubeconfig")
	if err := cut.Kubeconfig(kubeconfig, through); err != nil {
		return nil, err
	}
	o, err := operator.Start(ctx, operator.Options{Kubeconfig: through, Log: filepath.Join(f.dir, "Rampart.log")})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, stopWhole(o, err)) }()
	return s.run(ctx, f, o, cut)
}

// stopWhole stops the operator and demands that it ends well, where all went well so far.
func stopWhole(o *operator.Operator, err error) error {
	if err != nil {
		return o.Kill()
	}
	if err := o.Stop(); err != nil {
		return err
	}
	if report := o.Reports(); report != "" {
		return fmt.Errorf("rampart reports:\n%s", report)
	}
	return nil
}

func (s *Soak) run(ctx context.Context, f *field, o *operator.Operator, cut *gate.Gate) (*SoakResult, error) {
	result, samples := &SoakResult{}, startSampler(o.PID())
	peak := func() {
		if samples != nil {
			result.Peak, samples = samples.end(), nil
		}
	}
	defer peak()
	churning, stop := context.WithCancel(ctx)
	defer stop()
	churn := newChurner(f, cut, s.Length)
	ended := make(chan error, 1)
	go func() { ended <- churn.run(churning) }()

	begin := time.Now()
	for tick := time.NewTicker(soakSample); time.Since(begin) < s.Length; {
		select {
		case <-tick.C:
		case err := <-ended:
			return nil, fmt.Errorf("churn: %w", err)
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		if err := s.look(result, o, time.Since(begin)); err != nil {
			return nil, err
		}
	}
	stop()
	if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
		return nil, fmt.Errorf("churn: %w", err)
	}
	peak()
	result.Seconds, result.Churn = time.Since(begin).Seconds(), churn.done
	if err := s.settle(ctx, churn, o, result); err != nil {
		return nil, err
	}
	result.judge()
	text, err := json.MarshalIndent(result, "", "  ")
	if err != nil {
		return nil, err
	}
	return result, os.WriteFile(filepath.Join(s.Out, "soak.json"), append(text, '\n'), 0o644)
}

// look notes the memory, and at the end of the first minute what the end is compared to.
func (s *Soak) look(result *SoakResult, o *operator.Operator, elapsed time.Duration) error {
	if !o.Alive() {
		return fmt.Errorf("rampart has ended; its log ends:\n%s", o.Tail())
	}
	u, err := proc.UsageOf(o.PID())
	if err != nil {
		return err
	}
	result.series = append(result.series, u.Memory)
	if result.First.RSS == 0 && elapsed >= soakBaseline+soakWindow/2 {
		result.First = result.recent()
		if result.Descriptors[0], err = proc.DescriptorsOf(o.PID()); err != nil {
			return err
		}
	}
	if s.Progress != nil && len(result.series)%5 == 0 {
		s.Progress(fmt.Sprintf("soak: %.1f MB RSS, %.1f of it anonymous", float64(u.RSS)/mb, float64(u.Anonymous)/mb),
			int(elapsed.Seconds()), int(s.Length.Seconds()))
	}
	return nil
}

// recent is the median over the last window.
func (r *SoakResult) recent() Memory {
	rss, own := []float64{}, []float64{}
	for _, m := range r.series[max(0, len(r.series)-int(soakWindow/soakSample)):] {
		rss, own = append(rss, float64(m.RSS)), append(own, float64(m.Anonymous))
	}
	return Memory{RSS: int64(median(rss)), Anonymous: int64(median(own))}
}

// settle waits until everything is as it should be, and notes what is left over.
func (s *Soak) settle(ctx context.Context, churn *churner, o *operator.Operator, result *SoakResult) (err error) {
	result.Last = result.recent()
	for deadline := time.Now().Add(soakLimit); ; {
		if result.Wrong, err = churn.wrong(ctx); err == nil {
			result.Descriptors[1], err = proc.DescriptorsOf(o.PID())
		}
		isDone := err == nil && result.Wrong == 0 && result.Descriptors[1] <= result.Descriptors[0]
		if isDone || time.Now().After(deadline) {
			break
		}
		if err := pause(ctx, time.Second); err != nil {
			return err
		}
	}
	if err != nil {
		return err
	}
	used, err := proc.CPUOf(o.PID())
	result.CPU = used.Seconds()
	return err
}

func (r *SoakResult) judge() {
	atMost := func(what, unit string, bound, value float64) {
		r.Goals = append(r.Goals, Goal{What: what, Unit: unit, Bound: bound, Value: value, Holds: value <= bound, IsJudged: true})
	}
	first := float64(r.First.RSS) / mb
	atMost("RSS at the end", "MB", first*(1+soakGrowth), float64(r.Last.RSS)/mb)
	atMost("file descriptors at the end", "", float64(r.Descriptors[0]), float64(r.Descriptors[1]))
	atMost("namespaces that are not as they should be", "", 0, float64(r.Wrong))
}

// Holds says whether nothing grew and nothing was lost.
func (r *SoakResult) Holds() bool {
	for _, goal := range r.Goals {
		if !goal.Holds {
			return false
		}
	}
	return true
}

// Table is what it came to.
func (r *SoakResult) Table() Table {
	t := Table{
		Title: fmt.Sprintf("%.0f minutes of churn: %s", r.Seconds/60, r.Churn),
		Head:  []string{"", "at most", "measured", ""},
	}
	t.Lines = append(t.Lines,
		[]string{"RSS after the first minute (anonymous)", "", fmt.Sprintf("%.1f (%.1f) MB",
			float64(r.First.RSS)/mb, float64(r.First.Anonymous)/mb), ""},
		[]string{"at its peak", "", fmt.Sprintf("%.1f (%.1f) MB",
			float64(r.Peak.RSS)/mb, float64(r.Peak.Anonymous)/mb), ""})
	for _, goal := range r.Goals {
		t.Lines = append(t.Lines, goal.line())
	}
	return t
}
