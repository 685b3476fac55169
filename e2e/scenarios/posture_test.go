package scenarios

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// template is a pod that keeps the restricted standard, as changed by spoil.
func template(name string, spoil func(*corev1.PodSpec)) corev1.PodTemplateSpec {
	yes, no := true, false
	spec := corev1.PodSpec{
		SecurityContext: &corev1.PodSecurityContext{
			RunAsNonRoot:   &yes,
			SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
		},
		Containers: []corev1.Container{{
			Name: "app", Image: "example.com/app:1",
			SecurityContext: &corev1.SecurityContext{
				AllowPrivilegeEscalation: &no,
				Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
			},
		}},
	}
	if spoil != nil {
		spoil(&spec)
	}
	return corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": name}},
		Spec:       spec,
	}
}

func (s *story) makeDeployment(namespace, name string, spoil func(*corev1.PodSpec)) {
	s.Helper()
	_, err := s.Client.AppsV1().Deployments(namespace).Create(s.Context(), &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: appsv1.DeploymentSpec{
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": name}},
			Template: template(name, spoil),
		},
	}, metav1.CreateOptions{})
	s.must(err)
}

func (s *story) makeException(namespace, name, spec string) {
	s.Helper()
	object := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "rampart.dev/v1alpha1", "kind": "SecurityException",
		"metadata": map[string]any{"name": name},
	}}
	var fields map[string]any
	s.must(yaml.Unmarshal([]byte(spec), &fields))
	object.Object["spec"] = fields
	_, err := s.Dynamic.Resource(exceptions).Namespace(namespace).Create(s.Context(), object, metav1.CreateOptions{})
	s.must(err)
}

// expectWorkloads demands total, compliant, drifted, exempt and failed.
func (s *story) expectWorkloads(profile string, want [5]int) {
	s.Helper()
	s.expect(profile, func(p *seen) error {
		w := p.Status.Workloads
		if got := [5]int{w.Total, w.Compliant, w.Drifted, w.Exempt, w.Failed}; got != want {
			return fmt.Errorf("workloads %v, expected %v; drift %+v", got, want, p.Status.Drift)
		}
		return nil
	})
}

func privileged(spec *corev1.PodSpec) {
	yes := true
	spec.Containers[0].SecurityContext = &corev1.SecurityContext{Privileged: &yes}
}

// Every workload of a profile's namespaces is evaluated, in Audit without a write to any of them: what is
// good, what is bad, what is exempt, and what cannot be read.
func TestPostureOfEveryWorkloadIsInTheStatus(t *testing.T) {
	s := begin(t, "posture")
	ns := s.namespace("ns", nil)
	p := s.profile("posture", "{mode: Audit, workloads: {level: restricted}}")
	place := s.now(t)
	s.makeDeployment(ns, "good", nil)
	s.expectWorkloads(p, [5]int{1, 1, 0, 0, 0}) // from now on what goes bad is news
	s.makeDeployment(ns, "bad", privileged)
	s.makeDeployment(ns, "exempt", func(spec *corev1.PodSpec) { spec.HostNetwork = true })
	s.makeDeployment(ns, "unreadable", func(spec *corev1.PodSpec) {
		for i := range 70 {
			c := spec.Containers[0]
			c.Name = fmt.Sprintf("c-%d", i)
			spec.Containers = append(spec.Containers, c)
		}
	})
	s.makeException(ns, "legacy", "{rules: [host-namespaces], names: [exempt], reason: old, author: ops}")
	_, err := s.Client.BatchV1().CronJobs(ns).Create(t.Context(), &batchv1.CronJob{
		ObjectMeta: metav1.ObjectMeta{Name: "nightly"},
		Spec: batchv1.CronJobSpec{Schedule: "0 0 1 1 *", JobTemplate: batchv1.JobTemplateSpec{
			Spec: batchv1.JobSpec{Template: template("nightly", func(spec *corev1.PodSpec) {
				spec.RestartPolicy = corev1.RestartPolicyNever
				spec.HostPID = true
			})},
		}},
	}, metav1.CreateOptions{})
	s.must(err)
	s.expectWorkloads(p, [5]int{5, 1, 2, 1, 1})
	s.expect(p, func(p *seen) error {
		objects := map[string]bool{}
		for _, d := range p.Status.Drift {
			objects[d.Object+" "+d.Reason] = true
			if d.Message == "" {
				return fmt.Errorf("nothing is said of %+v", d)
			}
		}
		for _, want := range []string{"Deployment " + ns + "/bad RuleFailed", "CronJob " + ns + "/nightly RuleFailed",
			"Deployment " + ns + "/unreadable RuleError"} {
			if !objects[want] && !p.Status.DriftTruncated {
				return fmt.Errorf("no drift %s in %v", want, objects)
			}
		}
		i := slices.IndexFunc(p.Status.Rules, func(r struct {
			ID     string `json:"id"`
			Mode   string `json:"mode"`
			Pass   int    `json:"pass"`
			Fail   int    `json:"fail"`
			Error  int    `json:"error"`
			Exempt int    `json:"exempt"`
		}) bool {
			return r.ID == "host-namespaces"
		})
		if i < 0 {
			return fmt.Errorf("no rule host-namespaces in %+v", p.Status.Rules)
		}
		if r := p.Status.Rules[i]; r.Mode != "Require" || r.Pass != 2 || r.Fail != 1 || r.Exempt != 1 || r.Error != 1 {
			return fmt.Errorf("rule %+v, expected 2 that pass, 1 that fails, 1 exempt, 1 error", r)
		}
		return nil
	})
	s.expectCondition(p, "Ready", metav1.ConditionFalse, "RuleError", "1 of 5 workloads")
	s.expectEvent(ns, "RuleFailed", "Deployment", "bad", "privileged")

	s.must(s.Dynamic.Resource(exceptions).Namespace(ns).Delete(t.Context(), "legacy", metav1.DeleteOptions{}))
	s.expectWorkloads(p, [5]int{5, 1, 3, 0, 1})
	s.must(s.Client.AppsV1().Deployments(ns).Delete(t.Context(), "unreadable", metav1.DeleteOptions{}))
	s.expectWorkloads(p, [5]int{4, 1, 3, 0, 0})
	s.expectCondition(p, "Ready", metav1.ConditionTrue, "Evaluated", "1 of 4 workloads")
	s.profile(p, "{mode: Audit, workloads: {level: privileged}}")
	s.expectWorkloads(p, [5]int{4, 4, 0, 0, 0})
	for _, a := range s.writesSince(t, place) {
		if strings.HasPrefix(a.resource, "deployments") || strings.HasPrefix(a.resource, "cronjobs") {
			t.Errorf("rampart wrote to a workload: %s", a)
		}
	}
}
