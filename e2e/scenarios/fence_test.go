package scenarios

import (
	"context"
	"fmt"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"sigs.k8s.io/yaml"
)

var (
	policies = schema.GroupVersionResource{Group: "networking.k8s.io", Version: "v1", Resource: "networkpolicies"}
	events   = schema.GroupVersionResource{Group: "events.k8s.io", Version: "v1", Resource: "events"}
)

const fencedPolicy = `
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: %s, namespace: %s, labels: {test: fence}}
spec: {podSelector: {}, policyTypes: [Ingress]}`

const fencedProfile = `
apiVersion: rampart.dev/v1alpha1
kind: SecurityProfile
metadata: {name: %s, labels: {test: fence, team: shop}, annotations: {note: kept}, finalizers: [example.com/other]}
spec: {namespaceSelector: {}, network: {allow: {sameNamespace: {}}}}`

const fencedEvent = `
apiVersion: events.k8s.io/v1
kind: Event
metadata: {name: %s, namespace: default, labels: {test: fence}}
eventTime: "2026-01-01T00:00:00.000000Z"
reportingController: %s
reportingInstance: rampart-0
action: Reconcile
reason: PolicyEdited
regarding: {apiVersion: rampart.dev/v1alpha1, kind: SecurityProfile, name: fenced}
note: what happened
type: Warning`

const eventSeries = `{"series": {"count": 2, "lastObservedTime": "2026-01-01T00:00:01.000000Z"}}`

// As Rampart writes it, with every field that there is.
const fullStatus = `{"status": {
	"observedGeneration": 1,
	"conditions": [
		{"type": "Ready", "status": "False", "reason": "Progressing", "message": "1 of 2 namespaces are compliant",
		 "observedGeneration": 1, "lastTransitionTime": "2026-01-01T00:00:00Z"},
		{"type": "Stalled", "status": "False", "reason": "SpecAccepted", "message": "",
		 "observedGeneration": 1, "lastTransitionTime": "2026-01-01T00:00:00Z"}],
	"namespaces": {"selected": 3, "compliant": 1, "drifted": 1, "failed": 0, "overridden": 1},
	"rules": [{"id": "network", "mode": "Enforce", "pass": 1, "fail": 1, "error": 0, "exempt": 0,
		"lastTransitionTime": "2026-01-01T00:00:00Z"}],
	"drift": [{"object": "NetworkPolicy shop/rampart-default-deny", "rule": "network", "reason": "PolicyEdited",
		"message": "spec.ingress was changed", "manager": "kubectl-edit"}],
	"driftTruncated": false}}`

// request is a request with somebody's access.
type request func(context.Context, dynamic.Interface) error

// attempt is one request, and what the fence says to it when Rampart makes it; "" is nothing.
type attempt struct {
	name string
	do   request
	says string
}

func create(resource schema.GroupVersionResource, format string, args ...any) request {
	return func(ctx context.Context, client dynamic.Interface) error {
		object := &unstructured.Unstructured{}
		if err := yaml.Unmarshal(fmt.Appendf(nil, format, args...), &object.Object); err != nil {
			return err
		}
		_, err := client.Resource(resource).Namespace(object.GetNamespace()).Create(ctx, object, metav1.CreateOptions{})
		return err
	}
}

func patch(resource schema.GroupVersionResource, namespace, name, body string, subresources ...string) request {
	return func(ctx context.Context, client dynamic.Interface) error {
		options := metav1.PatchOptions{FieldValidation: metav1.FieldValidationStrict}
		_, err := client.Resource(resource).Namespace(namespace).Patch(
			ctx, name, types.MergePatchType, []byte(body), options, subresources...)
		return err
	}
}

func remove(resource schema.GroupVersionResource, namespace, name string) request {
	return func(ctx context.Context, client dynamic.Interface) error {
		return client.Resource(resource).Namespace(namespace).Delete(ctx, name, metav1.DeleteOptions{})
	}
}

const (
	byName       = "names begin with rampart-"
	byNamespace  = "the namespace that it runs in"
	byField      = "nothing of a SecurityProfile but its status and metadata.finalizers"
	byFinalizer  = "rampart.dev/take-back alone"
	byController = "whose reportingController is rampart.dev/rampart"

	openAll = `{"spec": {"ingress": [{}]}}`
)

