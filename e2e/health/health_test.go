package health

import (
	"os"
	"path/filepath"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

const customizations = "../../deploy/argocd/resource_customizations/rampart.dev/SecurityProfile"

// Each case of health_test.yaml, which is laid out as Argo CD's own are, gives what it says; and each file of testdata
// is a case.
func TestHealthIsWhatItsCasesSay(t *testing.T) {
	read := func(path string) []byte {
		text, err := os.ReadFile(filepath.Join(customizations, path))
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	cases := struct {
		Tests []struct {
			HealthStatus Status
			InputPath    string
		}
	}{}
	if err := yaml.UnmarshalStrict(read("health_test.yaml"), &cases); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases.Tests {
		object := &unstructured.Unstructured{}
		text, err := yaml.YAMLToJSON(read(c.InputPath))
		if err == nil {
			err = object.UnmarshalJSON(text)
		}
		if err != nil {
			t.Fatalf("%s: %v", c.InputPath, err)
		}
		if got, err := Of(string(read("health.lua")), object); err != nil || got != c.HealthStatus {
			t.Errorf("%s: %+v, %v; expected %+v", c.InputPath, got, err, c.HealthStatus)
		}
	}
	if files, err := os.ReadDir(filepath.Join(customizations, "testdata")); err != nil || len(files) != len(cases.Tests) {
		t.Errorf("%d cases of %d files, %v", len(cases.Tests), len(files), err)
	}
}

// What does not end, or gives nothing of use, is an error and no health.
func TestCheckThatFailsIsNoHealth(t *testing.T) {
	for _, check := range []string{"while true do end", "return 1", "return nil", "syntax error"} {
		if got, err := Of(check, &unstructured.Unstructured{}); err == nil {
			t.Errorf("%q gives %+v", check, got)
		}
	}
}
