package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"

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

// profileText is the SecurityProfile of the demo, as a user would write it.
//
//go:embed profile.yaml
var profileText string

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
	what string
	do   func(context.Context) error
}

func (d *demo) atEnd(what string, do func(context.Context) error) {
	d.undo = append(d.undo, undo{what, do})
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
		d.block(fmt.Sprintf("%-13s %-12s %s   %s", w.namespace, w.name, d.dim(plural(int(w.replicas), "pod")+pad("", 2-min(2, int(w.replicas)))), d.dim(w.role)))
	}
	d.gap()
	d.say("Who may connect to whom, on the port that is named? Without a NetworkPolicy, everybody to everybody:")
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
	d.command("cat profile.yaml", d.profile)
	d.gap()
	d.atEnd("SecurityProfile "+profileName, d.removeProfile)
	begin := time.Now()
	out, err := d.run(ctx, d.profile, "apply", "--filename", "-")
	if err != nil {
		return err
	}
	d.command("kubectl apply -f profile.yaml", out)
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
		list, err := d.dynamic.Resource(policies).List(ctx, metav1.ListOptions{LabelSelector: "app.kubernetes.io/managed-by=rampart"})
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
	if _, err := d.dynamic.Resource(profiles).Patch(ctx, profileName, types.MergePatchType, []byte(patch), metav1.PatchOptions{}); err != nil {
		return err
	}
	d.command("kubectl patch secprof "+profileName+" --type=merge -p '"+patch+"'", "securityprofile.rampart.dev/"+profileName+" patched")
	selected := len(guardedNamespaces())
	if err := d.awaitStatus(ctx, begin, "policies in all namespaces", func(s status) bool {
		return s.Namespaces.Selected == selected && s.Namespaces.Compliant == selected
	}); err != nil {
		return err
	}
	d.gap()
	d.say("When each policy was there, in milliseconds. They count from before the request was sent until a watch shows " +
		"the policy, so the API server's own work is in them.")
	d.showTimes(begin, guardedNamespaces())
	d.gap()
	d.say("The deny comes first and carries all allows until each of them has a policy of its own. So at no moment is a " +
		"namespace cut off from what its profile allows, not even if the operator is killed half-way. (An operator that " +
		"wrote the DNS policy first would cut off all that is not DNS.)")
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
	d.say("The API server calls image-check for admission, so Rampart has let it in, in a policy of its own that nobody had " +
		"to ask for: a default-deny that cuts off a webhook has taken whole clusters down. Its caller's address cannot be " +
		"known, so that one port is open to all who may connect at all.")
	return nil
}

// showTimes prints a table: policies down, namespaces across.
func (d *demo) showTimes(begin time.Time, namespaces []string) {
	type place struct{ namespace, name string }
	first, last := map[place]time.Duration{}, map[string]time.Duration{}
	names := []string{}
	for _, s := range d.policies.since(begin) {
		at, took := place{s.object.GetNamespace(), s.object.GetName()}, s.at.Sub(begin)
		if !slices.Contains(namespaces, at.namespace) {
			continue
		}
		if _, ok := first[at]; !ok && s.event == watch.Added {
			first[at] = took
		}
		if !slices.Contains(names, at.name) {
			names = append(names, at.name)
		}
		last[at.namespace] = took
	}
	slices.Sort(names)
	slices.SortStableFunc(names, func(a, b string) int { // the deny comes first
		return map[bool]int{true: -1}[a == denyName] - map[bool]int{true: -1}[b == denyName]
	})
	line := func(title string, cell func(namespace string) string) {
		text := pad(title, 36)
		for _, namespace := range namespaces {
			text += fmt.Sprintf("%12s", cell(namespace))
		}
		d.block(text)
	}
	line("", func(namespace string) string { return namespace })
	for _, name := range names {
		line(name, func(namespace string) string {
			if took, ok := first[place{namespace, name}]; ok {
				return fmt.Sprintf("%.1f", float64(took)/float64(time.Millisecond))
			}
			return "-"
		})
	}
	line("the deny carries nothing any more", func(namespace string) string {
		return fmt.Sprintf("%.1f", float64(last[namespace])/float64(time.Millisecond))
	})
}

