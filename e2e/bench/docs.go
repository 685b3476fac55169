package bench

import (
	"bytes"
	"fmt"
	"strings"
)

// Markdown is the report for the documentation.
func (r *Report) Markdown() string {
	var text strings.Builder
	fmt.Fprintf(&text, "Measured on %s: %d processors (%s), Linux %s. It took %s.\n",
		r.Began.Format("2006-01-02"), r.Machine.Processors, r.Machine.Model, r.Machine.Kernel, r.Took)
	for _, table := range r.Tables() {
		text.WriteString("\n" + table.Markdown())
	}
	return text.String()
}

// Insert puts text between the markers <!-- begin NAME --> and <!-- end NAME --> of a page.
func Insert(page []byte, name, text string) ([]byte, error) {
	begin, end := []byte("<!-- begin "+name+" -->\n"), []byte("<!-- end "+name+" -->")
	from, to := bytes.Index(page, begin), bytes.Index(page, end)
	if from < 0 || to < from {
		return nil, fmt.Errorf("the markers %q and %q are not there", bytes.TrimSpace(begin), end)
	}
	return bytes.Join([][]byte{page[:from], begin, []byte("\n" + text + "\n"), page[to:]}, nil), nil
}
