// Package findings asks `rampart rbac findings` about a real cluster: the roles, bindings and ServiceAccounts that
// Kubernetes itself makes are not blamed, what people grant is, and what the caller may not list is said.
package findings

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"testing"

	"rampart.dev/e2e/cluster"
	"rampart.dev/e2e/operator"
)

const planted = "testdata/planted.yaml"

// control has the controllers that make ServiceAccounts, fill tokens in and aggregate roles.
var control *cluster.Cluster

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	control, err = cluster.Start(context.Background(),
		cluster.Options{ControllerManager: true, Progress: cluster.SlowTo(os.Stderr)})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, control.Close()) }()
	return m.Run(), nil
}

// finding is one of `rampart rbac findings -o json`.
type finding struct {
	Outcome, Severity, Standards, Kind, Namespace, Name, Message string
	Rules                                                        []string
	Component                                                    bool
	Subjects                                                     []struct{ Kind, Namespace, Name, Criterion string }
}

// found is all that it prints.
type found struct {
	Findings []finding
	NotRead  []struct{ What, Why string }
	Summary  struct{ Objects, Critical, High, Medium, Low, Component, CannotBeTold int }
}

func ask(t *testing.T, flags ...string) (*found, int) {
	t.Helper()
	out, code, err := operator.Run(t.Context(), append([]string{"rbac", "findings", "-o", "json"}, flags...)...)
	if err != nil {
		t.Fatal(err)
	}
	f := &found{}
	if err := json.Unmarshal([]byte(out), f); err != nil {
		t.Fatalf("%v in: %s", err, out)
	}
	return f, code
}

func (f finding) String() string {
	place := f.Name
	if f.Namespace != "" {
		place = f.Namespace + "/" + f.Name
	}
	return fmt.Sprintf("%v: %s %s", f.Rules, f.Kind, place)
}

// lines are the findings of one outcome, "[rbac-secrets]: ClusterRoleBinding ops", sorted.
func (f *found) lines(outcome string) []string {
	lines := []string{}
	for _, finding := range f.Findings {
		if finding.Outcome == outcome {
			lines = append(lines, finding.String())
		}
	}
	slices.Sort(lines)
	return lines
}

// compare tells what is there and should not be, and what is missing.
func compare(t *testing.T, got, want []string) {
	t.Helper()
	want = slices.Sorted(slices.Values(want))
	for _, line := range got {
		if !slices.Contains(want, line) {
			t.Errorf("found, and should not be: %s", line)
		}
	}
	for _, line := range want {
		if !slices.Contains(got, line) {
			t.Errorf("not found: %s", line)
		}
	}
	if !t.Failed() && !slices.Equal(got, want) {
		t.Errorf("found twice: %q", got)
	}
}
