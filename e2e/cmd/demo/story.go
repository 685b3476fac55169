package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"rampart.dev/e2e/operator"
)

const (
	deployDir    = "deploy"
	ownNamespace = operator.Namespace
	ownAccount   = operator.ServiceAccount
	profileName  = "demo"
	denyName     = "rampart-default-deny"
	rival        = "hotfix-script" // the field manager that loosens a policy
	nodes        = 3

	podLimit   = 60 * time.Second
	reactLimit = 15 * time.Second // far beyond what Rampart needs, for a machine that is busy
	goneLimit  = 30 * time.Second
)

var (
	profiles = schema.GroupVersionResource{Group: "rampart.dev", Version: "v1alpha1", Resource: "securityprofiles"}
	policies = schema.GroupVersionResource{Group: "networking.k8s.io", Version: "v1", Resource: "networkpolicies"}
)

// demo is the demo while it plays.
type demo struct {
	*screen
	*site
	operator  *operator.Operator // nil until it runs
	log       string             // of the operator, a path
	started   time.Time          // the operator
	policies  *lookout
	profiles  *lookout
	profile   string            // what is applied: profileText, without what the cluster has not
	dnsPods   map[string]string // labels of the cluster's DNS; nil: not found
	apiServer netip.AddrPort    // invalid: not found
	theirs    *theirs           // nil: the cluster is our own
	undo      []undo
}

// undo is something that has to be taken back at the end, in reverse order.
type undo struct {
	what      string
	do        func(context.Context) error
	isForShow bool // it goes with a control plane of our own anyway
}

func (d *demo) atEnd(what string, do func(context.Context) error) {
	d.undo = append(d.undo, undo{what: what, do: do})
}

// tell is the demo from the workloads on.
func (d *demo) tell(ctx context.Context) error {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	for _, step := range []func(context.Context) error{
		d.createWorkloads,
		func(ctx context.Context) error { return d.install(ctx, fail) },
		d.audit,
		d.enforce,
		d.addNamespace,
		d.drift,
		d.plan,
		d.harden,
		d.bill,
	} {
		if err := step(ctx); err != nil {
			if cause := context.Cause(ctx); cause != nil {
				return cause
			}
			return err
		}
	}
	return nil
}

func (d *demo) createWorkloads(ctx context.Context) error {
	d.step("Workloads")
	everybody := cast
	if d.own != nil {
		if err := createStandIns(ctx, d.client); err != nil {
			return err
		}
		everybody = append(slices.Clone(cast), dns)
	} else {
		d.atEnd("namespaces and webhook of the demo", d.removeCast)
	}
	if err := createCast(ctx, d.client); err != nil {
		return err
	}
	if err := d.findLandmarks(ctx); err != nil {
		return err
	}
	err := d.during(ctx, "Waiting for the pods to run", func(ctx context.Context) error {
		_, err := d.awaitPods(ctx, podLimit, everybody)
		return err
	})
	switch {
	case err != nil && d.own == nil && ctx.Err() == nil:
		d.say("%s", d.yellow("Not all pods run. The demo goes on: policies are made by labels, and need none."))
	case err != nil:
		return err
	}
	for _, w := range everybody {
		pods := pad(plural(int(w.replicas), "pod"), len("2 pods"))
		d.block(fmt.Sprintf("%-13s %-12s %s", w.namespace, w.name, d.dim(pods+"   "+w.role)))
	}
	d.gap()
	d.say("Who (left) may connect to whom (top)? Without a NetworkPolicy, everybody to everybody:")
	return d.picture(ctx)
}

