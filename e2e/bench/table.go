package bench

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// Table is what the report shows: one for each question.
type Table struct {
	Title string
	Head  []string
	Lines [][]string
}

// Text is the table for a terminal or a pipe. bold marks up its title and head; it may be nil.
func (t Table) Text(bold func(string) string) string {
	if bold == nil {
		bold = func(text string) string { return text }
	}
	widths := make([]int, len(t.Head))
	for _, line := range append([][]string{t.Head}, t.Lines...) {
		for i, cell := range line {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	lay := func(line []string) string {
		var text strings.Builder
		for i, cell := range line {
			gap := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if i == 0 {
				text.WriteString(cell + gap)
			} else {
				text.WriteString("  " + gap + cell)
			}
		}
		return strings.TrimRight(text.String(), " ")
	}
	var text strings.Builder
	if t.Title != "" {
		text.WriteString(bold(t.Title) + "\n")
	}
	text.WriteString(bold(lay(t.Head)) + "\n")
	for _, line := range t.Lines {
		text.WriteString(lay(line) + "\n")
	}
	return text.String()
}

// Markdown is the table for the documentation.
func (t Table) Markdown() string {
	var text strings.Builder
	if t.Title != "" {
		fmt.Fprintf(&text, "**%s**\n\n", t.Title)
	}
	row := func(cells []string) {
		text.WriteString("| " + strings.Join(cells, " | ") + " |\n")
	}
	row(t.Head)
	rule := []string{"---"}
	for range t.Head[1:] {
		rule = append(rule, "---:")
	}
	row(rule)
	for _, line := range t.Lines {
		row(line)
	}
	return text.String()
}

const none = "-"

// Tables is the whole report.
func (r *Report) Tables() (tables []Table) {
	for _, row := range rows {
		if len(r.Rounds[row]) > 0 {
			tables = append(tables, r.rowTable(row))
		}
	}
	if len(r.Workloads) > 0 {
		tables = append(tables, r.workloadsTable())
	}
	if len(r.Sync) > 0 {
		tables = append(tables, r.syncTable())
	}
	for _, t := range []Table{
		r.callsTable("API calls of one round, by verb", rows...),
		r.callsTable("API calls of one round with workloads, from Enforce on, by verb", Workloads),
	} {
		if len(t.Head) > 1 {
			tables = append(tables, t)
		}
	}
	return append(tables, r.goalsTable())
}

var rowTitles = map[Row]string{
	Deny:       "A bare default-deny: one policy a namespace",
	DenyAndDNS: "A default-deny and DNS: two policies a namespace",
}

// rowTable has a line for each quantity: the medians, and Rampart's ratio to the others.
func (r *Report) rowTable(row Row) Table {
	turn := contenders[row]
	t := Table{Title: rowTitles[row], Head: []string{fmt.Sprintf("medians of %d rounds", r.Sizes.Rounds)}}
	for _, name := range turn {
		t.Head = append(t.Head, string(name))
	}
	others := turn[:len(turn)-1] // Rampart is the last
	for _, name := range others {
		t.Head = append(t.Head, "x "+string(name))
	}
	line := func(what string, cell func(Name) string, ratio func(*Sample) float64) {
		cells := []string{what}
		for _, name := range turn {
			cells = append(cells, cell(name))
		}
		for _, name := range others {
			if x := none; ratio == nil {
				cells = append(cells, x)
			} else {
				cells = append(cells, fmt.Sprintf("%.2f", r.ratio(row, name, ratio)))
			}
		}
		t.Lines = append(t.Lines, cells)
	}
	number := func(format string, of func(*Sample) float64) func(Name) string {
		return func(name Name) string { return fmt.Sprintf(format, median(r.values(row, name, of))) }
	}
	memory := func(rss, own func(*Sample) float64) func(Name) string {
		return func(name Name) string {
			return fmt.Sprintf("%.1f (%.1f) MB", median(r.values(row, name, rss)), median(r.values(row, name, own)))
		}
	}
	line(fmt.Sprintf("created -> policies seen, %d/s, p50", r.Sizes.PerSecond), number("%.1f ms", p50), p50)
	line("the same, p99", number("%.1f ms", p99), p99)
	line(fmt.Sprintf("burst of %d namespaces, all converged", r.Sizes.Burst), number("%.2f s", burst), burst)
	line("namespaces without their policies, worst round", func(name Name) string {
		return fmt.Sprintf("%.0f of %d", percentile(r.values(row, name, lost), 100), r.Sizes.Paced+r.Sizes.Burst)
	}, nil)
	line("memory idle: RSS (anonymous)", memory(idleRSS, idleAnon), idleRSS)
	line(fmt.Sprintf("after %d namespaces", r.Sizes.Paced+r.Sizes.Burst), memory(afterRSS, afterAnon), afterRSS)
	line("at its peak", memory(peakRSS, peakAnon), peakRSS)
	line("CPU", number("%.2f s", cpu), cpu)
	line("API calls", number("%.0f", calls), calls)
	line(fmt.Sprintf("writes in a steady state of %.0f s, worst round", r.Sizes.Steady.Seconds()), func(name Name) string {
		return fmt.Sprintf("%.0f", percentile(r.values(row, name, steady), 100))
	}, nil)
	return t
}

// syncTable is what a start among many namespaces costs.
func (r *Report) syncTable() Table {
	columns := []Sync{}
	t := Table{Title: fmt.Sprintf("A start among %d namespaces", r.Sizes.Sync), Head: []string{""}}
	for _, name := range []Name{Reference, Rampart} {
		if sync, ok := r.Sync[name]; ok {
			t.Head, columns = append(t.Head, string(name)), append(columns, sync)
		}
	}
	t.Head, columns = append(t.Head, string(Rampart)+", all policies missing"), append(columns, r.FirstTime)
	line := func(what string, cell func(Sync) string) {
		cells := []string{what}
		for _, column := range columns {
			cells = append(cells, cell(column))
		}
		t.Lines = append(t.Lines, cells)
	}
	memory := func(m Memory) string {
		return fmt.Sprintf("%.1f (%.1f) MB", float64(m.RSS)/mb, float64(m.Anonymous)/mb)
	}
	line("memory at its peak: RSS (anonymous)", func(s Sync) string { return memory(s.Peak) })
	line("memory afterwards", func(s Sync) string { return memory(s.After) })
	line("CPU", func(s Sync) string { return fmt.Sprintf("%.2f s", s.CPU) })
	line("until ready and converged", func(s Sync) string { return fmt.Sprintf("%.1f s", s.Seconds) })
	line("writes", func(s Sync) string { return fmt.Sprint(s.Calls.Writes()) })
	return t
}

// callsTable counts the requests of a round by verb, as the API server's audit log has them.
func (r *Report) callsTable(title string, rows ...Row) Table {
	t := Table{Title: title, Head: []string{"medians"}}
	columns, verbs := [][]Calls{}, map[string]bool{}
	for _, row := range rows {
		for _, name := range contenders[row] {
			rounds := r.callsOf(row, name)
			if len(rounds) == 0 {
				continue
			}
			columns = append(columns, rounds)
			t.Head = append(t.Head, fmt.Sprintf("%s, %s", name, row))
			for _, calls := range rounds {
				for verb := range calls {
					verbs[verb] = true
				}
			}
		}
	}
	for _, verb := range slices.Sorted(maps.Keys(verbs)) {
		cells := []string{verb}
		for _, rounds := range columns {
			count := median(each(rounds, func(c *Calls) float64 { return float64((*c)[verb]) }))
			cells = append(cells, fmt.Sprintf("%.0f", count))
		}
		t.Lines = append(t.Lines, cells)
	}
	return t
}

// callsOf are the calls of a contender, round by round.
func (r *Report) callsOf(row Row, name Name) (calls []Calls) {
	for _, sample := range r.Rounds[row][name] {
		calls = append(calls, sample.Calls)
	}
	if row == Workloads {
		for _, hardening := range r.Workloads[name] {
			calls = append(calls, hardening.Calls)
		}
	}
	return calls
}

// goalsTable is what Rampart is held to.
func (r *Report) goalsTable() Table {
	t := Table{Title: "What Rampart is held to", Head: []string{"", "at most", "measured", ""}}
	for _, goal := range r.Goals {
		t.Lines = append(t.Lines, goal.line())
	}
	return t
}

func (g Goal) line() []string {
	verdict := "holds"
	switch {
	case !g.IsJudged:
		verdict = "not judged"
	case !g.Holds:
		verdict = "MISSED"
	}
	return []string{g.What, g.quantity(g.Bound), g.quantity(g.Value), verdict}
}

// quantity is a number with the goal's unit.
func (g Goal) quantity(value float64) string {
	switch g.Unit {
	case "":
		return fmt.Sprintf("%.0f", value)
	case "MB":
		return fmt.Sprintf("%.1f MB", value)
	}
	return fmt.Sprintf("%.2f %s", value, g.Unit)
}