// In this order, since one needs what another made.
var attempts = []attempt{
	{"create a policy", create(policies, fencedPolicy, "rampart-default-deny", "default"), ""},
	{"change a policy", patch(policies, "default", "rampart-default-deny", openAll), ""},
	{"delete a policy", remove(policies, "default", "rampart-default-deny"), ""},
	{"create a policy of another name", create(policies, fencedPolicy, "allow-all", "default"), byName},
	{"create a policy of nearly the name", create(policies, fencedPolicy, "rampart", "default"), byName},
	{"change a policy of another name", patch(policies, "default", "foreign", openAll), byName},
	{"delete a policy of another name", remove(policies, "default", "foreign"), byName},
	{"create a policy in its own namespace",
		create(policies, fencedPolicy, "rampart-default-deny", ownNamespace), byNamespace},

	{"write a status", patch(profiles, "", "fenced", fullStatus, "status"), ""},
	{"put its finalizer on", patch(profiles, "", "fenced",
		`{"metadata": {"finalizers": ["example.com/other", "rampart.dev/take-back"]}}`), ""},
	{"take its finalizer off", patch(profiles, "", "fenced",
		`{"metadata": {"finalizers": ["example.com/other"]}}`), ""},
	{"take another's finalizer off", patch(profiles, "", "fenced", `{"metadata": {"finalizers": []}}`), byFinalizer},
	{"put another's finalizer on", patch(profiles, "", "fenced",
		`{"metadata": {"finalizers": ["example.com/other", "foregroundDeletion"]}}`), byFinalizer},
	{"change a profile's spec", patch(profiles, "", "fenced", `{"spec": {"mode": "Off"}}`), byField},
	{"remove a profile's section", patch(profiles, "", "fenced", `{"spec": {"network": null}}`), byField},
	{"change a profile's label", patch(profiles, "", "fenced", `{"metadata": {"labels": {"team": null}}}`), byField},
	{"add a profile's annotation", patch(profiles, "", "fenced", `{"metadata": {"annotations": {"a": "b"}}}`), byField},
	{"remove a profile's annotations", patch(profiles, "", "fenced", `{"metadata": {"annotations": null}}`), byField},

	{"create an Event", create(events, fencedEvent, "fenced.1", "rampart.dev/rampart"), ""},
	{"count on an Event", patch(events, "default", "fenced.1", eventSeries), ""},
	{"create an Event in another's name", create(events, fencedEvent, "fenced.2", "kubelet"), byController},
	{"count on another's Event", patch(events, "default", "foreign.1", eventSeries), byController},
}

// Rampart has no such right. Had it one, by a binding too many, the fence would still stand.
var attemptsBeyond = []attempt{
	{"create a profile", create(profiles, fencedProfile, "beyond"), "neither create nor delete SecurityProfiles"},
	{"delete a profile", remove(profiles, "", "fenced"), "neither create nor delete SecurityProfiles"},
	{"delete an Event", remove(events, "default", "foreign.1"), byController},
}

func TestFence(t *testing.T) {
	needDeployed(t)
	rampart, err := dynamic.NewForConfig(configOf(t, ownNamespace, ownAccount))
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{
		create(policies, fencedPolicy, "foreign", "default")(t.Context(), control.Dynamic),
		create(profiles, fencedProfile, "fenced")(t.Context(), control.Dynamic),
		create(events, fencedEvent, "foreign.1", "kubelet")(t.Context(), control.Dynamic),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { cleanFence(t) })
	eventually(t, func() error { // a policy takes effect a moment after it was made
		err := rampart.Resource(policies).Namespace("default").Delete(t.Context(), "foreign",
			metav1.DeleteOptions{DryRun: []string{metav1.DryRunAll}})
		if refused(err, byName) {
			return nil
		}
		return fmt.Errorf("there is no fence: %v", err)
	})
	tryAll(t, rampart, attempts)
	t.Run("with every right there is", func(t *testing.T) {
		widenRights(t)
		eventually(t, func() error { // these rights, too, hold a moment later
			_, err := rampart.Resource(profiles).Get(t.Context(), "fenced", metav1.GetOptions{})
			return err
		})
		tryAll(t, rampart, attemptsBeyond)
	})
	t.Run("the admin may do it all", func(t *testing.T) {
		for _, a := range append(attempts, attemptsBeyond...) {
			if a.says != "" {
				a.says = ""
				tryAll(t, control.Dynamic, []attempt{a})
			}
		}
	})
}

func tryAll(t *testing.T, client dynamic.Interface, attempts []attempt) {
	for _, a := range attempts {
		t.Run(a.name, func(t *testing.T) {
			err := a.do(t.Context(), client)
			if a.says == "" && err != nil || a.says != "" && !refused(err, a.says) {
				t.Errorf("want %q, got %v", a.says, err)
			}
		})
	}
}

// widenRights binds Rampart to cluster-admin until the test ends.
func widenRights(t *testing.T) {
	t.Helper()
	bindings := control.Client.RbacV1().ClusterRoleBindings()
	binding := &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "rampart-too-wide"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "cluster-admin"},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: ownNamespace, Name: ownAccount}},
	}
	if _, err := bindings.Create(t.Context(), binding, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := bindings.Delete(context.Background(), binding.Name, metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	})
}

func refused(err error, phrase string) bool {
	return apierrors.IsForbidden(err) &&
		strings.Contains(err.Error(), "rampart-fence") && strings.Contains(err.Error(), phrase)
}

// cleanFence removes what the attempts left behind.
func cleanFence(t *testing.T) {
	ctx := context.Background()
	for _, name := range []string{"fenced", "beyond"} { // nobody is there to take the finalizers off
		err := patch(profiles, "", name, `{"metadata": {"finalizers": null}}`)(ctx, control.Dynamic)
		if err != nil && !apierrors.IsNotFound(err) {
			t.Error(err)
		}
	}
	for _, objects := range []dynamic.ResourceInterface{
		control.Dynamic.Resource(profiles),
		control.Dynamic.Resource(events).Namespace("default"),
		control.Dynamic.Resource(policies).Namespace("default"),
		control.Dynamic.Resource(policies).Namespace(ownNamespace),
	} {
		err := objects.DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{LabelSelector: "test=fence"})
		if err != nil {
			t.Error(err)
		}
	}
}
