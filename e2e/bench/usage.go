package bench

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"time"
)

const (
	ticksPerSecond = 100 // of utime and stime in /proc, on every Linux that there is
	sampleEvery    = 20 * time.Millisecond
)

// Memory is what a process holds, in bytes.
type Memory struct {
	RSS       int64 `json:"rss"`       // pages of shared libraries included
	Anonymous int64 `json:"anonymous"` // its own alone
}

// usage is what /proc says of a process.
type usage struct {
	memory Memory
	peak   int64 // highest RSS so far, as the kernel counts it
}

func usageOf(pid int) (u usage, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return u, err
	}
	fields := map[string]*int64{"VmRSS": &u.memory.RSS, "RssAnon": &u.memory.Anonymous, "VmHWM": &u.peak}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		var kb int64
		if to := fields[name]; to != nil {
			if _, err := fmt.Sscanf(value, "%d kB", &kb); err != nil {
				return u, fmt.Errorf("%s of process %d: %w", name, pid, err)
			}
			*to = kb << 10
		}
	}
	if u.memory.RSS == 0 {
		return u, fmt.Errorf("process %d has ended", pid)
	}
	return u, nil
}

// cpuOf is the processor time that a process has used, in user space and in the kernel.
func cpuOf(pid int) (time.Duration, error) {
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

func descriptorsOf(pid int) (int, error) {
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	return len(entries), err
}

// sampler looks at a process's memory again and again and keeps the highest values.
type sampler struct {
	stop chan struct{}
	done sync.WaitGroup
	peak Memory
}

func startSampler(pid int) *sampler {
	s := &sampler{stop: make(chan struct{})}
	s.done.Go(func() {
		for tick := time.NewTicker(sampleEvery); ; {
			select {
			case <-s.stop:
				tick.Stop()
				return
			case <-tick.C:
				u, err := usageOf(pid)
				if err != nil {
					return
				}
				s.peak.RSS = max(s.peak.RSS, u.memory.RSS, u.peak)
				s.peak.Anonymous = max(s.peak.Anonymous, u.memory.Anonymous)
			}
		}
	})
	return s
}

// end returns the highest values. RSS is exact, since the kernel keeps it; anonymous memory is as sampled.
func (s *sampler) end() Memory {
	close(s.stop)
	s.done.Wait()
	return s.peak
}
