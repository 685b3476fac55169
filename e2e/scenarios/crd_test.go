package scenarios

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/diff"
	"sigs.k8s.io/yaml"
)

const (
	invalidMin  = 45 // so that a folder that is not found is no success
	networksMin = 30

	notChecked = "some validation rules were not checked"
)

// example is a SecurityProfile of testdata.
type example struct {
	name    string // of the file, without its ending
	text    string
	profile *unstructured.Unstructured
}

func readExamples(t *testing.T, folder string) []example {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", folder, "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	examples := []example{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		e := example{name: strings.TrimSuffix(filepath.Base(path), ".yaml"), text: string(text)}
		e.profile = &unstructured.Unstructured{}
		if err := yaml.Unmarshal(text, &e.profile.Object); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		examples = append(examples, e)
	}
	return examples
}

// says returns the value of a comment `# key: value` in the head of the file, or "".
func (e example) says(key string) string {
	match := regexp.MustCompile(`(?m)^# ` + key + `: (.*)$`).FindStringSubmatch(e.text)
	if match == nil {
		return ""
	}
	return match[1]
}

// create asks the API server what would become of the profile, as strictly as kubectl does.
func (e example) create(t *testing.T) (*unstructured.Unstructured, error) {
	return control.Dynamic.Resource(profiles).Create(t.Context(), e.profile, metav1.CreateOptions{
		DryRun: []string{metav1.DryRunAll}, FieldValidation: metav1.FieldValidationStrict,
	})
}

// What is wrong in a profile is refused with the path of the field and with what to do. Each file says in its
// head which field it is and a part of the message. Those with `by: controller` have an error that no schema
// can see: the API server takes them, and Rampart says it in the profile's status.
func TestInvalidProfileIsRefusedWithItsField(t *testing.T) {
	examples := readExamples(t, "invalid")
	if len(examples) < invalidMin {
		t.Fatalf("%d examples, expected at least %d", len(examples), invalidMin)
	}
	for _, e := range examples {
		t.Run(e.name, func(t *testing.T) {
			field, phrase := e.says("field"), e.says("error")
			if field == "" || phrase == "" {
				t.Fatal("the file does not say which field is wrong, or the error")
			}
			_, err := e.create(t)
			switch {
			case e.says("by") == "controller":
				if err != nil {
					t.Fatalf("the API server refuses it already: %v", err)
				}
			case err == nil:
				t.Fatal("the API server takes it")
			default:
				checkRefusal(t, err, field, phrase)
			}
		})
	}
}

// checkRefusal demands that the field is the only one that is wrong: the example is about nothing else.
func checkRefusal(t *testing.T, err error, field, phrase string) {
	t.Helper()
	var status *apierrors.StatusError
	if !errors.As(err, &status) {
		t.Fatal(err)
	}
	if apierrors.IsBadRequest(err) { // a field that the schema does not know; it has no causes
		if text := err.Error(); !strings.Contains(text, `"`+field+`"`) || !strings.Contains(text, phrase) {
			t.Errorf("want %q and %q in: %v", field, phrase, err)
		}
		return
	}
	if !apierrors.IsInvalid(err) {
		t.Fatal(err)
	}
	said := false
	for _, cause := range status.ErrStatus.Details.Causes {
		text := cause.Message
		if cause.Field == "<nil>" && (strings.Contains(text, notChecked) || strings.HasSuffix(text, " in "+field)) {
			continue // the API server adds these to other errors
		}
		if cause.Field != field {
			t.Errorf("%s is wrong too: %s", cause.Field, cause.Message)
		}
		said = said || strings.Contains(cause.Message, phrase)
	}
	if !said {
		t.Errorf("want %q in: %v", phrase, err)
	}
}

func TestValidProfileIsAcceptedWithItsDefaults(t *testing.T) {
	networks := map[string]string{}
	for _, e := range readExamples(t, "valid") {
		t.Run(e.name, func(t *testing.T) {
			made, err := e.create(t)
			if err != nil {
				t.Fatal(err)
			}
			want := map[string]any{}
			maps.Copy(want, e.profile.Object["spec"].(map[string]any))
			fillDefaults(want)
			if text := diff.Diff(want, asRead(t, made.Object["spec"])); text != "" {
				t.Errorf("spec, expected (-) and stored (+):\n%s", text)
			}
			if network, err := yaml.Marshal(e.profile.Object["spec"].(map[string]any)["network"]); err != nil {
				t.Fatal(err)
			} else if other := networks[string(network)]; other != "" && string(network) != "null\n" {
				t.Errorf("has the network section of %s", other)
			} else {
				networks[string(network)] = e.name
			}
		})
	}
	if len(networks) < networksMin {
		t.Errorf("%d network sections, expected at least %d", len(networks), networksMin)
	}
}

