package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"rampart.dev/e2e/contenders/policy"
	"rampart.dev/e2e/operator"
)

// Name is one of those that are measured.
type Name string

const (
	Floor     Name = "floor"
	Reference Name = "reference"
	Rampart   Name = "Rampart"
)

const (
	readyLimit = 60 * time.Second
	stopLimit  = 10 * time.Second
)

// contender is a client that is being measured.
type contender interface {
	pid() int
	stop() error
	start(context.Context) error // again, after stop
}

// newContender starts one and returns when it is ready: when it watches, with its caches complete.
func newContender(ctx context.Context, name Name, row Row, kubeconfig, dir string) (contender, error) {
	log := filepath.Join(dir, string(name)+".log")
	if name == Rampart {
		o, err := operator.Start(ctx, operator.Options{Kubeconfig: kubeconfig, Log: log})
		return rampart{o}, err
	}
	binary, err := beside(string(name))
	if err != nil {
		return nil, err
	}
	args := []string{"--kubeconfig", kubeconfig}
	switch {
	case row == Workloads:
		args = append(args, "--harden")
	case name == Floor:
		args = append(args, "--selector", policy.Selector, fmt.Sprintf("--dns=%t", row == DenyAndDNS))
	}
	p := &program{argv: append([]string{binary}, args...), log: log}
	return p, p.start(ctx)
}

// rampart runs as its Deployment does.
type rampart struct {
	*operator.Operator
}

func (r rampart) pid() int                        { return r.PID() }
func (r rampart) stop() error                     { return r.Stop() }
func (r rampart) start(ctx context.Context) error { return r.Start(ctx) }

// program is one that says "ready" on its standard output.
type program struct {
	argv []string
	log  string
	cmd  *exec.Cmd
	done chan struct{} // closed once it has ended and was waited for
}

func (p *program) pid() int { return p.cmd.Process.Pid }

func (p *program) start(ctx context.Context) error {
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	p.cmd, p.done = exec.Command(p.argv[0], p.argv[1:]...), make(chan struct{})
	p.cmd.Stderr = log
	p.cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "POD_NAMESPACE=" + operator.Namespace}
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	started, ready := make(chan error), make(chan struct{})
	go func() {
		runtime.LockOSThread() // the kernel ends the child when the thread that started it ends
		defer log.Close()
		err := p.cmd.Start()
		started <- err
		if err != nil {
			return
		}
		if lines := bufio.NewScanner(out); lines.Scan() && lines.Text() == "ready" {
			close(ready)
		}
		_ = p.cmd.Wait()
		close(p.done)
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("start %s: %w", p.argv[0], err)
	}
	select {
	case <-ready:
		return nil
	case <-p.done:
		return p.failure("ended")
	case <-ctx.Done():
		return errors.Join(context.Cause(ctx), p.stop())
	case <-time.After(readyLimit):
		return errors.Join(p.failure("is not ready"), p.stop())
	}
}

func (p *program) failure(what string) error {
	text, _ := os.ReadFile(p.log)
	return fmt.Errorf("%s %s; its log: %s", filepath.Base(p.argv[0]), what, strings.TrimSpace(string(text)))
}

func (p *program) stop() error {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
		return nil
	case <-time.After(stopLimit):
		_ = p.cmd.Process.Kill()
		<-p.done
		return nil
	}
}

// beside finds a program where this one is: all are built into one folder.
func beside(name string) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	path := filepath.Join(filepath.Dir(self), name)
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("%w; `make bench` builds it", err)
	}
	return path, nil
}
