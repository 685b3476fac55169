package faults

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"rampart.dev/e2e/oracle"
	"rampart.dev/e2e/poll"
)

const (
	morning = "{sameNamespace: {}, from: [{ipBlock: {cidr: 192.0.2.0/24}}]}"
	evening = "{sameNamespace: {}, from: [{ipBlock: {cidr: 192.0.2.0/24}}], to: [{ipBlock: {cidr: 198.51.100.0/24}}]}"
)

// step is one thing that happens in a cluster, and how it looks when Rampart has dealt with it.
type step struct {
	name string
	act  func(r *run)
	done func(r *run) error
}

// day is the story: each kind of object that Rampart acts upon comes, changes and goes.
var day = []step{
	{"started", func(r *run) {
		for _, suffix := range []string{"a", "b", "c"} {
			r.namespace(suffix)
		}
		r.profile(morning)
		r.must(r.operator.Launch())
	}, func(r *run) error { return errors.Join(r.counts(3, 3, 0), r.have(morningPolicies, "a", "b", "c")) }},

	{"made", func(r *run) { r.namespace("d") },
		func(r *run) error { return errors.Join(r.counts(4, 4, 0), r.have(morningPolicies, "d")) }},

	{"edited", func(r *run) { r.edit("a", deny, `{"spec": {"ingress": [{}]}}`) },
		func(r *run) error { return r.have(morningPolicies, "a") }},

	{"removed", func(r *run) { r.deletePolicy("b", allowSame) },
		func(r *run) error { return r.have(morningPolicies, "b") }},

	{"changed", func(r *run) { r.profile(evening) },
		func(r *run) error { return errors.Join(r.counts(4, 4, 0), r.have(eveningPolicies, "a", "b", "c", "d")) }},

	{"deselected", func(r *run) { r.label("c", false) },
		func(r *run) error { return errors.Join(r.counts(3, 3, 0), r.has("c")) }},

	{"undone", func(r *run) { r.makePolicy("d", "open") },
		func(r *run) error { return r.counts(3, 2, 1) }},

	{"closed", func(r *run) { r.deletePolicy("d", "open") },
		func(r *run) error { return r.counts(3, 3, 0) }},

	{"gone", func(r *run) { r.must(r.removeNamespace(r.Context(), r.name+"-b")) },
		func(r *run) error { return r.counts(2, 2, 0) }},

	{"late", func(r *run) { r.namespace("z") },
		func(r *run) error { return errors.Join(r.counts(3, 3, 0), r.have(eveningPolicies, "a", "d", "z")) }},
}

var (
	morningPolicies = []string{deny, allowSame, allowFrom}
	eveningPolicies = []string{deny, allowSame, allowFrom, allowTo}
)

func (r *run) have(policies []string, suffixes ...string) (err error) {
	for _, suffix := range suffixes {
		err = errors.Join(err, r.has(suffix, policies...))
	}
	return err
}

// play lets the day pass, and waits after each step until Rampart has dealt with it. faults are what happens
// besides: by the name of a step right before it, by "after" and its name right after it.
func (r *run) play(faults map[string]func()) {
	r.Helper()
	for name := range faults {
		if !isStep(strings.TrimPrefix(name, "after ")) {
			r.Fatalf("the day has no step %q", name)
		}
	}
	for _, step := range day {
		if fault := faults[step.name]; fault != nil {
			fault()
		}
		step.act(r)
		if fault := faults["after "+step.name]; fault != nil {
			fault()
		}
		if err := poll.Until(r.limit, func() error { return step.done(r) }); err != nil {
			r.Fatalf("%s: %v", step.name, err)
		}
		if r.Failed() {
			r.FailNow()
		}
	}
}

func isStep(name string) bool {
	for _, step := range day {
		if step.name == name {
			return true
		}
	}
	return false
}

type outcome struct {
	state  oracle.State
	writes oracle.Writes
}

var (
	referenceOnce sync.Once
	referenceDay  *outcome
)

// reference is the day without faults, through a proxy as all the others: played once, for the first who asks.
func reference(t *testing.T) *outcome {
	t.Helper()
	referenceOnce.Do(func() {
		t.Run("the day without faults", func(t *testing.T) {
			r := begin(t)
			r.play(nil)
			referenceDay = &outcome{r.looks(), r.writes()}
		})
	})
	if referenceDay == nil {
		t.Fatal("the day without faults has failed")
	}
	return referenceDay
}

// endsAsReference demands the end state of the day without faults (ES).
func (r *run) endsAsReference() {
	r.Helper()
	want := reference(r.T)
	r.within(func() error {
		if text := r.looks().Diff(want.state); text != "" {
			return errors.New(text)
		}
		return nil
	})
}

// wroteAsReference demands also that it took the same writes (US).
func (r *run) wroteAsReference() {
	r.Helper()
	r.endsAsReference()
	if text := r.writes().Diff(reference(r.T).writes); text != "" {
		r.Error(text)
	}
}
