package faults

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"

	"rampart.dev/e2e/operator"
	"rampart.dev/e2e/oracle"
	"rampart.dev/e2e/poll"
	"rampart.dev/e2e/proxy"
)

const (
	deny      = "rampart-default-deny"
	allowSame = "rampart-allow-same-namespace"
	allowFrom = "rampart-allow-from"
	allowTo   = "rampart-allow-to"
)

// run is one operator behind one proxy. Its methods are what people do in the cluster, beside the proxy, and
// what they demand to see.
type run struct {
	*testing.T
	*world
	name     string // of the profile, and the beginning of its namespaces' names
	proxy    *proxy.Proxy
	operator *operator.Operator
	dir      string
	place    int64         // in the audit log, where it began
	limit    time.Duration // for what is demanded
}

var runs atomic.Int64

// begin makes a run in a control plane that is free. The operator is not started: play does so, or start.
func begin(t *testing.T) *run {
	t.Helper()
	return beginIn(t, takeWorld(t), nil)
}

// beginIn makes one in this control plane. lead may lead the operator another way than through the proxy alone.
func beginIn(t *testing.T, w *world, lead func(p *proxy.Proxy) (func(original, path string) error, error)) *run {
	t.Helper()
	r := &run{T: t, world: w, name: fmt.Sprintf("fault-%03d", runs.Add(1)), dir: t.TempDir(), limit: waitLimit}
	p, err := proxy.New(w.Cluster)
	r.must(err)
	t.Cleanup(p.Close)
	r.proxy = p
	kubeconfig := p.Kubeconfig
	if lead != nil {
		kubeconfig, err = lead(p)
		r.must(err)
	}
	path := filepath.Join(r.dir, "kubeconfig")
	r.must(kubeconfig(w.kubeconfig, path))
	r.operator, err = operator.New(operator.Options{Kubeconfig: path, Log: filepath.Join(r.dir, "rampart.log")})
	r.must(err)
	r.place, err = w.AuditNow()
	r.must(err)
	t.Cleanup(r.end)
	return r
}

// end demands that the operator runs, has nothing to report and stops in good order, and leaves the control
// plane as it was.
func (r *run) end() {
	if r.operator.Alive() {
		if err := r.operator.Stop(); err != nil {
			r.Error(err)
		}
	} else {
		r.Error("rampart does not run at the end")
	}
	if text := r.operator.Reports(); text != "" {
		r.Errorf("rampart reports:\n%s", text)
	}
	if r.Failed() {
		r.Logf("rampart's log ends:\n%s", r.operator.Tail())
	}
	if err := r.purge(); err != nil {
		r.Error(err)
	}
}

// purge removes what the run has made, without anybody's help.
func (r *run) purge() error {
	ctx := context.Background()
	list, err := r.Client.CoreV1().Namespaces().List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	for _, ns := range list.Items {
		if strings.HasPrefix(ns.Name, r.name) {
			err = errors.Join(err, r.removeNamespace(ctx, ns.Name))
		}
	}
	made, listed := r.Dynamic.Resource(profiles).List(ctx, metav1.ListOptions{})
	if listed != nil {
		return errors.Join(err, listed)
	}
	for _, profile := range made.Items {
		if strings.HasPrefix(profile.GetName(), r.name) {
			err = errors.Join(err, r.removeProfile(ctx, profile.GetName()))
		}
	}
	return err
}

// removeProfile deletes it without anybody's taking back.
func (r *run) removeProfile(ctx context.Context, name string) error {
	loose := []byte(`{"metadata": {"finalizers": null}}`)
	_, err := r.Dynamic.Resource(profiles).Patch(ctx, name, types.MergePatchType, loose, metav1.PatchOptions{})
	if err == nil {
		err = r.Dynamic.Resource(profiles).Delete(ctx, name, metav1.DeleteOptions{})
	}
	if apierrors.IsNotFound(err) {
		return nil // it was being deleted, and only the finalizer held it
	}
	return err
}

