package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"rampart.dev/e2e/cluster"
	"rampart.dev/e2e/contenders/policy"
	"rampart.dev/e2e/gate"
)

const (
	churnEvery     = 50 * time.Millisecond
	churnMost      = 150              // namespaces at a time
	cutEvery       = 15 * time.Second // connections are cut
	restartEvery   = 2 * time.Minute  // of the API server; in a short soak more often
	restartsLeast  = 2
	restartLimit   = time.Minute
	churnSeed      = 4
	brokenAttempts = 200 // in a row, until it is no longer a server that is being restarted
)

// Churn counts what was done.
type Churn struct {
	Created    int `json:"namespacesCreated"`
	Deleted    int `json:"namespacesDeleted"`
	Relabelled int `json:"namespacesRelabelled"`
	Edited     int `json:"policiesEdited"`
	Removed    int `json:"policiesRemoved"`
	Cut        int `json:"connectionsCut"`
	Restarted  int `json:"apiServerRestarts"`
}

func (c Churn) String() string {
	return fmt.Sprintf("%d namespaces made, %d deleted, %d relabelled, %d policies edited and %d deleted by others, "+
		"connections cut %d times, the API server restarted %d times",
		c.Created, c.Deleted, c.Relabelled, c.Edited, c.Removed, c.Cut, c.Restarted)
}

// churner does it. What it does follows from its seed; when, from the machine.
type churner struct {
	f        *field
	restarts time.Duration // between two of the API server
	cut      *gate.Gate
	random   *rand.Rand
	live     []string // namespaces that were made and not deleted
	selected map[string]bool
	next     int
	failures int // in a row
	done     Churn
}

func newChurner(f *field, cut *gate.Gate, length time.Duration) *churner {
	return &churner{
		f:        f,
		restarts: min(restartEvery, length/(restartsLeast+1)),
		cut:      cut,
		random:   rand.New(rand.NewPCG(churnSeed, churnSeed)),
		selected: map[string]bool{},
	}
}

// run goes on until its context ends.
func (c *churner) run(ctx context.Context) error {
	tick := time.NewTicker(churnEvery)
	defer tick.Stop()
	cutAt, restartAt := time.Now().Add(cutEvery), time.Now().Add(c.restarts)
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		if time.Now().After(cutAt) {
			c.cut.Cut()
			c.done.Cut++
			cutAt = time.Now().Add(cutEvery)
		}
		if time.Now().After(restartAt) {
			if err := c.restart(ctx); err != nil {
				return err
			}
			restartAt = time.Now().Add(c.restarts)
		}
		if err := c.forgive(ctx, c.step(ctx)); err != nil {
			return err
		}
	}
}

// restart kills the API server, and starts it again. It ends well also where the soak is over meanwhile.
func (c *churner) restart(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), restartLimit)
	defer cancel()
	if err := c.f.Kill(ctx, cluster.APIServer); err != nil {
		return err
	}
	c.done.Restarted++
	return c.f.Start(ctx, cluster.APIServer)
}

// forgive lets failures pass that others cause: an object was changed or removed at the same moment, a server
// is coming back.
func (c *churner) forgive(ctx context.Context, err error) error {
	if err == nil || ctx.Err() != nil {
		c.failures = 0
		return nil
	}
	if c.failures++; c.failures > brokenAttempts {
		return err
	}
	return nil
}

// step does one thing.
func (c *churner) step(ctx context.Context) error {
	if len(c.live) < 10 || c.random.IntN(3) == 0 && len(c.live) < churnMost {
		return c.create(ctx)
	}
	i := c.random.IntN(len(c.live))
	switch name := c.live[i]; c.random.IntN(4) {
	case 0:
		return c.remove(ctx, i)
	case 1:
		return c.relabel(ctx, name)
	case 2:
		return c.edit(ctx, name)
	default:
		return c.removePolicy(ctx, name)
	}
}

func (c *churner) create(ctx context.Context) error {
	name := fmt.Sprintf("churn-%06d", c.next)
	c.next++
	if err := c.f.makeNamespace(ctx, name); err != nil {
		return err
	}
	c.live, c.selected[name] = append(c.live, name), true
	c.done.Created++
	return nil
}

func (c *churner) remove(ctx context.Context, i int) error {
	name := c.live[i]
	err := c.f.client.CoreV1().Namespaces().Delete(ctx, name, metav1.DeleteOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return err
	}
	c.live[i] = c.live[len(c.live)-1]
	c.live = c.live[:len(c.live)-1]
	delete(c.selected, name)
	c.done.Deleted++
	return nil
}

// relabel selects what is not selected, and the other way round.
func (c *churner) relabel(ctx context.Context, name string) error {
	value := "no"
	if !c.selected[name] {
		value = "yes"
	}
	patch := fmt.Sprintf(`{"metadata":{"labels":{%q:%q}}}`, policy.Label, value)
	_, err := c.f.client.CoreV1().Namespaces().Patch(ctx, name, types.MergePatchType, []byte(patch), metav1.PatchOptions{})
	if err == nil {
		c.selected[name] = value == "yes"
		c.done.Relabelled++
	}
	return err
}

// edit opens a policy, as a rival would.
func (c *churner) edit(ctx context.Context, name string) error {
	_, err := c.f.client.NetworkingV1().NetworkPolicies(name).Patch(ctx, policy.DenyName, types.MergePatchType,
		[]byte(`{"spec":{"ingress":[{}]}}`), metav1.PatchOptions{FieldManager: "rival"})
	if err == nil {
		c.done.Edited++
	}
	return ignoreNotFound(err)
}

func (c *churner) removePolicy(ctx context.Context, name string) error {
	err := c.f.client.NetworkingV1().NetworkPolicies(name).Delete(ctx, policy.DenyName, metav1.DeleteOptions{})
	if err == nil {
		c.done.Removed++
	}
	return ignoreNotFound(err)
}

func ignoreNotFound(err error) error {
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

// wrong counts the selected namespaces that do not have a whole deny.
func (c *churner) wrong(ctx context.Context) (count int, err error) {
	list, err := c.f.client.NetworkingV1().NetworkPolicies("").List(ctx, metav1.ListOptions{
		FieldSelector: "metadata.name=" + policy.DenyName,
	})
	if err != nil {
		return 0, err
	}
	whole := map[string]bool{}
	for i := range list.Items {
		spec := &list.Items[i].Spec
		whole[list.Items[i].Namespace] = len(spec.PolicyTypes) == 2 && len(spec.Ingress) == 0 && len(spec.Egress) == 0
	}
	for name, isSelected := range c.selected {
		if isSelected && !whole[name] {
			count++
		}
	}
	return count, nil
}
