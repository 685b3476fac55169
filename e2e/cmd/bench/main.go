// Bench measures Rampart beside a client that decides nothing and beside an operator written with
// controller-runtime, and holds it to its bounds. `bench soak` lets it run under churn instead, `bench learn` lets
// it read an audit log.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"rampart.dev/e2e/bench"
)

const usage = `Measures Rampart beside a floor (a client that decides nothing) and a reference (an operator
written with controller-runtime), each on a fresh control plane on this machine, in turns.

  bench [FLAGS]         the benchmark
  bench soak [FLAGS]    one operator under churn: nothing may grow
  bench learn [FLAGS]   rampart rbac learn on an audit log of 1 GB; no control plane

Exit codes: 0 every bound holds, 1 it could not be measured, 2 wrong usage, 3 a bound is missed.

`

const (
	exitFailed = 1
	exitUsage  = 2
	exitMissed = 3
)

// errMissed: it was measured, and the report says what does not hold.
var errMissed = errors.New("missed")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	err := run(ctx, os.Args[1:])
	stop()
	switch {
	case err == nil:
	case errors.Is(err, flag.ErrHelp):
	case errors.Is(err, errMissed):
		os.Exit(exitMissed)
	case errors.Is(err, errUsage):
		os.Exit(exitUsage)
	default:
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(exitFailed)
	}
}

// errUsage: what is wrong was said.
var errUsage = errors.New("wrong usage")

func run(ctx context.Context, args []string) error {
	if len(args) > 0 && args[0] == "soak" {
		return soak(ctx, args[1:])
	}
	if len(args) > 0 && args[0] == "learn" {
		return learn(ctx, args[1:])
	}
	return measure(ctx, args)
}

// parse reads flags; what is wrong is said on standard error.
func parse(flags *flag.FlagSet, args []string) error {
	flags.Usage = func() {
		fmt.Fprint(flags.Output(), usage, "Flags:\n")
		flags.PrintDefaults()
	}
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return err
	case err != nil:
		return errUsage
	case flags.NArg() > 0:
		fmt.Fprintf(os.Stderr, "bench: %q is not expected\n", flags.Arg(0))
		return errUsage
	}
	return nil
}

func measure(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	b := bench.Bench{Sizes: bench.Full()}
	flags.StringVar(&b.Root, "root", ".", "the repository: its crds/ and deploy/ are installed")
	flags.StringVar(&b.Out, "out", filepath.Join("build", "bench"), "a folder for report.json, report.md and cost.svg")
	docs := flags.String("docs", "", "a Markdown file whose tables, between its markers (with --only those of the row), are replaced by the report")
	image := flags.String("image", "", "where the plot is written besides")
	quick := flags.Bool("quick", false, "one small round that judges only what does not depend on speed")
	rounds := flags.Int("rounds", 0, "rounds (default 5)")
	paced := flags.Int("paced", 0, "namespaces that are made one after the other (default 200)")
	burst := flags.Int("burst", 0, "namespaces that are made at once (default 1000)")
	steady := flags.Duration("steady", 0, "how long each round looks for writes once all is done (default 10s)")
	workloads := flags.Int("workloads", 0, "namespaces with five Deployments each that are evaluated and filled in (default 1000)")
	scale := flags.String("scale", "", "numbers of namespaces for the plot (default 250,500,1000,2000,4000,8000)")
	only := flags.String("only", "", "one row: \"deny\", \"deny and DNS\" or \"workloads\", without the growth (default: everything)")
	if err := parse(flags, args); err != nil {
		return err
	}
	if *quick {
		b.Sizes = bench.Quick()
	}
	if *rounds > 0 {
		b.Sizes.Rounds = *rounds
	}
	if *paced > 0 {
		b.Sizes.Paced = *paced
	}
	if *burst > 0 {
		b.Sizes.Burst = *burst
	}
	if *steady > 0 {
		b.Sizes.Steady = *steady
	}
	if *workloads > 0 {
		b.Sizes.Workloads = *workloads
	}
	if *scale != "" {
		sizes, err := numbers(*scale)
		if err != nil {
			fmt.Fprintln(os.Stderr, "bench: --scale:", err)
			return errUsage
		}
		b.Sizes.Scale = sizes
	}
	b.Only = bench.Row(*only)
	if b.Only != "" && !bench.IsRow(b.Only) {
		fmt.Fprintf(os.Stderr, "bench: --only: there is no row %q\n", *only)
		return errUsage
	}
	if err := os.MkdirAll(b.Out, 0o755); err != nil {
		return err
	}
	screen := newScreen(os.Stdout)
	progress := screen.startProgress()
	b.Progress = progress.tell
	report, err := b.Run(ctx)
	progress.end()
	if err != nil {
		return err
	}
	if err := write(report, b.Out, *docs, strings.TrimSpace("bench "+*only), *image); err != nil {
		return err
	}
	return show(screen, report, b.Out)
}

