package access

import (
	"context"
	"fmt"
	"math/rand"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
)

const (
	clusterRoles        = 40
	aggregatedRoles     = 6
	rolesEach           = 12 // in each namespace, as the next
	bindingsEach        = 25
	clusterRoleBindings = 35
	waitLimit           = time.Minute
)

// What rules and questions are made of. Few words, so that many questions are allowed.
var (
	namespaces = []string{"red", "green", "blue", "red-2"}
	verbs      = []string{"get", "list", "watch", "create", "delete", "deletecollection", "use", "impersonate"}
	groups     = []string{"", "apps", "shop.example"}
	resources  = []string{"pods", "deployments", "secrets", "carts"}
	parts      = []string{"", "log", "scale", "status"}
	names      = []string{"", "alpha", "beta", "gamma"}
	paths      = []string{"/metrics", "/healthz", "/healthz/ready", "/logs/", "/logs/a", "/api"}
	urls       = []string{"/metrics", "/healthz*", "/healthz/*", "/logs/*", "/logs", "*", "/met**"}
	accounts   = []string{"default", "web", "worker"}
	users      = []string{"jane", "joe", "system:serviceaccount:red:web", "system:anonymous"}
	userGroups = []string{"dev", "ops", "system:authenticated", "system:serviceaccounts", "system:serviceaccounts:red",
		"system:serviceaccounts:green", "system:unauthenticated"}
)

func one[T any](r *rand.Rand, from []T) T { return from[r.Intn(len(from))] }

// atLeastOne gives up to most of them; now and then a star.
func atLeastOne(r *rand.Rand, most int, from []string) []string {
	if r.Intn(12) == 0 {
		return []string{"*"}
	}
	return append(some(r, most-1, from), one(r, from))
}

func resourceOfRule(r *rand.Rand) string {
	resource := one(r, resources)
	if r.Intn(6) == 0 {
		resource = "*"
	}
	if part := one(r, parts); part != "" {
		return resource + "/" + part
	}
	return resource
}

func rules(r *rand.Rand, isNamespaced bool) []rbacv1.PolicyRule {
	list := []rbacv1.PolicyRule{}
	for range r.Intn(4) {
		if !isNamespaced && r.Intn(4) == 0 {
			list = append(list, rbacv1.PolicyRule{Verbs: atLeastOne(r, 3, verbs), NonResourceURLs: atLeastOne(r, 2, urls)})
			continue
		}
		rule := rbacv1.PolicyRule{Verbs: atLeastOne(r, 4, verbs), APIGroups: atLeastOne(r, 2, groups)}
		for range 1 + r.Intn(3) {
			rule.Resources = append(rule.Resources, resourceOfRule(r))
		}
		if r.Intn(3) == 0 {
			rule.ResourceNames = append(some(r, 2, names), "alpha")
		}
		list = append(list, rule)
	}
	return list
}

func subjects(r *rand.Rand, isNamespaced bool) []rbacv1.Subject {
	list := []rbacv1.Subject{}
	for range r.Intn(4) {
		switch r.Intn(3) {
		case 0:
			list = append(list, rbacv1.Subject{Kind: "User", APIGroup: rbacv1.GroupName, Name: one(r, users)})
		case 1:
			list = append(list, rbacv1.Subject{Kind: "Group", APIGroup: rbacv1.GroupName, Name: one(r, userGroups)})
		default:
			account := rbacv1.Subject{Kind: "ServiceAccount", Name: one(r, accounts), Namespace: one(r, namespaces)}
			if isNamespaced && r.Intn(3) == 0 {
				account.Namespace = "" // that of the binding
			}
			list = append(list, account)
		}
	}
	return list
}

// world is the random rights of a whole cluster.
type world struct {
	clusterRoles        []rbacv1.ClusterRole
	clusterRoleBindings []rbacv1.ClusterRoleBinding
	roles               []rbacv1.Role
	roleBindings        []rbacv1.RoleBinding
}

func randomWorld(r *rand.Rand) world {
	w := world{}
	for i := range clusterRoles {
		w.clusterRoles = append(w.clusterRoles, rbacv1.ClusterRole{
			ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("cluster-%d", i),
				Labels: map[string]string{"part": strconvOf(i % aggregatedRoles), "half": strconvOf(i % 2)}},
			Rules: rules(r, false),
		})
	}
	for i := range aggregatedRoles {
		selector := metav1.LabelSelector{MatchLabels: map[string]string{"part": strconvOf(i), "half": strconvOf(r.Intn(2))}}
		w.clusterRoles = append(w.clusterRoles, rbacv1.ClusterRole{
			ObjectMeta:      metav1.ObjectMeta{Name: fmt.Sprintf("cluster-%d", clusterRoles+i)},
			AggregationRule: &rbacv1.AggregationRule{ClusterRoleSelectors: []metav1.LabelSelector{selector}},
		})
	}
	for i := range clusterRoleBindings {
		w.clusterRoleBindings = append(w.clusterRoleBindings, rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("random-%d", i)},
			Subjects:   subjects(r, false),
			RoleRef:    clusterRoleRef(r),
		})
	}
	for _, namespace := range namespaces {
		for i := range rolesEach {
			w.roles = append(w.roles, rbacv1.Role{
				ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: fmt.Sprintf("role-%d", i)},
				Rules:      rules(r, true),
			})
		}
		for i := range bindingsEach {
			// One role more than there is, in both kinds.
			ref := rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: fmt.Sprintf("role-%d", r.Intn(rolesEach+1))}
			if r.Intn(2) == 0 {
				ref = clusterRoleRef(r)
			}
			w.roleBindings = append(w.roleBindings, rbacv1.RoleBinding{
				ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: fmt.Sprintf("random-%d", i)},
				Subjects:   subjects(r, true),
				RoleRef:    ref,
			})
		}
	}
	return w
}