// asRead gives numbers the type that reading YAML gives them.
func asRead(t *testing.T, value any) (read any) {
	t.Helper()
	text, err := yaml.Marshal(value)
	if err == nil {
		err = yaml.Unmarshal(text, &read)
	}
	if err != nil {
		t.Fatal(err)
	}
	return read
}

// fillDefaults fills in what the schema promises where nothing is stated.
func fillDefaults(spec map[string]any) {
	setDefault(spec, "mode", "Audit")
	setDefault(spec, "priority", float64(0))
	setDefault(spec, "includeSystemNamespaces", false)
	setDefault(spec, "onDelete", "Retain")
	if workloads, ok := spec["workloads"].(map[string]any); ok {
		fillWorkloads(workloads)
	}
	if admission, ok := spec["podSecurityAdmission"].(map[string]any); ok {
		setDefault(admission, "version", "latest")
		setDefault(admission, "onViolation", "Wait")
	}
	network, ok := spec["network"].(map[string]any)
	if !ok {
		return
	}
	setDefault(network, "defaultDeny", []any{"Ingress", "Egress"})
	setDefault(network, "rollout", map[string]any{})
	for field, value := range map[string]any{
		"progressDeadlineSeconds": float64(300), "maxUnreadyPercent": float64(20), "onFailure": "Revert",
	} {
		setDefault(network["rollout"].(map[string]any), field, value)
	}
	allow, ok := network["allow"].(map[string]any)
	if !ok {
		return
	}
	setDefault(allow, "metadataAPI", map[string]any{})
	setDefault(allow["metadataAPI"].(map[string]any), "deny", true)
	for _, entry := range []any{allow["dns"], allow["from"], allow["to"]} {
		entries, ok := entry.([]any)
		if !ok {
			entries = []any{entry}
		}
		for _, entry := range entries {
			entry, _ := entry.(map[string]any)
			ports, _ := entry["ports"].([]any)
			for _, port := range ports {
				setDefault(port.(map[string]any), "protocol", "TCP")
			}
		}
	}
}

func fillWorkloads(workloads map[string]any) {
	setDefault(workloads, "level", "restricted")
	setDefault(workloads, "version", "latest")
	rules, _ := workloads["rules"].([]any)
	for _, rule := range rules {
		setDefault(rule.(map[string]any), "exemptible", true)
	}
	for section, defaults := range map[string]map[string]any{
		"fill": {"runAsNonRoot": true, "seccompProfile": "RuntimeDefault", "allowPrivilegeEscalation": false,
			"dropCapabilities": []any{"ALL"}, "readOnlyRootFilesystem": false, "pinObservedUser": false},
		"rollout": {"when": "NextChange", "maxConcurrent": float64(5), "progressDeadlineSeconds": float64(300),
			"onFailure": "Revert", "onUnknown": "Skip", "pauseAtFailuresPercent": float64(20)},
	} {
		setDefault(workloads, section, map[string]any{})
		for field, value := range defaults {
			setDefault(workloads[section].(map[string]any), field, value)
		}
	}
}

