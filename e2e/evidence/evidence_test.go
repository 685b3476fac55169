// Package evidence tests what Rampart learns of a workload's pods, revisions and disruption budgets on a real control
// plane: which labels the controllers set, what they own, and in which shape the API server sends it. The C code
// reads, asked through build/release/helpers/evidence; nothing of the operator runs.
package evidence

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"

	"rampart.dev/e2e/cluster"
	"rampart.dev/e2e/helper"
)

const (
	namespace = "default"
	waitLimit = 60 * time.Second
	waitPoll  = 100 * time.Millisecond
)

var (
	podResource    = schema.GroupVersionResource{Version: "v1", Resource: "pods"}
	budgetResource = schema.GroupVersionResource{Group: "policy", Version: "v1", Resource: "poddisruptionbudgets"}
)

// kind is one of the kinds of workloads that are hardened.
type kind struct {
	name, group, resource, revisions string
	spec                             string // YAML; %[1]s is the workload's name, %[2]s the key of its fill
	template                         []string
	pods                             int
}

const template = `template: {metadata: {labels: {app: %[1]s}, annotations: {rampart.dev/fill: %[2]s}}, spec: {containers: [{name: app, image: i}]}}`

var kinds = []kind{
	{"Deployment", "apps", "deployments", "replicasets",
		"replicas: 3\nselector: {matchLabels: {app: %[1]s}}\n" + template, []string{"spec", "template"}, 3},
	{"StatefulSet", "apps", "statefulsets", "controllerrevisions",
		"replicas: 2\nserviceName: none\nselector: {matchLabels: {app: %[1]s}}\n" + template, []string{"spec", "template"}, 2},
	{"DaemonSet", "apps", "daemonsets", "controllerrevisions",
		"selector: {matchLabels: {app: %[1]s}}\n" + template, []string{"spec", "template"}, 1},
	{"CronJob", "batch", "cronjobs", "jobs",
		`schedule: "0 0 1 1 *"
jobTemplate: {spec: {template: {metadata: {annotations: {rampart.dev/fill: %[2]s}}, spec: {restartPolicy: Never, containers: [{name: app, image: i}]}}}}
#%[1]s`, []string{"spec", "jobTemplate", "spec", "template"}, 1},
}

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
	control, err = cluster.Start(context.Background(), cluster.Options{
		ControllerManager: true, Scheduler: true, Nodes: 1, Progress: cluster.SlowTo(os.Stderr),
	})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, control.Close()) }()
	return m.Run(), nil
}

// answer is what build/release/helpers/evidence says.
type answer struct {
	Selector           string
	New, NewReady, Old int
	Tried              []string
	HasRoom            bool
}

func ask(t *testing.T, question map[string]any) (a answer) {
	t.Helper()
	if err := helper.Ask(t.Context(), "evidence", question, &a); err != nil {
		t.Fatal(err)
	}
	return a
}

func list(t *testing.T, resource schema.GroupVersionResource, selector string) *unstructured.UnstructuredList {
	t.Helper()
	all, err := control.Dynamic.Resource(resource).Namespace(namespace).
		List(t.Context(), metav1.ListOptions{LabelSelector: selector})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func (k kind) of(resource string) schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: k.group, Version: "v1", Resource: resource}
}

