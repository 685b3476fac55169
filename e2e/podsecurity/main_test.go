// Package podsecurity tests the labels of Pod Security Admission on a real control plane: the API server's own admission
// refuses pods by them, warns in dry runs, and keeps managedFields of them; the fence stands around Rampart's token.
//
// All tests share one control plane and one operator behind a proxy; each has a namespace and a profile of its own.
package podsecurity

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"rampart.dev/e2e/cluster"
	"rampart.dev/e2e/operator"
	"rampart.dev/e2e/proxy"
)

const (
	deploy = "../../deploy"

	waitLimit = 60 * time.Second
	waitPoll  = 100 * time.Millisecond
)

var profiles = schema.GroupVersionResource{Group: "rampart.dev", Version: "v1alpha1", Resource: "securityprofiles"}

// world is the control plane, and Rampart on it behind a proxy, under its own ServiceAccount.
type world struct {
	*cluster.Cluster
	proxy      *proxy.Proxy
	rampart    *operator.Operator
	kubeconfig string // of Rampart's ServiceAccount
	dir        string // for logs and kubeconfigs
}

var theWorld *world

func TestMain(m *testing.M) {
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
	dir, err := os.MkdirTemp("", "rampart-e2e-podsecurity-")
	w := &world{dir: dir}
	if err != nil {
		return w, err
	}
	w.Cluster, err = cluster.Start(ctx, cluster.Options{
		ControllerManager: true, Scheduler: true, Nodes: 1, Progress: cluster.SlowTo(os.Stderr),
	})
	if err != nil {
		return w, err
	}
	if w.kubeconfig, err = operator.Install(ctx, w.Cluster, deploy); err != nil {
		return w, err
	}
	if w.proxy, err = proxy.New(w.Cluster); err != nil {
		return w, err
	}
	through := filepath.Join(dir, "kubeconfig")
	if err := w.proxy.Kubeconfig(w.kubeconfig, through); err != nil {
		return w, err
	}
	err = poll(waitLimit, func() error { // the type is served a moment later
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

// poll repeats check until it is nil or the limit is over.
func poll(limit time.Duration, check func() error) error {
	for deadline := time.Now().Add(limit); ; time.Sleep(waitPoll) {
		if err := check(); err == nil || time.Now().After(deadline) {
			return err
		}
	}
}
