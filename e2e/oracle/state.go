// Package oracle judges a run of Rampart under faults by a reference: the same story without faults. Two of
// them, named as in the table of docs/testing.md:
//
//   - ES, end state: all NetworkPolicies and the status of the profiles are as in the reference. What differs
//     from run to run (uids, resourceVersions, times) is masked, and the run's own name where it stands in
//     names and labels.
//   - US, writes: each object was created, changed and deleted as often as in the reference, by the API
//     server's audit log.
package oracle

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"

	"rampart.dev/e2e/cluster"
)

var profiles = schema.GroupVersionResource{Group: "rampart.dev", Version: "v1alpha1", Resource: "securityprofiles"}

// State is what Rampart is to bring about: the text of each object, by kind and name.
type State map[string]string

// Look reads the state of a run: the NetworkPolicies of the namespaces, and the profiles, whose names begin
// with the run's. In names and texts the run is called "run".
func Look(ctx context.Context, c *cluster.Cluster, run string) (State, error) {
	namespaces, err := c.Client.CoreV1().Namespaces().List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	uids := map[string]types.UID{}
	for _, ns := range namespaces.Items {
		uids[ns.Name] = ns.UID
	}
	state := State{}
	policies, err := c.Client.NetworkingV1().NetworkPolicies("").List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	for _, policy := range policies.Items {
		if strings.HasPrefix(policy.Namespace, run) {
			err := state.add(run, "NetworkPolicy "+policy.Namespace+"/"+policy.Name, maskPolicy(&policy, uids[policy.Namespace]))
			if err != nil {
				return nil, err
			}
		}
	}
	list, err := c.Dynamic.Resource(profiles).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	for _, object := range list.Items {
		if strings.HasPrefix(object.GetName(), run) {
			masked := maskStatus(runtime.DeepCopyJSON(object.Object), object.GetGeneration())
			about := map[string]any{"status": masked["status"], "finalizers": object.GetFinalizers(), "labels": object.GetLabels()}
			if err := state.add(run, "SecurityProfile "+object.GetName(), about); err != nil {
				return nil, err
			}
		}
	}
	return state, nil
}

func (s State) add(run, name string, object any) error {
	text, err := json.Marshal(object)
	if err == nil {
		text, err = yaml.JSONToYAML(text)
	}
	s[strings.ReplaceAll(name, run, "run")] = strings.ReplaceAll(string(text), run, "run")
	return err
}

// maskPolicy keeps all but what the API server gives; an owner's uid is told to be the Namespace's, or not.
func maskPolicy(policy *networkingv1.NetworkPolicy, namespace types.UID) any {
	owners := []metav1.OwnerReference{}
	for _, owner := range policy.OwnerReferences {
		if owner.UID == namespace {
			owner.UID = "of the Namespace"
		}
		owners = append(owners, owner)
	}
	return map[string]any{
		"labels": policy.Labels, "annotations": policy.Annotations, "owners": owners,
		"finalizers": policy.Finalizers, "spec": policy.Spec,
	}
}

// maskStatus takes the times out of conditions, and the number out of a generation that is the current one.
func maskStatus(value map[string]any, generation int64) map[string]any {
	for key, member := range value {
		switch member := member.(type) {
		case map[string]any:
			maskStatus(member, generation)
		case []any:
			for _, element := range member {
				if object, ok := element.(map[string]any); ok {
					maskStatus(object, generation)
				}
			}
		case string:
			if key == "lastTransitionTime" {
				value[key] = "masked"
			}
		case int64:
			if key == "observedGeneration" && member == generation {
				value[key] = "current"
			}
		}
	}
	return value
}

// Diff tells how a state differs from the reference; "" when it does not.
func (s State) Diff(reference State) string {
	said := []string{}
	names := maps.Clone(s)
	maps.Copy(names, reference)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		want, isWanted := reference[name]
		got, isThere := s[name]
		switch {
		case !isThere:
			said = append(said, name+" is missing")
		case !isWanted:
			said = append(said, name+" is left over")
		case got != want:
			said = append(said, fmt.Sprintf("%s is, in the reference:\n%s\nand now:\n%s", name, want, got))
		}
	}
	return strings.Join(said, "\n")
}
