package bench

import "fmt"

// What Rampart is held to with workloads.
const (
	evaluateBound = 2.0 // seconds after it has listed everything
	hardenBound   = 1.2 // x floor
	hardenCPU     = 2.5 // seconds, from its start until all are filled in
	workloadsRSS  = 24  // MB
	workloadsAnon = 10  // MB of that
)

// quantities of a hardening.
var (
	ready        = func(h *Hardening) float64 { return h.Ready }
	evaluate     = func(h *Hardening) float64 { return h.Evaluate }
	unevaluated  = func(h *Hardening) float64 { return float64(h.Wanted - h.Evaluated) }
	hardenTime   = func(h *Hardening) float64 { return h.Harden }
	unfilled     = func(h *Hardening) float64 { return float64(h.Wanted - h.Filled) }
	lookedRSS    = func(h *Hardening) float64 { return float64(h.Looked.RSS) / mb }
	lookedAnon   = func(h *Hardening) float64 { return float64(h.Looked.Anonymous) / mb }
	hardenedRSS  = func(h *Hardening) float64 { return float64(h.After.RSS) / mb }
	hardenedAnon = func(h *Hardening) float64 { return float64(h.After.Anonymous) / mb }
	topRSS       = func(h *Hardening) float64 { return float64(h.Peak.RSS) / mb }
	topAnon      = func(h *Hardening) float64 { return float64(h.Peak.Anonymous) / mb }
	hardeningCPU = func(h *Hardening) float64 { return h.CPU }
	hardenCalls  = func(h *Hardening) float64 { return float64(h.Calls.total()) }
	hardenSteady = func(h *Hardening) float64 { return float64(h.Steady.Writes()) }
)

func (r *Report) judgeWorkloads(atMost goalFunc) {
	rounds := r.Workloads[Rampart]
	most := func(of func(*Hardening) float64) float64 { return percentile(each(rounds, of), 100) }
	middle := func(of func(*Hardening) float64) float64 { return median(each(rounds, of)) }
	row := fmt.Sprintf("%d workloads", rounds[0].Wanted)
	atMost(row+": not evaluated, in any round", "", 0, most(unevaluated), false, "")
	atMost(row+": all evaluated, after the sync", "s", evaluateBound, middle(evaluate), true, "")
	atMost(row+": not filled in, in any round", "", 0, most(unfilled), false, "")
	atMost(row+": all filled in", "x floor", hardenBound, ratioOf(each(rounds, hardenTime),
		each(r.Workloads[Floor], hardenTime)), true, "")
	atMost(row+": writes in a steady state, in any round", "", 0, most(hardenSteady), false,
		r.Sizes.Steady.String()+" of it each round; Leases are not counted")
	atMost(row+": memory when all are evaluated, RSS", "MB", workloadsRSS, middle(lookedRSS), false, "")
	atMost(row+": memory when all are evaluated, anonymous", "MB", workloadsAnon, middle(lookedAnon), false, "")
	atMost(row+": memory when all are filled in, RSS", "MB", workloadsRSS, middle(hardenedRSS), false, "")
	atMost(row+": memory when all are filled in, anonymous", "MB", workloadsAnon, middle(hardenedAnon), false, "")
	atMost(row+": CPU, from the start on", "s", hardenCPU, middle(hardeningCPU), true, "")
}

// workloadsTable has a line for each quantity, as the rows about policies have.
func (r *Report) workloadsTable() Table {
	turn := contenders[Workloads]
	others := turn[:len(turn)-1] // Rampart is the last
	count := 0
	if rounds := r.Workloads[Rampart]; len(rounds) > 0 {
		count = rounds[0].Wanted
	}
	t := Table{
		Title: fmt.Sprintf("%d Deployments without replicas in %d namespaces: evaluated in Audit, then filled in (maxConcurrent %d)",
			count, r.Sizes.Workloads, maxConcurrent),
		Head: []string{fmt.Sprintf("medians of %d rounds", r.Sizes.Rounds)},
	}
	for _, name := range turn {
		t.Head = append(t.Head, string(name))
	}
	for _, name := range others {
		t.Head = append(t.Head, "x "+string(name))
	}
	line := func(what string, cell func([]Hardening) string, ratio func(*Hardening) float64) {
		cells := []string{what}
		for _, name := range turn {
			cells = append(cells, cell(r.Workloads[name]))
		}
		for _, name := range others {
			x := none
			if ratio != nil {
				x = fmt.Sprintf("%.2f", ratioOf(each(r.Workloads[Rampart], ratio), each(r.Workloads[name], ratio)))
			}
			cells = append(cells, x)
		}
		t.Lines = append(t.Lines, cells)
	}
	number := func(format string, of func(*Hardening) float64) func([]Hardening) string {
		return func(rounds []Hardening) string { return fmt.Sprintf(format, median(each(rounds, of))) }
	}
	worst := func(of func(*Hardening) float64) func([]Hardening) string {
		return func(rounds []Hardening) string { return fmt.Sprintf("%.0f", percentile(each(rounds, of), 100)) }
	}
	memory := func(rss, own func(*Hardening) float64) func([]Hardening) string {
		return func(rounds []Hardening) string {
			return fmt.Sprintf("%.1f (%.1f) MB", median(each(rounds, rss)), median(each(rounds, own)))
		}
	}
	line("started -> all listed", number("%.2f s", ready), ready)
	line("then until all are evaluated", func(rounds []Hardening) string {
		if percentile(each(rounds, func(h *Hardening) float64 { return float64(h.Evaluated) }), 100) == 0 {
			return none
		}
		return number("%.2f s", evaluate)(rounds)
	}, nil)
	line("memory then: RSS (anonymous)", memory(lookedRSS, lookedAnon), lookedRSS)
	line("Enforce -> all filled in", number("%.2f s", hardenTime), hardenTime)
	line("not filled in, worst round", worst(unfilled), nil)
	line("memory afterwards", memory(hardenedRSS, hardenedAnon), hardenedRSS)
	line("at its peak", memory(topRSS, topAnon), topRSS)
	line("CPU, from the start on", number("%.2f s", hardeningCPU), hardeningCPU)
	line("API calls from Enforce on", number("%.0f", hardenCalls), hardenCalls)
	line(fmt.Sprintf("writes in a steady state of %.0f s, worst round", r.Sizes.Steady.Seconds()), worst(hardenSteady), nil)
	return t
}
