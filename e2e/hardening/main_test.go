// Package hardening tests hardening on a real control plane: pods that become ready, crash, hang and recover are
// played by kwok, as their annotation says (stages_test.go), and all else is real.
//
// All tests share one control plane and one operator behind a proxy, and each has a namespace and a profile of its
// own. What restarts the operator runs first; the others run side by side, for most of their time is waiting for a
// proof. Each is judged at its end by the API server's audit log: see oracle.WorkloadWrites.
package hardening

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"rampart.dev/e2e/cluster"
	"rampart.dev/e2e/operator"
	"rampart.dev/e2e/oracle"
	"rampart.dev/e2e/poll"
	"rampart.dev/e2e/proxy"
)

const (
	deploy = "../../deploy"

	storiesMax = 64 // at once

	waitLimit = 90 * time.Second // a proof takes 20 s, a deadline 30 s, and two cores play all of the pods
)

var profiles = schema.GroupVersionResource{Group: "rampart.dev", Version: "v1alpha1", Resource: "securityprofiles"}

// world is the control plane, and Rampart on it behind a proxy, under its own ServiceAccount.
type world struct {
	*cluster.Cluster
	proxy   *proxy.Proxy
	rampart *operator.Operator
	dir     string // for logs and kubeconfigs
}

var theWorld *world

func TestMain(m *testing.M) {
	flag.Parse()
	_ = flag.Set("test.parallel", strconv.Itoa(storiesMax)) // the flag is there, and this is a number
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	theWorld, err = newWorld(context.Background())
	if err != nil {
		return 0, errors.Join(err, theWorld.close())
	}
	code = m.Run()
	return code, theWorld.close()
}

func newWorld(ctx context.Context) (*world, error) {
	dir, err := os.MkdirTemp("", "rampart-e2e-rollouts-")
	w := &world{dir: dir}
	if err != nil {
		return w, err
	}
	policy := filepath.Join(dir, "audit-policy.yaml")
	if err := os.WriteFile(policy, []byte(oracle.AuditPolicy), 0o600); err != nil {
		return w, err
	}
	w.Cluster, err = cluster.Start(ctx, cluster.Options{
		ControllerManager: true, Scheduler: true, Nodes: 2, Stages: []string{stages()},
		APIServerArgs: []string{"--audit-policy-file=" + policy}, Progress: cluster.SlowTo(os.Stderr),
	})
	if err != nil {
		return w, err
	}
	kubeconfig, err := operator.Install(ctx, w.Cluster, deploy)
	if err != nil {
		return w, err
	}
	if w.proxy, err = proxy.New(w.Cluster); err != nil {
		return w, err
	}
	through := filepath.Join(dir, "kubeconfig")
	if err := w.proxy.Kubeconfig(kubeconfig, through); err != nil {
		return w, err
	}
	err = poll.Until(waitLimit, func() error { // the type is served a moment later
		_, err := w.Dynamic.Resource(profiles).List(ctx, metav1.ListOptions{})
		return err
	})
	if err != nil {
		return w, err
	}
	w.rampart, err = operator.Start(ctx, operator.Options{Kubeconfig: through, Log: filepath.Join(dir, "rampart.log")})
	return w, err
}

// close ends all that was started, the operator first: what it says at its end counts.
func (w *world) close() (err error) {
	if w.rampart != nil && w.rampart.Alive() {
		err = w.rampart.Stop()
	}
	if w.rampart != nil && w.rampart.Reports() != "" {
		err = errors.Join(err, fmt.Errorf("rampart reports:\n%s", w.rampart.Reports()))
	}
	if w.proxy != nil {
		w.proxy.Close()
	}
	if w.Cluster != nil {
		err = errors.Join(err, w.Close())
	}
	return errors.Join(err, os.RemoveAll(w.dir))
}
