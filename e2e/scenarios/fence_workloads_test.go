package scenarios

import (
	"context"
	"fmt"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"sigs.k8s.io/yaml"
)

// fencedKind is one of the kinds that Rampart hardens.
type fencedKind struct {
	resource schema.GroupVersionResource
	kind     string
	template string // what is around a pod template within spec
	beside   string // members of spec besides
	change   string // a change of one of these
}

var fencedKinds = []fencedKind{
	{schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}, "Deployment",
		`"template": %s`, `"replicas": 2, "selector": {"matchLabels": {"app": "fenced"}}`, `"replicas": 0`},
	{schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "statefulsets"}, "StatefulSet",
		`"template": %s`, `"replicas": 2, "serviceName": "fenced", "selector": {"matchLabels": {"app": "fenced"}}`, `"replicas": 0`},
	{schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "daemonsets"}, "DaemonSet",
		`"template": %s`, `"selector": {"matchLabels": {"app": "fenced"}}`, `"updateStrategy": {"type": "OnDelete"}`},
	{schema.GroupVersionResource{Group: "batch", Version: "v1", Resource: "cronjobs"}, "CronJob",
		`"jobTemplate": {"spec": {"template": %s}}`, `"schedule": "0 0 1 1 *"`, `"schedule": "* * * * *"`},
}

// The container web states something of most, side and the init container state nothing.
const fencedTemplate = `{
	"metadata": {"labels": {"app": "fenced"}, "annotations": {"note": "kept"}},
	"spec": {
		"restartPolicy": %q,
		"initContainers": [{"name": "setup", "image": "registry.example.com/setup:1"}],
		"containers": [
			{"name": "web", "image": "registry.example.com/web:1", "command": ["serve"], "env": [{"name": "A", "value": "b"}],
			 "securityContext": {"allowPrivilegeEscalation": true, "capabilities": {"add": ["NET_BIND_SERVICE"]}},
			 "resources": {"limits": {"memory": "1Gi"}}},
			{"name": "side", "image": "registry.example.com/side:1"}],
		"volumes": [{"name": "data", "emptyDir": {}}]}}`

func (k fencedKind) object(name string) string {
	restart := "Always"
	if k.kind == "CronJob" {
		restart = "Never"
	}
	return fmt.Sprintf(`{"apiVersion": %q, "kind": %q,
		"metadata": {"name": %q, "namespace": "default", "labels": {"test": "fence"}, "annotations": {"note": "kept"}},
		"spec": {%s, %s}}`, k.resource.GroupVersion(), k.kind, name, k.beside,
		fmt.Sprintf(k.template, fmt.Sprintf(fencedTemplate, restart)))
}

// of wraps a patch of the pod template.
func (k fencedKind) of(template string) string {
	return `{"spec": {` + fmt.Sprintf(k.template, template) + `}}`
}

// ofPod and the next ones wrap a patch of the pod's spec and of a container's.
func (k fencedKind) ofPod(spec string) string { return k.of(`{"spec": ` + spec + `}`) }

func (k fencedKind) ofContainer(name, fields string) string {
	list := "containers"
	if name == "setup" {
		list = "initContainers"
	}
	return k.ofPod(fmt.Sprintf(`{%q: [{"name": %q, %s}]}`, list, name, fields))
}

func (k fencedKind) ofContext(name, fields string) string {
	return k.ofContainer(name, `"securityContext": {`+fields+`}`)
}

// try makes a strategic merge patch as Rampart does.
func (k fencedKind) try(ctx context.Context, client dynamic.Interface, name, body string, options metav1.PatchOptions) error {
	options.FieldManager = "rampart"
	_, err := client.Resource(k.resource).Namespace("default").Patch(
		ctx, name, types.StrategicMergePatchType, []byte(body), options)
	return err
}

var dryPatch = metav1.PatchOptions{DryRun: []string{metav1.DryRunAll}}

type attack struct{ name, body string }

