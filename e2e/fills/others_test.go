package fills

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"
)

// What owns a container's list entry makes its removal by somebody else fail. A fill owns leaves alone.
func TestAnotherManagerRemovesAndRenamesContainers(t *testing.T) {
	const later = `
initContainers: [{name: prepare, image: i}]
containers: [{name: www, image: i}, {name: db, image: i}]`
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			name := objectName(t, "moved")
			before := k.apply(t, k.object(t, name, `
initContainers: [{name: wait, image: i}, {name: prepare, image: i}]
containers: [{name: web, image: i}, {name: app, image: i}, {name: db, image: i}]`))
			k.fill(t, before, everything, "wait=1 prepare=1 web=1 app=root db=1")
			now := k.apply(t, k.object(t, name, later))
			var names []string
			for _, container := range k.podSpec(t, now)["containers"].([]any) {
				names = append(names, container.(map[string]any)["name"].(string))
			}
			if !slices.Equal(names, []string{"www", "db"}) && !slices.Equal(names, []string{"db", "www"}) {
				t.Errorf("containers are %v", names)
			}
			back := k.takeBack(t, name, 0)

			twin := k.apply(t, k.object(t, name+"-twin", later))
			demandSame(t, byName(k.podSpec(t, back)), byName(k.podSpec(t, twin)))
		})
	}
}

// byName sorts the containers: where the server puts a new one is its own business.
func byName(spec map[string]any) map[string]any {
	slices.SortFunc(spec["containers"].([]any), func(a, b any) int {
		return len(a.(map[string]any)["name"].(string)) - len(b.(map[string]any)["name"].(string))
	})
	return spec
}

const adopted = `
securityContext: {runAsNonRoot: true}
containers:
- {name: web, image: i, securityContext: {capabilities: {drop: [ALL]}}}
- {name: app, image: i}`

func TestLeavesThatWereAdoptedByServerSideApplyStay(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			name := objectName(t, "adopted")
			k.fill(t, k.apply(t, k.object(t, name, plain)), everything, "web=1 app=2")
			k.apply(t, k.object(t, name, adopted))
			back := k.takeBack(t, name, 2)

			twin := k.apply(t, k.object(t, name+"-twin", adopted))
			demandSame(t, k.podSpec(t, back), k.podSpec(t, twin))
		})
	}
}

func TestLeavesThatWereAdoptedByKubectlApplyStay(t *testing.T) {
	if control.Kubectl == "" {
		t.Skip("no kubectl")
	}
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			name := objectName(t, "three-way")
			kubectlApply(t, k.object(t, name, plain))
			k.fill(t, k.get(t, name), everything, "web=1 app=2")
			kubectlApply(t, k.object(t, name, adopted))
			back := k.takeBack(t, name, 2)

			twin := k.object(t, name+"-twin", adopted)
			kubectlApply(t, twin)
			demandSame(t, k.podSpec(t, back), k.podSpec(t, k.get(t, twin.GetName())))
		})
	}
}

func kubectlApply(t *testing.T, o *unstructured.Unstructured) {
	t.Helper()
	text, err := yaml.Marshal(o.Object)
	path := filepath.Join(t.TempDir(), "object.yaml")
	if err == nil {
		err = os.WriteFile(path, text, 0o600)
	}
	if err == nil {
		_, err = control.RunKubectl(t.Context(), "apply", "-f", path)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// An owner who states another value takes the leaf; what it states is never taken back.
func TestAValueThatWasChangedSinceStays(t *testing.T) {
	k := kinds[0]
	before := k.create(t, k.object(t, "changed", plain))
	k.fill(t, before, "nothing escalation drop", "")
	change := `{"spec":{"template":{"spec":{"containers":[
		{"name":"web","securityContext":{"allowPrivilegeEscalation":true}}]}}}}`
	if _, err := k.tryPatch(t, "changed", change, "somebody", types.StrategicMergePatchType); err != nil {
		t.Fatal(err)
	}
	back := k.takeBack(t, "changed", 0)
	twin := k.create(t, k.object(t, "changed-twin", `
containers:
- {name: web, image: i, securityContext: {allowPrivilegeEscalation: true}}
- {name: app, image: i}`))
	demandSame(t, k.podSpec(t, back), k.podSpec(t, twin))
}

// The server keeps ten managers that update and merges the oldest: then it cannot be told what was filled in.
func TestNothingIsTakenBackOnceTheServerHasForgotten(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			name := objectName(t, "ancient")
			k.fill(t, k.create(t, k.object(t, name, plain)), everything, "web=1 app=2")
			ctx, cancel := context.WithTimeout(t.Context(), waitLimit)
			defer cancel()
			for i := 0; slices.Contains(managers(k.get(t, name)), manager); i++ {
				patch := fmt.Sprintf(`{"metadata":{"annotations":{"a-%d":""}}}`, i)
				by := fmt.Sprintf("manager-%d", i)
				if _, err := k.tryPatch(t, name, patch, by, types.MergePatchType); err != nil {
					t.Fatal(err)
				}
				if ctx.Err() != nil {
					t.Fatalf("after %s the managers are %v", waitLimit, managers(k.get(t, name)))
				}
			}
			before := k.get(t, name)
			if !slices.Contains(managers(before), "ancient-changes") {
				t.Fatalf("managers are %v", managers(before))
			}
			a := k.askBack(t, name)
			if a.Error != "Unavailable" || a.Patch != nil {
				t.Errorf("want Unavailable, got %+v", a)
			}
			t.Logf("%s", a.Message)
		})
	}
}
