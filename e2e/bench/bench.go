// Package bench measures what it costs to give every namespace its policies: Rampart beside a client that
// decides nothing (floor) and beside an operator written with controller-runtime (reference), on the same kind
// of control plane, in turns. See docs/performance.md for what is measured and how to read it.
package bench

import (
	"context"
	"fmt"
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

// contenders of each row. The reference holds a deny and no more.
var contenders = map[Row][]Name{
	Deny:       {Floor, Reference, Rampart},
	DenyAndDNS: {Floor, Rampart},
}

var rows = []Row{Deny, DenyAndDNS}

// Run measures everything. Rounds are interleaved, and who begins changes with each, so that what happens to
// the machine meanwhile happens to all.
func (b *Bench) Run(ctx context.Context) (*Report, error) {
	rows := rows
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
				sample, err := b.measure(ctx, row, name)
				if err != nil {
					return nil, fmt.Errorf("%s, %s: %w", name, row, err)
				}
				report.add(row, name, sample)
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

func (b *Bench) tell(what string, done, total int) {
	if b.Progress != nil {
		b.Progress(what, done, total)
	}
}
