package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// clearLimit is longer than the holder of a folder tries.
const clearLimit = 15 * time.Second

var errNotRunning = errors.New("no cluster runs; start one with: cluster up")

// place is the folder build/e2e/cluster, beside build/e2e/bin where this program is. Whoever holds the
// lock on its file "lock" is the running cluster: the kernel lets go of it when that process ends, and
// names the process while it lives. So there is no pid file to be stale.
type place struct {
	dir string
}

func newPlace() (place, error) {
	self, err := os.Executable()
	if err != nil {
		return place{}, err
	}
	return place{filepath.Join(filepath.Dir(self), "..", "cluster")}, nil
}

func (p place) data() string       { return filepath.Join(p.dir, "data") }
func (p place) kubeconfig() string { return filepath.Join(p.data(), "admin.kubeconfig") }
func (p place) kubectlDir() string { return filepath.Join(p.data(), "bin") }

// lock makes this process the one that runs the cluster, until it ends. The file is opened once and
// never closed: closing any descriptor of it would drop the lock.
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
		return fmt.Errorf("one runs already; stop it with: cluster down")
	}
	return err
}

// clear waits until the data of a cluster that was killed is removed, which its folder's holder does
// (see folder.go of package cluster). If that was killed as well, it is removed here.
func (p place) clear() error {
	for deadline := time.Now().Add(clearLimit); time.Now().Before(deadline); time.Sleep(downPoll) {
		if _, err := os.Stat(p.data()); errors.Is(err, os.ErrNotExist) {
			return nil
		}
	}
	return os.RemoveAll(p.data())
}

// pid is the process that runs the cluster, or errNotRunning.
func (p place) pid() (int, error) {
	file, err := os.OpenFile(filepath.Join(p.dir, "lock"), os.O_RDWR, 0)
	if errors.Is(err, os.ErrNotExist) {
		return 0, errNotRunning
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
		return 0, errNotRunning
	}
	return int(lock.Pid), nil
}
