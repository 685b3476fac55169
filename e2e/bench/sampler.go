package bench

import (
	"sync"
	"time"

	"rampart.dev/e2e/proc"
)

const sampleEvery = 20 * time.Millisecond

// Memory is what a process holds.
type Memory = proc.Memory

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
				u, err := proc.UsageOf(pid)
				if err != nil {
					return
				}
				s.peak.RSS = max(s.peak.RSS, u.RSS, u.Peak)
				s.peak.Anonymous = max(s.peak.Anonymous, u.Anonymous)
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
