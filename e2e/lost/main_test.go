// Package lost tests that nothing is lost: bursts of namespaces during which the operator, the API server or
// etcd's memory goes. Afterwards every namespace is as if nothing had happened, down to the number of writes
// that each object took.
package lost

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"rampart.dev/e2e/cluster"
	"rampart.dev/e2e/operator"
	"rampart.dev/e2e/relay"
)

const (
	deploy = "../../deploy"

	waitLimit = 3 * time.Minute // for what thousands of writes take on a machine that does other things too
	waitPoll  = 200 * time.Millisecond

	sizeDefault = 1000
)

var profiles = schema.GroupVersionResource{
	Group: "rampart.dev", Version: "v1alpha1", Resource: "securityprofiles",
}

// world is a control plane with deploy/ applied, and Rampart on it, behind a wire that can be cut.
type world struct {
	*cluster.Cluster
	rampart *operator.Operator
	wire    *relay.Relay
	dir     string
}

func newWorld(ctx context.Context) (w *world, err error) {
	w = &world{}
	if w.dir, err = os.MkdirTemp("", "rampart-e2e-lost-"); err != nil {
		return w, err
	}
	w.Cluster, err = cluster.Start(ctx, cluster.Options{ControllerManager: true, Progress: cluster.SlowTo(os.Stderr)})
	if err != nil {
		return w, err
	}
	if w.wire, err = relay.New("tcp", strings.TrimPrefix(w.URL, "https://")); err != nil {
		return w, err
	}
	original, err := operator.Install(ctx, w.Cluster, deploy)
	if err != nil {
		return w, err
	}
	kubeconfig := filepath.Join(w.dir, "kubeconfig")
	if err := w.KubeconfigThrough(original, "https://"+w.wire.Address(), kubeconfig); err != nil {
		return w, err
	}
	w.rampart, err = operator.Start(ctx, operator.Options{Kubeconfig: kubeconfig, Log: filepath.Join(w.dir, "rampart.log")})
	return w, err
}

func (w *world) close() (err error) {
	if w.rampart != nil && w.rampart.Alive() {
		err = w.rampart.Stop()
	}
	if w.rampart != nil && w.rampart.Reports() != "" {
		err = errors.Join(err, fmt.Errorf("rampart reports:\n%s", w.rampart.Reports()))
	}
	if w.wire != nil {
		w.wire.Close()
	}
	if w.Cluster != nil {
		err = errors.Join(err, w.Cluster.Close())
	}
	return errors.Join(err, os.RemoveAll(w.dir))
}

// theWorld is shared: each burst has namespaces and a profile of its own in it.
var theWorld = sync.OnceValues(func() (*world, error) { return newWorld(context.Background()) })

func TestMain(m *testing.M) {
	code := m.Run()
	if w, _ := theWorld(); w != nil {
		if err := w.close(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// size is how many namespaces a burst has: $RAMPART_BURST, or a thousand.
func size(t *testing.T) int {
	t.Helper()
	text := os.Getenv("RAMPART_BURST")
	if text == "" {
		return sizeDefault
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 40 {
		t.Fatalf("RAMPART_BURST=%s: want a number from 40", text)
	}
	return n
}

// random is seeded by $RAMPART_SEED, or by a number that is told.
func random(t *testing.T) *rand.Rand {
	t.Helper()
	seed := rand.Uint64() % 1_000_000
	if text := os.Getenv("RAMPART_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("RAMPART_SEED=%d does the same again", seed)
	return rand.New(rand.NewPCG(seed, 0))
}
