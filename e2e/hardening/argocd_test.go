package hardening

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	"rampart.dev/e2e/health"
)

// application is one of Argo CD's, of which Git has these objects. Argo CD's own engine compares and syncs it.
type application struct {
	*story
	flags []string // the way it syncs
	git   []*unstructured.Unstructured
}

// comparison is what it prints: see e2e/argocd.
type comparison struct {
	OutOfSync []struct {
		Object          string
		Live, Predicted json.RawMessage
	}
	ToPrune, Orphans, Synced []string
}

func (a *application) argocd(flags ...string) (got comparison) {
	a.Helper()
	var manifests strings.Builder
	for _, o := range a.git {
		text, err := yaml.Marshal(o.Object)
		a.must(err)
		manifests.WriteString("---\n" + string(text))
	}
	path := filepath.Join(filepath.Dir(os.Getenv("KUBE_BINARY")), "argocd") // `make e2e-tools` builds both
	args := append([]string{"--kubeconfig", a.AdminKubeconfig, "--app", a.name, "--namespace", a.name}, a.flags...)
	command := exec.CommandContext(a.Context(), path, append(args, flags...)...)
	command.Stdin = strings.NewReader(manifests.String())
	var problems strings.Builder
	command.Stderr = &problems
	out, err := command.Output()
	if err != nil {
		a.Fatalf("%s: %v\n%s", command, err, problems.String())
	}
	a.must(json.Unmarshal(out, &got))
	return got
}

// expectSynced demands that Argo CD sees no difference, nothing to prune and no orphan.
func (a *application) expectSynced(got comparison) {
	a.Helper()
	for _, d := range got.OutOfSync {
		a.Errorf("%s is OutOfSync: it is\n%s\nand would be\n%s", d.Object, d.Live, d.Predicted)
	}
	if len(got.ToPrune) > 0 || len(got.Orphans) > 0 {
		a.Errorf("to prune: %v; orphans: %v", got.ToPrune, got.Orphans)
	}
}