func (d *demo) addNamespace(ctx context.Context) error {
	d.step("A new namespace")
	if d.own == nil {
		d.atEnd("namespace "+newNamespace, func(ctx context.Context) error { return d.removeNamespace(ctx, newNamespace) })
	}
	begin := time.Now()
	if _, err := d.client.CoreV1().Namespaces().Create(ctx, newNamespaceObject(newNamespace, guarded), metav1.CreateOptions{}); err != nil {
		return err
	}
	d.command("kubectl create namespace "+newNamespace+"    # with the label "+guardLabel+"="+guarded, "namespace/"+newNamespace+" created")
	seen, err := d.policies.await(ctx, reactLimit, "default-deny of namespace "+newNamespace, begin, func(seen []sighting) bool {
		return slices.ContainsFunc(seen, func(s sighting) bool { return s.is(newNamespace, denyName) })
	})
	if err != nil {
		return err
	}
	denied := seen[slices.IndexFunc(seen, func(s sighting) bool { return s.is(newNamespace, denyName) })].at.Sub(begin)
	selected := len(guardedNamespaces()) + 1
	err = d.awaitStatus(ctx, begin, "policies in namespace "+newNamespace, func(s status) bool {
		return s.Namespaces.Selected == selected && s.Namespaces.Compliant == selected
	})
	if err != nil {
		return err
	}
	d.say("Its default-deny was there %s after the request was sent. No pod can have run before: it has to be created, "+
		"scheduled and started first.", d.bold(milliseconds(denied)))
	d.showTimes(begin, []string{newNamespace})
	return nil
}

func (d *demo) drift(ctx context.Context) error {
	d.step("Drift: somebody deletes one policy, and loosens another")
	if err := d.driftByDeletion(ctx, "demo-shop"); err != nil {
		return err
	}
	d.gap()
	return d.driftByEdit(ctx, "demo-bank")
}

func (d *demo) driftByDeletion(ctx context.Context, namespace string) error {
	begin := time.Now()
	objects := d.dynamic.Resource(policies).Namespace(namespace)
	if err := objects.Delete(ctx, denyName, metav1.DeleteOptions{}); err != nil {
		return err
	}
	d.command("kubectl delete networkpolicy "+denyName+" --namespace "+namespace,
		"networkpolicy.networking.k8s.io \""+denyName+"\" deleted")
	isBack := func(s sighting) bool { return s.event == watch.Added && s.is(namespace, denyName) }
	seen, err := d.policies.await(ctx, reactLimit, "NetworkPolicy "+namespace+"/"+denyName+" made again", begin,
		func(seen []sighting) bool { return slices.ContainsFunc(seen, isBack) })
	if err != nil {
		return err
	}
	gone := slices.IndexFunc(seen, func(s sighting) bool {
		return s.event == watch.Deleted && s.object.GetNamespace() == namespace && s.object.GetName() == denyName
	})
	back := slices.IndexFunc(seen, isBack)
	if gone < 0 {
		return fmt.Errorf("NetworkPolicy %s/%s is back before it was gone", namespace, denyName)
	}
	d.say("It was back %s after it was gone.", d.bold(milliseconds(seen[back].at.Sub(seen[gone].at))))
	return d.showDrift(ctx, namespace, "PolicyDeleted", begin)
}

