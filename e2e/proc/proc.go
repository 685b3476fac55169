// Package proc reads what /proc says of a process: its memory, its processor time, its descriptors.
package proc

import (
	"fmt"
	"os"
	"strings"
	"time"
)

const ticksPerSecond = 100 // of utime and stime in /proc, on every Linux that there is

// Memory is what a process holds, in bytes.
type Memory struct {
	RSS       int64 `json:"rss"`       // pages of shared libraries included
	Anonymous int64 `json:"anonymous"` // its own alone
}

// Usage is a process's memory now, and the most that it was.
type Usage struct {
	Memory
	Peak int64 // highest RSS so far, as the kernel counts it
}

// UsageOf is an error for a process that has ended.
func UsageOf(pid int) (u Usage, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return u, err
	}
	fields := map[string]*int64{"VmRSS": &u.RSS, "RssAnon": &u.Anonymous, "VmHWM": &u.Peak}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		var kb int64
		if to := fields[name]; to != nil {
			if _, err := fmt.Sscanf(value, "%d kB", &kb); err != nil {
				return u, fmt.Errorf("%s of process %d: %w", name, pid, err)
			}
			*to = kb << 10
			delete(fields, name)
		}
	}
	if len(fields) > 0 || u.RSS == 0 {
		return u, fmt.Errorf("process %d has ended", pid)
	}
	return u, nil
}

// CPUOf is the processor time that a process has used, in user space and in the kernel.
func CPUOf(pid int) (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	after := strings.LastIndexByte(string(text), ')') // the name of the program may hold anything
	fields := strings.Fields(string(text[after+1:]))
	var user, system int64
	if _, err := fmt.Sscan(fields[11]+" "+fields[12], &user, &system); err != nil {
		return 0, fmt.Errorf("times of process %d: %w", pid, err)
	}
	return time.Duration(user+system) * (time.Second / ticksPerSecond), nil
}

// DescriptorsOf is how many files and sockets a process has open.
func DescriptorsOf(pid int) (int, error) {
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	return len(entries), err
}