// attacks are all refused; whoever has the right and is not Rampart may make them.
func (k fencedKind) attacks() []attack {
	attacks := []attack{
		{"a field of spec", `{"spec": {` + k.change + `}}`},
		{"a label", `{"metadata": {"labels": {"test": "other"}}}`},
		{"a label taken off", `{"metadata": {"labels": {"test": null}}}`},
		{"an annotation", `{"metadata": {"annotations": {"argocd.argoproj.io/tracking-id": "x"}}}`},
		{"an annotation taken off", `{"metadata": {"annotations": {"note": null}}}`},
		{"another annotation of Rampart's", `{"metadata": {"annotations": {"rampart.dev/other": "x"}}}`},
		{"a label of Rampart's", `{"metadata": {"labels": {"rampart.dev/profile": "x"}}}`},
		{"another annotation of Rampart's on the template", k.of(`{"metadata": {"annotations": {"rampart.dev/rollout": "x"}}}`)},
		{"a finalizer", `{"metadata": {"finalizers": ["example.com/stuck"]}}`},
		{"an owner", `{"metadata": {"ownerReferences": [{"apiVersion": "v1", "kind": "Namespace", "name": "default", "uid": "u"}]}}`},
		{"a label of the template", k.of(`{"metadata": {"labels": {"tier": "vault"}}}`)},
		{"an annotation of the template", k.of(`{"metadata": {"annotations": {"sidecar.example.com/inject": "true"}}}`)},
		{"an annotation of the template taken off", k.of(`{"metadata": {"annotations": {"note": null}}}`)},

		{"a container", k.ofPod(`{"containers": [{"name": "evil", "image": "evil"}]}`)},
		{"an init container", k.ofPod(`{"initContainers": [{"name": "evil", "image": "evil"}]}`)},
		{"a sidecar", k.ofPod(`{"initContainers": [{"name": "evil", "image": "evil", "restartPolicy": "Always"}]}`)},
		{"a container less", k.ofPod(`{"containers": [{"name": "side", "$patch": "delete"}]}`)},
		{"no init containers", k.ofPod(`{"initContainers": null}`)},
		{"containers in another order", k.ofPod(`{"$setElementOrder/containers": [{"name": "side"}, {"name": "web"}],
			"containers": [{"name": "side"}, {"name": "web"}]}`)},

		{"a volume", k.ofPod(`{"volumes": [{"name": "more", "emptyDir": {}}]}`)},
		{"a hostPath", k.ofPod(`{"volumes": [{"name": "root", "hostPath": {"path": "/"}}]}`)},
		{"a volume that becomes a hostPath", k.ofPod(`{"volumes": [{"name": "data", "emptyDir": null, "hostPath": {"path": "/"}}]}`)},
		{"no volumes", k.ofPod(`{"volumes": null}`)},
		{"the host's network", k.ofPod(`{"hostNetwork": true}`)},
		{"the host's processes", k.ofPod(`{"hostPID": true}`)},
		{"a node", k.ofPod(`{"nodeName": "node-0"}`)},
		{"a ServiceAccount", k.ofPod(`{"serviceAccountName": "admin"}`)},
		{"a token", k.ofPod(`{"automountServiceAccountToken": true}`)},
		{"a pull secret", k.ofPod(`{"imagePullSecrets": [{"name": "s"}]}`)},
		{"a runtime class", k.ofPod(`{"runtimeClassName": "other"}`)},
		{"a toleration", k.ofPod(`{"tolerations": [{"operator": "Exists"}]}`)},

		{"the pod as root", k.ofPod(`{"securityContext": {"runAsUser": 0}}`)},
		{"the pod as a user", k.ofPod(`{"securityContext": {"runAsUser": 1000}}`)},
		{"the pod perhaps as root", k.ofPod(`{"securityContext": {"runAsNonRoot": false}}`)},
		{"the pod unconfined", k.ofPod(`{"securityContext": {"seccompProfile": {"type": "Unconfined"}}}`)},
		{"a sysctl", k.ofPod(`{"securityContext": {"sysctls": [{"name": "kernel.msgmax", "value": "1"}]}}`)},
		{"a group of files", k.ofPod(`{"securityContext": {"fsGroup": 0}}`)},

		{"a stated value made better", k.ofContext("web", `"allowPrivilegeEscalation": false`)},
		{"a stated value taken away", k.ofContext("web", `"allowPrivilegeEscalation": null`)},
		{"a security context taken away", k.ofContainer("web", `"securityContext": null`)},
		{"a stated capability taken away", k.ofContext("web", `"capabilities": {"add": null}`)},
		{"another stated capability", k.ofContext("web", `"capabilities": {"add": ["SYS_ADMIN"]}`)},
		{"a stated capability more", k.ofContext("web", `"capabilities": {"add": ["NET_BIND_SERVICE", "SYS_ADMIN"], "drop": ["ALL"]}`)},
		{"a stated limit changed", k.ofContainer("web", `"resources": {"limits": {"memory": "2Gi"}}`)},
		{"a stated limit taken away", k.ofContainer("web", `"resources": {"limits": null}`)},
		{"a request that nobody fills in", k.ofContainer("side", `"resources": {"requests": {"ephemeral-storage": "1Gi"}}`)},
		{"a device", k.ofContainer("side", `"resources": {"limits": {"example.com/gpu": "1"}}`)},
	}
	for _, c := range []string{"web", "side", "setup"} {
		for _, a := range []attack{
			{"image", `"image": "evil"`},
			{"command", `"command": ["sh"]`},
			{"args", `"args": ["-c", "evil"]`},
			{"env", `"env": [{"name": "LD_PRELOAD", "value": "/evil.so"}]`},
			{"envFrom", `"envFrom": [{"secretRef": {"name": "s"}}]`},
			{"mount", `"volumeMounts": [{"name": "data", "mountPath": "/data"}]`},
			{"working directory", `"workingDir": "/evil"`},
			{"pull policy", `"imagePullPolicy": "Never"`},
			{"port", `"ports": [{"containerPort": 80, "hostPort": 80}]`},
			{"privileged", `"securityContext": {"privileged": true, "allowPrivilegeEscalation": null}`},
			{"escalation", `"securityContext": {"allowPrivilegeEscalation": true, "runAsGroup": 0}`},
			{"root", `"securityContext": {"runAsUser": 0}`},
			{"perhaps root", `"securityContext": {"runAsNonRoot": false}`},
			{"a writable root", `"securityContext": {"readOnlyRootFilesystem": false}`},
			{"unconfined", `"securityContext": {"seccompProfile": {"type": "Unconfined"}}`},
			{"a profile of the node", `"securityContext": {"seccompProfile": {"type": "Localhost", "localhostProfile": "p.json"}}`},
			{"a capability", `"securityContext": {"capabilities": {"add": ["SYS_ADMIN"]}}`},
			{"less than all dropped", `"securityContext": {"capabilities": {"drop": ["NET_RAW"]}}`},
			{"proc", `"securityContext": {"procMount": "Default"}`},
			{"SELinux", `"securityContext": {"seLinuxOptions": {"type": "spc_t"}}`},
			{"AppArmor", `"securityContext": {"appArmorProfile": {"type": "Unconfined"}}`},
		} {
			attacks = append(attacks, attack{a.name + " of " + c, k.ofContainer(c, a.body)})
		}
	}
	return attacks
}