func (d *demo) driftByEdit(ctx context.Context, namespace string) error {
	const patch = `{"spec":{"ingress":[{}]}}`
	begin := time.Now()
	_, err := d.dynamic.Resource(policies).Namespace(namespace).Patch(ctx, denyName, types.MergePatchType, []byte(patch),
		metav1.PatchOptions{FieldManager: rival})
	if err != nil {
		return err
	}
	d.command("kubectl patch networkpolicy "+denyName+" --namespace "+namespace+" --field-manager="+rival+" \\",
		"    --type=merge -p '"+patch+"'      # everybody may connect\nnetworkpolicy.networking.k8s.io/"+denyName+" patched")
	isOpen := func(s sighting) bool { return s.is(namespace, denyName) && rulesOf(s) > 0 }
	open, shut := -1, -1
	seen, err := d.policies.await(ctx, reactLimit, "NetworkPolicy "+namespace+"/"+denyName+" put right", begin,
		func(seen []sighting) bool {
			if open = slices.IndexFunc(seen, isOpen); open < 0 {
				return false
			}
			shut = slices.IndexFunc(seen[open:], func(s sighting) bool { return s.is(namespace, denyName) && rulesOf(s) == 0 })
			return shut > 0
		})
	if err != nil {
		return err
	}
	d.say("It was put right %s after it was loosened.", d.bold(milliseconds(seen[open+shut].at.Sub(seen[open].at))))
	return d.showDrift(ctx, namespace, "PolicyEdited", begin)
}

// rulesOf is how many ingress rules the policy has.
func rulesOf(s sighting) int {
	rules, _, _ := unstructured.NestedSlice(s.object.Object, "spec", "ingress")
	return len(rules)
}

// showDrift prints the Event that tells of it.
func (d *demo) showDrift(ctx context.Context, namespace, reason string, since time.Time) error {
	events, err := d.awaitEvents(ctx, namespace, reason, since, 1)
	if err != nil {
		return err
	}
	for _, event := range events {
		d.showEvent(event)
	}
	return nil
}

func (d *demo) plan(ctx context.Context) error {
	d.step("Try a change before it is made")
	edited, err := d.editedProfile()
	if err != nil {
		return err
	}
	file := filepath.Join(d.dir, "edited.yaml")
	if err := os.WriteFile(file, []byte(edited), 0o600); err != nil {
		return err
	}
	d.say("The same profile, edited: pods may no longer reach the payment provider, and Prometheus may scrape them.")
	diff, err := difference(ctx, strings.Replace(d.profile, "mode: Audit ", "mode: Enforce ", 1), edited)
	if err != nil {
		return err
	}
	for line := range strings.Lines(diff) {
		switch line = strings.TrimRight(line, "\n"); line[0] {
		case '+':
			line = d.green(line)
		case '-':
			line = d.red(line)
		}
		d.block(line)
	}
	d.gap()
	kubeconfig, err := d.operatorKubeconfig(ctx)
	if err != nil {
		return err
	}
	out, code, err := rampart(ctx, "plan", "-f", file, "--kubeconfig", kubeconfig)
	if err != nil {
		return err
	}
	d.command("rampart plan -f edited.yaml", out)
	d.say("%s", d.dim(fmt.Sprintf("Exit code %d, so a pipeline can stop and ask.", code)))
	return nil
}

// editedProfile is the profile in Enforce with two changes.
func (d *demo) editedProfile() (string, error) {
	text := strings.Replace(d.profile, "mode: Audit  ", "mode: Enforce", 1)
	from, to := "      from:", "      to:"
	at, cut := strings.Index(text, from), strings.Index(text, to)
	if at < 0 || cut < at {
		return "", errors.New("profile.yaml has no from, or no to behind it")
	}
	return text[:cut] + `        - namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: monitoring}}
          ports: [{port: 9090}]
`, nil
}

func (d *demo) bill(ctx context.Context) error {
	d.step("How it stands, and what it took")
	if err := d.showProfile(ctx); err != nil {
		return err
	}
	d.gap()
	d.say("Its conditions:")
	if err := d.showConditions(ctx); err != nil {
		return err
	}
	d.gap()
	if err := d.showMemory(); err != nil || d.own == nil {
		return err
	}
	return d.showCalls()
}

// showProfile prints the profiles as kubectl does.
func (d *demo) showProfile(ctx context.Context) error {
	out, err := d.run(ctx, "", "get", "secprof")
	if err == nil {
		d.command("kubectl get secprof", out)
	}
	return err
}

