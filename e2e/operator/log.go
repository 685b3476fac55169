package operator

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
)

const tailLines = 20

// Record is a line of the log.
type Record map[string]any

// reports are how sanitizers and the C library begin when they have found something.
var reports = []string{
	"Sanitizer", "runtime error:", "Assertion `", "*** stack smashing", "*** buffer overflow", "malloc()", "free()",
}

// Records reads the log. What is no JSON is left out: see Reports.
func (o *Operator) Records() (records []Record) {
	for line := range bytes.Lines(o.text()) {
		var record Record
		if json.Unmarshal(line, &record) == nil {
			records = append(records, record)
		}
	}
	return records
}

// Reports is what stands in the log from the first report of a sanitizer on, "" where there is none.
func (o *Operator) Reports() string {
	lines := strings.Split(string(o.text()), "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, "{") {
			continue
		}
		for _, report := range reports {
			if strings.Contains(line, report) {
				return strings.Join(lines[i:min(len(lines), i+60)], "\n")
			}
		}
	}
	return ""
}

// Tail is the end of the log.
func (o *Operator) Tail() string {
	lines := strings.Split(strings.TrimSpace(string(o.text())), "\n")
	return strings.Join(lines[max(0, len(lines)-tailLines):], "\n")
}

func (o *Operator) text() []byte {
	text, err := os.ReadFile(o.opts.Log)
	if err != nil {
		return []byte(err.Error())
	}
	return text
}
