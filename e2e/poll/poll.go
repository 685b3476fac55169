// Package poll waits for what a test expects of a cluster, by asking again and again: where a thing will be seen to be
// so by its final state, there is no event to wait for that does not leave some of the ways to it out.
package poll

import "time"

// every is how long it waits between two questions: short against all that is waited for, long against a request.
const every = 100 * time.Millisecond

// Until repeats check until it is nil or the limit is over, and returns what it last said. It asks at least once.
func Until(limit time.Duration, check func() error) error {
	for deadline := time.Now().Add(limit); ; time.Sleep(every) {
		if err := check(); err == nil || time.Now().After(deadline) {
			return err
		}
	}
}
