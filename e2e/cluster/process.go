package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

const (
	pollInterval  = 25 * time.Millisecond
	stopGrace     = 60 * time.Second // the API server lets requests in flight end, at most this long
	logTailLines  = 15
	logTailBytes  = 16 << 10
	killedProcess = 10 * time.Second // between SIGKILL and the end: only a process stuck in the kernel takes longer
)

// process is one running component.
type process struct {
	name string
	log  string // path; a restart appends
	cmd  *exec.Cmd
	done chan struct{} // closed once it has ended and was waited for
}

// start runs argv in the folder dir, with standard output and error in the log file.
func (s *spawner) startProcess(name, dir, log string, argv, env []string) (*process, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer out.Close()

	p := &process{name: name, log: log, cmd: exec.Command(argv[0], argv[1:]...), done: make(chan struct{})}
	p.cmd.Dir, p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = dir, env, out, out
	if err := s.start(p.cmd); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		_ = p.cmd.Wait() // how it ended is in cmd.ProcessState, read after done
		close(p.done)
	}()
	return p, nil
}

// alive says whether the process has not ended yet.
func (p *process) alive() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// stop asks the process to end and insists when it takes too long.
func (p *process) stop(ctx context.Context) error {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // fails only when it has ended, which done tells
	grace := time.NewTimer(stopGrace)
	defer grace.Stop()
	select {
	case <-p.done:
		return nil
	case <-grace.C:
	case <-ctx.Done():
	}
	return p.kill()
}

// kill ends the process at once.
func (p *process) kill() error {
	_ = p.cmd.Process.Kill()
	limit := time.NewTimer(killedProcess)
	defer limit.Stop()
	select {
	case <-p.done:
		return nil
	case <-limit.C:
		return fmt.Errorf("%s (pid %d) does not end", p.name, p.cmd.Process.Pid)
	}
}

// await polls check until it is nil, the process ends, or ctx is over. Each try has five seconds.
func (p *process) await(ctx context.Context, check func(context.Context) error) error {
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		try, cancel := context.WithTimeout(ctx, 5*time.Second)
		err := check(try)
		cancel()
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-p.done:
			return p.failure(errors.New(p.cmd.ProcessState.String()))
		case <-ctx.Done():
			return p.failure(fmt.Errorf("%w; last: %w", context.Cause(ctx), err))
		}
	}
}

// failure says what happened to the process, with the end of its log.
func (p *process) failure(err error) error {
	return fmt.Errorf("%s: %w; its log ends:\n%s", p.name, err, tail(p.log))
}

// tail is the last lines of a log file.
func tail(path string) string {
	file, err := os.Open(path)
	if err != nil {
		return err.Error()
	}
	defer file.Close()

	from := int64(0)
	if info, err := file.Stat(); err == nil {
		from = max(0, info.Size()-logTailBytes)
	}
	text := make([]byte, logTailBytes)
	n, _ := file.ReadAt(text, from)
	lines := strings.Split(strings.TrimSpace(string(text[:n])), "\n")
	return strings.Join(lines[max(0, len(lines)-logTailLines):], "\n")
}