// numbers reads "250,500": positive, growing.
func numbers(text string) (numbers []int, err error) {
	last := 0
	for part := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(part))
		if err != nil || n <= last {
			return nil, fmt.Errorf("%q: expected growing numbers with commas between them", text)
		}
		numbers, last = append(numbers, n), n
	}
	return numbers, nil
}

// write leaves the report in files, and in the documentation, at its place there, where that is wanted.
func write(report *bench.Report, out, docs, place, image string) error {
	text, err := report.JSON()
	if err != nil {
		return err
	}
	files := map[string][]byte{
		filepath.Join(out, "report.json"): text,
		filepath.Join(out, "report.md"):   []byte(report.Markdown()),
		filepath.Join(out, "cost.svg"):    report.Plot(),
	}
	if image != "" {
		files[image] = report.Plot()
	}
	if docs != "" {
		page, err := os.ReadFile(docs)
		if err != nil {
			return err
		}
		if files[docs], err = bench.Insert(page, place, report.Markdown()); err != nil {
			return fmt.Errorf("%s: %w", docs, err)
		}
	}
	for path, data := range files {
		if err := os.WriteFile(path, data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// show prints the report and says what is missed.
func show(screen *screen, report *bench.Report, out string) error {
	for _, table := range report.Tables() {
		fmt.Fprintln(screen.out, screen.colour(table.Text(screen.bold)))
	}
	fmt.Fprintf(screen.out, "%s: report.json, report.md, cost.svg. It took %s.\n", out, report.Took)
	missed := report.Missed()
	if len(missed) == 0 {
		return nil
	}
	for _, goal := range missed {
		fmt.Fprintln(os.Stderr, "bench: missed:", goal)
	}
	return errMissed
}

// soak runs the operator under churn.
func soak(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("soak", flag.ContinueOnError)
	s := bench.Soak{}
	flags.StringVar(&s.Root, "root", ".", "the repository: its crds/ and deploy/ are installed")
	flags.StringVar(&s.Out, "out", filepath.Join("build", "bench"), "a folder for soak.json")
	docs := flags.String("docs", "", "a Markdown file whose table of the soak, between its markers, is replaced")
	minutes := flags.Float64("minutes", 20, "how long; at least 2")
	if err := parse(flags, args); err != nil {
		return err
	}
	if *minutes < 2 {
		fmt.Fprintln(os.Stderr, "bench: --minutes: at least 2; what the first minute ends with is compared to the end")
		return errUsage
	}
	s.Length = time.Duration(*minutes * float64(time.Minute))
	if err := os.MkdirAll(s.Out, 0o755); err != nil {
		return err
	}
	screen := newScreen(os.Stdout)
	progress := screen.startProgress()
	s.Progress = progress.tell
	result, err := s.Run(ctx)
	progress.end()
	if err != nil {
		return err
	}
	table := result.Table()
	if *docs != "" {
		page, err := os.ReadFile(*docs)
		if err != nil {
			return err
		}
		if page, err = bench.Insert(page, "soak", table.Markdown()); err != nil {
			return fmt.Errorf("%s: %w", *docs, err)
		}
		if err := os.WriteFile(*docs, page, 0o644); err != nil {
			return err
		}
	}
	fmt.Fprint(screen.out, screen.colour(table.Text(screen.bold)))
	if !result.Holds() {
		return errMissed
	}
	return nil
}
