package scenarios

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/diff"
	"sigs.k8s.io/yaml"
)

// What a story does with policies, and what it expects of them.

func (s *story) policy(namespace, name string) (*networkingv1.NetworkPolicy, error) {
	return s.Client.NetworkingV1().NetworkPolicies(namespace).Get(s.Context(), name, metav1.GetOptions{})
}

func (s *story) policyNames(namespace string) (names []string) {
	s.Helper()
	list, err := s.Client.NetworkingV1().NetworkPolicies(namespace).List(s.Context(), metav1.ListOptions{})
	s.must(err)
	for _, policy := range list.Items {
		names = append(names, policy.Name)
	}
	slices.Sort(names)
	return names
}

// expectPolicies demands that the namespace has just these policies.
func (s *story) expectPolicies(namespace string, names ...string) {
	s.Helper()
	slices.Sort(names)
	s.within(func() error {
		if got := s.policyNames(namespace); !slices.Equal(got, names) {
			return fmt.Errorf("namespace %s has the policies %q, expected %q", namespace, got, names)
		}
		return nil
	})
}

// expectSpec demands that the policy is ours, marks and all, for this profile, and that its spec is this.
func (s *story) expectSpec(namespace, name, profile, spec string) {
	s.Helper()
	want := networkingv1.NetworkPolicySpec{}
	s.must(yaml.UnmarshalStrict([]byte(spec), &want))
	s.within(func() error {
		got, err := s.policy(namespace, name)
		if err != nil {
			return err
		}
		if text := diff.Diff(want, got.Spec); text != "" {
			return fmt.Errorf("NetworkPolicy %s/%s, spec, expected (-) and found (+):\n%s", namespace, name, text)
		}
		return s.checkMarks(got, profile)
	})
}

// checkMarks demands that a policy carries what we put on it, and nothing else.
func (s *story) checkMarks(policy *networkingv1.NetworkPolicy, profile string) error {
	ns, err := s.Client.CoreV1().Namespaces().Get(s.Context(), policy.Namespace, metav1.GetOptions{})
	if err != nil {
		return err
	}
	type marks struct {
		Labels map[string]string
		Owners []metav1.OwnerReference
	}
	want := marks{
		Labels: map[string]string{"app.kubernetes.io/managed-by": "rampart", "rampart.dev/profile": profile},
		Owners: []metav1.OwnerReference{{APIVersion: "v1", Kind: "Namespace", Name: ns.Name, UID: ns.UID}},
	}
	if text := diff.Diff(want, marks{policy.Labels, policy.OwnerReferences}); text != "" {
		return fmt.Errorf("NetworkPolicy %s/%s, expected (-) and found (+):\n%s", policy.Namespace, policy.Name, text)
	}
	return nil
}

// intrude changes a policy as somebody else: manager is the name that the API server records.
func (s *story) intrude(manager, namespace, name, body string) {
	s.Helper()
	_, err := s.Client.NetworkingV1().NetworkPolicies(namespace).Patch(s.Context(), name,
		types.MergePatchType, []byte(body), metav1.PatchOptions{FieldManager: manager})
	s.must(err)
}

// makePolicy makes a policy of somebody else's.
func (s *story) makePolicy(namespace, name, spec string) *networkingv1.NetworkPolicy {
	s.Helper()
	policy := &networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Name: name}}
	s.must(yaml.UnmarshalStrict([]byte(spec), &policy.Spec))
	made, err := s.Client.NetworkingV1().NetworkPolicies(namespace).Create(s.Context(), policy, metav1.CreateOptions{FieldManager: "somebody"})
	s.must(err)
	return made
}

func (s *story) deletePolicy(namespace, name string) {
	s.Helper()
	s.must(s.Client.NetworkingV1().NetworkPolicies(namespace).Delete(s.Context(), name, metav1.DeleteOptions{}))
}

var metaGet = metav1.GetOptions{}

// specDiff tells what differs in what the policies say.
func specDiff(before, after *networkingv1.NetworkPolicy) string {
	if equality.Semantic.DeepEqual(before.Spec, after.Spec) {
		return ""
	}
	return diff.Diff(before.Spec, after.Spec)
}

// settle waits until Rampart had its turn with everything that happened so far: a namespace that comes last
// has its policy. The profile for that stays, in namespaces of its own.
func (s *story) settle() {
	s.Helper()
	const name = "settle"
	settled := s.settled.Add(1)
	if settled == 1 {
		object := &unstructured.Unstructured{}
		s.must(yaml.Unmarshal([]byte(`
apiVersion: rampart.dev/v1alpha1
kind: SecurityProfile
metadata: {name: settle}
spec: {mode: Enforce, namespaceSelector: {matchLabels: {story: settle}}, network: {}}`), &object.Object))
		_, err := s.Dynamic.Resource(profiles).Create(s.Context(), object, metav1.CreateOptions{})
		s.must(err)
	}
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		Name: fmt.Sprintf("%s-%d", name, settled), Labels: map[string]string{storyLabel: name},
	}}
	_, err := s.Client.CoreV1().Namespaces().Create(s.Context(), ns, metav1.CreateOptions{})
	s.must(err)
	s.expectPolicies(ns.Name, deny)
}
