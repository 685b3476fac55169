// Package bench measures what it costs to give every namespace its policies, and to evaluate and fill in
// workloads: Rampart beside a client that decides nothing (floor) and beside an operator written with
// controller-runtime (reference), on the same kind of control plane, in turns. See docs/performance.md for what
// is measured and how to read it.
package bench

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Bench is a benchmark that is to be run.
type Bench struct {
	Root  string // the repository, for its manifests
	Out   string // a folder for what is written; empty: none
	Sizes Sizes
	Only  Row // measure this row alone, without the growth; empty: everything

	// Progress, where not nil, is told what is about to be done, and how much of the whole is done.
	Progress func(what string, done, total int)
}

// contenders of each row. The reference holds a deny, or fills in one field, and no more.
var contenders = map[Row][]Name{
	Deny:       {Floor, Reference, Rampart},
	DenyAndDNS: {Floor, Rampart},
	Workloads:  {Floor, Reference, Rampart},
}

// rows are those about policies; Workloads is measured in another way.
var rows = []Row{Deny, DenyAndDNS}

// IsRow says whether there is a row of that name.
func IsRow(name Row) bool { return contenders[name] != nil }

// Run measures everything. Rounds are interleaved, and who begins changes with each, so that what happens to
// the machine meanwhile happens to all.
func (b *Bench) Run(ctx context.Context) (*Report, error) {
	rows := append(slices.Clone(rows), Workloads)
	if b.Only != "" {
		rows, b.Sizes.Growing, b.Sizes.Scale, b.Sizes.Sync = []Row{b.Only}, nil, nil, 0
	}
	report := newReport(b.Sizes)
	total, done := len(b.Sizes.Growing), 0
	for _, row := range rows {
		total += b.Sizes.Rounds * len(contenders[row])
	}
	for round := range b.Sizes.Rounds {
		for _, row := range rows {
			turn := contenders[row]
			for i := range turn {
				name := turn[(i+round)%len(turn)]
				b.tell(fmt.Sprintf("%s, %s, round %d of %d", name, row, round+1, b.Sizes.Rounds), done, total)
				if err := b.turn(ctx, row, name, report); err != nil {
					return nil, fmt.Errorf("%s, %s: %w", name, row, err)
				}
				done++
			}
		}
	}
	for _, name := range b.Sizes.Growing {
		b.tell(fmt.Sprintf("%s, up to %d namespaces", name, b.Sizes.most()), done, total)
		points, err := b.grow(ctx, name, report)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		report.Scale[name] = points
		done++
	}
	report.judge()
	report.Took = time.Since(report.Began).Round(time.Second).String()
	return report, nil
}

// turn measures one contender once.
func (b *Bench) turn(ctx context.Context, row Row, name Name, report *Report) error {
	if row == Workloads {
		hardening, err := b.harden(ctx, name)
		report.Workloads[name] = append(report.Workloads[name], hardening)
		return err
	}
	sample, err := b.measure(ctx, row, name)
	report.add(row, name, sample)
	return err
}

func (b *Bench) tell(what string, done, total int) {
	if b.Progress != nil {
		b.Progress(what, done, total)
	}
}
