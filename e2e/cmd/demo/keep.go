package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const (
	childFlag = "--kept" // what showDetached starts; not for people
	downLimit = 5 * time.Minute
	downPoll  = 50 * time.Millisecond

	// Files that the child inherits.
	childReady  = 3 // it writes a byte when all was shown, and closes it
	childParent = 4 // ends when the parent does
)

// place is the folder build/e2e/demo, beside build/e2e/bin where this program is. Whoever holds the lock on
// its file "lock" is the demo that was kept: the kernel lets go of it when that process ends, and names the
// process while it lives. So there is no pid file to be stale.
type place struct{ dir string }

func newPlace() (place, error) {
	self, err := os.Executable()
	return place{filepath.Join(filepath.Dir(self), "..", "demo")}, err
}

func (p place) data() string { return filepath.Join(p.dir, "data") }
func (p place) log() string  { return filepath.Join(p.dir, "end.log") }

var errNotKept = errors.New("no demo was left running")

// lock makes this process the one that is kept, until it ends. The file is never closed: closing any
// descriptor of it would drop the lock.
func (p place) lock() error {
	if err := os.MkdirAll(p.dir, 0o700); err != nil {
		return err
	}
	file, err := syscall.Open(filepath.Join(p.dir, "lock"), syscall.O_CREAT|syscall.O_RDWR|syscall.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	err = syscall.FcntlFlock(uintptr(file), syscall.F_SETLK, &syscall.Flock_t{Type: syscall.F_WRLCK})
	if err == syscall.EAGAIN || err == syscall.EACCES {
		return fmt.Errorf("%w: a demo was left running; end it first with: make demo-down", errRefused)
	}
	return err
}

// pid is the process of the kept demo, or errNotKept.
func (p place) pid() (int, error) {
	file, err := os.OpenFile(filepath.Join(p.dir, "lock"), os.O_RDWR, 0)
	if errors.Is(err, os.ErrNotExist) {
		return 0, errNotKept
	}
	if err != nil {
		return 0, err
	}
	defer file.Close()
	lock := syscall.Flock_t{Type: syscall.F_WRLCK}
	if err := syscall.FcntlFlock(file.Fd(), syscall.F_GETLK, &lock); err != nil {
		return 0, err
	}
	if lock.Type == syscall.F_UNLCK {
		return 0, errNotKept
	}
	return int(lock.Pid), nil
}

// showDetached runs the demo in a session of its own, so that it outlives this process, and returns when
// all was shown. Until then a signal to this process is one to the demo.
func showDetached() error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	ready, readyWrite, err := os.Pipe()
	if err != nil {
		return err
	}
	parentRead, parent, err := os.Pipe() // parent is never closed: it ends with this process
	if err != nil {
		return err
	}
	child := exec.Command(program, childFlag)
	child.Stdin, child.Stdout, child.Stderr = os.Stdin, os.Stdout, os.Stderr
	child.ExtraFiles = []*os.File{readyWrite, parentRead} // childReady, childParent
	child.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	if err := child.Start(); err != nil {
		return err
	}
	readyWrite.Close()
	parentRead.Close()
	go func() {
		for received := range signals {
			_ = child.Process.Signal(received)
		}
	}()
	text, err := io.ReadAll(ready)
	if err == nil && len(text) > 0 {
		return nil
	}
	err = child.Wait()
	parent.Close()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exitError(exit.ExitCode())
	}
	return err
}

// playKept is what the child does: play, tell how to go on, let the parent go, and end when asked to.
func playKept(ctx context.Context, screen *screen) error {
	syscall.CloseOnExec(childReady)
	syscall.CloseOnExec(childParent)
	p, err := newPlace()
	if err == nil {
		err = p.lock()
	}
	if err == nil {
		err = p.clear()
	}
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	isLetGo := make(chan struct{})
	go func() {
		_, _ = os.NewFile(childParent, "parent").Read(make([]byte, 1))
		select {
		case <-isLetGo: // it ended because all was shown
		default:
			cancel(errInterrupted)
		}
	}()
	return play(ctx, screen, p.data(), func(d *demo) error {
		d.sayKept()
		close(isLetGo)
		if err := letGo(p.log()); err != nil {
			return err
		}
		d.screen.styled = false // from here on it writes to a file
		<-ctx.Done()
		return nil
	})
}

// clear waits until the data of a demo that was killed is removed, which its holder does (see folder.go of
// package cluster). What that does not remove is removed here.
func (p place) clear() error {
	const limit = 15 * time.Second
	for deadline := time.Now().Add(limit); time.Now().Before(deadline); time.Sleep(downPoll) {
		if _, err := os.Stat(p.data()); errors.Is(err, os.ErrNotExist) {
			return nil
		}
	}
	return os.RemoveAll(p.data())
}

// sayKept tells how to look around, and how to end it.
func (d *demo) sayKept() {
	d.step("It runs on")
	d.say("Look around, in any shell:")
	if d.own != nil {
		d.block("  export KUBECONFIG=" + d.kubeconfig)
	}
	d.block("  export PATH=" + filepath.Dir(d.kubectl) + ":\"$PATH\"")
	d.block("  kubectl get secprof,networkpolicies --all-namespaces")
	d.block("  kubectl explain secprof.spec.network")
	d.block("  tail -f " + d.log)
	d.say("End it, which removes all of it:")
	d.block("  make demo-down")
}

// letGo leaves the output to whoever started this process, and tells them that all was shown.
func letGo(log string) error {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		return err
	}
	err = errors.Join(
		syscall.Dup3(int(null.Fd()), int(os.Stdin.Fd()), 0),
		syscall.Dup3(int(out.Fd()), int(os.Stdout.Fd()), 0),
		syscall.Dup3(int(out.Fd()), int(os.Stderr.Fd()), 0))
	ready := os.NewFile(childReady, "ready")
	_, writeErr := ready.WriteString("\n")
	return errors.Join(err, writeErr, ready.Close())
}

// down ends the demo that was kept and prints what it has to say about that.
func down() error {
	p, err := newPlace()
	if err != nil {
		return err
	}
	pid, err := p.pid()
	if errors.Is(err, errNotKept) {
		fmt.Println("No demo was left running.")
		return nil
	}
	if err != nil {
		return err
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		return fmt.Errorf("end process %d: %w", pid, err)
	}
	screen := newScreen(os.Stdout)
	err = screen.during(context.Background(), "Ending the demo", func(context.Context) error {
		for deadline := time.Now().Add(downLimit); time.Now().Before(deadline); time.Sleep(downPoll) {
			if now, err := p.pid(); errors.Is(err, errNotKept) || now != pid {
				return nil
			}
		}
		return fmt.Errorf("process %d does not end", pid)
	})
	if err != nil {
		return err
	}
	text, err := os.ReadFile(p.log())
	fmt.Print(string(text))
	if strings.Contains("\n"+string(text), "\n"+failMark) { // it said why
		return exitError(exitFailed)
	}
	return err
}
