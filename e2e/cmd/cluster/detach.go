package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"syscall"
)

// upDetached runs `cluster up` in a session of its own and passes on what it prints. The end of its
// output is the sign: it closes it when the cluster is ready, or by ending.
func upDetached(p place, nodes int) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	child := exec.Command(program, "up", "--detached", "--nodes", strconv.Itoa(nodes))
	child.Args[0] = os.Args[0]
	child.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	read, write, err := os.Pipe()
	if err != nil {
		return err
	}
	child.Stdout, child.Stderr = write, write
	if err := child.Start(); err != nil {
		return err
	}
	write.Close()
	if _, err := io.Copy(os.Stdout, read); err != nil {
		return err
	}
	if pid, err := p.pid(); err != nil || pid != child.Process.Pid {
		return errors.Join(child.Wait(), errUsage) // it said why
	}
	fmt.Printf("It runs on; stop it with: %s down\n", os.Args[0])
	return nil
}

// letGo leaves the output to whoever started this process, and ends theirs.
func letGo() error {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(
		syscall.Dup3(int(null.Fd()), int(os.Stdout.Fd()), 0),
		syscall.Dup3(int(null.Fd()), int(os.Stderr.Fd()), 0))
}