// fill is a leaf that hardening fills in, and the patch that takes it back.
type fill struct{ name, body, back string }

func (k fencedKind) fills() []fill {
	fills := []fill{
		{"mark", `{"metadata": {"annotations": {"rampart.dev/rollout": "x"}}}`,
			`{"metadata": {"annotations": {"rampart.dev/rollout": null}}}`},
		{"mark of the template", k.of(`{"metadata": {"annotations": {"rampart.dev/fill": "x"}}}`),
			k.of(`{"metadata": {"annotations": {"rampart.dev/fill": null}}}`)},
		{"runAsNonRoot of the pod", k.ofPod(`{"securityContext": {"runAsNonRoot": true}}`),
			k.ofPod(`{"securityContext": {"runAsNonRoot": null}}`)},
		{"seccompProfile of the pod", k.ofPod(`{"securityContext": {"seccompProfile": {"type": "RuntimeDefault"}}}`),
			k.ofPod(`{"securityContext": {"seccompProfile": null}}`)},
		{"drop beside stated capabilities", k.ofContext("web", `"capabilities": {"drop": ["ALL"]}`),
			k.ofContext("web", `"capabilities": {"drop": null}`)},
		{"request beside a stated limit", k.ofContainer("web", `"resources": {"requests": {"memory": "128Mi", "cpu": "100m"}, "limits": {"cpu": "1"}}`),
			k.ofContainer("web", `"resources": {"requests": null, "limits": {"cpu": null}}`)},
		{"all of it at once", k.ofContext("side", `"runAsNonRoot": true, "runAsUser": 1000, "allowPrivilegeEscalation": false,
			"readOnlyRootFilesystem": true, "seccompProfile": {"type": "RuntimeDefault"}, "capabilities": {"drop": ["ALL"]}`),
			k.ofContainer("side", `"securityContext": null`)},
	}
	for _, c := range []string{"side", "setup"} {
		for _, leaf := range []struct{ name, value string }{
			{"runAsNonRoot", `true`}, {"runAsUser", `1000`}, {"allowPrivilegeEscalation", `false`},
			{"readOnlyRootFilesystem", `true`}, {"seccompProfile", `{"type": "RuntimeDefault"}`}, {"capabilities", `{"drop": ["ALL"]}`},
		} {
			fills = append(fills, fill{leaf.name + " of " + c, k.ofContext(c, fmt.Sprintf(`%q: %s`, leaf.name, leaf.value)),
				k.ofContext(c, fmt.Sprintf(`%q: null`, leaf.name))})
		}
		for _, part := range []string{"requests", "limits"} {
			for name, value := range map[string]string{"cpu": "1", "memory": "128Mi"} {
				fills = append(fills, fill{part + "." + name + " of " + c,
					k.ofContainer(c, fmt.Sprintf(`"resources": {%q: {%q: %q}}`, part, name, value)),
					k.ofContainer(c, fmt.Sprintf(`"resources": {%q: null}`, part))})
			}
		}
	}
	return fills
}

