// Package fills tests what Rampart fills into pod templates, and how that is taken back, against the real API
// server: it has the last word on what a strategic merge patch does and on whose fields are whose. The decisions
// are those of the C code, asked through build/release/helpers/fill.
package fills

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"

	"rampart.dev/e2e/cluster"
	"rampart.dev/e2e/helper"
)

const (
	namespace  = "default"
	manager    = "rampart"
	everything = "read-only pin try cpu-request=10m memory-request=16Mi cpu-limit=1 memory-limit=1Gi"
	waitLimit  = 30 * time.Second
)

// kind is one of the kinds of workloads that templates are filled in of.
type kind struct {
	name     string
	resource schema.GroupVersionResource
	at       []string // where the template is
	spec     string   // what the kind wants besides
}

var kinds = []kind{
	{"Deployment", schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"},
		[]string{"spec", "template"}, "replicas: 0"},
	{"StatefulSet", schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "statefulsets"},
		[]string{"spec", "template"}, "serviceName: none"},
	{"DaemonSet", schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "daemonsets"},
		[]string{"spec", "template"}, "minReadySeconds: 1"},
	{"CronJob", schema.GroupVersionResource{Group: "batch", Version: "v1", Resource: "cronjobs"},
		[]string{"spec", "jobTemplate", "spec", "template"}, `schedule: "0 0 1 1 *"`},
}

// control is etcd and the API server. No controller runs: nothing but the tests changes anything.
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
	control, err = cluster.Start(context.Background(), cluster.Options{Progress: cluster.SlowTo(os.Stderr)})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, control.Close()) }()
	return m.Run(), nil
}

// object is a workload whose template has the pod spec, which is YAML.
func (k kind) object(t *testing.T, name, podSpec string) *unstructured.Unstructured {
	t.Helper()
	spec, template, labels := map[string]any{}, map[string]any{}, map[string]any{"app": name}
	decode(t, podSpec, &spec)
	template["spec"] = spec
	o := &unstructured.Unstructured{Object: map[string]any{}}
	decode(t, k.spec, &template)
	delete(template, "spec")
	rest := template
	o.Object["spec"] = rest
	o.SetAPIVersion(k.resource.GroupVersion().String())
	o.SetKind(k.name)
	o.SetName(name)
	o.SetNamespace(namespace)
	if k.name == "CronJob" {
		spec["restartPolicy"] = "Never"
	} else {
		set(t, o, labels, "spec", "selector", "matchLabels")
	}
	set(t, o, map[string]any{"metadata": map[string]any{"labels": labels}, "spec": spec}, k.at...)
	return o
}