// removeNamespace does what the namespace controller does, which does not run.
func (r *run) removeNamespace(ctx context.Context, name string) error {
	namespaces := r.Client.CoreV1().Namespaces()
	if err := namespaces.Delete(ctx, name, metav1.DeleteOptions{}); err != nil {
		return err
	}
	policies := r.Client.NetworkingV1().NetworkPolicies(name)
	if err := policies.DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{}); err != nil {
		return err
	}
	_, err := namespaces.Finalize(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.UpdateOptions{})
	return err
}

func (r *run) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

// within demands that check becomes nil in time.
func (r *run) within(check func() error) {
	r.Helper()
	r.must(poll.Until(r.limit, check))
}

// start starts the operator, and waits until it is ready.
func (r *run) start() {
	r.Helper()
	r.must(r.operator.Start(r.Context()))
}

// ---- what people do ----

// namespace makes one under the profile.
func (r *run) namespace(suffix string) {
	r.Helper()
	r.namespaceOf(r.name, suffix)
}

// namespaceOf makes one under another profile.
func (r *run) namespaceOf(profile, suffix string) {
	r.Helper()
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		Name: r.name + "-" + suffix, Labels: map[string]string{"story": profile},
	}}
	_, err := r.Client.CoreV1().Namespaces().Create(r.Context(), ns, metav1.CreateOptions{})
	r.must(err)
}

// label puts a namespace under the profile, or takes it away.
func (r *run) label(suffix string, isOn bool) {
	r.Helper()
	value := "null"
	if isOn {
		value = `"` + r.name + `"`
	}
	body := fmt.Sprintf(`{"metadata": {"labels": {"story": %s}}}`, value)
	_, err := r.Client.CoreV1().Namespaces().Patch(r.Context(), r.name+"-"+suffix, types.MergePatchType,
		[]byte(body), metav1.PatchOptions{})
	r.must(err)
}

// profile makes the profile, or changes it, with this in its section network.allow.
func (r *run) profile(allow string) {
	r.Helper()
	r.profileNamed(r.name, allow)
}

func (r *run) profileNamed(name, allow string) {
	r.Helper()
	object := &unstructured.Unstructured{}
	r.must(yaml.Unmarshal([]byte(fmt.Sprintf(`
apiVersion: rampart.dev/v1alpha1
kind: SecurityProfile
metadata: {name: %s}
spec: {mode: Enforce, onDelete: Remove, namespaceSelector: {matchLabels: {story: %s}}, network: {allow: %s}}`,
		name, name, allow)), &object.Object))
	_, err := r.Dynamic.Resource(profiles).Create(r.Context(), object, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		var text []byte
		text, err = json.Marshal([]map[string]any{{"op": "replace", "path": "/spec", "value": object.Object["spec"]}})
		r.must(err)
		_, err = r.Dynamic.Resource(profiles).Patch(r.Context(), name, types.JSONPatchType, text, metav1.PatchOptions{})
	}
	r.must(err)
}

// edit changes a policy as a tenant.
func (r *run) edit(suffix, policy, body string) {
	r.Helper()
	_, err := r.Client.NetworkingV1().NetworkPolicies(r.name+"-"+suffix).Patch(r.Context(), policy,
		types.MergePatchType, []byte(body), metav1.PatchOptions{FieldManager: "tenant"})
	r.must(err)
}

// makePolicy makes a policy of a tenant, which allows everything in.
func (r *run) makePolicy(suffix, name string) {
	r.Helper()
	_, err := r.Client.NetworkingV1().NetworkPolicies(r.name+"-"+suffix).Create(r.Context(), &networkingv1.NetworkPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       networkingv1.NetworkPolicySpec{Ingress: []networkingv1.NetworkPolicyIngressRule{{}}},
	}, metav1.CreateOptions{FieldManager: "tenant"})
	r.must(err)
}

func (r *run) deletePolicy(suffix, name string) {
	r.Helper()
	r.must(r.Client.NetworkingV1().NetworkPolicies(r.name+"-"+suffix).Delete(r.Context(), name, metav1.DeleteOptions{}))
}

// version is the cluster's newest resourceVersion.
func (r *run) version() string {
	r.Helper()
	list, err := r.Client.CoreV1().Namespaces().List(r.Context(), metav1.ListOptions{})
	r.must(err)
	return list.ResourceVersion
}

