package lost

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"rampart.dev/e2e/operator"
	"rampart.dev/e2e/proc"
)

const (
	steadyDefault = time.Minute
	cpuMax        = 0.01 // of one core
)

// steady is how long nothing happens: $RAMPART_STEADY, as in 10m, or a minute.
func steady(t *testing.T) time.Duration {
	t.Helper()
	text := os.Getenv("RAMPART_STEADY")
	if text == "" {
		return steadyDefault
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Where nothing changes, Rampart writes nothing, says nothing and takes next to no time, however much there is.
// `make e2e-steady` is ten minutes with 10,000 objects: 2,500 namespaces with three policies each.
func TestFault26NothingHappens(t *testing.T) {
	b := begin(t, "steady", 2*size(t))
	b.create(0, b.count)
	b.expectCompliant(b.count)
	b.must(b.rampart.Restart(t.Context())) // which looks at everything again, and finds it right
	place, err := b.AuditNow()
	b.must(err)
	b.within(func() error {
		before := b.cpu()
		time.Sleep(time.Second)
		if took := b.cpu() - before; took > 20*time.Millisecond {
			return fmt.Errorf("%s of CPU in a second: it still looks at everything", took)
		}
		return nil
	})
	before := b.cpu()
	for end := time.Now().Add(steady(t)); time.Now().Before(end); time.Sleep(time.Second) {
		if !b.rampart.Alive() {
			t.Fatal("rampart has ended")
		}
	}
	took := b.cpu() - before
	for event, err := range b.AuditEventsSince(place) {
		b.must(err)
		if event.User.Username == operator.User && event.Verb != "watch" && event.Verb != "get" && event.Verb != "list" {
			t.Errorf("it wrote: %s %s", event.Verb, event.RequestURI)
		}
	}
	share := took.Seconds() / steady(t).Seconds()
	t.Logf("%d namespaces, %s: %s of CPU, %.2f %%", b.count, steady(t), took, 100*share)
	if share > cpuMax && !isSanitized() {
		t.Errorf("%.2f %% of a core, at most %.0f %%", 100*share, 100*cpuMax)
	}
}

func isSanitized() bool { return strings.Contains(os.Getenv("RAMPART_BINARY"), "asan") }

// cpu is what Rampart's process has used so far, in user and kernel.
func (b *burst) cpu() time.Duration {
	b.Helper()
	used, err := proc.CPUOf(b.rampart.PID())
	b.must(err)
	return used
}
