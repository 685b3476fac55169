package scenarios

import (
	"fmt"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// bare states nothing that a profile could fill in.
func bare(spec *corev1.PodSpec) {
	spec.SecurityContext = nil
	spec.Containers[0].SecurityContext = nil
}

// Requests and limits are filled in where nobody gives them and a quota has room for them. The API server here knows
// no VerticalPodAutoscalers, which is as good as having none.
func TestRequestsAndLimitsAreLeftOutWhereTheNamespaceGivesThem(t *testing.T) {
	s := begin(t, "room")
	free, ranged, full := s.namespace("free", nil), s.namespace("ranged", nil), s.namespace("full", nil)
	memory := func(amount string) corev1.ResourceList {
		return corev1.ResourceList{corev1.ResourceMemory: resource.MustParse(amount)}
	}
	_, err := s.Client.CoreV1().LimitRanges(ranged).Create(s.Context(), &corev1.LimitRange{
		ObjectMeta: metav1.ObjectMeta{Name: "defaults"},
		Spec:       corev1.LimitRangeSpec{Limits: []corev1.LimitRangeItem{{Type: corev1.LimitTypeContainer, Default: memory("1Gi")}}},
	}, metav1.CreateOptions{})
	s.must(err)
	_, err = s.Client.CoreV1().ResourceQuotas(full).Create(s.Context(), &corev1.ResourceQuota{
		ObjectMeta: metav1.ObjectMeta{Name: "small"},
		Spec:       corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{corev1.ResourceLimitsMemory: resource.MustParse("63Mi")}},
	}, metav1.CreateOptions{})
	s.must(err)
	none := int32(0)
	for _, namespace := range []string{free, ranged, full} {
		_, err := s.Client.AppsV1().Deployments(namespace).Create(s.Context(), &appsv1.Deployment{
			ObjectMeta: metav1.ObjectMeta{Name: "web"},
			Spec: appsv1.DeploymentSpec{
				Replicas: &none,
				Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}},
				Template: template("web", bare),
			},
		}, metav1.CreateOptions{})
		s.must(err)
	}
	p := s.profile("room", `{mode: Enforce, workloads: {fill: {runAsNonRoot: false, resources: {requests: {memory: 16Mi}, limits: {memory: 64Mi}}}}}`)

	for namespace, want := range map[string]string{free: "16Mi 64Mi", ranged: "0 0", full: "16Mi 0"} {
		s.within(func() error {
			d, err := s.Client.AppsV1().Deployments(namespace).Get(s.Context(), "web", metav1.GetOptions{})
			if err != nil {
				return err
			}
			c := d.Spec.Template.Spec.Containers[0]
			if c.SecurityContext == nil || c.SecurityContext.Capabilities == nil {
				return fmt.Errorf("in %s nothing is filled in yet", namespace)
			}
			if got := c.Resources.Requests.Memory().String() + " " + c.Resources.Limits.Memory().String(); got != want {
				return fmt.Errorf("in %s memory is %q, expected %q", namespace, got, want)
			}
			return nil
		})
	}
	s.expect(p, func(p *seen) error {
		for _, d := range p.Status.Drift {
			if d.Reason == "WorkloadSkipped" && strings.HasPrefix(d.Message, "NoQuotaRoom: Deployment "+full+"/web") {
				return nil
			}
		}
		return fmt.Errorf("nothing is said of the quota")
	})
}
