package hardening

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"rampart.dev/e2e/operator"
)

// longWait is one that shows that retries grow rare.
const longWait = 2 * time.Second

// refusals are Rampart's writes to a workload of the story that the API server refused since a place in the audit log,
// each by when.
func (s *story) refusals(place int64, resource, name string) (at []time.Time) {
	s.Helper()
	for event, err := range s.AuditEventsSince(place) {
		s.must(err)
		ref := event.ObjectRef
		if event.User.Username == operator.User && ref != nil && ref.Namespace == s.name && ref.Resource == resource && ref.Name == name &&
			event.Verb == "patch" && event.ResponseStatus != nil && event.ResponseStatus.Code == http.StatusForbidden {
			at = append(at, event.RequestReceivedTimestamp.Time)
		}
	}
	return at
}

// waiting checks how many workloads wait for their turn, as the profile's status has it.
func (s *story) waiting(want int64) error {
	p, err := s.Dynamic.Resource(profiles).Get(s.Context(), s.name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	if got, _, err := unstructured.NestedInt64(p.Object, "status", "rollouts", "waiting"); err != nil || got != want {
		return fmt.Errorf("%d workloads wait, expected %d, %v", got, want, err)
	}
	return nil
}

// Who states a field as null by server-side apply owns it, although it is not there: that is a statement as any other.
// It is left alone, with a word that names the field and its manager, and all else is filled in. Nothing is tried that
// the fence would refuse.
func TestFieldThatIsStatedAsNullIsItsOwners(t *testing.T) {
	t.Parallel()
	s := begin(t, "stated-null")
	part := s.object(workload{kind: deployment, name: "part", image: image{User: "1000"},
		pod: `{containers: [{name: app, image: "example.com/app:1", securityContext: {allowPrivilegeEscalation: null}}]}`})
	pod := s.object(workload{kind: statefulSet, name: "pod", image: image{User: "1000"}, pod: "{securityContext: {runAsNonRoot: null}}"})
	whole := s.object(workload{kind: deployment, name: "whole", image: image{User: "1000"},
		pod: `{securityContext: {runAsNonRoot: null, seccompProfile: null}, containers: [{name: app, image: "example.com/app:1", securityContext: null}]}`})
	place := s.place()
	s.apply(part)
	s.apply(pod)
	s.apply(whole)
	s.awaitWhole(part)
	s.awaitWhole(pod)
	s.awaitWhole(whole)
	before := s.get(whole)
	s.enforceWith(atOnce)

	now := s.comesTo(part, "Proven")
	if hasLeaf(now, "app", "securityContext", "allowPrivilegeEscalation") || !hasLeaf(now, "app", "securityContext", "capabilities", "drop") ||
		!hasLeaf(now, "securityContext", "runAsNonRoot") {
		t.Errorf("not all that nobody states is filled in, or what is stated as null:\n%s", stated(now))
	}
	s.expectSkipped(part, "StatedNull", "allowPrivilegeEscalation of container app", gitOps)
	now = s.comesTo(pod, "Proven")
	if hasLeaf(now, "securityContext", "runAsNonRoot") || !hasLeaf(now, "app", "securityContext", "capabilities", "drop") {
		t.Errorf("not all that nobody states is filled in, or what is stated as null:\n%s", stated(now))
	}
	s.expectSkipped(pod, "StatedNull", "runAsNonRoot of the pod", gitOps)
	s.expectSkipped(whole, "StatedNull", gitOps)
	time.Sleep(quiet)
	s.must(s.isUntouched(before))
	for _, o := range []string{"part", "whole"} {
		if at := s.refusals(place, "deployments", o); len(at) > 0 {
			t.Errorf("%s: the API server refused %d writes", o, len(at))
		}
	}
	if at := s.refusals(place, "statefulsets", "pod"); len(at) > 0 {
		t.Errorf("pod: the API server refused %d writes", len(at))
	}

	s.merge(part.Object, within(deployment, `{spec: {containers: [{name: app, image: "example.com/app:2"}]}}`))
	s.apply(part) // the line is gone
	s.within(func() error {
		now, err := s.read(part)
		if err == nil && !hasLeaf(now, "app", "securityContext", "allowPrivilegeEscalation") {
			err = fmt.Errorf("what is no longer stated as null is not filled in:\n%s", stated(now))
		}
		return err
	})
	s.comesTo(part, "Proven")
	s.deleteProfile()
	s.must(s.isUntouched(before))
}

// A policy of the cluster's that refuses a fill is heard: the workload says so once, in the policy's own words, and the
// fill is tried again ever more seldom. It is not parallel: a profile that comes or goes, whosever it is, has all
// workloads looked at, and who is looked at may have a turn at once.
func TestFillThatAPolicyRefusesIsTriedEverMoreSeldom(t *testing.T) {
	s := begin(t, "refused")
	o := s.make(workload{kind: deployment, name: "web", image: image{User: "1000"}})
	fail, forbidden := admissionv1.Fail, metav1.StatusReasonForbidden
	policy := &admissionv1.ValidatingAdmissionPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: "refused.example.com"},
		Spec: admissionv1.ValidatingAdmissionPolicySpec{
			FailurePolicy: &fail,
			MatchConstraints: &admissionv1.MatchResources{
				NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"story": s.name}},
				ResourceRules: []admissionv1.NamedRuleWithOperations{{RuleWithOperations: admissionv1.RuleWithOperations{
					Operations: []admissionv1.OperationType{admissionv1.Update},
					Rule:       admissionv1.Rule{APIGroups: []string{"apps"}, APIVersions: []string{"v1"}, Resources: []string{"deployments"}},
				}}},
			},
			Validations: []admissionv1.Validation{{
				Expression: "!('rampart.dev/rollout' in object.metadata.?annotations.orValue({}))",
				Message:    "nobody but the team writes here",
				Reason:     &forbidden,
			}},
		},
	}
	policies := s.Client.AdmissionregistrationV1()
	_, err := policies.ValidatingAdmissionPolicies().Create(t.Context(), policy, metav1.CreateOptions{})
	s.must(err)
	_, err = policies.ValidatingAdmissionPolicyBindings().Create(t.Context(), &admissionv1.ValidatingAdmissionPolicyBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "refused.example.com"},
		Spec: admissionv1.ValidatingAdmissionPolicyBindingSpec{PolicyName: policy.Name,
			ValidationActions: []admissionv1.ValidationAction{admissionv1.Deny}},
	}, metav1.CreateOptions{})
	s.must(err)
	s.within(func() error { // it holds a moment later
		_, err := s.Dynamic.Resource(deployment.resource).Namespace(s.name).Patch(t.Context(), "web", "application/merge-patch+json",
			[]byte(`{"metadata": {"annotations": {"rampart.dev/rollout": "x"}}}`), metav1.PatchOptions{DryRun: []string{metav1.DryRunAll}})
		if err == nil {
			err = fmt.Errorf("the policy is not in force")
		} else {
			err = nil
		}
		return err
	})
	place := s.place()
	s.enforceWith(atOnce)
	s.expectSaid("Forbidden", "web", "nobody but the team writes here", "refused.example.com")
	s.within(func() error { return s.waiting(1) })
	told := s.written(place)["patch securityprofiles/"+s.name]
	var at []time.Time
	s.within(func() error {
		at = s.refusals(place, "deployments", "web")
		if len(at) < 2 || at[len(at)-1].Sub(at[len(at)-2]) < longWait {
			return fmt.Errorf("%d refusals, and no wait of %v", len(at), longWait)
		}
		return nil
	})
	for i := 2; i < len(at); i++ { // the first waits are shorter than what a turn takes
		before, after := at[i-1].Sub(at[i-2]), at[i].Sub(at[i-1])
		if after < before && before > time.Second {
			t.Errorf("after %v it waited only %v", before, after)
		}
	}
	if len(at) > 16 { // 5 ms, doubled each time
		t.Errorf("it tried %d times in %v", len(at), at[len(at)-1].Sub(at[0]))
	}
	s.must(s.waiting(1)) // all the time, and so there was nothing to be told
	if now := s.written(place)["patch securityprofiles/"+s.name]; now > told+2 {
		t.Errorf("the status of the profile was written %d times while it waited", now-told)
	}
	if count, note := s.events("Forbidden", "web"); count != 1 {
		t.Errorf("%d Events, the last: %s", count, note)
	}
	s.must(s.isUntouched(o))

	s.must(policies.ValidatingAdmissionPolicyBindings().Delete(t.Context(), policy.Name, metav1.DeleteOptions{}))
	s.must(policies.ValidatingAdmissionPolicies().Delete(t.Context(), policy.Name, metav1.DeleteOptions{}))
	s.comesTo(o, "Proven")
	s.deleteProfile()
}