// status is the part of a profile's status that the demo waits for.
type status struct {
	ObservedGeneration int64
	Namespaces         struct{ Selected, Compliant, Drifted, Failed int }
	Conditions         []metav1.Condition
}

// awaitStatus waits until the profile's status, about its present spec, is as wanted. If it is not, the
// error says what it is instead.
func (d *demo) awaitStatus(ctx context.Context, begin time.Time, what string, isWanted func(status) bool) error {
	var last status
	_, err := d.profiles.await(ctx, reactLimit, what, begin, func(seen []sighting) bool {
		for _, s := range slices.Backward(seen) {
			if s.object.GetName() != profileName {
				continue
			}
			if text, err := json.Marshal(s.object.Object["status"]); err == nil {
				last = status{}
				_ = json.Unmarshal(text, &last)
			}
			return last.ObservedGeneration == s.object.GetGeneration() && isWanted(last)
		}
		return false
	})
	if err == nil || ctx.Err() != nil {
		return err
	}
	text := ""
	for _, c := range last.Conditions {
		text += fmt.Sprintf("\n  %s is %s: %s: %s", c.Type, c.Status, c.Reason, c.Message)
	}
	return fmt.Errorf("%w; SecurityProfile %s: %d of %d namespaces compliant, %d drifted, %d failed%s", err, profileName,
		last.Namespaces.Compliant, last.Namespaces.Selected, last.Namespaces.Drifted, last.Namespaces.Failed, text)
}

// profileFor is the profile without what this cluster has not.
func (d *demo) profileFor() string {
	text := profileText
	drop := func(key string) {
		lines := slices.DeleteFunc(strings.SplitAfter(text, "\n"), func(line string) bool {
			return strings.HasPrefix(strings.TrimSpace(line), key+": {}")
		})
		text = strings.Join(lines, "")
	}
	if d.dnsPods == nil {
		d.say("%s", d.yellow("No Service kube-dns was found, so the profile leaves out dns."))
		drop("dns")
	}
	if !d.apiServer.IsValid() {
		d.say("%s", d.yellow("Service default/kubernetes has no endpoints, so the profile leaves out apiServer."))
		drop("apiServer")
	}
	return text
}

// difference is what diff prints of two texts, without its heads.
func difference(ctx context.Context, one, other string) (string, error) {
	dir, err := os.MkdirTemp("", "rampart-demo-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	for name, text := range map[string]string{"one": one, "other": other} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return "", err
		}
	}
	out, err := exec.CommandContext(ctx, "diff", "--unified=0", filepath.Join(dir, "one"), filepath.Join(dir, "other")).Output()
	var exit *exec.ExitError
	if err != nil && !(errors.As(err, &exit) && exit.ExitCode() == 1) {
		return "", err
	}
	lines := slices.DeleteFunc(strings.SplitAfter(string(out), "\n"), func(line string) bool {
		return line == "" || strings.HasPrefix(line, "---") || strings.HasPrefix(line, "+++") || strings.HasPrefix(line, "@@")
	})
	return strings.Join(lines, ""), nil
}

// rampart runs the binary and returns what it prints and its exit code, where that says it has worked.
func rampart(ctx context.Context, args ...string) (string, int, error) {
	binary, err := operator.Binary()
	if err != nil {
		return "", 0, err
	}
	const changes = 3 // the exit code of a plan that would change something
	command := exec.CommandContext(ctx, binary, args...)
	command.Env = append(os.Environ(), "POD_NAMESPACE="+ownNamespace)
	out, err := command.Output()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return "", 0, context.Cause(ctx)
	case errors.As(err, &exit) && exit.ExitCode() == changes:
		return string(out), changes, nil
	case errors.As(err, &exit):
		return "", 0, fmt.Errorf("rampart %s: %s: %s", args[0], exit, strings.TrimSpace(string(exit.Stderr)))
	}
	return string(out), 0, err
}