func (d *demo) install(ctx context.Context, fail context.CancelCauseFunc) error {
	d.step("Install Rampart")
	var out string
	err := d.during(ctx, "Applying deploy/", func(ctx context.Context) (err error) {
		if d.own == nil {
			out, err = d.applyTheirs(ctx)
			return err
		}
		if out, err = d.run(ctx, "", "apply", "-k", deployDir); err == nil {
			_, err = d.run(ctx, "", "scale", "deployment", "rampart", "--namespace", ownNamespace, "--replicas=0")
		}
		return err
	})
	if err != nil {
		return err
	}
	d.command("kubectl apply -k deploy/", out)
	if err := d.watch(ctx); err != nil {
		return err
	}
	kubeconfig, err := d.operatorKubeconfig(ctx)
	if err != nil {
		return err
	}
	d.log = filepath.Join(d.dir, "operator.log")
	d.started = time.Now()
	o, err := operator.Start(ctx, operator.Options{Kubeconfig: kubeconfig, Log: d.log})
	if err != nil {
		return err
	}
	d.operator = o
	d.atEnd("operator", d.stopOperator)
	go d.guard(ctx, fail)
	d.gap()
	d.say("There is no image of it in this cluster, so its Deployment is scaled to 0 and the operator runs here, as "+
		"process %d, with the token of its own ServiceAccount and no other right. It was ready after %s.",
		o.PID(), milliseconds(time.Since(d.started)))
	return nil
}

// watch starts the two watches that measure.
func (d *demo) watch(ctx context.Context) error {
	return until(ctx, reactLimit, "watching SecurityProfiles", func(ctx context.Context) (ok bool, err error) {
		watching := context.WithoutCancel(ctx) // they go on until the demo ends
		if d.profiles, err = look(watching, d.dynamic, profiles); err != nil {
			return false, err // the new type is served a moment later
		}
		d.policies, err = look(watching, d.dynamic, policies)
		return err == nil, err
	})
}

// guard ends the demo when the operator ends before it should.
func (d *demo) guard(ctx context.Context, fail context.CancelCauseFunc) {
	for ctx.Err() == nil {
		if !d.operator.Alive() {
			fail(errors.New("the operator has ended although nobody asked it to"))
			return
		}
		time.Sleep(poll)
	}
}

func (d *demo) audit(ctx context.Context) error {
	d.step("Audit: look before you leap")
	d.profile = d.profileFor()
	d.command("cat e2e/cmd/demo/profile.yaml", d.profile)
	d.gap()
	d.undo = append(d.undo, undo{what: "SecurityProfile " + profileName, do: d.removeProfile, isForShow: true})
	begin := time.Now()
	out, err := d.run(ctx, d.profile, "apply", "--filename", "-")
	if err != nil {
		return err
	}
	d.command("kubectl apply -f e2e/cmd/demo/profile.yaml", out)
	selected := len(guardedNamespaces())
	if err := d.awaitStatus(ctx, begin, "audit of the namespaces", func(s status) bool {
		return s.Namespaces.Selected == selected && s.Namespaces.Drifted == selected
	}); err != nil {
		return err
	}
	if err := d.showProfile(ctx); err != nil {
		return err
	}
	events, err := d.awaitEvents(ctx, "default", "PolicyMissing", begin, selected)
	if err != nil {
		return err
	}
	d.gap()
	d.say("What Enforce would do is in its status and in Events:")
	for _, event := range events {
		d.showEvent(event)
	}
	d.gap()
	return d.proveAudit(ctx)
}

// proveAudit shows that nothing but status and Events was written.
func (d *demo) proveAudit(ctx context.Context) error {
	if d.own == nil {
		list, err := d.dynamic.Resource(policies).List(ctx,
			metav1.ListOptions{LabelSelector: "app.kubernetes.io/managed-by=rampart"})
		if err == nil && len(list.Items) > 0 {
			err = fmt.Errorf("Audit must write no policy, and there are %d", len(list.Items))
		}
		d.say("No policy was written.")
		return err
	}
	counted, _, err := d.audited()
	if err != nil {
		return err
	}
	for _, resources := range counted.writes() {
		for resource := range resources {
			if resource != "securityprofiles/status" && resource != "events" {
				return fmt.Errorf("Audit must write nothing but status and Events, and it wrote %s", resource)
			}
		}
	}
	d.say("That is all that was written, says the API server's audit log:")
	for _, line := range counted.writes().lines() {
		d.block(line)
	}
	return nil
}

