package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"

	"rampart.dev/e2e/operator"
)

// calls counts requests: by verb, then by resource.
type calls map[string]map[string]int

// audited counts the operator's requests in the audit log, and those of them that were refused.
func (d *demo) audited() (counted calls, refused int, err error) {
	counted = calls{}
	for event, err := range d.own.AuditEvents() {
		if err != nil {
			return nil, 0, err
		}
		stage := auditv1.StageResponseComplete
		if event.Verb == "watch" { // it stands there twice: when it began and when it ended
			stage = auditv1.StageResponseStarted
		}
		if event.User.Username != operator.User || event.Stage != stage {
			continue
		}
		if counted[event.Verb] == nil {
			counted[event.Verb] = map[string]int{}
		}
		counted[event.Verb][resourceOf(event)]++
		if event.ResponseStatus != nil && event.ResponseStatus.Code >= 400 {
			refused++
		}
	}
	return counted, refused, nil
}

func resourceOf(event auditv1.Event) string {
	switch {
	case event.ObjectRef == nil:
		return event.RequestURI
	case event.ObjectRef.Subresource != "":
		return event.ObjectRef.Resource + "/" + event.ObjectRef.Subresource
	}
	return event.ObjectRef.Resource
}

// writes is what is in the counts besides reading.
func (c calls) writes() calls {
	some := maps.Clone(c)
	for _, verb := range []string{"get", "list", "watch"} {
		delete(some, verb)
	}
	return some
}

func (c calls) total() (n int) {
	for _, resources := range c {
		for _, count := range resources {
			n += count
		}
	}
	return n
}

// lines is a line for each verb.
func (c calls) lines() (lines []string) {
	for _, verb := range slices.Sorted(maps.Keys(c)) {
		sum := 0
		for _, count := range c[verb] {
			sum += count
		}
		resources := slices.SortedFunc(maps.Keys(c[verb]), func(a, b string) int {
			return cmp.Or(cmp.Compare(c[verb][b], c[verb][a]), cmp.Compare(a, b))
		})
		parts := []string{}
		for _, resource := range resources {
			if sum > len(resources) && len(resources) > 1 { // else it is one each, or all of one
				resource = fmt.Sprint(resource, " ", c[verb][resource])
			}
			parts = append(parts, resource)
		}
		lines = append(lines, fmt.Sprintf("%-7s %4d  %s", verb, sum, strings.Join(parts, ", ")))
	}
	return lines
}

// showCalls prints the operator's requests, counted by the API server.
func (d *demo) showCalls() error {
	counted, refused, err := d.audited()
	if err != nil {
		return err
	}
	d.say("Requests to the API server since the start, from its audit log: %d, of which %d were refused.",
		counted.total(), refused)
	for _, line := range counted.lines() {
		verb, resources := line[:14], line[14:]
		for _, part := range wrap(resources, d.width-len(margin)-14) {
			d.block(verb + part)
			verb = pad("", 14)
		}
	}
	return nil
}

// showMemory prints what the operator's process holds.
func (d *demo) showMemory() error {
	memory, err := d.operator.Memory()
	if err != nil {
		return err
	}
	d.say("Memory of the operator: %.1f MB RSS, of which %.1f MB are its own (anonymous), the rest pages of "+
		"shared libraries.",
		float64(memory.RSS)/(1<<20), float64(memory.Anonymous)/(1<<20))
	return nil
}