func decode(t *testing.T, text string, into *map[string]any) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(text), into); err != nil {
		t.Fatal(err)
	}
	// As the client has it: numbers are int64.
	raw, err := json.Marshal(*into)
	if err == nil {
		o := unstructured.Unstructured{Object: map[string]any{}}
		wrapped := fmt.Appendf(nil, `{"apiVersion":"v1","kind":"X","x":%s}`, raw)
		err = o.UnmarshalJSON(wrapped)
		*into, _ = o.Object["x"].(map[string]any)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func set(t *testing.T, o *unstructured.Unstructured, value any, path ...string) {
	t.Helper()
	if err := unstructured.SetNestedField(o.Object, value, path...); err != nil {
		t.Fatal(err)
	}
}

// podSpec is the one that an object has.
func (k kind) podSpec(t *testing.T, o *unstructured.Unstructured) map[string]any {
	t.Helper()
	spec, found, err := unstructured.NestedMap(o.Object, append(slices.Clone(k.at), "spec")...)
	if err != nil || !found {
		t.Fatalf("no pod spec: %v", err)
	}
	return spec
}

func (k kind) create(t *testing.T, o *unstructured.Unstructured) *unstructured.Unstructured {
	t.Helper()
	made, err := control.Dynamic.Resource(k.resource).Namespace(namespace).
		Create(t.Context(), o, metav1.CreateOptions{FieldManager: "somebody"})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// apply is server-side apply as a GitOps tool does it, without force: a conflict is an error.
func (k kind) apply(t *testing.T, o *unstructured.Unstructured) *unstructured.Unstructured {
	t.Helper()
	made, err := control.Dynamic.Resource(k.resource).Namespace(namespace).
		Apply(t.Context(), o.GetName(), o, metav1.ApplyOptions{FieldManager: "git"})
	if err != nil {
		t.Fatalf("server-side apply is refused: %v", err)
	}
	return made
}

func (k kind) get(t *testing.T, name string) *unstructured.Unstructured {
	t.Helper()
	o, err := control.Dynamic.Resource(k.resource).Namespace(namespace).Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// patch sends what the C code made, as Rampart does, and has the server refuse whatever it does not know.
func (k kind) patch(t *testing.T, name, patch string) *unstructured.Unstructured {
	t.Helper()
	o, err := k.tryPatch(t, name, patch, manager, types.StrategicMergePatchType)
	if err != nil {
		t.Fatalf("%v\n%s", err, patch)
	}
	return o
}

func (k kind) tryPatch(t *testing.T, name, patch, by string, as types.PatchType) (*unstructured.Unstructured, error) {
	t.Helper()
	options := metav1.PatchOptions{FieldManager: by, FieldValidation: metav1.FieldValidationStrict}
	return control.Dynamic.Resource(k.resource).Namespace(namespace).Patch(t.Context(), name, as, []byte(patch), options)
}

// answer is what build/release/helpers/fill says.
type answer struct {
	Patch          *string
	YAML           string
	Leaves, Kept   int
	Error, Message string
}

func ask(t *testing.T, question map[string]any) (a answer) {
	t.Helper()
	if err := helper.Ask(t.Context(), "fill", question, &a); err != nil {
		t.Fatal(err)
	}
	return a
}

func (k kind) askFill(t *testing.T, o *unstructured.Unstructured, wants, evidence string) answer {
	t.Helper()
	a := ask(t, map[string]any{"kind": k.name, "object": o.Object, "wants": wants, "evidence": evidence, "mark": "proving"})
	if a.Error != "" {
		t.Fatal(a.Message)
	}
	return a
}

// fill fills in what there is to fill in, and demands that there is something.
func (k kind) fill(t *testing.T, o *unstructured.Unstructured, wants, evidence string) *unstructured.Unstructured {
	t.Helper()
	a := k.askFill(t, o, wants, evidence)
	if a.Leaves == 0 {
		t.Fatal("there is nothing to fill in")
	}
	return k.patch(t, o.GetName(), *a.Patch)
}

func (k kind) askBack(t *testing.T, name string) answer {
	t.Helper()
	return ask(t, map[string]any{"kind": k.name, "object": k.get(t, name).Object, "takesBack": true, "mark": nil})
}

// takeBack takes back, demands that as many leaves as wanted were adopted by others, and that nothing is left to do.
func (k kind) takeBack(t *testing.T, name string, kept int) *unstructured.Unstructured {
	t.Helper()
	a := k.askBack(t, name)
	if a.Error != "" || a.Patch == nil || a.Kept != kept {
		t.Fatalf("want a patch and %d leaves kept, got %+v", kept, a)
	}
	o := k.patch(t, name, *a.Patch)
	if again := k.askBack(t, name); again.Patch != nil {
		t.Errorf("there is more to take back: %s", *again.Patch)
	}
	return o
}

// bare is the object without what a write always changes.
func bare(o *unstructured.Unstructured) map[string]any {
	o = o.DeepCopy()
	for _, field := range []string{"resourceVersion", "generation", "managedFields"} {
		unstructured.RemoveNestedField(o.Object, "metadata", field)
	}
	unstructured.RemoveNestedField(o.Object, "metadata", "annotations", "deprecated.daemonset.template.generation")
	unstructured.RemoveNestedField(o.Object, "status")
	return o.Object
}

// demandSame compares bytes, as they would be sent.
func demandSame(t *testing.T, got, want any) {
	t.Helper()
	a, errA := json.MarshalIndent(got, "", " ")
	b, errB := json.MarshalIndent(want, "", " ")
	if err := errors.Join(errA, errB); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a, b) {
		t.Errorf("got\n%s\nwant\n%s", a, b)
	}
}

// demandKept demands that all of before is in after: what was stated is as it was, and lists have not moved.
func demandKept(t *testing.T, path string, before, after any) {
	t.Helper()
	switch before := before.(type) {
	case map[string]any:
		after, ok := after.(map[string]any)
		if !ok {
			t.Errorf("%s is gone", path)
		}
		for name, value := range before {
			demandKept(t, path+"."+name, value, after[name])
		}
	case []any:
		after, _ := after.([]any)
		if len(after) != len(before) {
			t.Fatalf("%s had %d elements, has %d", path, len(before), len(after))
		}
		for i, value := range before {
			demandKept(t, fmt.Sprintf("%s[%d]", path, i), value, after[i])
		}
	default:
		if !reflect.DeepEqual(before, after) {
			t.Errorf("%s was %v, is %v", path, before, after)
		}
	}
}

func managers(o *unstructured.Unstructured) (names []string) {
	for _, entry := range o.GetManagedFields() {
		names = append(names, entry.Manager)
	}
	return names
}

// objectName is a name for an object of a subtest, short enough for a CronJob.
func objectName(t *testing.T, prefix string) string {
	t.Helper()
	_, sub, _ := strings.Cut(t.Name(), "/")
	return strings.ToLower(prefix + "-" + strings.ReplaceAll(sub, "_", "-"))
}