// ---- what they see ----

type tally struct {
	Selected   int `json:"selected"`
	Compliant  int `json:"compliant"`
	Drifted    int `json:"drifted"`
	Failed     int `json:"failed"`
	Overridden int `json:"overridden"`
}

type status struct {
	metav1.ObjectMeta `json:"metadata"`
	Status            struct {
		ObservedGeneration int64              `json:"observedGeneration"`
		Conditions         []metav1.Condition `json:"conditions"`
		Namespaces         tally              `json:"namespaces"`
	} `json:"status"`
}

func (s *status) condition(kind string) metav1.Condition {
	for _, c := range s.Status.Conditions {
		if c.Type == kind {
			return c
		}
	}
	return metav1.Condition{Type: kind, Status: "not there"}
}

func (r *run) status() (*status, error) {
	object, err := r.Dynamic.Resource(profiles).Get(r.Context(), r.name, metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	s := &status{}
	return s, runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, s)
}

// counts checks that the profile, as it is now, was evaluated and counts so many namespaces.
func (r *run) counts(selected, compliant, drifted int) error {
	s, err := r.status()
	if err != nil {
		return err
	}
	want := tally{Selected: selected, Compliant: compliant, Drifted: drifted}
	if s.Status.ObservedGeneration != s.Generation || s.Status.Namespaces != want {
		return fmt.Errorf("status is about generation %d of %d: %+v, expected %+v",
			s.Status.ObservedGeneration, s.Generation, s.Status.Namespaces, want)
	}
	return nil
}

// has checks that a namespace has just these policies, and that no other rules stand in its deny.
func (r *run) has(suffix string, names ...string) error {
	list, err := r.Client.NetworkingV1().NetworkPolicies(r.name+"-"+suffix).List(r.Context(), metav1.ListOptions{})
	if err != nil {
		return err
	}
	got := []string{}
	for _, policy := range list.Items {
		got = append(got, policy.Name)
		if policy.Name == deny && len(policy.Spec.Ingress)+len(policy.Spec.Egress) > 0 {
			err = fmt.Errorf("the deny of namespace %s-%s allows something", r.name, suffix)
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, slices.Sorted(slices.Values(names))) {
		err = fmt.Errorf("namespace %s-%s has the policies %q, expected %q", r.name, suffix, got, names)
	}
	return err
}

func (r *run) looks() oracle.State {
	r.Helper()
	state, err := oracle.Look(r.Context(), r.Cluster, r.name)
	r.must(err)
	return state
}

func (r *run) writes() oracle.Writes {
	r.Helper()
	writes, err := oracle.WritesSince(r.Cluster, r.place, operator.User, r.name)
	r.must(err)
	return writes
}

// logged demands a line of the log with a phrase in it.
func (r *run) logged(phrase string) {
	r.Helper()
	for _, record := range r.operator.Records() {
		if text, _ := json.Marshal(record); strings.Contains(string(text), phrase) {
			return
		}
	}
	r.Errorf("the log does not say %q", phrase)
}

// requests lists those that match, in order, for people.
func (r *run) requests(match proxy.Match) string {
	lines := []string{}
	for _, q := range r.proxy.Since(0, match) {
		lines = append(lines, fmt.Sprintf("%s %s %s?%s %d", q.At.Format("15:04:05.000"), q.Verb, q.Object(), q.Query.Encode(), q.Status))
	}
	slices.SortStableFunc(lines, func(a, b string) int { return cmp.Compare(a[:12], b[:12]) })
	return strings.Join(lines, "\n")
}

// memoryIsBack demands that what the operator holds for itself is what a small cluster takes, and not what
// the fault took. Sanitizers hold much more, and say so themselves when something is lost.
func (r *run) memoryIsBack() {
	r.Helper()
	if strings.Contains(os.Getenv("RAMPART_BINARY"), "asan") {
		return
	}
	const anonymousMax = 10 << 20
	memory, err := r.operator.Memory()
	r.must(err)
	if memory.Anonymous > anonymousMax {
		r.Errorf("rampart holds %.1f MB for itself", float64(memory.Anonymous)/1e6)
	}
}