// A profile that was stored before there was hardening restarts nothing: what is read of it fills in with the next
// change of each owner.
func TestProfileFromBeforeHardeningFillsInWithTheNextChange(t *testing.T) {
	crd := schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}
	const workloads = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/workloads/properties/"
	before := fmt.Sprintf(`[{"op": "remove", "path": "%sfill"}, {"op": "remove", "path": "%srollout"}]`, workloads, workloads)
	_, err := control.Dynamic.Resource(crd).Patch(t.Context(), "securityprofiles.rampart.dev", types.JSONPatchType,
		[]byte(before), metav1.PatchOptions{})
	if err != nil {
		t.Fatal(err)
	}
	isBack := false
	back := func() {
		if _, err := control.RunKubectl(context.Background(), "apply", "-k", crds); err != nil {
			t.Error(err)
		}
		isBack = true
	}
	t.Cleanup(func() {
		if !isBack {
			back()
		}
	})
	object := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "rampart.dev/v1alpha1", "kind": "SecurityProfile", "metadata": map[string]any{"name": "old"},
		"spec": map[string]any{"mode": "Enforce", "namespaceSelector": map[string]any{}, "workloads": map[string]any{}},
	}}
	read := func(made *unstructured.Unstructured, err error) (any, error) {
		if err != nil {
			return nil, err
		}
		when, _, err := unstructured.NestedFieldNoCopy(made.Object, "spec", "workloads", "rollout", "when")
		return when, err
	}
	profiles := control.Dynamic.Resource(profiles)
	eventually(t, func() error { // the schema changes a moment later
		made, err := profiles.Create(t.Context(), object.DeepCopy(), metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		if when, err := read(made, err); err != nil || when != nil {
			return fmt.Errorf("%v, %v", when, err)
		}
		return nil
	})
	if _, err := profiles.Create(t.Context(), object, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := profiles.Delete(context.Background(), "old", metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	})
	back()
	eventually(t, func() error {
		if when, err := read(profiles.Get(t.Context(), "old", metav1.GetOptions{})); err != nil || when != "NextChange" {
			return fmt.Errorf("rollout.when is %v, %v", when, err)
		}
		return nil
	})
}

func setDefault(object map[string]any, field string, value any) {
	if _, ok := object[field]; !ok {
		object[field] = value
	}
}

// A null, which a key with nothing after it is in YAML, is as if the field were not there. It must never be
// taken for an empty object, which allows something.
func TestNullAllowsNothing(t *testing.T) {
	e := example{profile: &unstructured.Unstructured{}}
	err := yaml.Unmarshal([]byte(`
apiVersion: rampart.dev/v1alpha1
kind: SecurityProfile
metadata: {name: "null"}
spec:
  namespaceSelector: {}
  network:
    allow: {dns: , sameNamespace: , apiServer: , from: , to: , metadataAPI: }
`), &e.profile.Object)
	if err != nil {
		t.Fatal(err)
	}
	made, err := e.create(t)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"metadataAPI": map[string]any{"deny": true}}
	allow, _, _ := unstructured.NestedMap(made.Object, "spec", "network", "allow")
	if text := diff.Diff(want, allow); text != "" {
		t.Errorf("allow, expected (-) and stored (+):\n%s", text)
	}
}

// What is applied by server-side apply replaces a list that has a default, and is not merged with it: who asks for less
// than the default gets less.
func TestListsWithDefaultsAreReplacedByServerSideApply(t *testing.T) {
	apply := func(network, workloads string) *unstructured.Unstructured {
		t.Helper()
		body := fmt.Sprintf(`{apiVersion: rampart.dev/v1alpha1, kind: SecurityProfile, metadata: {name: less},
			spec: {mode: "Off", namespaceSelector: {}, network: {%s}, workloads: {fill: {%s}}}}`, network, workloads)
		p, err := control.Dynamic.Resource(profiles).Patch(t.Context(), "less", types.ApplyPatchType, []byte(body), metav1.PatchOptions{FieldManager: "git"})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	apply("", "")
	t.Cleanup(func() {
		if err := control.Dynamic.Resource(profiles).Delete(context.Background(), "less", metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	})
	p := apply("defaultDeny: [Ingress]", "dropCapabilities: []")
	deny, _, _ := unstructured.NestedStringSlice(p.Object, "spec", "network", "defaultDeny")
	drop, _, _ := unstructured.NestedStringSlice(p.Object, "spec", "workloads", "fill", "dropCapabilities")
	if len(deny) != 1 || deny[0] != "Ingress" || len(drop) != 0 {
		t.Errorf("defaultDeny %v, dropCapabilities %v; expected [Ingress] and []", deny, drop)
	}
}

// The schema's rules have a budget at run time, too. This profile, with 1 MB not far from what etcd stores in one
// object, must stay in it.
func TestLargestProfileIsAccepted(t *testing.T) {
	ports, except, from, to := []any{}, []any{}, []any{}, []any{}
	rules := []any{}
	for i := range 64 {
		rules = append(rules, map[string]any{"id": fmt.Sprintf("%s-%02d", strings.Repeat("r", 60), i), "mode": "Require"})
	}
	for i := range int64(32) {
		ports = append(ports, map[string]any{"port": 1000 + i, "endPort": 2000 + i})
		except = append(except, fmt.Sprintf("10.%d.0.0/16", i))
	}
	block := map[string]any{"cidr": "10.0.0.0/8", "except": except}
	for range 32 {
		from = append(from, map[string]any{"ipBlock": block, "ports": ports})
		from = append(from, map[string]any{"podSelector": largeSelector(32), "ports": ports})
		to = append(to, map[string]any{"ipBlock": block, "ports": ports})
		to = append(to, map[string]any{"namespaceSelector": largeSelector(32), "ports": ports})
	}
	e := example{profile: &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "rampart.dev/v1alpha1",
		"kind":       "SecurityProfile",
		"metadata":   map[string]any{"name": "largest"},
		"spec": map[string]any{
			"namespaceSelector": largeSelector(32),
			"network":           map[string]any{"allow": map[string]any{"from": from, "to": to}},
			"workloads":         map[string]any{"rules": rules, "sensitive": largeSelector(32)},
		},
	}}}
	text, err := e.profile.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.create(t); err != nil {
		t.Fatalf("%d bytes: %v", len(text), err)
	}
	t.Logf("%d bytes", len(text))
}

