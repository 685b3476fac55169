package access

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"
)

const whoCanQuestions = 60

// named is an object as `rampart who-can -o json` tells of it.
type named struct {
	Kind      string `json:"kind"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
}

type grant struct {
	Subject named    `json:"subject"`
	Binding *named   `json:"binding"`
	Role    *named   `json:"role"`
	Names   []string `json:"names"`
}

type answer struct {
	Group     string  `json:"group"`
	Resource  string  `json:"resource"`
	Namespace string  `json:"namespace"`
	Grants    []grant `json:"grants"`
}

// rampart runs the command and returns what it says on both streams.
func rampart(t *testing.T, kubeconfig string, args ...string) (out, complaints string, code int) {
	t.Helper()
	binary := os.Getenv("RAMPART_BINARY")
	if binary == "" {
		t.Fatal("RAMPART_BINARY is not set: run it with make e2e")
	}
	command := exec.CommandContext(t.Context(), binary, args...)
	command.Env = append(os.Environ(), "KUBECONFIG="+kubeconfig)
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	err := command.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return stdout.String(), stderr.String(), command.ProcessState.ExitCode()
}

func whoCan(t *testing.T, kubeconfig string, args ...string) answer {
	t.Helper()
	out, complaints, code := rampart(t, kubeconfig, append([]string{"who-can", "-o", "json"}, args...)...)
	a := answer{}
	if err := json.Unmarshal([]byte(out), &a); code != 0 || err != nil {
		t.Fatalf("who-can %v: exit code %d, %v\n%s%s", args, code, err, out, complaints)
	}
	return a
}

// words are the question as it is typed.
func (q question) words() []string {
	if q.Path != "" {
		return []string{q.Verb, q.Path}
	}
	resource := q.Resource + "." + q.Group
	if q.Subresource != "" {
		resource += "/" + q.Subresource
	}
	words := []string{q.Verb, resource, "-n", q.Namespace}
	if q.Name != "" {
		words = append(words, q.Name)
	}
	return words
}

// identity is somebody who is nothing but one subject.
type identity struct {
	subject named
	user    string
	groups  []string
}

func identities() []identity {
	all := []identity{}
	for _, name := range users {
		all = append(all, identity{named{"User", "", name}, name, nil})
	}
	for _, name := range append([]string{"system:masters"}, userGroups...) {
		all = append(all, identity{named{"Group", "", name}, "somebody", []string{name}})
	}
	for _, namespace := range namespaces {
		for _, name := range accounts {
			all = append(all, identity{named{"ServiceAccount", namespace, name},
				fmt.Sprintf("system:serviceaccount:%s:%s", namespace, name), nil})
		}
	}
	return all
}

// isHe is true for the subject itself, and for the user as whom a ServiceAccount comes.
func (i identity) isHe(subject named) bool {
	comesAs := func(s named) string {
		if s.Kind == "ServiceAccount" {
			return fmt.Sprintf("User system:serviceaccount:%s:%s", s.Namespace, s.Name)
		}
		return s.Kind + " " + s.Name
	}
	return comesAs(i.subject) == comesAs(subject)
}

func TestWhoCanTellsThoseWhomTheAPIServerAllowsAndNoOthers(t *testing.T) {
	setUp(t)
	r := rand.New(rand.NewSource(seed(t) + 2))
	told, some := 0, 0
	for range whoCanQuestions {
		q := randomQuestion(r)
		if q.Namespace == "" {
			q.Namespace = "red"
		}
		if q.Verb == "create" && q.Subresource == "" || q.Verb == "deletecollection" {
			q.Name = ""
		}
		a := whoCan(t, control.AdminKubeconfig, q.words()...)
		asked := []question{}
		for _, i := range identities() {
			q.User, q.Groups = i.user, i.groups
			asked = append(asked, q)
		}
		for n, allowed := range reviewAll(t, asked) {
			is, isForSome := false, []string{}
			for _, g := range a.Grants {
				if identities()[n].isHe(g.Subject) {
					is = is || len(g.Names) == 0
					isForSome = append(isForSome, g.Names...)
				}
			}
			if is != allowed {
				t.Errorf("%v: the API server says %t of %v, who-can %t", q.words(), allowed, identities()[n].subject, is)
			}
			if is {
				told++
			}
			for _, name := range isForSome {
				some++
				named := asked[n]
				named.Name = name
				if may, err := review(t.Context(), named); name != "" && (err != nil || !may) {
					t.Errorf("%v: who-can says that %v may for %q alone; the API server does not (%v)",
						q.words(), identities()[n].subject, name, err)
				}
			}
		}
	}
	t.Logf("%d questions: told %d times of somebody, %d times for some names", whoCanQuestions, told, some)
	if told < whoCanQuestions || some == 0 {
		t.Error("nearly nobody may do anything: this compares little")
	}
}

func TestWhoCanSaysOfManifestsWhatItSaysOfTheCluster(t *testing.T) {
	setUp(t)
	list, err := json.Marshal(map[string]any{"apiVersion": "v1", "kind": "List", "items": objects(t)})
	demand(t, err)
	path := filepath.Join(t.TempDir(), "rights.json")
	demand(t, os.WriteFile(path, list, 0o600))
	for _, words := range [][]string{
		{"get", "secrets", "-A"}, {"list", "pods", "-n", "green"}, {"get", "/metrics"}, {"get", "nodes"},
		{"update", "deployments/scale", "-n", "blue"}, {"create", "pods/exec", "-n", "red"},
	} {
		for _, format := range []string{"text", "json"} {
			words := append([]string{"who-can", "-o", format}, words...)
			want, _, _ := rampart(t, control.AdminKubeconfig, words...)
			got, complaints, code := rampart(t, "", append(words, "-f", path)...)
			if code != 0 || got != want {
				t.Errorf("%v: exit code %d\n%s\ninstead of\n%s\n%s", words, code, got, want, complaints)
			}
		}
	}
}

// asker is a ServiceAccount that may read what grants rights in the cluster and in red; it returns its kubeconfig.
func asker(t *testing.T) string {
	t.Helper()
	ctx, rbac := t.Context(), control.Client.RbacV1()
	_, err := control.Client.CoreV1().ServiceAccounts("red").Create(ctx,
		&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "asker"}}, metav1.CreateOptions{})
	demand(t, err)
	wide := rbacv1.PolicyRule{Verbs: []string{"list"}, APIGroups: []string{rbacv1.GroupName},
		Resources: []string{"clusterroles", "clusterrolebindings"}}
	narrow := rbacv1.PolicyRule{Verbs: []string{"list"}, APIGroups: []string{rbacv1.GroupName},
		Resources: []string{"roles", "rolebindings"}}
	who := []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: "red", Name: "asker"}}
	meta := metav1.ObjectMeta{Name: "asker"}

	_, err = rbac.ClusterRoles().Create(ctx, &rbacv1.ClusterRole{ObjectMeta: meta, Rules: []rbacv1.PolicyRule{wide}},
		metav1.CreateOptions{})
	demand(t, err)
	_, err = rbac.ClusterRoleBindings().Create(ctx, &rbacv1.ClusterRoleBinding{ObjectMeta: meta, Subjects: who,
		RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "asker"}}, metav1.CreateOptions{})
	demand(t, err)
	_, err = rbac.Roles("red").Create(ctx, &rbacv1.Role{ObjectMeta: meta, Rules: []rbacv1.PolicyRule{narrow}},
		metav1.CreateOptions{})
	demand(t, err)
	_, err = rbac.RoleBindings("red").Create(ctx, &rbacv1.RoleBinding{ObjectMeta: meta, Subjects: who,
		RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "asker"}}, metav1.CreateOptions{})
	demand(t, err)
	q := question{User: "system:serviceaccount:red:asker", Verb: "list", Group: rbacv1.GroupName}
	for _, resource := range []string{"clusterroles", "rolebindings"} {
		q.Resource = resource
		if resource == "rolebindings" {
			q.Namespace = "red"
		}
		eventually(t, func(ctx context.Context) (bool, error) { return review(ctx, q) })
	}
	path, err := control.ServiceAccountKubeconfig(ctx, "red", "asker")
	demand(t, err)
	return path
}

func TestWhoCanNeedsRightsInTheNamespaceThatItIsAskedAboutAlone(t *testing.T) {
	setUp(t)
	kubeconfig := asker(t)
	if a := whoCan(t, kubeconfig, "list", "pods", "-n", "red"); len(a.Grants) == 0 {
		t.Error("there is no answer")
	}
	if a := whoCan(t, kubeconfig, "list", "nodes"); len(a.Grants) == 0 {
		t.Error("there is no answer")
	}
	for _, words := range [][]string{{"list", "pods", "-A"}, {"list", "pods", "-n", "green"}} {
		out, complaints, code := rampart(t, kubeconfig, append([]string{"who-can"}, words...)...)
		if code != 1 || out != "" || !strings.Contains(complaints, `cannot list resource "role`) {
			t.Errorf("%v: exit code %d\n%s%s", words, code, out, complaints)
		}
	}
}

