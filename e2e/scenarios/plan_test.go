package scenarios

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"rampart.dev/e2e/operator"
)

// planned is what `rampart plan -o json` prints.
type planned struct {
	Namespaces []struct {
		Name, Profile, State string
		Writes               []struct {
			Verb, Kind, Namespace, Name string
			Body                        json.RawMessage
		}
		Findings []struct {
			Reason, Message string
			Failed          bool
		}
	}
	Workloads []struct {
		Kind, Namespace, Name, When, Message string
		Fill, Asked                          []string
		StatedOtherwise                      bool
	}
	Summary struct{ Create, Mend, Remove, Failed, Namespaces, Changed, Fill, LeftAlone int }
}

// What the plan says is what Enforce then does, and saying it changes nothing.
func TestPlanIsWhatThenHappens(t *testing.T) {
	s := begin(t, "planned")
	one, two := s.namespace("one", nil), s.namespace("two", nil)
	s.makeWebhook(two, "hook", "planned")
	s.makePolicy(one, "foreign", "{podSelector: {}}")
	taken := s.namespace("taken", nil)
	s.makePolicy(taken, allowFrom, "{podSelector: {}}")
	const spec = `
mode: Enforce
onDelete: Remove
namespaceSelector: {matchLabels: {story: planned}}
network:
  allow:
    dns: {}
    sameNamespace: {}
    from: [{namespaceSelector: {matchLabels: {team: ingress}}}]`
	file := filepath.Join(t.TempDir(), "profile.yaml")
	s.must(os.WriteFile(file, []byte("apiVersion: rampart.dev/v1alpha1\nkind: SecurityProfile\nmetadata: {name: planned}\nspec:"+
		strings.ReplaceAll(spec, "\n", "\n  ")+"\n"), 0o600))

	place := s.now(t)
	plan, code := s.plan("-f", file)
	if acts := s.writesSince(t, place); code != 3 || len(acts) > 0 {
		t.Errorf("exit code %d, expected 3; writes %v, expected none", code, acts)
	}
	want := plan.creations(s.name)
	if plan.Summary.Failed != 1 {
		t.Errorf("%d namespaces fail, expected 1 (%s)", plan.Summary.Failed, taken)
	}

	place = s.now(t)
	p := s.profile("planned", spec)
	s.expectPolicies(one, "foreign", deny, allowDNS, allowSame, allowFrom)
	s.expectPolicies(two, deny, allowDNS, allowSame, allowFrom, allowBackend+"hook")
	s.expectPolicies(taken, allowFrom)
	s.expect(p, func(p *seen) error {
		if n := p.Status.Namespaces; n.Compliant != 2 || n.Failed != 1 {
			return fmt.Errorf("namespaces %+v, expected 2 compliant and 1 failed", n)
		}
		return nil
	})
	got := []string{}
	for _, a := range s.writesSince(t, place) {
		if a.verb == "create" && a.resource == "networkpolicies" {
			got = append(got, a.namespace+"/"+a.name)
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("planned %q, created %q", want, got)
	}

	if plan, code := s.plan(); code != 0 || len(plan.creations(s.name)) > 0 {
		t.Errorf("afterwards: exit code %d, %q to be created; expected 0 and nothing", code, plan.creations(s.name))
	}
	s.profile(p, strings.Replace(spec, "Enforce", "Audit", 1))
	s.deletePolicy(one, allowDNS)
	s.within(func() error { // seen by `plan` at once: it reads the cluster itself
		plan, code := s.plan()
		if got := plan.creations(s.name); code != 3 || !slices.Equal(got, []string{one + "/" + allowDNS}) {
			return fmt.Errorf("in Audit: exit code %d, %q to be created; expected 3 and %s", code, got, one+"/"+allowDNS)
		}
		return nil
	})
}

// What the plan says of workloads is what Enforce then does with them, as its own ServiceAccount and within the fence:
// what runs nothing is filled in at once, and a stated value stays.
func TestPlanOfWorkloadsIsWhatThenHappens(t *testing.T) {
	s := begin(t, "fill")
	ns := s.namespace("ns", nil)
	none := int32(0)
	_, err := s.Client.AppsV1().Deployments(ns).Create(t.Context(), &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: "idle"},
		Spec: appsv1.DeploymentSpec{
			Replicas: &none,
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "idle"}},
			Template: template("idle", func(spec *corev1.PodSpec) {
				yes, user := true, int64(1000)
				spec.SecurityContext = nil
				spec.Containers[0].SecurityContext = &corev1.SecurityContext{RunAsUser: &user, AllowPrivilegeEscalation: &yes}
			}),
		},
	}, metav1.CreateOptions{})
	s.must(err)
	const spec = "{mode: Audit, namespaceSelector: {matchLabels: {story: fill}}, workloads: {}}"
	file := filepath.Join(t.TempDir(), "profile.yaml")
	s.must(os.WriteFile(file, []byte("apiVersion: rampart.dev/v1alpha1\nkind: SecurityProfile\nmetadata: {name: fill}\nspec: "+spec+"\n"), 0o600))
	s.within(func() error { // until its controller has seen it
		plan, code := s.plan("-f", file)
		if code != 3 || len(plan.Workloads) != 1 || plan.Summary.Fill != 1 {
			return fmt.Errorf("exit code %d, workloads %+v", code, plan.Workloads)
		}
		w := plan.Workloads[0]
		if w.Name != "idle" || w.When != "AtOnce" || !w.StatedOtherwise || len(w.Asked) > 0 ||
			!slices.Equal(w.Fill, []string{"runAsNonRoot", "seccompProfile", "dropCapabilities"}) {
			return fmt.Errorf("planned %+v", w)
		}
		return nil
	})

	place := s.now(t)
	s.profile("fill", strings.Replace(spec, "Audit", "Enforce", 1))
	s.within(func() error {
		d, err := s.Client.AppsV1().Deployments(ns).Get(t.Context(), "idle", metav1.GetOptions{})
		if err != nil {
			return err
		}
		pod, c := d.Spec.Template.Spec.SecurityContext, d.Spec.Template.Spec.Containers[0].SecurityContext
		if pod == nil || pod.RunAsNonRoot == nil || !*pod.RunAsNonRoot || pod.SeccompProfile == nil ||
			c.Capabilities == nil || !slices.Equal(c.Capabilities.Drop, []corev1.Capability{"ALL"}) {
			return fmt.Errorf("not filled in: %+v, %+v", pod, c)
		}
		if !*c.AllowPrivilegeEscalation {
			t.Error("what was stated is changed")
		}
		return nil
	})
	s.within(func() error { // nothing is left to be filled in
		if plan, code := s.plan("-f", file); code != 0 || plan.Summary.Fill != 0 {
			return fmt.Errorf("exit code %d, workloads %+v", code, plan.Workloads)
		}
		return nil
	})
	for _, a := range s.writesSince(t, place) {
		if a.resource == "deployments" && (a.verb != "patch" || a.name != "idle") {
			t.Errorf("write: %+v", a)
		}
	}
}

func (p *planned) creations(story string) (names []string) {
	for _, ns := range p.Namespaces {
		for _, write := range ns.Writes {
			if write.Verb == "create" && strings.HasPrefix(write.Namespace, story+"-") {
				names = append(names, write.Namespace+"/"+write.Name)
			}
		}
	}
	slices.Sort(names)
	return names
}

// plan runs `rampart plan` as the administrator who thinks about a profile.
func (s *story) plan(flags ...string) (*planned, int) {
	s.Helper()
	out, code, err := operator.Run(s.Context(), append([]string{"plan", "--kubeconfig", s.AdminKubeconfig, "-o", "json"}, flags...)...)
	s.must(err)
	plan := &planned{}
	if err := json.Unmarshal([]byte(out), plan); err != nil {
		s.Fatalf("%v in: %s", err, out)
	}
	return plan, code
}
