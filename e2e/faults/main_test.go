// Package faults tests Rampart behind a proxy that is the trouble: wrong answers, lost events, dead
// connections. Each test is named by the number of its row in the table of docs/testing.md.
//
// Most of them play the same story, the day of day_test.go, with the fault at some point of it, and are judged
// by the day without faults: see e2e/oracle. Every run has an operator and a proxy of its own, and while it
// lasts a control plane to itself; control planes are used again. All run side by side, as many as there may be
// control planes, also those that have tests within them: most of their time is waiting.
package faults

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"rampart.dev/e2e/cluster"
	"rampart.dev/e2e/operator"
	"rampart.dev/e2e/poll"
)

const (
	deploy = "../../deploy"

	worldsMax = 8 // control planes at once: most tests wait most of the time

	waitLimit = 90 * time.Second // for what a back-off of up to a minute may stand before
	waitPoll  = 50 * time.Millisecond
)

var profiles = schema.GroupVersionResource{
	Group: "rampart.dev", Version: "v1alpha1", Resource: "securityprofiles",
}

func TestMain(m *testing.M) {
	flag.Parse()
	_ = flag.Set("test.parallel", strconv.Itoa(worldsMax)) // the flag is there, and this is a number
	code := m.Run()
	if err := closeWorlds(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// world is a control plane with deploy/ applied. No controllers run in it: nothing but the test and Rampart
// changes it.
type world struct {
	*cluster.Cluster
	kubeconfig   string // of Rampart's ServiceAccount
	hasWatchList bool
}

var (
	worldsMu sync.Mutex          // guards what follows
	worlds   []*world            // all that were made
	free     = map[*world]bool{} // those that nobody uses
)

// takeWorld is one that nobody else uses until the test has ended.
func takeWorld(t *testing.T) *world {
	t.Helper()
	return takeWorldWith(t, true)
}

// takeWorldWith is one whose API server has WatchList, or not.
func takeWorldWith(t *testing.T, hasWatchList bool) *world {
	t.Helper()
	w := freeWorld(hasWatchList)
	if w == nil {
		var err error
		if w, err = newWorld(hasWatchList); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		worldsMu.Lock()
		defer worldsMu.Unlock()
		free[w] = true
	})
	return w
}

func freeWorld(hasWatchList bool) *world {
	worldsMu.Lock()
	defer worldsMu.Unlock()
	for w := range free {
		if w.hasWatchList == hasWatchList {
			delete(free, w)
			return w
		}
	}
	return nil
}

func newWorld(hasWatchList bool) (*world, error) {
	ctx := context.Background()
	c, err := cluster.Start(ctx, cluster.Options{
		FeatureGates: map[string]bool{"WatchList": hasWatchList}, Progress: cluster.SlowTo(os.Stderr),
	})
	if err != nil {
		return nil, err
	}
	w := &world{Cluster: c, hasWatchList: hasWatchList}
	worldsMu.Lock()
	worlds = append(worlds, w)
	worldsMu.Unlock()
	if w.kubeconfig, err = operator.Install(ctx, c, deploy); err != nil {
		return nil, err
	}
	return w, poll.Until(waitLimit, func() error { // the type is served a moment later
		_, err := c.Dynamic.Resource(profiles).List(ctx, metav1.ListOptions{})
		return err
	})
}

func closeWorlds() (err error) {
	worldsMu.Lock()
	defer worldsMu.Unlock()
	for _, w := range worlds {
		err = errors.Join(err, w.Close())
	}
	return err
}