func TestWhoCanFindsResourcesThatTheAPIServerHas(t *testing.T) {
	setUp(t)
	rights := filepath.Join(t.TempDir(), "rights.yaml")
	demand(t, os.WriteFile(rights, []byte("{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: r}}"), 0o600))
	lists, err := control.Client.Discovery().ServerPreferredResources()
	demand(t, err)
	seen := map[string]bool{}
	for _, list := range lists {
		group := strings.Split(list.GroupVersion, "/")[0]
		if group == "v1" {
			group = ""
		}
		for _, resource := range list.APIResources {
			for _, word := range append([]string{resource.Name, resource.SingularName}, resource.ShortNames...) {
				if word == "" || strings.Contains(word, "/") || group == "shop.example" {
					continue
				}
				// With its group, and without where it is the first of that name.
				asked := []string{word + "." + group}
				if !seen[word] {
					asked = append(asked, word)
				}
				seen[word] = true
				for _, text := range asked {
					out, complaints, code := rampart(t, "", "who-can", "-o", "json", "get", text, "-f", rights)
					a, scope := answer{}, ""
					if resource.Namespaced {
						scope = "default"
					}
					if err := json.Unmarshal([]byte(out), &a); code != 0 || err != nil || complaints != "" ||
						a.Resource != resource.Name || a.Group != group || a.Namespace != scope {
						t.Errorf("%s: %q %q %q %s", text, a.Resource, a.Group, a.Namespace, complaints)
					}
				}
			}
		}
	}
	if len(seen) < 100 {
		t.Errorf("the API server has only %d names of resources", len(seen))
	}
}