func strconvOf(i int) string { return fmt.Sprint("n", i) }

func clusterRoleRef(r *rand.Rand) rbacv1.RoleRef {
	name := fmt.Sprintf("cluster-%d", r.Intn(clusterRoles+aggregatedRoles+2))
	return rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: name}
}

// create writes it all and waits until the API server judges by it.
func (w *world) create(t *testing.T) {
	t.Helper()
	ctx, rbac := t.Context(), control.Client.RbacV1()
	for _, name := range namespaces {
		_, err := control.Client.CoreV1().Namespaces().Create(ctx,
			&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
		demand(t, err)
	}
	for _, o := range w.clusterRoles {
		_, err := rbac.ClusterRoles().Create(ctx, &o, metav1.CreateOptions{})
		demand(t, err)
	}
	for _, o := range w.clusterRoleBindings {
		_, err := rbac.ClusterRoleBindings().Create(ctx, &o, metav1.CreateOptions{})
		demand(t, err)
	}
	for _, o := range w.roles {
		_, err := rbac.Roles(o.Namespace).Create(ctx, &o, metav1.CreateOptions{})
		demand(t, err)
	}
	for _, o := range w.roleBindings {
		_, err := rbac.RoleBindings(o.Namespace).Create(ctx, &o, metav1.CreateOptions{})
		demand(t, err)
	}
	w.awaitAggregation(t)
	awaitJudge(t)
}

func demand(t *testing.T, err error) {
	t.Helper()
	if err != nil && !apierrors.IsAlreadyExists(err) {
		t.Fatal(err)
	}
}

// awaitAggregation waits until each aggregated ClusterRole shows as many rules as those have that it selects.
func (w *world) awaitAggregation(t *testing.T) {
	t.Helper()
	for _, aggregated := range w.clusterRoles[clusterRoles:] {
		selects, want := aggregated.AggregationRule.ClusterRoleSelectors[0].MatchLabels, map[string]bool{}
		for _, o := range w.clusterRoles[:clusterRoles] {
			if o.Labels["part"] == selects["part"] && o.Labels["half"] == selects["half"] {
				for _, rule := range o.Rules {
					want[rule.String()] = true
				}
			}
		}
		eventually(t, func(ctx context.Context) (bool, error) {
			is, err := control.Client.RbacV1().ClusterRoles().Get(ctx, aggregated.Name, metav1.GetOptions{})
			return err == nil && len(is.Rules) == len(want), err
		})
	}
}

// awaitJudge waits until the authorizer has seen objects of each kind that are younger than all others.
func awaitJudge(t *testing.T) {
	t.Helper()
	ctx, rbac := t.Context(), control.Client.RbacV1()
	rule := []rbacv1.PolicyRule{{Verbs: []string{"see"}, APIGroups: []string{"last.example"}, Resources: []string{"last"}}}
	who := []rbacv1.Subject{{Kind: "User", APIGroup: rbacv1.GroupName, Name: "last"}}
	meta := metav1.ObjectMeta{Name: "last"}
	inRed := metav1.ObjectMeta{Name: "last", Namespace: "red"}

	_, err := rbac.ClusterRoles().Create(ctx, &rbacv1.ClusterRole{ObjectMeta: meta, Rules: rule}, metav1.CreateOptions{})
	demand(t, err)
	_, err = rbac.ClusterRoleBindings().Create(ctx, &rbacv1.ClusterRoleBinding{ObjectMeta: meta, Subjects: who,
		RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "last"}}, metav1.CreateOptions{})
	demand(t, err)
	rule[0].Resources = []string{"last-of-red"}
	_, err = rbac.Roles("red").Create(ctx, &rbacv1.Role{ObjectMeta: inRed, Rules: rule}, metav1.CreateOptions{})
	demand(t, err)
	_, err = rbac.RoleBindings("red").Create(ctx, &rbacv1.RoleBinding{ObjectMeta: inRed, Subjects: who,
		RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "last"}}, metav1.CreateOptions{})
	demand(t, err)
	for _, resource := range []string{"last", "last-of-red"} {
		q := question{User: "last", Namespace: "red", Verb: "see", Group: "last.example", Resource: resource}
		eventually(t, func(ctx context.Context) (bool, error) { return review(ctx, q) })
	}
}

func eventually(t *testing.T, is func(context.Context) (bool, error)) {
	t.Helper()
	if err := wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, waitLimit, true, is); err != nil {
		t.Fatal(err)
	}
}
