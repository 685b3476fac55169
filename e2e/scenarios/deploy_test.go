package scenarios

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

const (
	ownNamespace = "rampart-system"
	ownAccount   = "rampart"

	manifestsMin = 10 // objects of deploy/, so that nothing applied is no success
)

// deployed applies deploy/ to the shared control plane, once.
var deployed = sync.OnceValue(func() error {
	_, err := control.RunKubectl(context.Background(), "apply", "-k", deploy)
	return err
})

func needDeployed(t *testing.T) {
	t.Helper()
	if err := deployed(); err != nil {
		t.Fatal(err)
	}
}

// configOf returns the access of a ServiceAccount by its own token.
func configOf(t *testing.T, namespace, name string) *rest.Config {
	t.Helper()
	path, err := control.ServiceAccountKubeconfig(t.Context(), namespace, name)
	if err != nil {
		t.Fatal(err)
	}
	config, err := clientcmd.BuildConfigFromFlags("", path)
	if err != nil {
		t.Fatal(err)
	}
	config.QPS = -1
	return config
}

// What differs between Git and the API server right after an apply would differ for ever, in Argo CD too.
func TestSecondApplyChangesNothing(t *testing.T) {
	needDeployed(t)
	out, err := control.RunKubectl(t.Context(), "apply", "-k", deploy)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if len(lines) < manifestsMin {
		t.Errorf("%d objects, expected at least %d", len(lines), manifestsMin)
	}
	for _, line := range lines {
		if !strings.HasSuffix(line, " unchanged") {
			t.Error(line)
		}
	}
}

func TestExamplesAreAccepted(t *testing.T) {
	if _, err := control.RunKubectl(t.Context(), "create", "--dry-run=server", "-f", deploy+"/examples"); err != nil {
		t.Fatal(err)
	}
}

// podOfDeployment is what the Deployment's controller would create.
func podOfDeployment(t *testing.T) *corev1.Pod {
	t.Helper()
	needDeployed(t)
	deployment, err := control.Client.AppsV1().Deployments(ownNamespace).Get(t.Context(), "rampart", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	pod := &corev1.Pod{Spec: deployment.Spec.Template.Spec}
	pod.Labels = deployment.Spec.Template.Labels
	pod.GenerateName = "rampart-"
	return pod
}

// Its namespace enforces the restricted Pod Security Standard.
func TestPodMeetsTheRestrictedStandard(t *testing.T) {
	pod := podOfDeployment(t)
	dryRun := metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}}
	if _, err := control.Client.CoreV1().Pods(ownNamespace).Create(t.Context(), pod, dryRun); err != nil {
		t.Fatal(err)
	}

	pod.Spec.SecurityContext.RunAsNonRoot = nil // to see that the standard is enforced at all
	_, err := control.Client.CoreV1().Pods(ownNamespace).Create(t.Context(), pod, dryRun)
	if err == nil || !strings.Contains(err.Error(), `violates PodSecurity "restricted:latest"`) {
		t.Fatalf("a pod that may run as root is not refused: %v", err)
	}
}

// rightsWanted are the rights of deploy/clusterrole.yaml once more: who widens them must say so twice.
var rightsWanted = map[string]string{
	"namespaces":                          "get list patch watch",
	"securityprofiles.rampart.dev":        "list patch watch",
	"securityprofiles/status.rampart.dev": "patch",
	"securityexceptions.rampart.dev":      "list watch",
	"networkpolicies.networking.k8s.io":   "create delete get list patch watch",
	"ingresses.networking.k8s.io":         "list",
	"services":                            "list watch",
	"endpointslices.discovery.k8s.io":     "list watch",
	"validatingwebhookconfigurations.admissionregistration.k8s.io": "list watch",
	"mutatingwebhookconfigurations.admissionregistration.k8s.io":   "list watch",
	"apiservices.apiregistration.k8s.io":                           "list watch",
	"customresourcedefinitions.apiextensions.k8s.io":               "list watch",
	"deployments.apps":            "get list patch watch",
	"statefulsets.apps":           "get list patch watch",
	"daemonsets.apps":             "get list patch watch",
	"cronjobs.batch":              "get list patch watch",
	"pods":                        "delete list",
	"jobs.batch":                  "list",
	"replicasets.apps":            "list",
	"controllerrevisions.apps":    "list",
	"poddisruptionbudgets.policy": "list",
	"limitranges":                 "list",
	"resourcequotas":              "list",
	"verticalpodautoscalers.autoscaling.k8s.io": "list",
	"events.events.k8s.io":                      "create patch",
}

func TestRightsAreTheseAndNoMore(t *testing.T) {
	needDeployed(t)
	plain := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "plain"}}
	accounts := control.Client.CoreV1().ServiceAccounts("default")
	if _, err := accounts.Create(t.Context(), plain, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := accounts.Delete(context.Background(), plain.Name, metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	})
	everybody := rightsOf(t, "default", plain.Name) // what any authenticated user may do
	got := rightsOf(t, ownNamespace, ownAccount)
	for resource, verbs := range everybody {
		if got[resource] == verbs {
			delete(got, resource)
		}
	}
	for _, resource := range slices.Sorted(maps.Keys(rightsWanted)) {
		if got[resource] != rightsWanted[resource] {
			t.Errorf("%s: has %q, expected %q", resource, got[resource], rightsWanted[resource])
		}
		delete(got, resource)
	}
	for resource, verbs := range got {
		t.Errorf("%s: has %q, expected none", resource, verbs)
	}
}

// rightsOf asks the API server what a ServiceAccount may do: verbs by "resource.group".
func rightsOf(t *testing.T, namespace, account string) map[string]string {
	t.Helper()
	client, err := kubernetes.NewForConfig(configOf(t, namespace, account))
	if err != nil {
		t.Fatal(err)
	}
	review := &authorizationv1.SelfSubjectRulesReview{
		Spec: authorizationv1.SelfSubjectRulesReviewSpec{Namespace: ownNamespace},
	}
	review, err = client.AuthorizationV1().SelfSubjectRulesReviews().Create(t.Context(), review, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if review.Status.Incomplete {
		t.Fatalf("the rules are incomplete: %s", review.Status.EvaluationError)
	}
	verbs := map[string][]string{}
	for _, rule := range review.Status.ResourceRules {
		for _, group := range rule.APIGroups {
			for _, resource := range rule.Resources {
				name := strings.TrimSuffix(resource+"."+group, ".")
				if len(rule.ResourceNames) > 0 {
					name += fmt.Sprint(rule.ResourceNames)
				}
				verbs[name] = append(verbs[name], rule.Verbs...)
			}
		}
	}
	rights := map[string]string{}
	for resource, list := range verbs {
		slices.Sort(list)
		rights[resource] = strings.Join(slices.Compact(list), " ")
	}
	return rights
}
