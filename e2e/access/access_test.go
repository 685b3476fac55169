// Package access holds the C code that judges rights to the API server's own: what a request needs, asked by
// SubjectAccessReview on a real control plane; what a set of rules lacks, asked of Kubernetes' own comparison;
// and `rampart who-can` to both.
//
// RAMPART_SEED repeats a run with other random rights than the usual ones.
package access

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"testing"

	"rampart.dev/e2e/cluster"
)

const usualSeed = 20261125

// control has the controller that fills aggregated ClusterRoles in.
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

// seed is told, so that a failure can be repeated.
func seed(t *testing.T) int64 {
	t.Helper()
	text := os.Getenv("RAMPART_SEED")
	if text == "" {
		return usualSeed
	}
	number, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		t.Fatalf("RAMPART_SEED: %v", err)
	}
	return number
}
