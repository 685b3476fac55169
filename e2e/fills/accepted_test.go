package fills

import (
	"fmt"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
)

// The containers are in no order by name, and some of what they state is not what a profile wants.
const mixed = `
securityContext: {fsGroup: 2000}
initContainers:
- {name: zeta, image: i}
- {name: mesh, image: i, restartPolicy: Always, securityContext: {runAsUser: 1337}}
- {name: alpha, image: i, securityContext: {allowPrivilegeEscalation: true}}
containers:
- {name: web, image: i, ports: [{containerPort: 80}], resources: {requests: {cpu: 50m}}}
- {name: "8080", image: i, env: [{name: B, value: b}, {name: A, value: a}]}
- name: api
  image: i
  securityContext: {runAsNonRoot: false, readOnlyRootFilesystem: false, capabilities: {add: [CHOWN], drop: [KILL]}}
- {name: db, image: i, securityContext: {seccompProfile: {type: Unconfined}, capabilities: {add: [SYS_TIME]}}}
- {name: bare, image: i, securityContext: {capabilities: {}}, resources: {limits: {}}}
- {name: empty, image: i, securityContext: {}}
`

// Every other container has something to be filled in.
const partly = `
securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}
containers:
- {name: zeta, image: i, securityContext: &done {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}}
- {name: web, image: i}
- {name: mid, image: i, securityContext: *done}
- {name: app, image: i}
- {name: alpha, image: i, securityContext: *done}
`

const plain = `
containers:
- {name: web, image: i}
- {name: app, image: i}
`

func TestWhatIsFilledInIsAcceptedAndComesOffWithoutATrace(t *testing.T) {
	for _, k := range kinds {
		for _, spec := range []struct{ name, yaml, wants, evidence string }{
			{"mixed", mixed, everything, "zeta=1 alpha=2 web=1000 8080=root db=non-root"},
			{"plain", plain, everything, "web=1000 app=1001"},
			{"partly", partly, "", ""},
			{"injected", plain, everything, "web=1000 app=1001 mesh=root"},
		} {
			for _, how := range []string{"created", "applied"} {
				t.Run(fmt.Sprintf("%s %s %s", k.name, spec.name, how), func(t *testing.T) {
					object := k.object(t, objectName(t, "trace"), spec.yaml)
					make := k.create
					if how == "applied" {
						make = k.apply
					}
					before := make(t, object)
					after := k.fill(t, before, spec.wants, spec.evidence)
					demandKept(t, "pod", k.podSpec(t, before), k.podSpec(t, after))
					if again := k.askFill(t, after, spec.wants, spec.evidence); again.Leaves != 0 {
						t.Errorf("a second round would fill in %d leaves: %s", again.Leaves, *again.Patch)
					}
					demandSame(t, bare(k.takeBack(t, object.GetName(), 0)), bare(before))
				})
			}
		}
	}
}

func TestWhatTheServerRefusesIsLeftOut(t *testing.T) {
	k := kinds[0]
	for _, row := range []struct{ name, spec, refused string }{
		{
			"privileged",
			`containers: [{name: web, image: i, securityContext: {privileged: true}}]`,
			`{"containers":[{"name":"web","securityContext":{"allowPrivilegeEscalation":false}}]}`,
		},
		{
			"sys-admin",
			`containers: [{name: web, image: i, securityContext: {capabilities: {add: [CAP_SYS_ADMIN]}}}]`,
			"", // by servers that are older than this one
		},
		{
			"windows",
			`{os: {name: windows}, containers: [{name: web, image: i}]}`,
			`{"containers":[{"name":"web","securityContext":{"readOnlyRootFilesystem":true}}]}`,
		},
		{
			"windows-user",
			`{os: {name: windows}, containers: [{name: web, image: i}]}`,
			`{"containers":[{"name":"web","securityContext":{"runAsUser":1000}}]}`,
		},
		{
			"request-above-the-limit",
			`containers: [{name: web, image: i, resources: {requests: {memory: 2Gi}}}]`,
			`{"containers":[{"name":"web","resources":{"limits":{"memory":"1Gi"}}}]}`,
		},
		{
			"limit-below-the-request",
			`containers: [{name: web, image: i, resources: {limits: {memory: 8Mi}}}]`,
			`{"containers":[{"name":"web","resources":{"requests":{"memory":"16Mi"}}}]}`,
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			before := k.create(t, k.object(t, row.name, row.spec))
			wrong := fmt.Sprintf(`{"spec":{"template":{"spec":%s}}}`, row.refused)
			_, err := k.tryPatch(t, row.name, wrong, manager, types.StrategicMergePatchType)
			if row.refused != "" && !apierrors.IsInvalid(err) {
				t.Errorf("the server was to refuse it, and says: %v", err)
			}
			after := k.fill(t, before, everything, "web=1000")
			demandKept(t, "pod", k.podSpec(t, before), k.podSpec(t, after))
			demandSame(t, bare(k.takeBack(t, row.name, 0)), bare(before))
		})
	}
}

func TestAPatchForWhatIsNoLongerThereIsRefused(t *testing.T) {
	k := kinds[0]
	before := k.create(t, k.object(t, "stale", plain))
	stale := *k.askFill(t, before, everything, "").Patch
	if _, err := k.tryPatch(t, "stale", `{"metadata":{"labels":{"a":"b"}}}`, "somebody", types.MergePatchType); err != nil {
		t.Fatal(err)
	}
	if _, err := k.tryPatch(t, "stale", stale, manager, types.StrategicMergePatchType); !apierrors.IsConflict(err) {
		t.Errorf("a stale resourceVersion: %v", err)
	}
	now := k.get(t, "stale")
	now.SetUID("00000000-0000-0000-0000-000000000000")
	other := *k.askFill(t, now, everything, "").Patch
	_, err := k.tryPatch(t, "stale", other, manager, types.StrategicMergePatchType)
	if !apierrors.IsInvalid(err) && !apierrors.IsConflict(err) {
		t.Errorf("another uid: %v", err)
	}
}

func TestTheYAMLForGitLeavesNothingToFillIn(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			name := objectName(t, "git")
			object := k.object(t, name, mixed)
			evidence := "zeta=1 alpha=2 web=1000 8080=2000 db=3000"
			before := k.apply(t, object)
			var stated map[string]any
			decode(t, k.askFill(t, before, everything, evidence).YAML, &stated)
			merge(object.Object, stated)
			if now := k.askFill(t, k.apply(t, object), everything, evidence); now.Leaves != 0 {
				t.Errorf("%d leaves are left: %s", now.Leaves, now.YAML)
			}
		})
	}
}

// merge is what a person does with the YAML: objects by member, containers by name.
func merge(into, from map[string]any) {
	for name, value := range from {
		switch value := value.(type) {
		case map[string]any:
			if _, ok := into[name].(map[string]any); !ok {
				into[name] = map[string]any{}
			}
			merge(into[name].(map[string]any), value)
		case []any:
			list, ok := into[name].([]any)
			if _, named := value[0].(map[string]any); !ok || !named {
				into[name] = value
				continue
			}
			for _, element := range value {
				for _, existing := range list {
					if existing.(map[string]any)["name"] == element.(map[string]any)["name"] {
						merge(existing.(map[string]any), element.(map[string]any))
					}
				}
			}
		default:
			into[name] = value
		}
	}
}
