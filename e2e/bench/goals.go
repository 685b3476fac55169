package bench

import (
	"fmt"
	"time"
)

// Goal is a bound that Rampart is held to.
type Goal struct {
	What     string  `json:"what"`
	Unit     string  `json:"unit"`
	Bound    float64 `json:"bound"`
	Value    float64 `json:"value"`
	Holds    bool    `json:"holds"`
	IsJudged bool    `json:"judged"` // not where it depends on speed and the run is a quick one
	Note     string  `json:"note,omitempty"`
}

const (
	mb = 1 << 20 // as ps, top and `make demo` count

	reactionBound = 1.2  // x floor
	burstBound    = 1.1  // x floor
	noisyBurst    = 1.2  // x floor, where noise would hide a tenth
	noise         = 0.10 // spread of the floor's own bursts from which on it does
	cpuBound      = 0.5  // seconds, for paced and burst together
)

// quantities of a sample.
var (
	p50       = func(s *Sample) float64 { return s.P50 }
	p99       = func(s *Sample) float64 { return s.P99 }
	burst     = func(s *Sample) float64 { return s.Burst }
	cpu       = func(s *Sample) float64 { return s.CPU }
	lost      = func(s *Sample) float64 { return float64(s.Wanted - s.Converged) }
	idleRSS   = func(s *Sample) float64 { return float64(s.Idle.RSS) / mb }
	idleAnon  = func(s *Sample) float64 { return float64(s.Idle.Anonymous) / mb }
	afterRSS  = func(s *Sample) float64 { return float64(s.After.RSS) / mb }
	afterAnon = func(s *Sample) float64 { return float64(s.After.Anonymous) / mb }
	peakRSS   = func(s *Sample) float64 { return float64(s.Peak.RSS) / mb }
	peakAnon  = func(s *Sample) float64 { return float64(s.Peak.Anonymous) / mb }
	calls     = func(s *Sample) float64 { return float64(s.Calls.total()) }
	steady    = func(s *Sample) float64 { return float64(s.Steady.Writes()) }
)

func (c Calls) total() (n int) {
	for _, count := range c {
		n += count
	}
	return n
}

// goalFunc notes a goal. needsQuiet: it depends on speed.
type goalFunc func(what, unit string, bound, value float64, needsQuiet bool, note string)

// judge fills in the goals.
func (r *Report) judge() {
	r.Goals = nil
	atMost := func(what, unit string, bound, value float64, needsQuiet bool, note string) {
		r.Goals = append(r.Goals, Goal{What: what, Unit: unit, Bound: bound, Value: value, Holds: value <= bound,
			IsJudged: !needsQuiet || !r.Sizes.IsQuick, Note: note})
	}
	for _, row := range rows {
		if len(r.Rounds[row]) == 0 {
			continue
		}
		most := func(of func(*Sample) float64) float64 { return percentile(r.values(row, Rampart, of), 100) }
		atMost(string(row)+": namespaces without their policies, in any round", "", 0, most(lost), false, "")
		atMost(string(row)+": writes in a steady state, in any round", "", 0, most(steady), false,
			r.Sizes.Steady.Round(time.Second).String()+" of it each round; Leases are not counted")
		atMost(string(row)+": reaction, p50", "x floor", reactionBound, r.ratio(row, Floor, p50), true, "")
		atMost(string(row)+": reaction, p99", "x floor", reactionBound, r.ratio(row, Floor, p99), true, "")
		bound, note := r.burstBound(row)
		atMost(string(row)+": burst", "x floor", bound, r.ratio(row, Floor, burst), true, note)
	}
	if len(r.Rounds[Deny]) > 0 {
		r.judgeCost(atMost)
	}
	if len(r.Workloads[Rampart]) > 0 {
		r.judgeWorkloads(atMost)
	}
	if r.Sizes.Sync > 0 {
		r.judgeSync(atMost)
	}
}

// judgeCost is about the bare deny: what it costs in memory and processor time.
func (r *Report) judgeCost(atMost goalFunc) {
	middle := func(of func(*Sample) float64) float64 { return median(r.values(Deny, Rampart, of)) }
	atMost("memory idle, RSS", "MB", 16, middle(idleRSS), false, "")
	atMost("memory idle, anonymous", "MB", 4, middle(idleAnon), false, "")
	atMost("memory afterwards, RSS", "MB", 18, middle(afterRSS), false, "")
	atMost("memory afterwards, anonymous", "MB", 6, middle(afterAnon), false, "")
	atMost(fmt.Sprintf("CPU for %d namespaces", r.Sizes.Paced+r.Sizes.Burst), "s", cpuBound, middle(cpu), true, "")
}

// burstBound is a tenth above the floor, or a fifth where the floor itself varies by more than a tenth.
func (r *Report) burstBound(row Row) (bound float64, note string) {
	if varies := spread(r.values(row, Floor, burst)); varies > noise {
		return noisyBurst, fmt.Sprintf("1.1 where the floor's own bursts lie within 10 %%; they lie %.0f %% apart", varies*100)
	}
	return burstBound, ""
}

func (r *Report) judgeSync(atMost goalFunc) {
	first, sync := r.FirstTime, r.Sync[Rampart]
	start := fmt.Sprintf("start with %d namespaces", r.Sizes.Sync)
	atMost(start+", peak RSS", "MB", 26, float64(sync.Peak.RSS)/mb, false, "")
	atMost(start+", peak anonymous", "MB", 14, float64(sync.Peak.Anonymous)/mb, false, "")
	atMost(start+", writes", "", 0, float64(sync.Calls.Writes()), false, "all policies are there")
	atMost(start+" and none of their policies: without one in the end", "", 0,
		float64(first.Namespaces-first.Converged), false, "")
	atMost(start+" and none of their policies, peak RSS", "MB", 26, float64(first.Peak.RSS)/mb, false, "")
	atMost(start+" and none of their policies, peak anonymous", "MB", 14, float64(first.Peak.Anonymous)/mb, false, "")
}

// Missed is the goals that do not hold, of those that are judged.
func (r *Report) Missed() (missed []Goal) {
	for _, goal := range r.Goals {
		if !goal.Holds && goal.IsJudged {
			missed = append(missed, goal)
		}
	}
	return missed
}

// String says what was to hold and what was measured.
func (g Goal) String() string {
	text := fmt.Sprintf("%s: %s, at most %s", g.What, g.quantity(g.Value), g.quantity(g.Bound))
	if g.Note != "" {
		text += " (" + g.Note + ")"
	}
	return text
}
