package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"

	"rampart.dev/e2e/operator"
)

const (
	undoLimit = 2 * time.Minute // for one thing that is taken back; namespaces of a real cluster need it
	logLines  = 12              // of the operator, shown with an error
)

// play shows the demo and cleans up after it. With dir, which must not exist, the data of the control
// plane is there, and keep, which returns when it is time to end, runs before the cleaning up.
func play(ctx context.Context, screen *screen, dir string, keep func(*demo) error) (err error) {
	d := &demo{screen: screen}
	if err := ready(); err != nil {
		return err
	}
	begin := time.Now()
	d.block(d.bold("Rampart holds the security posture of namespaces and workloads where a SecurityProfile says it must be."))
	if err := d.open(ctx, dir); err != nil {
		if err = interrupted(ctx, err); errors.Is(err, errInterrupted) {
			d.say("Interrupted.")
		}
		return err
	}
	if err = d.tell(ctx); err == nil && keep != nil {
		err = keep(d)
	}
	err = interrupted(ctx, err)
	if err != nil && !errors.Is(err, errInterrupted) {
		err = d.withLog(err)
	}
	err = errors.Join(err, d.close(err))
	if err == nil && keep == nil {
		d.gap()
		d.say("All of this took %.0f s. To look around in it: make demo KEEP=1", time.Since(begin).Seconds())
	}
	return err
}

// ready says what is missing on this machine, before anything starts.
func ready() error {
	if _, err := os.Stat(filepath.Join(deployDir, "kustomization.yaml")); err != nil {
		return fmt.Errorf("%w: there is no %s/ here; run `make demo` in the repository's folder", errRefused, deployDir)
	}
	binary, err := operator.Binary()
	if err == nil {
		_, err = os.Stat(binary)
	}
	if err != nil {
		return fmt.Errorf("%w; build it with `make`", err)
	}
	return nil
}

// open gets a cluster: the user's, or one of its own.
func (d *demo) open(ctx context.Context, dir string) (err error) {
	if os.Getenv("KUBECONFIG") != "" {
		return d.openTheirs(ctx, dir)
	}
	d.say("This demo shows it on a real control plane: etcd, API server, controllers and scheduler of " +
		"Kubernetes, started on this machine for the demo and gone with it. Only the nodes are played (by " +
		"kwok, so pods run), and no network plugin is there to enforce the policies: who may connect to " +
		"whom is computed from them.")
	d.step("A control plane")
	if d.site, err = startOwn(ctx, d.screen, dir, nodes); err != nil {
		return err
	}
	d.atEnd("control plane", func(context.Context) error { return d.own.Close() })
	version, err := d.client.Discovery().ServerVersion()
	if err != nil {
		return errors.Join(err, d.own.Close())
	}
	d.say("Kubernetes %s is up on %s, with %s.", version.GitVersion, d.own.URL, plural(nodes, "node"))
	return nil
}

// interrupted tells an error that Ctrl-C caused from others.
func interrupted(ctx context.Context, err error) error {
	if err != nil && errors.Is(context.Cause(ctx), errInterrupted) {
		return errInterrupted
	}
	return err
}

// withLog adds the end of the operator's log to an error.
func (d *demo) withLog(err error) error {
	if d.operator == nil {
		return err
	}
	lines := []string{}
	for _, record := range d.operator.Records() {
		line := fmt.Sprint(record["time"], " ", record["level"], " ", record["msg"])
		for _, field := range slices.Sorted(maps.Keys(record)) {
			if !slices.Contains([]string{"time", "level", "msg", "key", "summary"}, field) {
				line += fmt.Sprintf(" %s=%v", field, record[field])
			}
		}
		lines = append(lines, line)
	}
	if reports := d.operator.Reports(); reports != "" {
		lines = append(lines, reports)
	}
	lines = lines[max(0, len(lines)-logLines):]
	return fmt.Errorf("%w\n\nThe operator's log ends:\n%s", err, strings.Join(lines, "\n"))
}