func TestWhoCanIsNotKeptFromAnAnswerByARoleThatATenantMakesUnreadable(t *testing.T) {
	setUp(t)
	rule := rbacv1.PolicyRule{Verbs: []string{"get"}, APIGroups: []string{""}, Resources: []string{"a\x00b"}}
	_, err := control.Client.RbacV1().Roles("blue").Create(t.Context(), &rbacv1.Role{
		ObjectMeta: metav1.ObjectMeta{Name: "odd"}, Rules: []rbacv1.PolicyRule{rule}}, metav1.CreateOptions{})
	demand(t, err)
	defer func() {
		demand(t, control.Client.RbacV1().Roles("blue").Delete(context.Background(), "odd", metav1.DeleteOptions{}))
	}()
	out, complaints, code := rampart(t, control.AdminKubeconfig, "who-can", "get", "pods", "-A")
	if code != 3 || !strings.Contains(out, "system:masters") || !strings.Contains(complaints, "note: 1 of the roles") {
		t.Errorf("exit code %d\n%s%s", code, out, complaints)
	}
}

const cartsYAML = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: carts.shop.example}
spec:
  group: shop.example
  scope: Cluster
  names: {plural: carts, singular: cart, kind: Cart, listKind: CartList, shortNames: [ct]}
  versions: [{name: v3, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]
`

func TestWhoCanLooksCustomResourcesUp(t *testing.T) {
	setUp(t)
	carts := &unstructured.Unstructured{}
	demand(t, yaml.Unmarshal([]byte(cartsYAML), &carts.Object))
	crds := schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}
	_, err := control.Dynamic.Resource(crds).Create(t.Context(), carts, metav1.CreateOptions{})
	demand(t, err)
	eventually(t, func(context.Context) (bool, error) {
		list, err := control.Client.Discovery().ServerResourcesForGroupVersion("shop.example/v3")
		return err == nil && len(list.APIResources) > 0, nil
	})
	for _, word := range []string{"carts", "cart", "ct", "carts.shop.example"} {
		if a := whoCan(t, control.AdminKubeconfig, "get", word); a.Resource != "carts" || a.Group != "shop.example" || a.Namespace != "" {
			t.Errorf("%s: %q %q %q", word, a.Resource, a.Group, a.Namespace)
		}
	}
	_, complaints, code := rampart(t, control.AdminKubeconfig, "who-can", "get", "boats")
	if code != 1 || !strings.Contains(complaints, `the API server has no resource "boats"`) {
		t.Errorf("exit code %d: %s", code, complaints)
	}
}
