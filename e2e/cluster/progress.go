package cluster

import (
	"fmt"
	"io"
	"time"
)

// SlowTo is an Options.Progress that writes a line for each start that takes over two seconds, while
// it lasts and at its end. Quick ones are not worth a line.
func SlowTo(w io.Writer) func(Component, time.Duration, bool) {
	return func(component Component, elapsed time.Duration, ready bool) {
		switch {
		case !ready:
			fmt.Fprintf(w, "waiting for %s: %.0f s\n", component, elapsed.Seconds())
		case elapsed >= slowStart:
			fmt.Fprintf(w, "%s is ready after %.1f s\n", component, elapsed.Seconds())
		}
	}
}
