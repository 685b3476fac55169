package main

import (
	"os"

	"golang.org/x/term"
)

// look is how text appears: plain in a pipe, under NO_COLOR, and on a terminal that cannot do better.
type look struct {
	styled bool
}

func newLook(out *os.File) look {
	return look{term.IsTerminal(int(out.Fd())) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"}
}

func (l look) bold(text string) string { return l.style("1", text) }
func (l look) dim(text string) string  { return l.style("2", text) }

func (l look) style(code, text string) string {
	if !l.styled {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}
