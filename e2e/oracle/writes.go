package oracle

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"rampart.dev/e2e/cluster"
)

// Writes counts changes by verb and object, as in "patch networkpolicies run-a/rampart-default-deny".
type Writes map[string]int

// WritesSince counts what user changed in the objects of a run since a place in the audit log: those in
// namespaces, or of names, that begin with the run's. Only what took effect counts: a write that was refused
// changed nothing. Events and status are left out, since how often they are told depends on the time.
func WritesSince(c *cluster.Cluster, place int64, user, run string) (Writes, error) {
	writes := Writes{}
	for event, err := range c.AuditEventsSince(place) {
		if err != nil {
			return nil, err
		}
		ref := event.ObjectRef
		if event.User.Username != user || ref == nil || event.ResponseStatus == nil || event.ResponseStatus.Code >= 300 {
			continue
		}
		isRead := slices.Contains([]string{"get", "list", "watch"}, event.Verb)
		if isRead || ref.Resource == "events" || ref.Subresource == "status" {
			continue
		}
		name := strings.TrimPrefix(ref.Namespace+"/"+ref.Name, "/")
		if strings.HasPrefix(name, run) {
			writes[event.Verb+" "+ref.Resource+" "+strings.ReplaceAll(name, run, "run")]++
		}
	}
	return writes, nil
}

// Total is the count of all writes of a verb.
func (w Writes) Total(verb string) (total int) {
	for name, count := range w {
		if strings.HasPrefix(name, verb+" ") {
			total += count
		}
	}
	return total
}

// Diff tells which writes were more or fewer than in the reference; "" when none were.
func (w Writes) Diff(reference Writes) string {
	said := []string{}
	names := maps.Clone(w)
	maps.Copy(names, reference)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if w[name] != reference[name] {
			said = append(said, fmt.Sprintf("%s: %d times, in the reference %d", name, w[name], reference[name]))
		}
	}
	return strings.Join(said, "\n")
}
