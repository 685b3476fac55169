package bench

import (
	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"

	"rampart.dev/e2e/operator"
)

// Calls counts requests of a contender by verb.
type Calls map[string]int

// Writes is how many of them change something; those of Leases, by which clients elect a leader, are none.
func (c Calls) Writes() (n int) {
	for verb, count := range c {
		if verb != leases && verb != "get" && verb != "list" && verb != "watch" {
			n += count
		}
	}
	return n
}

// leases is counted as if it were a verb.
const leases = "leases"

// callsSince counts what the audit log says from a place on.
func (f *field) callsSince(place int64) (Calls, error) {
	calls := Calls{}
	for event, err := range f.AuditEventsSince(place) {
		if err != nil {
			return nil, err
		}
		stage := auditv1.StageResponseComplete
		if event.Verb == "watch" { // it stands there twice: when it began and when it ended
			stage = auditv1.StageResponseStarted
		}
		if event.User.Username != operator.User || event.Stage != stage {
			continue
		}
		verb := event.Verb
		if event.ObjectRef != nil && event.ObjectRef.Subresource != "" {
			verb += " " + event.ObjectRef.Subresource
		}
		if event.ObjectRef != nil && event.ObjectRef.Resource == "leases" {
			verb = leases
		}
		calls[verb]++
	}
	return calls, nil
}
