// Package fill has the workloads of the benchmark, and the patch by which the floor fills in what Rampart fills
// in for the benchmark's profile: of the same bytes but for the digits of its hashes, so that the API server has
// the same to do.
package fill

import (
	"encoding/json"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"rampart.dev/e2e/contenders/policy"
)

const (
	// InFlight is how many requests are under way at a time: Rampart's default.
	InFlight = 16

	annotation = "rampart.dev/fill"
	digit      = "0123456789abcdef" // as long as a hash
	generation = 2                  // of the profile: it was made in Audit
)

// Deployment is one that states nothing of what hardening fills in, and runs nothing: nobody has to wait for it.
func Deployment(namespace, name string) *appsv1.Deployment {
	labels := map[string]string{"app": name}
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: labels},
		Spec: appsv1.DeploymentSpec{
			Replicas: new(int32(0)),
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec: corev1.PodSpec{Containers: []corev1.Container{{
					Name:  "main",
					Image: "registry.example/team/" + name + ":1.4.2",
					Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: 8080}},
					Env:   []corev1.EnvVar{{Name: "LOG_LEVEL", Value: "info"}},
					Resources: corev1.ResourceRequirements{
						Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("50m")},
						Limits:   corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("128Mi")},
					},
				}}},
			},
		},
	}
}

// IsFilled says whether a Deployment has been filled in, by whichever contender.
func IsFilled(d *appsv1.Deployment) bool {
	context := d.Spec.Template.Spec.SecurityContext
	return context != nil && context.SeccompProfile != nil
}

// Patch is the strategic merge patch for one of the benchmark's Deployments, as it is now.
func Patch(d *appsv1.Deployment, nowSeconds int64) []byte {
	name := d.Spec.Template.Spec.Containers[0].Name
	return fmt.Appendf(nil, `{"metadata":{"uid":%q,"resourceVersion":%q,"annotations":{"rampart.dev/rollout":%s}},`+
		`"spec":{"template":{"metadata":{"annotations":{%q:%q}},`+
		`"spec":{"securityContext":{"seccompProfile":{"type":"RuntimeDefault"}},`+
		`"$setElementOrder/containers":[{"name":%q}],"containers":[{"name":%q,"securityContext":{`+
		`"allowPrivilegeEscalation":false,"capabilities":{"drop":["ALL"]}}}]}}}}`,
		d.UID, d.ResourceVersion, quoted(mark(nowSeconds)), annotation, key, name, name)
}

const key = digit + "." + digit

// mark is what Rampart notes on a workload without pods.
func mark(nowSeconds int64) string {
	return fmt.Sprintf(`{"phase":"Pending","key":%q,"wanted":%q,"left":"UnknownUser","profile":%q,`+
		`"generation":%d,"started":%d,"containers":1,"unset":1}`, key, digit, policy.Profile, generation, nowSeconds)
}

func quoted(text string) string {
	out, _ := json.Marshal(text) // of a string it cannot fail
	return string(out)
}
