package bench

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"

	"rampart.dev/e2e/auditlog"
	"rampart.dev/e2e/operator"
)

// What Rampart is held to when it reads an audit log.
const (
	learnSecondsPerGB = 60
	learnRSS          = 32 // MB
	bytesPerGB        = 1e9
)

// Learn is a benchmark of `rampart rbac learn` on an audit log of 200 ServiceAccounts, beside a floor that only finds
// the lines, and a reference that decodes each with the API's own types and remembers what was done.
type Learn struct {
	Size   int64 // bytes of the log
	Rounds int

	Progress func(what string, done, total int) // may be nil
}

// Learned is what was measured.
type Learned struct {
	Size   int64              `json:"size"`
	Lines  int                `json:"lines"`
	Times  map[Name][]float64 `json:"times"`  // seconds, round by round
	Peak   Memory             `json:"peak"`   // Rampart's, the most of all rounds
	Widest Memory             `json:"widest"` // on a log with more in it than there is room for
}

// Run measures; contenders take turns, and who begins changes with each round. The log is in the page cache.
func (l *Learn) Run(ctx context.Context) (*Learned, error) {
	dir, err := os.MkdirTemp("", "rampart-bench-learn-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	busy, wide := filepath.Join(dir, "busy.log"), filepath.Join(dir, "wide.log")
	l.tell("the audit log is written", 0)
	if err := writeFile(busy, func(to io.Writer) error { return auditlog.WriteBusy(to, l.Size) }); err != nil {
		return nil, err
	}
	if err := writeFile(wide, auditlog.WriteWide); err != nil {
		return nil, err
	}
	r := &Learned{Times: map[Name][]float64{}}
	info, err := os.Stat(busy)
	if err != nil {
		return nil, err
	}
	r.Size = info.Size()
	turn := []Name{Floor, Reference, Rampart}
	for round := range l.Rounds {
		for i := range turn {
			name := turn[(i+round)%len(turn)]
			l.tell(fmt.Sprintf("%s, round %d of %d", name, round+1, l.Rounds), round*len(turn)+i)
			begin := time.Now()
			if err := r.read(ctx, name, busy); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			r.Times[name] = append(r.Times[name], time.Since(begin).Seconds())
		}
	}
	r.Widest, err = runLearn(ctx, wide, "--names-max", "1000")
	return r, err
}

func (l *Learn) tell(what string, done int) {
	if l.Progress != nil {
		l.Progress(what, done, l.Rounds*3)
	}
}

func (r *Learned) read(ctx context.Context, name Name, path string) (err error) {
	switch name {
	case Floor:
		r.Lines, err = countLines(path)
	case Reference:
		_, err = decodeAll(path)
	case Rampart:
		var peak Memory
		peak, err = runLearn(ctx, path)
		r.Peak.RSS, r.Peak.Anonymous = max(r.Peak.RSS, peak.RSS), max(r.Peak.Anonymous, peak.Anonymous)
	}
	return err
}

func writeFile(path string, write func(io.Writer) error) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := write(file); err != nil {
		file.Close()
		return err
	}
	return file.Close()
}

// eachLine reads a file in chunks of Rampart's size.
func eachLine(path string, do func(line []byte) error) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	lines := bufio.NewReaderSize(file, 128<<10)
	for {
		line, err := lines.ReadSlice('\n')
		if err == io.EOF {
			return nil
		}
		if err == nil {
			err = do(line)
		}
		if err != nil {
			return err
		}
	}
}

// countLines is the floor: each byte is read, and each line found.
func countLines(path string) (count int, err error) {
	err = eachLine(path, func([]byte) error { count++; return nil })
	return count, err
}

// decodeAll is the reference: what one would write with the API's own types. It bounds nothing.
func decodeAll(path string) (done map[string]int, err error) {
	done = map[string]int{}
	err = eachLine(path, func(line []byte) error {
		var event auditv1.Event
		if err := json.Unmarshal(line, &event); err != nil {
			return err
		}
		if strings.HasPrefix(event.User.Username, "system:serviceaccount:") && event.ObjectRef != nil {
			ref := event.ObjectRef
			done[strings.Join([]string{event.User.Username, event.Verb, ref.APIGroup, ref.Resource, ref.Subresource, ref.Namespace, ref.Name}, " ")]++
		}
		return nil
	})
	return done, err
}

// runLearn is Rampart; 3 is the exit code where there was no room for all.
func runLearn(ctx context.Context, path string, flags ...string) (Memory, error) {
	binary, err := operator.Binary()
	if err != nil {
		return Memory{}, err
	}
	command := exec.CommandContext(ctx, binary, append([]string{"rbac", "learn", "--audit-log", path}, flags...)...)
	var said bytes.Buffer
	command.Stderr = &said
	if err := command.Start(); err != nil {
		return Memory{}, err
	}
	sampler := startSampler(command.Process.Pid)
	err = command.Wait()
	peak := sampler.end()
	if code := command.ProcessState.ExitCode(); err != nil && code != 3 {
		return peak, fmt.Errorf("%w: %s", err, said.String())
	}
	return peak, nil
}

// Goals are the bounds that it is held to.
func (r *Learned) Goals() []Goal {
	atMost := func(what, unit string, bound, value float64) Goal {
		return Goal{What: what, Unit: unit, Bound: bound, Value: value, Holds: value <= bound, IsJudged: true}
	}
	return []Goal{
		atMost("rbac learn: 1 GB of audit log", "s", learnSecondsPerGB, median(r.Times[Rampart])/float64(r.Size)*bytesPerGB),
		atMost("rbac learn: memory at its peak, RSS", "MB", learnRSS, float64(r.Peak.RSS)/mb),
		atMost("rbac learn: the same on a log with more in it than there is room for", "MB", learnRSS, float64(r.Widest.RSS)/mb),
	}
}

// JSON is the result for programs.
func (r *Learned) JSON() ([]byte, error) {
	text, err := json.MarshalIndent(r, "", "  ")
	return append(text, '\n'), err
}

// Table is what was measured, and what was to hold.
func (r *Learned) Table() Table {
	t := Table{
		Title: fmt.Sprintf("An audit log of %.2f GB, %d events of 200 ServiceAccounts", float64(r.Size)/bytesPerGB, r.Lines),
		Head:  []string{"", "at most", "measured", ""},
	}
	rate := func(name Name) string {
		seconds := median(r.Times[name])
		return fmt.Sprintf("%.2f s (%.0f MB/s)", seconds, float64(r.Size)/1e6/seconds)
	}
	t.Lines = append(t.Lines,
		[]string{"floor: only the lines are found", "", rate(Floor), ""},
		[]string{"reference: each is decoded with the API's own types", "", rate(Reference), ""},
		[]string{"Rampart", "", rate(Rampart), ""},
		[]string{"x floor", "", fmt.Sprintf("%.1f", ratioOf(r.Times[Rampart], r.Times[Floor])), ""},
		[]string{"x reference", "", fmt.Sprintf("%.2f", ratioOf(r.Times[Rampart], r.Times[Reference])), ""})
	for _, goal := range r.Goals() {
		verdict := "holds"
		if !goal.Holds {
			verdict = "MISSED"
		}
		t.Lines = append(t.Lines, []string{goal.What, goal.quantity(goal.Bound), goal.quantity(goal.Value), verdict})
	}
	return t
}

// Holds is whether every bound does.
func (r *Learned) Holds() bool {
	for _, goal := range r.Goals() {
		if !goal.Holds {
			return false
		}
	}
	return true
}
