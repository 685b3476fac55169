package scenarios

import (
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

const (
	soundException = "rules: [host-ports]\nnames: [web]\nreason: it is a node agent\nauthor: platform\n"
	namedException = `
apiVersion: rampart.dev/v1alpha1
kind: SecurityException
metadata: {name: %s, namespace: default}
spec:
`
)

// tryException asks the API server what would become of an exception with this spec, as strictly as kubectl.
func tryException(t *testing.T, name, spec string) (*unstructured.Unstructured, error) {
	t.Helper()
	text := fmt.Sprintf(namedException, name)
	for line := range strings.Lines(spec) {
		text += "  " + line
	}
	object := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(text), &object.Object); err != nil {
		t.Fatal(err)
	}
	return control.Dynamic.Resource(exceptions).Namespace("default").Create(t.Context(), object, metav1.CreateOptions{
		DryRun: []string{metav1.DryRunAll}, FieldValidation: metav1.FieldValidationStrict,
	})
}

// list writes count different entries.
func list(count int, format string) string {
	entries := make([]string, count)
	for i := range entries {
		entries[i] = fmt.Sprintf(format, i)
	}
	return "[" + strings.Join(entries, ", ") + "]"
}

func TestInvalidExceptionIsRefusedWithItsField(t *testing.T) {
	const whys = "reason: r\nauthor: a\n"
	for _, e := range []struct{ name, spec, field, phrase string }{
		{"rules missing", "names: [web]\n" + whys, "spec.rules", "Required value"},
		{"rules empty", "rules: []\nnames: [web]\n" + whys, "spec.rules", "should have at least 1 items"},
		{"rules too many", "rules: " + list(65, "r-%d") + "\nnames: [web]\n" + whys, "spec.rules", "must have at most 64"},
		{"rule pattern", "rules: ['*']\nnames: [web]\n" + whys, "spec.rules[0]", "should match"},
		{"rule duplicate", "rules: [a, a]\nnames: [web]\n" + whys, "spec.rules[1]", "Duplicate value"},
		{"neither selector nor names", "rules: [a]\n" + whys, "spec.selector", "selector or names is required"},
		{"names empty", "rules: [a]\nnames: []\n" + whys, "spec.names", "should have at least 1 items"},
		{"name pattern", "rules: [a]\nnames: [web-*]\n" + whys, "spec.names[0]", "should match"},
		{"names too many", "rules: [a]\nnames: " + list(65, "n-%d") + "\n" + whys, "spec.names", "must have at most 64"},
		{"selector operator", "rules: [a]\nselector: {matchExpressions: [{key: a, operator: Is}]}\n" + whys,
			"spec.selector.matchExpressions[0].operator", "Unsupported value"},
		{"selector without values", "rules: [a]\nselector: {matchExpressions: [{key: a, operator: In}]}\n" + whys,
			"spec.selector.matchExpressions[0].values", "need at least one value"},
		{"selector with values", "rules: [a]\nselector: {matchExpressions: [{key: a, operator: Exists, values: [b]}]}\n" + whys,
			"spec.selector.matchExpressions[0].values", "take no values"},
		{"selector key", "rules: [a]\nselector: {matchLabels: {'a b': c}}\n" + whys, "spec.selector.matchLabels", "must be a label key"},
		{"containers empty", soundException + "containers: []\n", "spec.containers", "should have at least 1 items"},
		{"container pattern", soundException + "containers: ['*']\n", "spec.containers[0]", "should match"},
		{"reason missing", "rules: [a]\nnames: [web]\nauthor: a\n", "spec.reason", "Required value"},
		{"reason blank", "rules: [a]\nnames: [web]\nauthor: a\nreason: \" \\t\\r\\n\"\n", "spec.reason", "say why"},
		{"reason too long", "rules: [a]\nnames: [web]\nauthor: a\nreason: " + strings.Repeat("r", 1025) + "\n", "spec.reason", "may not be more than 1024"},
		{"author missing", "rules: [a]\nnames: [web]\nreason: r\n", "spec.author", "Required value"},
		{"author blank", "rules: [a]\nnames: [web]\nreason: r\nauthor: ' '\n", "spec.author", "say who answers"},
		{"expiry", soundException + "expiresAt: next week\n", "spec.expiresAt", "must be of type date-time"},
		{"unknown field", soundException + "namespaces: [shop]\n", "spec.namespaces", "unknown field"},
	} {
		t.Run(e.name, func(t *testing.T) {
			if _, err := tryException(t, "invalid", e.spec); err == nil {
				t.Error("the API server takes it")
			} else {
				checkRefusal(t, err, e.field, e.phrase)
			}
		})
	}
}

func TestValidExceptionIsAcceptedAsItIs(t *testing.T) {
	for name, spec := range map[string]string{
		"names":    soundException,
		"selector": "rules: [a, b]\nselector: {}\nreason: r\nauthor: a\n",
		"everything": soundException + "selector: {matchLabels: {app: web}, matchExpressions: [{key: a, operator: Exists}]}\n" +
			"containers: [web, sidecar]\nexpiresAt: \"2027-01-31T23:59:59Z\"\n",
		"largest": "rules: " + list(64, strings.Repeat("r", 60)+"-%02d") + "\nnames: " + list(64, strings.Repeat("n", 250)+"-%02d") +
			"\ncontainers: " + list(64, strings.Repeat("c", 60)+"-%02d") + "\nreason: " + strings.Repeat("r", 1024) +
			"\nauthor: " + strings.Repeat("a", 253) + "\nexpiresAt: \"2027-01-31T23:59:59.123456+01:00\"\n",
	} {
		t.Run(name, func(t *testing.T) {
			made, err := tryException(t, "valid", spec)
			if err != nil {
				t.Fatal(err)
			}
			var want map[string]any
			if err := yaml.Unmarshal([]byte(spec), &want); err != nil {
				t.Fatal(err)
			}
			if got := asRead(t, made.Object["spec"]); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("want %v, got %v", want, got)
			}
		})
	}
}

// Who reviews exceptions reads them from the list.
func TestExceptionsAreListedWithWhatAReviewerAsks(t *testing.T) {
	client := control.Dynamic.Resource(exceptions).Namespace("default")
	object := &unstructured.Unstructured{}
	text := fmt.Sprintf(namedException, "listed") +
		"  {rules: [host-ports, probes], names: [web], reason: it is a node agent, author: platform, expiresAt: \"2027-01-31T23:59:59Z\"}"
	if err := yaml.Unmarshal([]byte(text), &object.Object); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Create(t.Context(), object, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := client.Delete(t.Context(), "listed", metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	}()
	out, err := control.RunKubectl(t.Context(), "get", "secexc", "--namespace", "default")
	if err != nil {
		t.Fatal(err)
	}
	for _, phrase := range []string{"RULES", "REASON", "AUTHOR", "EXPIRES", "AGE",
		`["host-ports","probes"]`, "it is a node agent", "platform", "2027-01-31T23:59:59Z"} {
		if !strings.Contains(out, phrase) {
			t.Errorf("want %q in:\n%s", phrase, out)
		}
	}
}
