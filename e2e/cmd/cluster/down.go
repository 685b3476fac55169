package main

import (
	"errors"
	"fmt"
	"syscall"
	"time"
)

const (
	downLimit = 30 * time.Second
	downPoll  = 50 * time.Millisecond
)

// down ends the process that runs the cluster, which takes everything else with it.
func down(p place) error {
	pid, err := p.pid()
	if errors.Is(err, errNotRunning) {
		fmt.Println("No cluster runs.")
		return nil
	}
	if err != nil {
		return err
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		return fmt.Errorf("stop process %d: %w", pid, err)
	}
	for deadline := time.Now().Add(downLimit); time.Now().Before(deadline); time.Sleep(downPoll) {
		if now, err := p.pid(); errors.Is(err, errNotRunning) || now != pid {
			fmt.Println("Stopped.")
			return nil
		}
	}
	return fmt.Errorf("process %d does not end", pid)
}
