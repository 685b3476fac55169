package cluster

import (
	"os/exec"
	"runtime"
	"syscall"
)

// spawner starts processes that the kernel kills when this process goes, however it goes.
//
// Linux sends a child its Pdeathsig when the *thread* that started it ends, and Go ends threads as it
// likes. So every child is started by one goroutine that owns its thread until close.
// The thread is also what carries the nice value: children inherit it from the moment they start.
type spawner struct {
	calls chan func()
}

func newSpawner(nice int) *spawner {
	s := &spawner{calls: make(chan func())}
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with this goroutine
		if nice != 0 {
			_ = syscall.Setpriority(syscall.PRIO_PROCESS, syscall.Gettid(), nice)
		}
		for call := range s.calls {
			call()
		}
	}()
	return s
}

// start is cmd.Start with the tie to this process's life. The child gets a process group of its own,
// so that Ctrl-C in a terminal reaches this process alone, which then stops things in order.
func (s *spawner) start(cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	done := make(chan error)
	s.calls <- func() { done <- cmd.Start() }
	return <-done
}

// close ends the thread, and with it every child that still lives.
func (s *spawner) close() {
	close(s.calls)
}
