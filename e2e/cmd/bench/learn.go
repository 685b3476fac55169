package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"rampart.dev/e2e/bench"
)

// learn measures `rampart rbac learn` on an audit log of its own making.
func learn(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("learn", flag.ContinueOnError)
	l := bench.Learn{}
	out := flags.String("out", filepath.Join("build", "bench"), "a folder for learn.json")
	docs := flags.String("docs", "", "a Markdown file whose table of it, between its markers, is replaced")
	flags.Int64Var(&l.Size, "bytes", 1e9, "of the audit log, which is written to the folder for temporary files")
	flags.IntVar(&l.Rounds, "rounds", 5, "rounds")
	if err := parse(flags, args); err != nil {
		return err
	}
	if l.Size < 1 || l.Rounds < 1 {
		fmt.Fprintln(os.Stderr, "bench: --bytes and --rounds: at least 1")
		return errUsage
	}
	screen := newScreen(os.Stdout)
	progress := screen.startProgress()
	l.Progress = progress.tell
	result, err := l.Run(ctx)
	progress.end()
	if err != nil {
		return err
	}
	if err := keepLearned(result, *out, *docs); err != nil {
		return err
	}
	table := result.Table()
	fmt.Fprint(screen.out, screen.colour(table.Text(screen.bold)))
	if !result.Holds() {
		return errMissed
	}
	return nil
}

// keepLearned leaves the result in files.
func keepLearned(result *bench.Learned, out, docs string) error {
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	text, err := result.JSON()
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(out, "learn.json"), text, 0o644); err != nil || docs == "" {
		return err
	}
	page, err := os.ReadFile(docs)
	if err != nil {
		return err
	}
	table := result.Table()
	if page, err = bench.Insert(page, "learn", table.Markdown()); err != nil {
		return fmt.Errorf("%s: %w", docs, err)
	}
	return os.WriteFile(docs, page, 0o644)
}
