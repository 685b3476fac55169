package operator

import (
	"fmt"
	"os"
	"strings"
)

// Memory is what a process holds, in bytes.
type Memory struct {
	RSS       int64 // pages of shared libraries included
	Anonymous int64 // its own alone
}

// Memory reads /proc.
func (o *Operator) Memory() (m Memory, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", o.PID()))
	if err != nil {
		return m, err
	}
	for field, to := range map[string]*int64{"VmRSS": &m.RSS, "RssAnon": &m.Anonymous} {
		if *to, err = kilobytes(text, field); err != nil {
			return m, err
		}
	}
	return m, nil
}

func kilobytes(text []byte, field string) (int64, error) {
	for line := range strings.Lines(string(text)) {
		var kb int64
		if n, _ := fmt.Sscanf(line, field+": %d kB", &kb); n == 1 {
			return kb << 10, nil
		}
	}
	return 0, fmt.Errorf("/proc has no %s", field)
}