// The operator's own token, with every right there is: the fence alone is left.
func TestFenceAroundWorkloads(t *testing.T) {
	needDeployed(t)
	widenRights(t)
	rampart, err := dynamic.NewForConfig(configOf(t, ownNamespace, ownAccount))
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range fencedKinds {
		t.Run(k.kind, func(t *testing.T) {
			objects := control.Dynamic.Resource(k.resource).Namespace("default")
			if err := create(k.resource, "%s", k.object("fenced"))(t.Context(), control.Dynamic); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := objects.Delete(context.Background(), "fenced", metav1.DeleteOptions{}); err != nil {
					t.Error(err)
				}
			})
			eventually(t, func() error { // rights and policy take effect a moment after they were made
				if err := k.try(t.Context(), rampart, "fenced", k.ofContainer("web", `"image": "evil"`), dryPatch); !fenced(err) {
					return fmt.Errorf("there is no fence: %v", err)
				}
				return nil
			})
			k.tryAttacks(t, rampart)
			k.tryClaims(t, rampart)
			k.tryFills(t, rampart)
			k.tryRequests(t, rampart)
		})
	}
}

func fenced(err error) bool { return refused(err, "rampart-fence-workloads") }

// What was not Rampart's cannot become so by a patch of managedFields, which any client may write: two requests would
// take away what somebody stated.
func (k fencedKind) tryClaims(t *testing.T, rampart dynamic.Interface) {
	claim := func(template string) string {
		path := `"f:template": {"f:spec": ` + template + `}`
		if k.kind == "CronJob" {
			path = `"f:jobTemplate": {"f:spec": {` + path + `}}`
		}
		return fmt.Sprintf(`{"manager": "rampart", "operation": "Update", "apiVersion": %q, "fieldsType": "FieldsV1",
			"fieldsV1": {"f:spec": {%s}}}`, k.resource.GroupVersion(), path)
	}
	of := func(fields string) string {
		return `{"metadata": {"managedFields": [` + claim(`{"f:containers": {"k:{\"name\":\"web\"}": {`+fields+`}}}`) + `]}}`
	}
	for name, body := range map[string]string{
		"escalation": of(`"f:securityContext": {"f:allowPrivilegeEscalation": {}}`),
		"limit":      of(`"f:resources": {"f:limits": {"f:memory": {}}}`),
		"nothing":    `{"metadata": {"managedFields": [{}]}}`,
	} {
		t.Run("claims "+name, func(t *testing.T) {
			if err := k.try(t.Context(), rampart, "fenced", body, dryPatch); !fenced(err) {
				t.Errorf("Rampart is not refused: %v", err)
			}
			if err := k.try(t.Context(), control.Dynamic, "fenced", body, dryPatch); err != nil {
				t.Errorf("it is no attack: the admin is refused: %v", err)
			}
		})
	}
}

