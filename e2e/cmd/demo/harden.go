package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

const (
	labProfile = "demo-workloads"
	labLimit   = 60 * time.Second // for a rollout to be proven, or to be taken back
)

// labText is the SecurityProfile for workloads, as a user would write it.
//
//go:embed workloads.yaml
var labText string

// harden shows workloads being hardened: what goes well, what does not, and a fight.
func (d *demo) harden(ctx context.Context) error {
	d.step("Workloads that nobody has hardened")
	if d.own == nil {
		d.say("Left out in a cluster of yours: one of them has to crash when it is hardened, which the nodes that " +
			"the demo plays can do. `make demo` without KUBECONFIG shows it.")
		return nil
	}
	if err := createLab(ctx, d.client); err != nil {
		return err
	}
	err := d.during(ctx, "Waiting for their pods", func(ctx context.Context) error {
		return until(ctx, podLimit, "pods in "+lab, func(ctx context.Context) (bool, error) { return labSettled(ctx, d.client) })
	})
	if err != nil {
		return err
	}
	for _, s := range sloppy {
		d.block(fmt.Sprintf("%-9s %-8s %s", lab, s.name, d.dim(pad(plural(int(s.replicas), "pod"), len("2 pods"))+"   "+s.role)))
	}
	before, err := d.auditLab(ctx)
	if err != nil {
		return err
	}
	return d.enforceLab(ctx, before)
}

// auditLab shows the score before.
func (d *demo) auditLab(ctx context.Context) (before posture, err error) {
	d.gap()
	d.command("cat e2e/cmd/demo/workloads.yaml", labText)
	d.gap()
	templates, err := labTemplates(ctx, d.client)
	if err != nil {
		return before, err
	}
	d.undo = append(d.undo, undo{what: "SecurityProfile " + labProfile, isForShow: true,
		do: func(ctx context.Context) error { return d.removeLab(ctx, templates) }})
	out, err := d.run(ctx, labText, "apply", "--filename", "-")
	if err != nil {
		return before, err
	}
	d.command("kubectl apply -f e2e/cmd/demo/workloads.yaml", out)
	before, err = d.awaitPosture(ctx, "Evaluating", reactLimit, func(p posture) bool { return p.Workloads.Total == len(sloppy) })
	if err != nil {
		return before, err
	}
	d.gap()
	d.say("The score before. In Audit nothing of them is changed:")
	d.block(d.bold(before.score()))
	return before, nil
}

// awaitPosture waits until the status about the present spec is as wanted.
func (d *demo) awaitPosture(
	ctx context.Context, what string, limit time.Duration, isWanted func(posture) bool,
) (last posture, err error) {
	err = d.during(ctx, what, func(ctx context.Context) error {
		return until(ctx, limit, "status of SecurityProfile "+labProfile, func(ctx context.Context) (bool, error) {
			var isCurrent bool
			last, isCurrent, err = d.postureOf(ctx, labProfile)
			return isCurrent && isWanted(last), err
		})
	})
	if err != nil && ctx.Err() == nil {
		err = fmt.Errorf("%w; it says %+v, %+v", err, last.Workloads, last.Rollouts)
	}
	return last, err
}

