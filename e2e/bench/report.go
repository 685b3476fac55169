package bench

import (
	"encoding/json"
	"os"
	"runtime"
	"strings"
	"time"
)

// Report is what was measured, as it is written to report.json.
type Report struct {
	Began   time.Time `json:"began"`
	Took    string    `json:"took"`
	Machine Machine   `json:"machine"`
	Sizes   Sizes     `json:"sizes"`

	Rounds    map[Row]map[Name][]Sample `json:"rounds"` // in the order in which they were run
	Workloads map[Name][]Hardening      `json:"workloads"`
	Scale     map[Name][]Point          `json:"scale"`
	Sync      map[Name]Sync             `json:"sync"`      // a start with all policies there
	FirstTime Sync                      `json:"firstTime"` // Rampart's start with none of them
	Goals     []Goal                    `json:"goals"`
}

// Machine is where it was measured.
type Machine struct {
	Processors int    `json:"processors"`
	Model      string `json:"model"`
	Kernel     string `json:"kernel"`
	Go         string `json:"go"`
}

func newReport(sizes Sizes) *Report {
	return &Report{
		Began: time.Now().UTC().Truncate(time.Second),
		Machine: Machine{
			Processors: runtime.NumCPU(),
			Model:      processorModel(),
			Kernel:     firstLine("/proc/sys/kernel/osrelease"),
			Go:         runtime.Version(),
		},
		Sizes:     sizes,
		Rounds:    map[Row]map[Name][]Sample{},
		Workloads: map[Name][]Hardening{},
		Scale:     map[Name][]Point{},
		Sync:      map[Name]Sync{},
	}
}

func processorModel() string {
	text, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}

func firstLine(path string) string {
	text, _ := os.ReadFile(path)
	line, _, _ := strings.Cut(string(text), "\n")
	return line
}

func (r *Report) add(row Row, name Name, sample Sample) {
	if r.Rounds[row] == nil {
		r.Rounds[row] = map[Name][]Sample{}
	}
	r.Rounds[row][name] = append(r.Rounds[row][name], sample)
}

// values is a quantity of a contender, round by round.
func (r *Report) values(row Row, name Name, of func(*Sample) float64) []float64 {
	return each(r.Rounds[row][name], of)
}

// each is a quantity of samples, in their order.
func each[S any](samples []S, of func(*S) float64) (values []float64) {
	for i := range samples {
		values = append(values, of(&samples[i]))
	}
	return values
}

// ratio is the median of Rampart's value through that of another in the same round.
func (r *Report) ratio(row Row, to Name, of func(*Sample) float64) float64 {
	return ratioOf(r.values(row, Rampart, of), r.values(row, to, of))
}

// ratioOf is the median of the values through the others, round by round.
func ratioOf(values, others []float64) float64 {
	ratios := []float64{}
	for i, value := range values {
		if i < len(others) && others[i] > 0 {
			ratios = append(ratios, value/others[i])
		}
	}
	return median(ratios)
}

// JSON is the report for programs.
func (r *Report) JSON() ([]byte, error) {
	text, err := json.MarshalIndent(r, "", "  ")
	return append(text, '\n'), err
}
