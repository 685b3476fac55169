// Package operator runs the binary of Rampart as its Deployment does: with the same arguments, as the same
// ServiceAccount, with the same rights.
package operator

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	readyLimit = 30 * time.Second
	readyPoll  = 20 * time.Millisecond
	stopLimit  = 10 * time.Second // the promise: SIGTERM, and it is gone with 0
	goneLimit  = 10 * time.Second // after SIGKILL
)

// Options says how an operator runs.
type Options struct {
	Kubeconfig string   // a path
	Log        string   // a path; a restart appends
	Args       []string // further flags of `rampart controller`
}

// Operator is one Rampart, which may be stopped and started again.
type Operator struct {
	opts    Options
	binary  string
	socket  string
	process *process
}

// process is one life of it.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed once it has ended and was waited for
}

var sockets atomic.Int64

// Start starts an operator and returns when it is ready.
func Start(ctx context.Context, opts Options) (*Operator, error) {
	o, err := New(opts)
	if err != nil {
		return nil, err
	}
	return o, o.Start(ctx)
}

// New is one that does not run yet.
func New(opts Options) (*Operator, error) {
	binary, err := Binary()
	if err != nil {
		return nil, err
	}
	return &Operator{
		opts:   opts,
		binary: binary,
		socket: fmt.Sprintf("rampart-e2e-%d-%d", os.Getpid(), sockets.Add(1)),
	}, nil
}

// Start starts it again, and returns when it is ready.
func (o *Operator) Start(ctx context.Context) error {
	if err := o.Launch(); err != nil {
		return err
	}
	return o.AwaitReady(ctx)
}

// Launch starts it and does not wait.
func (o *Operator) Launch() error {
	if o.Alive() {
		return errors.New("rampart runs already")
	}
	args := []string{"controller", "--kubeconfig", o.opts.Kubeconfig, "--log-format", "json", "--health-socket", o.socket}
	p, err := launch(o.binary, append(args, o.opts.Args...), o.opts.Log)
	if err != nil {
		return fmt.Errorf("start rampart: %w", err)
	}
	o.process = p
	return nil
}

// AwaitReady waits until the probe that the Deployment names succeeds.
func (o *Operator) AwaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyLimit)
	defer cancel()
	for {
		out, err := o.Health(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-time.After(readyPoll):
		case <-o.process.done:
			return fmt.Errorf("rampart ended: %s; its log ends:\n%s", o.process.cmd.ProcessState, o.Tail())
		case <-ctx.Done():
			return fmt.Errorf("rampart is not ready: %w: %s; its log ends:\n%s", err, out, o.Tail())
		}
	}
}

// Health runs `rampart health` with these flags, which is what the probes do, and returns what it prints.
func (o *Operator) Health(ctx context.Context, flags ...string) (string, error) {
	command := exec.CommandContext(ctx, o.binary, append([]string{"health", "--socket", o.socket}, flags...)...)
	command.Env = environment()
	out, err := command.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// Alive says whether it runs.
func (o *Operator) Alive() bool {
	if o.process == nil {
		return false
	}
	select {
	case <-o.process.done:
		return false
	default:
		return true
	}
}

// PID is its process, 0 where it does not run.
func (o *Operator) PID() int {
	if !o.Alive() {
		return 0
	}
	return o.process.cmd.Process.Pid
}

// Stop asks it to end as a kubelet does, and demands that it does so in time and with 0.
func (o *Operator) Stop() error {
	if !o.Alive() {
		return fmt.Errorf("rampart does not run; its log ends:\n%s", o.Tail())
	}
	_ = o.process.cmd.Process.Signal(syscall.SIGTERM) // fails only when it has ended, which done tells
	select {
	case <-o.process.done:
	case <-time.After(stopLimit):
		return errors.Join(fmt.Errorf("rampart does not stop within %s; its log ends:\n%s", stopLimit, o.Tail()), o.Kill())
	}
	if code := o.process.cmd.ProcessState.ExitCode(); code != 0 {
		return fmt.Errorf("rampart stopped with %s; its log ends:\n%s", o.process.cmd.ProcessState, o.Tail())
	}
	return nil
}

// Kill ends it at once, wherever it is.
func (o *Operator) Kill() error {
	if !o.Alive() {
		return nil
	}
	_ = o.process.cmd.Process.Kill()
	return o.AwaitGone()
}

// AwaitGone waits until it has ended by somebody else's doing.
func (o *Operator) AwaitGone() error {
	select {
	case <-o.process.done:
		return nil
	case <-time.After(goneLimit):
		return fmt.Errorf("rampart (process %d) does not end", o.process.cmd.Process.Pid)
	}
}

// Restart stops it in good order and starts it again.
func (o *Operator) Restart(ctx context.Context) error {
	if err := o.Stop(); err != nil {
		return err
	}
	return o.Start(ctx)
}

// launch starts a process that the kernel kills when this one goes, however it goes. Linux does so when
// the *thread* that started it ends, so that thread is kept until then.
func launch(binary string, args []string, log string) (*process, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	p := &process{cmd: exec.Command(binary, args...), done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr, p.cmd.Env = out, out, environment()
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with this goroutine
		defer out.Close()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			_ = p.cmd.Wait() // how it ended is in ProcessState, read after done
			close(p.done)
		}
	}()
	return p, <-started
}

// environment is that of the Deployment's container, and where sanitizers are built in, what they do.
// Nothing of the user who runs the tests: no KUBECONFIG, no HOME.
func environment() []string {
	return []string{
		"PATH=" + os.Getenv("PATH"),
		"POD_NAME=" + PodName,
		"POD_NAMESPACE=" + Namespace,
		"ASAN_OPTIONS=detect_leaks=1:abort_on_error=0:exitcode=99",
		"UBSAN_OPTIONS=print_stacktrace=1",
	}
}

// Binary is $RAMPART_BINARY, or what `make` builds in the repository around the working folder.
func Binary() (string, error) {
	if path := os.Getenv("RAMPART_BINARY"); path != "" {
		return filepath.Abs(path)
	}
	dir, err := os.Getwd()
	for err == nil {
		path := filepath.Join(dir, "build", "release", "rampart")
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
		if dir == filepath.Dir(dir) {
			err = errors.New("build/release/rampart is not there; build it with `make`, or name it in RAMPART_BINARY")
			return "", err
		}
		dir = filepath.Dir(dir)
	}
	return "", err
}
