package main

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"
)

const refreshEvery = 500 * time.Millisecond

// screen is where the report is shown: with colour on a terminal, plain elsewhere and with NO_COLOR.
type screen struct {
	out        *os.File
	isTerminal bool
	hasColour  bool
}

func newScreen(out *os.File) *screen {
	s := &screen{out: out, isTerminal: term.IsTerminal(int(out.Fd()))}
	name := os.Getenv("TERM")
	s.hasColour = s.isTerminal && os.Getenv("NO_COLOR") == "" && name != "" && name != "dumb"
	return s
}

func (s *screen) style(code, text string) string {
	if !s.hasColour {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (s *screen) bold(text string) string { return s.style("1", text) }

// colour marks the verdicts of a table.
func (s *screen) colour(text string) string {
	text = strings.ReplaceAll(text, "MISSED", s.style("31", "MISSED"))
	return strings.ReplaceAll(text, "  holds", "  "+s.style("32", "holds"))
}

// progress says what is going on: on a terminal in one line that changes, elsewhere in one line a step.
type progress struct {
	screen *screen
	begin  time.Time
	over   chan struct{}
	shown  sync.WaitGroup

	mu          sync.Mutex
	what        string
	done, total int
}

func (s *screen) startProgress() *progress {
	p := &progress{screen: s, begin: time.Now(), over: make(chan struct{})}
	if s.isTerminal {
		p.shown.Go(p.refresh)
	}
	return p
}

func (p *progress) refresh() {
	for {
		select {
		case <-time.After(refreshEvery):
			p.mu.Lock()
			fmt.Fprintf(p.screen.out, "\r%s\x1b[K", p.line())
			p.mu.Unlock()
		case <-p.over:
			fmt.Fprint(p.screen.out, "\r\x1b[K")
			return
		}
	}
}

// tell sets what is being done now.
func (p *progress) tell(what string, done, total int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.what, p.done, p.total = what, done, total
	if !p.screen.isTerminal {
		fmt.Fprintln(p.screen.out, p.line())
	}
}

func (p *progress) line() string {
	took := time.Since(p.begin)
	return fmt.Sprintf("%d:%02d  %3d %%  %s", int(took.Minutes()), int(took.Seconds())%60, 100*p.done/max(p.total, 1), p.what)
}

func (p *progress) end() {
	close(p.over)
	p.shown.Wait()
}
