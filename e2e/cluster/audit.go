package cluster

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"os"

	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"
)

const (
	auditPolicyFile = "audit-policy.yaml"
	auditLogFile    = "audit.log"
)

// auditPolicy records who asked for what and the answer's code, of every request, without bodies.
const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules: [{level: Metadata}]
`

func writeAuditPolicy(at *folder) error {
	return os.WriteFile(at.join(auditPolicyFile), []byte(auditPolicy), 0o600)
}

// AuditLog is the path of the audit log: one JSON object a line, of every request since the start.
func (c *Cluster) AuditLog() string {
	return c.folder.join(auditLogFile)
}

// AuditEvents reads the audit log. A watch stands in it twice: when it began and when it ended.
func (c *Cluster) AuditEvents() iter.Seq2[auditv1.Event, error] {
	return c.AuditEventsSince(0)
}

// AuditNow is a place in the audit log: the end of the last whole line so far.
func (c *Cluster) AuditNow() (int64, error) {
	file, err := os.Open(c.AuditLog())
	if err != nil {
		return 0, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return 0, err
	}
	const step = 4096
	for end := info.Size(); end > 0; end -= step {
		text := make([]byte, min(step, end))
		if _, err := file.ReadAt(text, end-int64(len(text))); err != nil {
			return 0, err
		}
		if at := bytes.LastIndexByte(text, '\n'); at >= 0 {
			return end - int64(len(text)) + int64(at) + 1, nil
		}
	}
	return 0, nil
}

// AuditEventsSince reads what came into the audit log after a place in it.
func (c *Cluster) AuditEventsSince(place int64) iter.Seq2[auditv1.Event, error] {
	return func(yield func(auditv1.Event, error) bool) {
		file, err := os.Open(c.AuditLog())
		if err == nil {
			defer file.Close()
			_, err = file.Seek(place, io.SeekStart)
		}
		if err != nil {
			yield(auditv1.Event{}, err)
			return
		}
		for lines := bufio.NewReader(file); ; {
			line, err := lines.ReadBytes('\n')
			if err == io.EOF {
				return // a last line without its end is still being written
			}
			var event auditv1.Event
			if err == nil {
				err = json.Unmarshal(bytes.TrimSpace(line), &event)
			}
			if err != nil {
				err = fmt.Errorf("%s: %w", c.AuditLog(), err)
			}
			if !yield(event, err) || err != nil {
				return
			}
		}
	}
}