func (k fencedKind) tryAttacks(t *testing.T, rampart dynamic.Interface) {
	for _, a := range k.attacks() {
		t.Run(a.name, func(t *testing.T) {
			if err := k.try(t.Context(), rampart, "fenced", a.body, dryPatch); !fenced(err) {
				t.Errorf("Rampart is not refused: %v", err)
			}
			err := k.try(t.Context(), control.Dynamic, "fenced", a.body, dryPatch)
			if err != nil && !apierrors.IsInvalid(err) {
				t.Errorf("the admin is refused: %v", err)
			}
		})
	}
}

// tryFills fills in each leaf and takes it back: what somebody else filled in just so is not Rampart's to take back.
func (k fencedKind) tryFills(t *testing.T, rampart dynamic.Interface) {
	objects := control.Dynamic.Resource(k.resource).Namespace("default")
	for _, f := range k.fills() {
		t.Run(f.name, func(t *testing.T) {
			before := k.spec(t)
			if err := k.try(t.Context(), rampart, "fenced", f.body, metav1.PatchOptions{}); err != nil {
				t.Fatalf("fill: %v", err)
			}
			if err := k.try(t.Context(), rampart, "fenced", f.back, metav1.PatchOptions{}); err != nil {
				t.Fatalf("take back: %v", err)
			}
			if strings.Contains(f.name, "mark") {
				return // these are Rampart's whoever wrote them
			}
			_, err := objects.Patch(t.Context(), "fenced", types.StrategicMergePatchType, []byte(f.body), metav1.PatchOptions{FieldManager: "git"})
			if err != nil {
				t.Fatal(err)
			}
			if err := k.try(t.Context(), rampart, "fenced", f.back, dryPatch); !fenced(err) {
				t.Errorf("what git stated is taken away: %v", err)
			}
			if err := k.try(t.Context(), control.Dynamic, "fenced", f.back, metav1.PatchOptions{}); err != nil {
				t.Fatal(err)
			}
			if after := k.spec(t); after != before {
				t.Errorf("before:\n%s\nafter:\n%s", before, after)
			}
		})
	}
}

