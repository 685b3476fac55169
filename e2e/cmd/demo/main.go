// Demo shows Rampart at work: on a control plane that it starts on this machine, or, with KUBECONFIG, on a
// cluster of the user's.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

const usage = `Shows Rampart at work on a real Kubernetes control plane, step by step.

  make demo           start one on this machine, show everything, clean up
  make demo KEEP=1    the same, and leave it running to look around
  make demo-down      end what KEEP=1 left running

With KUBECONFIG set, the demo runs in that cluster. It says what it will create there and asks first;
DEMO_YES=1 answers for scripts. It removes what it made.

Exit codes: 0 all was shown and cleaned up, 1 something failed, 2 wrong usage or refused, 130 interrupted.
`

const (
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130
)

// errRefused: nothing was touched, and the message says why.
var errRefused = errors.New("refused")

// errInterrupted is the cause of a context that Ctrl-C or a signal ended.
var errInterrupted = errors.New("interrupted")

func main() {
	os.Exit(run(os.Args[1:]))
}

func run(args []string) int {
	command := ""
	if len(args) == 1 {
		command = args[0]
	}
	switch {
	case len(args) == 0, command == childFlag:
		return show(command == childFlag)
	case command == "--keep":
		return report(newScreen(os.Stdout), showDetached())
	case command == "down":
		return report(newScreen(os.Stdout), down())
	case command == "help", command == "-h", command == "--help":
		fmt.Print(usage)
		return 0
	}
	fmt.Fprint(os.Stderr, usage)
	return exitUsage
}

// show runs the demo from its first line to its last.
func show(isKept bool) int {
	screen := newScreen(os.Stdout)
	ctx, stop := untilSignal()
	defer stop()
	if !isKept {
		return report(screen, play(ctx, screen, "", nil))
	}
	return report(screen, playKept(ctx, screen))
}

// untilSignal ends its context at the first signal; the second one has its usual effect. Who closes our
// output (`make demo | head`) wants us to end too: SIGPIPE.
func untilSignal() (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)
	go func() {
		<-signals
		signal.Stop(signals)
		signal.Ignore(syscall.SIGPIPE) // what is left to say is said to nobody
		cancel(errInterrupted)
	}()
	return ctx, func() { cancel(nil) }
}

// report says what went wrong, if anything did, and returns the exit code.
func report(screen *screen, err error) int {
	var exit exitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit): // the child said why
		return int(exit)
	case errors.Is(err, errRefused):
		screen.fail(err)
		return exitUsage
	case errors.Is(err, errInterrupted):
		return exitInterrupted
	}
	screen.fail(err)
	return exitFailed
}

// exitError is the exit code of a process that has said why itself.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit code %d", int(e)) }
