package operator

import "rampart.dev/e2e/proc"

// Memory is what its process holds now.
func (o *Operator) Memory() (proc.Memory, error) {
	usage, err := proc.UsageOf(o.PID())
	return usage.Memory, err
}