// spec returns the spec without what is empty.
func (k fencedKind) spec(t *testing.T) string {
	t.Helper()
	object, err := control.Dynamic.Resource(k.resource).Namespace("default").Get(t.Context(), "fenced", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	text, err := yaml.Marshal(object.Object["spec"])
	if err != nil {
		t.Fatal(err)
	}
	kept := []string{}
	for line := range strings.Lines(string(text)) {
		if !strings.HasSuffix(line, ": {}\n") {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "")
}

// tryRequests makes the requests that are no patch of the object itself.
func (k fencedKind) tryRequests(t *testing.T, rampart dynamic.Interface) {
	client := rampart.Resource(k.resource).Namespace("default")
	other := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(k.object("other")), &other.Object); err != nil {
		t.Fatal(err)
	}
	evil := fmt.Sprintf(`{"apiVersion": %q, "kind": %q, %s`, k.resource.GroupVersion(), k.kind, k.ofContainer("web", `"image": "evil"`)[1:])
	force := true
	for name, err := range map[string]error{
		"create": second(client.Create(t.Context(), other, metav1.CreateOptions{DryRun: dryPatch.DryRun})),
		"delete": client.Delete(t.Context(), "fenced", metav1.DeleteOptions{DryRun: dryPatch.DryRun}),
		"delete all": client.DeleteCollection(t.Context(), metav1.DeleteOptions{DryRun: dryPatch.DryRun},
			metav1.ListOptions{LabelSelector: "test=fence"}),
		"status": second(client.Patch(t.Context(), "fenced", types.MergePatchType, []byte(`{"metadata": {"annotations": {"rampart.dev/x": "y"}}}`),
			dryPatch, "status")),
		"apply": second(client.Patch(t.Context(), "fenced", types.ApplyPatchType, []byte(evil),
			metav1.PatchOptions{DryRun: dryPatch.DryRun, FieldManager: "rampart", Force: &force})),
	} {
		if !fenced(err) {
			t.Errorf("%s: not refused: %v", name, err)
		}
	}
	if strings.Contains(k.beside, "replicas") {
		_, err := client.Patch(t.Context(), "fenced", types.MergePatchType, []byte(`{"spec": {"replicas": 0}}`), dryPatch, "scale")
		if !fenced(err) {
			t.Errorf("scale: not refused: %v", err)
		}
	}
}

// A policy may cost so much and no more; past that, it refuses. A workload of as many containers as rules can tell
// apart, with nearly as much in them as a request may have, must stay below.
func TestFenceLetsTheLargestWorkloadBeHardened(t *testing.T) {
	needDeployed(t)
	widenRights(t)
	rampart, err := dynamic.NewForConfig(configOf(t, ownNamespace, ownAccount))
	if err != nil {
		t.Fatal(err)
	}
	env, containers, fills := []string{}, []string{}, []string{}
	for i := range 64 {
		env = append(env, fmt.Sprintf(`{"name": "V%d", "value": %q}`, i, strings.Repeat("v", 200)))
	}
	for i := range 64 {
		containers = append(containers, fmt.Sprintf(`{"name": "c-%d", "image": "registry.example.com/c:1", "env": [%s]}`, i, strings.Join(env, ",")))
		fills = append(fills, fmt.Sprintf(`{"name": "c-%d", "securityContext": {"runAsNonRoot": true, "runAsUser": 1000,
			"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "seccompProfile": {"type": "RuntimeDefault"},
			"capabilities": {"drop": ["ALL"]}}, "resources": {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"cpu": "1", "memory": "1Gi"}}}`, i))
	}
	k := fencedKinds[0]
	object := fmt.Sprintf(`{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "largest", "namespace": "default"},
		"spec": {%s, "template": {"metadata": {"labels": {"app": "fenced"}}, "spec": {"containers": [%s]}}}}`,
		k.beside, strings.Join(containers, ","))
	if err := create(k.resource, "%s", object)(t.Context(), control.Dynamic); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := remove(k.resource, "default", "largest")(context.Background(), control.Dynamic); err != nil {
			t.Error(err)
		}
	})
	all := k.ofPod(fmt.Sprintf(`{"containers": [%s]}`, strings.Join(fills, ",")))
	eventually(t, func() error { return k.try(t.Context(), rampart, "largest", all, metav1.PatchOptions{}) })
	back := k.ofPod(fmt.Sprintf(`{"containers": [%s]}`, strings.ReplaceAll(strings.Join(containers, ","), `"image"`,
		`"securityContext": null, "resources": {"requests": null, "limits": null}, "image"`)))
	if err := k.try(t.Context(), rampart, "largest", back, metav1.PatchOptions{}); err != nil {
		t.Error(err)
	}
	evil := k.ofContainer("c-63", `"image": "evil"`)
	if err := k.try(t.Context(), rampart, "largest", evil, dryPatch); !fenced(err) {
		t.Errorf("Rampart is not refused: %v", err)
	}
	t.Logf("%d bytes", len(object))
}

func second(_ *unstructured.Unstructured, err error) error { return err }
