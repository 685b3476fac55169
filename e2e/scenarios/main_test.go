// Package scenarios tests Rampart, its types and its manifests on a real control plane.
package scenarios

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"rampart.dev/e2e/cluster"
	"rampart.dev/e2e/poll"
)

const (
	crds   = "../../crds"
	deploy = "../../deploy"

	waitLimit = 30 * time.Second
	waitPoll  = 50 * time.Millisecond
)

var (
	profiles = schema.GroupVersionResource{
		Group: "rampart.dev", Version: "v1alpha1", Resource: "securityprofiles",
	}
	exceptions = schema.GroupVersionResource{
		Group: "rampart.dev", Version: "v1alpha1", Resource: "securityexceptions",
	}
)

// control is the control plane that the tests share: etcd and the API server, with the types of crds/.
// No controller runs in it, and nothing but the tests changes it. Tests that need more start their own.
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
	ctx := context.Background()
	if control, err = cluster.Start(ctx, cluster.Options{Progress: cluster.SlowTo(os.Stderr)}); err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, closeWorlds(), control.Close()) }()
	if _, err := control.RunKubectl(ctx, "apply", "-k", crds); err != nil {
		return 0, err
	}
	err = poll.Until(waitLimit, func() error { // it is served a moment later
		_, err := control.Dynamic.Resource(profiles).List(ctx, metav1.ListOptions{})
		if err == nil {
			_, err = control.Dynamic.Resource(exceptions).List(ctx, metav1.ListOptions{})
		}
		return err
	})
	if err != nil {
		return 0, err
	}
	return m.Run(), nil
}

// eventually demands that check becomes nil.
func eventually(t *testing.T, check func() error) {
	t.Helper()
	if err := poll.Until(waitLimit, check); err != nil {
		t.Fatal(err)
	}
}
