package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"
)

const (
	widthMax   = 100
	widthMin   = 50
	margin     = "   "
	showAfter  = 400 * time.Millisecond // on a terminal: until it is said what is waited for
	showEvery  = 100 * time.Millisecond
	plainEvery = 10 * time.Second // elsewhere: how often it is said that something goes on
	failMark   = "demo: "         // begins what says why the demo failed
	longAfter  = 2 * time.Second  // from then on the time that it took is said
)

// screen is where the demo is shown: with colour on a terminal, plain elsewhere.
type screen struct {
	out    *os.File
	styled bool
	width  int
	steps  int
}

func newScreen(out *os.File) *screen {
	s := &screen{out: out, width: widthMax}
	if !term.IsTerminal(int(out.Fd())) {
		return s
	}
	s.styled = os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "" && os.Getenv("TERM") != "dumb"
	if width, _, err := term.GetSize(int(out.Fd())); err == nil && width > 0 {
		s.width = max(widthMin, min(widthMax, width-1))
	}
	return s
}

func (s *screen) bold(text string) string   { return s.style("1", text) }
func (s *screen) dim(text string) string    { return s.style("2", text) }
func (s *screen) red(text string) string    { return s.style("31", text) }
func (s *screen) green(text string) string  { return s.style("32", text) }
func (s *screen) yellow(text string) string { return s.style("33", text) }

func (s *screen) style(code, text string) string {
	if !s.styled || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// step begins the next part of the demo.
func (s *screen) step(title string) {
	s.steps++
	fmt.Fprintf(s.out, "\n%s\n", s.bold(fmt.Sprintf("%d  %s", s.steps, title)))
}

// say writes a paragraph, broken into lines.
func (s *screen) say(format string, args ...any) {
	for _, line := range wrap(fmt.Sprintf(format, args...), s.width-len(margin)) {
		fmt.Fprintln(s.out, margin+line)
	}
}

// command shows what a user would type, and what it prints.
func (s *screen) command(line, output string) {
	fmt.Fprintln(s.out, margin+s.bold("$ "+line))
	s.block(output)
}

// block shows lines as they are.
func (s *screen) block(text string) {
	for line := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n") {
		fmt.Fprintln(s.out, strings.TrimRight(margin+line, " "))
	}
}

func (s *screen) gap() { fmt.Fprintln(s.out) }

// fail says why the demo ends, on standard error.
func (s *screen) fail(err error) {
	for i, line := range strings.Split(err.Error(), "\n") {
		if i == 0 {
			line = s.red(failMark) + line
		}
		fmt.Fprintln(os.Stderr, line)
	}
}

// during does what takes a moment. It shows that it goes on, and what it took when that was long.
func (s *screen) during(ctx context.Context, what string, do func(context.Context) error) error {
	begin := time.Now()
	over := make(chan struct{})
	var shown sync.WaitGroup
	shown.Go(func() { s.showProgress(what, begin, over) })
	err := do(ctx)
	close(over)
	shown.Wait()
	switch took := time.Since(begin); {
	case err != nil:
		return fmt.Errorf("%s: %w", strings.ToLower(what[:1])+what[1:], err)
	case took >= longAfter:
		fmt.Fprintln(s.out, margin+s.dim(fmt.Sprintf("%s: %.1f s", what, took.Seconds())))
	}
	return nil
}

func (s *screen) showProgress(what string, begin time.Time, over <-chan struct{}) {
	every, first := plainEvery, plainEvery
	if s.styled {
		every, first = showEvery, showAfter
	}
	for next := first; ; next = every {
		select {
		case <-time.After(next):
		case <-over:
			if s.styled && time.Since(begin) >= showAfter {
				fmt.Fprint(s.out, "\r\x1b[K")
			}
			return
		}
		if took := time.Since(begin).Seconds(); s.styled {
			text := fmt.Sprintf("%s, %.1f s", what, took)
			text = text[max(0, len(text)+len(margin)-s.width):] // a line that wraps could not be taken back
			fmt.Fprintf(s.out, "\r%s%s\x1b[K", margin, s.dim(text))
		} else {
			fmt.Fprintf(s.out, "%s%s, %.0f s so far\n", margin, what, took)
		}
	}
}

// wrap breaks text into lines of at most width characters, where no word is longer.
func wrap(text string, width int) (lines []string) {
	for paragraph := range strings.SplitSeq(text, "\n") {
		line := ""
		for word := range strings.FieldsSeq(paragraph) {
			if line != "" && len(line)+1+len(word) > width {
				lines = append(lines, line)
				line = ""
			}
			if line != "" {
				line += " "
			}
			line += word
		}
		lines = append(lines, line)
	}
	return lines
}

// plural is "1 pod" or "2 pods".
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