// isHealthy asks Argo CD's health check about the profile.
func (s *story) isHealthy() error {
	p, err := s.Dynamic.Resource(profiles).Get(s.Context(), s.name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	check, err := os.ReadFile(deploy + "/argocd/resource_customizations/rampart.dev/SecurityProfile/health.lua")
	if err != nil {
		return err
	}
	got, err := health.Of(string(check), p)
	if err == nil && got.Status != "Healthy" {
		err = fmt.Errorf("the profile is %+v, expected Healthy", got)
	}
	return err
}

var applied = []schema.GroupVersionResource{
	deployment.resource, statefulSet.resource, daemonSet.resource, cronJob.resource,
	{Version: "v1", Resource: "services"}, {Version: "v1", Resource: "serviceaccounts"},
	{Group: "networking.k8s.io", Version: "v1", Resource: "networkpolicies"},
	{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "roles"},
	{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "rolebindings"},
}

// states is what each object of the namespace says, without its status, and who says it: nobody else writes, if it stays.
func (a *application) states() map[string]string {
	a.Helper()
	all := map[string]string{}
	for _, resource := range applied {
		list, err := a.Dynamic.Resource(resource).Namespace(a.name).List(a.Context(), metav1.ListOptions{})
		a.must(err)
		for _, o := range list.Items {
			owners := ""
			for _, m := range o.GetManagedFields() {
				if m.Subresource == "" {
					owners += fmt.Sprintf("%s %s %s\n", m.Manager, m.Operation, m.FieldsV1)
				}
			}
			all[o.GetKind()+" "+o.GetName()] = stated(&o) + owners
		}
	}
	return all
}

// shop is what Git has: nothing in it was written with Rampart in mind.
func (s *story) shop() []*unstructured.Unstructured {
	plain := func(text string) *unstructured.Unstructured {
		o := &unstructured.Unstructured{Object: map[string]any{}}
		s.merge(o.Object, text)
		return o
	}
	return []*unstructured.Unstructured{
		s.object(workload{kind: deployment, name: "web", image: image{User: "1000"},
			pod: `{containers: [{name: app, image: "example.com/app:1", securityContext: {readOnlyRootFilesystem: true}}, {name: beside, image: "example.com/beside:1"}]}`}),
		s.object(workload{kind: statefulSet, name: "store", image: image{User: "1000"}}),
		s.object(workload{kind: daemonSet, name: "agent", image: image{User: "1000"}}),
		s.object(workload{kind: cronJob, name: "nightly", image: image{User: "1000"}, pod: "{securityContext: {runAsUser: 1000}}"}),
		plain(`{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {selector: {app: web}, ports: [{port: 80}]}}`),
		plain(`{apiVersion: v1, kind: ConfigMap, metadata: {name: web}, data: {color: blue}}`),
		plain(`{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: web}, spec: {podSelector: {matchLabels: {app: web}}, ingress: [{ports: [{port: 80}]}]}}`),
	}
}

// An application that Argo CD syncs stays Synced through all that Rampart does to it, whichever way it syncs: nothing is
// out of sync, to be pruned or an orphan, a sync writes nothing, and Rampart has nothing to write after it. What Git
// states later has its way for good.
func TestArgoCDStaysSynced(t *testing.T) {
	t.Parallel()
	for way, flags := range map[string][]string{"client-side": nil, "server-side": {"--server-side"}} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			s := begin(t, "argocd-"+way)
			a := &application{story: s, flags: flags, git: s.shop()}
			a.expectSynced(a.argocd("--sync"))
			web, store, agent, nightly := a.git[0], a.git[1], a.git[2], a.git[3]
			for _, o := range []*unstructured.Unstructured{web, store, agent} {
				s.awaitWhole(o)
			}
			before := map[string]string{}
			for _, o := range a.git[:4] {
				before[o.GetName()] = stated(s.get(o))
			}

			s.enforceAll("network: {allow: {sameNamespace: {}}}, workloads: " + atOnce)
			for _, o := range []*unstructured.Unstructured{web, store, agent} {
				s.comesTo(o, "Proven")
			}
			s.comesTo(nightly, "Pending")
			s.within(s.isHealthy)
			a.expectSynced(a.argocd())
			whole, place := a.states(), s.place()
			a.expectSynced(a.argocd("--sync"))
			time.Sleep(quiet)
			if got := toWorkloads(s.written(place)); len(got) > 0 {
				t.Errorf("after a sync, Rampart writes %v", got)
			}
			if now := a.states(); !maps.Equal(now, whole) {
				for name := range now {
					if now[name] != whole[name] {
						t.Errorf("the sync has changed %s from\n%s\nto\n%s", name, whole[name], now[name])
					}
				}
			}

			s.merge(web.Object, within(deployment, `{spec: {containers: [{name: app, image: "example.com/app:1",
				securityContext: {readOnlyRootFilesystem: true, allowPrivilegeEscalation: true}}, {name: other, image: "example.com/other:1"}]}}`))
			a.argocd("--sync") // what it then compares may change under its hands: Rampart fills in what is new
			s.comesTo(web, "Proven")
			a.expectSynced(a.argocd())
			now := s.get(web)
			containers, _, err := unstructured.NestedSlice(podSpec(now), "containers")
			s.must(err)
			first, last := containers[0].(map[string]any), containers[len(containers)-1].(map[string]any)
			if len(containers) != 2 || last["name"] != "other" {
				t.Errorf("what Git renamed is not so:\n%s", stated(now))
			}
			if escalates, _, _ := unstructured.NestedBool(first, "securityContext", "allowPrivilegeEscalation"); !escalates {
				t.Errorf("what Git states has not its way:\n%s", stated(now))
			}

			s.deleteProfile()
			a.expectSynced(a.argocd())
			for _, o := range a.git[1:4] {
				if is := stated(s.get(o)); is != before[o.GetName()] {
					t.Errorf("%s was\n%s\nand is\n%s", o.GetName(), before[o.GetName()], is)
				}
			}
		})
	}
}