// enforceLab hardens, with somebody who fights for one of them.
func (d *demo) enforceLab(ctx context.Context, before posture) error {
	d.step("Harden them, without breaking one")
	rival, err := fight(ctx, d.client, contested)
	if err != nil {
		return err
	}
	begin := time.Now()
	const patch = `{"spec":{"mode":"Enforce"}}`
	_, err = d.dynamic.Resource(profiles).Patch(ctx, labProfile, types.MergePatchType, []byte(patch), metav1.PatchOptions{})
	if err != nil {
		return errors.Join(err, ignoreStopped(rival))
	}
	d.command("kubectl patch secprof "+labProfile+" --type=merge -p '"+patch+"'",
		"securityprofile.rampart.dev/"+labProfile+" patched")
	proven := len(sloppy) - 2
	after, err := d.awaitPosture(ctx, "Filling in, and watching the new pods", 4*labLimit, func(p posture) bool {
		return p.Rollouts.Proven == proven && p.Rollouts.Failed == 1 && p.Rollouts.Contested == 1 && p.Rollouts.Running == 0
	})
	rounds, rivalErr := rival.end()
	if err = errors.Join(err, rivalErr); err != nil {
		return err
	}
	took := time.Since(begin)
	err = d.during(ctx, "Waiting until all run as they did", func(ctx context.Context) error {
		return until(ctx, labLimit, "pods in "+lab, func(ctx context.Context) (bool, error) { return labSettled(ctx, d.client) })
	})
	if err != nil {
		return err
	}
	d.gap()
	d.say("After %.0f s all is decided: %d are hardened, which their new pods have proven; one did not come back, and what "+
		"was filled in was taken out again; one is left to the %s, which had taken it out %d times. The Events:",
		took.Seconds(), after.Rollouts.Proven, labRival, rounds)
	if err := d.showLabEvents(ctx, begin); err != nil {
		return err
	}
	d.gap()
	if err := d.showLab(ctx); err != nil {
		return err
	}
	d.gap()
	d.say("The score:")
	d.block("before  " + before.score())
	d.block("after   " + d.bold(after.score()))
	return nil
}

func ignoreStopped(f *fighter) error {
	_, err := f.end()
	return err
}

// showLabEvents prints what was said of the two that are not hardened.
func (d *demo) showLabEvents(ctx context.Context, begin time.Time) error {
	for _, reason := range []string{"Reverted", "Contested"} {
		events, err := d.awaitEvents(ctx, lab, reason, begin, 1)
		if err != nil {
			return err
		}
		events = slices.CompactFunc(events, func(a, b eventsv1.Event) bool { return a.Note == b.Note })
		for _, event := range events {
			d.showEvent(event)
		}
	}
	return nil
}

// showLab prints the workloads as the cluster has them.
func (d *demo) showLab(ctx context.Context) error {
	const pod, container = ".spec.template.spec.securityContext", ".spec.template.spec.containers[0].securityContext"
	columns := strings.Join([]string{
		"NAME:.metadata.name", "READY:.status.readyReplicas", "NONROOT:" + pod + ".runAsNonRoot",
		"SECCOMP:" + pod + ".seccompProfile.type", "ESCALATION:" + container + ".allowPrivilegeEscalation",
		"DROP:" + container + ".capabilities.drop",
	}, ",")
	out, err := d.run(ctx, "", "get", "deployments", "--namespace", lab, "--output", "custom-columns="+columns)
	if err == nil {
		d.command("kubectl get deployments -n "+lab+" -o custom-columns=...", out)
	}
	return err
}

// removeLab deletes the profile. It says onDelete: Remove: every template is to be what it was.
func (d *demo) removeLab(ctx context.Context, before map[string]string) error {
	objects := d.dynamic.Resource(profiles)
	if err := objects.Delete(ctx, labProfile, metav1.DeleteOptions{}); err != nil {
		return ignoreNotFound(err)
	}
	d.command("kubectl delete secprof "+labProfile, "securityprofile.rampart.dev \""+labProfile+"\" deleted")
	begin := time.Now()
	err := d.during(ctx, "Taking back what was filled in", func(ctx context.Context) error {
		return until(ctx, goneLimit, "SecurityProfile "+labProfile+" gone", func(ctx context.Context) (bool, error) {
			_, err := objects.Get(ctx, labProfile, metav1.GetOptions{})
			return apierrors.IsNotFound(err), ignoreNotFound(err)
		})
	})
	if err != nil {
		return d.withLog(err)
	}
	after, err := labTemplates(ctx, d.client)
	if err != nil {
		return err
	}
	for name, template := range before {
		if after[name] != template {
			return fmt.Errorf("the template of Deployment %s/%s is not what it was: %s", lab, name, after[name])
		}
	}
	d.say("Within %s every template in %s is what it was, to the byte.", milliseconds(time.Since(begin)), lab)
	return nil
}