func (k kind) create(t *testing.T, name, key string) {
	t.Helper()
	object := map[string]any{}
	text := fmt.Sprintf("apiVersion: %s/v1\nkind: %s\nmetadata: {name: %s}\nspec:\n", k.group, k.name, name)
	for line := range bytes.Lines(fmt.Appendf(nil, k.spec+"\n", name, key)) {
		text += "  " + string(line)
	}
	raw, err := yaml.YAMLToJSON([]byte(text))
	if err == nil {
		err = json.Unmarshal(raw, &object)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	// The dynamic client wants int64 where JSON has numbers.
	o := &unstructured.Unstructured{}
	if err := o.UnmarshalJSON(raw); err != nil {
		t.Fatal(err)
	}
	_, err = control.Dynamic.Resource(k.of(k.resource)).Namespace(namespace).Create(t.Context(), o, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	k.run(t, name, "-"+key)
}

// run makes a Job of a CronJob, as its controller does when the time has come.
func (k kind) run(t *testing.T, name, suffix string) {
	t.Helper()
	if k.name != "CronJob" {
		return
	}
	from, err := control.Client.BatchV1().CronJobs(namespace).Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = control.Client.BatchV1().Jobs(namespace).Create(t.Context(), &batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{
			Name:            name + suffix,
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(from, batchv1.SchemeGroupVersion.WithKind("CronJob"))},
		},
		Spec: from.Spec.JobTemplate.Spec,
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
}

// change gives the template another fill: a rollout.
func (k kind) change(t *testing.T, name, key string) {
	t.Helper()
	var patch any = map[string]any{"metadata": map[string]any{"annotations": map[string]any{"rampart.dev/fill": key}}}
	for _, member := range slices.Backward(k.template) {
		patch = map[string]any{member: patch}
	}
	text, err := json.Marshal(patch)
	if err != nil {
		t.Fatal(err)
	}
	_, err = control.Dynamic.Resource(k.of(k.resource)).Namespace(namespace).
		Patch(t.Context(), name, types.StrategicMergePatchType, text, metav1.PatchOptions{})
	if err != nil {
		t.Fatal(err)
	}
	k.run(t, name, "-"+key)
}

// gather reads as the operator does: revisions, the pods that they select, budgets.
func (k kind) gather(t *testing.T, name string) (answer, *unstructured.UnstructuredList) {
	t.Helper()
	object, err := control.Dynamic.Resource(k.of(k.resource)).Namespace(namespace).Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	question := map[string]any{"kind": k.name, "object": object.Object, "revisions": list(t, k.of(k.revisions), "")}
	selector := ask(t, question).Selector
	pods := list(t, podResource, selector)
	question["pods"], question["budgets"] = pods, list(t, budgetResource, "")
	a := ask(t, question)
	a.Selector = selector
	return a, pods
}

// settled gathers until all pods are new and ready.
func (k kind) settled(t *testing.T, name string, old int) (a answer, pods *unstructured.UnstructuredList) {
	t.Helper()
	for deadline := time.Now().Add(waitLimit); ; time.Sleep(waitPoll) {
		if a, pods = k.gather(t, name); a.New == k.pods && a.NewReady == k.pods && a.Old == old {
			return a, pods
		}
		if time.Now().After(deadline) {
			t.Fatalf("want %d new pods, all ready, and %d old ones; got %+v", k.pods, old, a)
		}
	}
}

// tried is what a workload that has the fill counts as tried: of a CronJob that is what any of its Jobs has.
func (k kind) tried(current string) []string {
	if k.name == "CronJob" {
		return []string{current}
	}
	return nil
}

// The pods are narrowed by labels of which Rampart knows only what their controllers say. A neighbour of the same
// kind, whose pods look alike, must not count.
func TestRevisionsSelectThePodsOfTheirWorkloadAndNoOthers(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			k.create(t, "one", "k1")
			k.create(t, "two", "k1")
			a, pods := k.settled(t, "one", 0)
			if a.Selector == "" || len(pods.Items) != k.pods || !slices.Equal(a.Tried, k.tried("k1")) || !a.HasRoom {
				t.Errorf("%d pods are selected, want %d: %+v", len(pods.Items), k.pods, a)
			}
			k.change(t, "one", "k2")
			old := 0
			if k.name == "CronJob" {
				old = 1 // the pod of the first Job stays
			}
			a, pods = k.settled(t, "one", old)
			if len(pods.Items) < k.pods || !slices.Equal(a.Tried, append([]string{"k1"}, k.tried("k2")...)) {
				t.Errorf("the first fill is not remembered: %+v", a)
			}
			if a, _ := k.settled(t, "two", 0); !slices.Equal(a.Tried, k.tried("k1")) {
				t.Errorf("the neighbour has tried what it has: %+v", a)
			}
		})
	}
}

func TestABudgetWithoutRoomIsSeen(t *testing.T) {
	k := kinds[0]
	k.create(t, "budgeted", "k1")
	k.settled(t, "budgeted", 0)
	_, err := control.RunKubectl(t.Context(), "create", "pdb", "budgeted", "--selector=app=budgeted", "--min-available=3")
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(waitLimit); ; time.Sleep(waitPoll) {
		if a, _ := k.gather(t, "budgeted"); !a.HasRoom {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the budget is not seen")
		}
	}
	k.create(t, "free", "k1")
	if a, _ := k.settled(t, "free", 0); !a.HasRoom {
		t.Error("the budget of another workload counts")
	}
}
