package learn

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// right is what a rule gives when nothing can be taken from it any more: one verb on one resource, of one name or of
// any, or on one URL.
type right struct {
	ns, verb, group, resource, name string // resource may be "pods/log"; no name: any
	url                             string
}

func (r right) String() string {
	if r.url != "" {
		return r.verb + " " + r.url
	}
	return fmt.Sprintf("%s %s.%s %q in %q", r.verb, r.resource, r.group, r.name, r.ns)
}

func (r right) rule() rbacv1.PolicyRule {
	if r.url != "" {
		return rbacv1.PolicyRule{Verbs: []string{r.verb}, NonResourceURLs: []string{r.url}}
	}
	rule := rbacv1.PolicyRule{Verbs: []string{r.verb}, APIGroups: []string{r.group}, Resources: []string{r.resource}}
	if r.name != "" {
		rule.ResourceNames = []string{r.name}
	}
	return rule
}

// spec asks the API server about it.
func (r right) spec(a *account) authorizationv1.SubjectAccessReviewSpec {
	spec := authorizationv1.SubjectAccessReviewSpec{
		User:   "system:serviceaccount:" + home + ":" + a.name,
		Groups: []string{"system:serviceaccounts", "system:serviceaccounts:" + home, "system:authenticated"},
	}
	if r.url != "" {
		spec.NonResourceAttributes = &authorizationv1.NonResourceAttributes{Verb: r.verb, Path: r.url}
		return spec
	}
	resource, subresource, _ := strings.Cut(r.resource, "/")
	spec.ResourceAttributes = &authorizationv1.ResourceAttributes{
		Namespace: r.ns, Verb: r.verb, Group: r.group, Resource: resource, Subresource: subresource, Name: r.name,
	}
	return spec
}

// role is a learned Role, or a ClusterRole where there is no namespace, as its single rights.
type role struct {
	ns, name string
	rights   []right
}

func (r role) String() string {
	if r.ns == "" {
		return "the ClusterRole"
	}
	return "the Role of " + r.ns
}

func rolesOf(l *learned) (roles []role) {
	for _, one := range l.Roles {
		to := role{ns: one.Namespace, name: one.Name}
		for _, rule := range one.Rules {
			to.rights = append(to.rights, broken(one.Namespace, rule)...)
		}
		roles = append(roles, to)
	}
	return roles
}

// broken takes a rule apart.
func broken(ns string, rule rbacv1.PolicyRule) (rights []right) {
	names := rule.ResourceNames
	if len(names) == 0 {
		names = []string{""}
	}
	for _, verb := range rule.Verbs {
		for _, url := range rule.NonResourceURLs {
			rights = append(rights, right{verb: verb, url: url})
		}
		for _, group := range rule.APIGroups {
			for _, resource := range rule.Resources {
				for _, name := range names {
					rights = append(rights, right{ns: ns, verb: verb, group: group, resource: resource, name: name})
				}
			}
		}
	}
	return rights
}

func without(rights []right, i int) []right {
	return slices.Delete(slices.Clone(rights), i, i+1)
}

// write makes these all rights of the role.
func (r role) write(t *testing.T, rights []right) {
	t.Helper()
	rules := []rbacv1.PolicyRule{}
	for _, one := range rights {
		rules = append(rules, one.rule())
	}
	if r.ns == "" {
		api := control.Client.RbacV1().ClusterRoles()
		object, err := api.Get(t.Context(), r.name, metav1.GetOptions{})
		check(t, err)
		object.Rules = rules
		_, err = api.Update(t.Context(), object, metav1.UpdateOptions{})
		check(t, err)
		return
	}
	api := control.Client.RbacV1().Roles(r.ns)
	object, err := api.Get(t.Context(), r.name, metav1.GetOptions{})
	check(t, err)
	object.Rules = rules
	_, err = api.Update(t.Context(), object, metav1.UpdateOptions{})
	check(t, err)
}
