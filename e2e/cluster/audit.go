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
	return func(yield func(auditv1.Event, error) bool) {
		file, err := os.Open(c.AuditLog())
		if err != nil {
			yield(auditv1.Event{}, err)
			return
		}
		defer file.Close()
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