func largeSelector(terms int) map[string]any {
	labels, expressions := map[string]any{}, []any{}
	for i := range terms {
		key := fmt.Sprintf("%s.example.com/%s%02d", strings.Repeat("p", 63), strings.Repeat("k", 61), i)
		labels[key] = strings.Repeat("v", 63)
		expressions = append(expressions, map[string]any{
			"key": key, "operator": "NotIn", "values": []any{strings.Repeat("w", 63)},
		})
	}
	return map[string]any{"matchLabels": labels, "matchExpressions": expressions}
}

func TestExplainDescribesTheFields(t *testing.T) {
	for path, phrase := range map[string]string{
		"secprof":                                      "SecurityProfile says which security posture",
		"secprof.spec":                                 "namespaceSelector\t<Object> -required-",
		"secprof.spec.network":                         "defaultDeny\t<[]string>",
		"secprof.spec.network.allow.to":                "Whom the pods of the namespace may connect to",
		"secprof.spec.workloads":                       "sensitive\t<Object>",
		"secprof.spec.workloads.rules":                 "exemptible\t<boolean>",
		"secprof.status.namespaces":                    "overridden\t<integer>",
		"secprof.status.workloads":                     "exempt\t<integer>",
		"secexc.spec":                                  "expiresAt\t<string>",
		"securityprofiles.spec.onDelete":               "ENUM:\n    Retain",
		"securityprofiles.spec.network.allow.to.ports": "endPort\t<integer>",
	} {
		var out string
		eventually(t, func() (err error) { // its documentation follows a type with a delay
			out, err = control.RunKubectl(t.Context(), "explain", path)
			return err
		})
		if !strings.Contains(out, phrase) {
			t.Errorf("%s: want %q in:\n%s", path, phrase, out)
		}
	}
}

func TestEveryFieldHasADescription(t *testing.T) {
	for _, name := range []string{"securityprofiles", "securityexceptions"} {
		text, err := os.ReadFile(filepath.Join(crds, name+".rampart.dev.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		var crd unstructured.Unstructured
		if err := yaml.Unmarshal(text, &crd.Object); err != nil {
			t.Fatal(err)
		}
		versions, _, _ := unstructured.NestedSlice(crd.Object, "spec", "versions")
		for _, version := range versions {
			schema, _, _ := unstructured.NestedMap(version.(map[string]any), "schema", "openAPIV3Schema")
			if len(schema) == 0 {
				t.Fatalf("%s has no schema", name)
			}
			checkDescriptions(t, "", schema)
		}
	}
}

func checkDescriptions(t *testing.T, path string, schema map[string]any) {
	t.Helper()
	properties, _ := schema["properties"].(map[string]any)
	for name, property := range properties {
		property := property.(map[string]any)
		path := strings.TrimPrefix(path+"."+name, ".")
		if text, _ := property["description"].(string); len(text) < 10 && path != "metadata" {
			t.Errorf("%s has no description", path)
		}
		checkDescriptions(t, path, property)
		if items, ok := property["items"].(map[string]any); ok {
			checkDescriptions(t, path, items)
		}
	}
}