func (d *demo) enforce(ctx context.Context) error {
	d.step("Enforce")
	const patch = `{"spec":{"mode":"Enforce"}}`
	begin := time.Now()
	_, err := d.dynamic.Resource(profiles).Patch(ctx, profileName,
		types.MergePatchType, []byte(patch), metav1.PatchOptions{})
	if err != nil {
		return err
	}
	d.command("kubectl patch secprof "+profileName+" --type=merge -p '"+patch+"'",
		"securityprofile.rampart.dev/"+profileName+" patched")
	selected := len(guardedNamespaces())
	if err := d.awaitStatus(ctx, begin, "policies in all namespaces", func(s status) bool {
		return s.Namespaces.Selected == selected && s.Namespaces.Compliant == selected
	}); err != nil {
		return err
	}
	d.gap()
	d.say("When each policy was there, in milliseconds. They count from before the request was sent until a " +
		"watch shows the policy, so the API server's own work is in them.")
	d.showTimes(begin, guardedNamespaces())
	d.gap()
	d.say("A webhook is let in before anything is denied. The deny itself carries all allows until each of " +
		"them has a policy of its own, so at no moment is a namespace cut off from what its profile allows, " +
		"not even if the operator is killed half-way. (Were the policy for DNS written first, it would cut " +
		"off all that is not DNS.)")
	d.gap()
	if err := d.showProfile(ctx); err != nil {
		return err
	}
	d.gap()
	d.say("Who may connect to whom now:")
	if err := d.picture(ctx); err != nil {
		return err
	}
	d.gap()
	d.say("The API server calls demo-hooks/images for admission, so Rampart lets it in by a policy of its own " +
		"that nobody had to ask for: a default-deny that cuts off a webhook has taken whole clusters down. " +
		"From which address the API server comes cannot be known, so that one port stays open to everybody.")
	return nil
}

func (d *demo) addNamespace(ctx context.Context) error {
	d.step("A new namespace")
	begin := time.Now()
	namespace := newNamespaceObject(newNamespace, guarded)
	if _, err := d.client.CoreV1().Namespaces().Create(ctx, namespace, metav1.CreateOptions{}); err != nil {
		return err
	}
	d.command("kubectl create namespace "+newNamespace+"    # with the label "+guardLabel+"="+guarded,
		"namespace/"+newNamespace+" created")
	isDenied := func(s sighting) bool { return s.is(newNamespace, denyName) }
	seen, err := d.policies.await(ctx, reactLimit, "default-deny of namespace "+newNamespace, begin,
		func(seen []sighting) bool { return slices.ContainsFunc(seen, isDenied) })
	if err != nil {
		return err
	}
	denied := seen[slices.IndexFunc(seen, isDenied)].at.Sub(begin)
	selected := len(guardedNamespaces()) + 1
	err = d.awaitStatus(ctx, begin, "policies in namespace "+newNamespace, func(s status) bool {
		return s.Namespaces.Selected == selected && s.Namespaces.Compliant == selected
	})
	if err != nil {
		return err
	}
	d.say("Its default-deny was there %s after the request was sent.", d.bold(milliseconds(denied)))
	d.showTimes(begin, []string{newNamespace})
	return nil
}

func (d *demo) bill(ctx context.Context) error {
	d.step("How it stands, and what it took")
	if err := d.showProfile(ctx); err != nil {
		return err
	}
	d.gap()
	d.say("The conditions of %s:", profileName)
	if err := d.showConditions(ctx); err != nil {
		return err
	}
	d.gap()
	if err := d.showMemory(); err != nil || d.own == nil {
		return err
	}
	return d.showCalls()
}