// close takes back what was made, latest first. It goes on where something fails, and says what is left.
// why is how the demo ended.
func (d *demo) close(why error) (err error) {
	switch {
	case why == nil:
		d.step("Clean up")
	case errors.Is(why, errInterrupted):
		d.gap()
		d.say("Interrupted. Cleaning up.")
		if d.own == nil {
			d.say("A second Ctrl-C leaves what is there.")
		}
	default:
		d.gap()
		d.say("Something went wrong; the reason comes below. Cleaning up first.")
	}
	for _, undo := range slices.Backward(d.undo) {
		ctx, cancel := context.WithTimeout(context.Background(), undoLimit)
		// What goes with the control plane is taken back for show alone, where there was no failure.
		if !undo.isForShow || d.own == nil || why == nil {
			if e := undo.do(ctx); e != nil {
				err = errors.Join(err, fmt.Errorf("clean up %s: %w", undo.what, e))
			}
		}
		cancel()
	}
	if err != nil && d.own == nil {
		err = fmt.Errorf("%w\nSome of it may be left in the cluster; look for it with:\n"+
			"  kubectl get secprof\n  kubectl get namespaces --selector %s", err, guardLabel)
	}
	return err
}

// stopOperator asks the operator to end.
func (d *demo) stopOperator(ctx context.Context) error {
	if !d.operator.Alive() {
		d.say("The operator had ended before.")
		return nil
	}
	begin, ran := time.Now(), time.Since(d.started)
	if err := d.operator.Stop(); err != nil {
		return err
	}
	d.say("The operator ended %s after SIGTERM, with exit code 0. It ran for %.0f s.",
		milliseconds(time.Since(begin)), ran.Seconds())
	if d.own == nil {
		d.showOwnCounts()
	}
	return nil
}

// showOwnCounts prints the requests that the operator counted itself: where the audit log is not to be had.
func (d *demo) showOwnCounts() {
	for _, record := range slices.Backward(d.operator.Records()) {
		if record["msg"] != "rampart stops" {
			continue
		}
		d.say("Its requests, as it counted them: %v on %v connection(s), of which %v creations, %v patches, "+
			"%v status patches, %v deletions and %v Events.", record["requests"], record["connections"], record["creates"],
			record["patches"], record["status_patches"], record["deletes"], record["events_sent"])
		return
	}
}

// removeProfile deletes the profile. It says onDelete: Remove, so Rampart takes back what it made. Where
// Rampart does not, its finalizer is taken off.
func (d *demo) removeProfile(ctx context.Context) error {
	begin := time.Now()
	if err := d.dynamic.Resource(profiles).Delete(ctx, profileName, metav1.DeleteOptions{}); err != nil {
		return ignoreNotFound(err)
	}
	var err error
	if d.operator.Alive() {
		d.command("kubectl delete secprof "+profileName, "securityprofile.rampart.dev \""+profileName+"\" deleted")
		if err = d.takeBack(ctx, begin); err == nil {
			return nil
		}
	}
	_, patchErr := d.dynamic.Resource(profiles).Patch(ctx, profileName, types.MergePatchType,
		[]byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{})
	return errors.Join(err, ignoreNotFound(patchErr))
}

// takeBack waits until the deleted profile is gone, and says how long that took.
func (d *demo) takeBack(ctx context.Context, begin time.Time) error {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	go d.guard(ctx, fail)
	isGone := func(s sighting) bool { return s.event == watch.Deleted && s.object.GetName() == profileName }
	seen, err := d.profiles.await(ctx, goneLimit, "SecurityProfile "+profileName+" gone", begin,
		func(seen []sighting) bool { return slices.ContainsFunc(seen, isGone) })
	if err != nil {
		return d.withLog(err)
	}
	taken, last := 0, begin
	for _, s := range d.policies.since(begin) {
		if s.event == watch.Deleted {
			taken++
			last = s.at
		}
	}
	list, err := d.dynamic.Resource(policies).List(ctx,
		metav1.ListOptions{LabelSelector: "rampart.dev/profile=" + profileName})
	if err == nil && len(list.Items) > 0 {
		err = fmt.Errorf("%d policies of SecurityProfile %s are left", len(list.Items), profileName)
	}
	gone := milliseconds(seen[len(seen)-1].at.Sub(begin))
	if taken == 0 {
		d.say("It had made nothing yet, and was gone after %s.", gone)
		return err
	}
	d.say("onDelete is Remove: Rampart took back its %d policies within %s; the profile, which its finalizer held "+
		"until then, was gone after %s.", taken, milliseconds(last.Sub(begin)), gone)
	return err
}
