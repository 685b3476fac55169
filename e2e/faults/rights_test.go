package faults

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"rampart.dev/e2e/operator"
	"rampart.dev/e2e/proxy"
)

// right is one verb on one resource of the ClusterRole.
type right struct{ group, resource, verb string }

func (a right) String() string { return a.verb + " " + a.resource }

// rights are all that deploy/ grants.
func (r *run) rights() (rights []right) {
	r.Helper()
	role, err := r.Client.RbacV1().ClusterRoles().Get(r.Context(), "rampart", metav1.GetOptions{})
	r.must(err)
	for _, rule := range role.Rules {
		for _, group := range rule.APIGroups {
			for _, resource := range rule.Resources {
				for _, verb := range rule.Verbs {
					rights = append(rights, right{group, resource, verb})
				}
			}
		}
	}
	return rights
}

// without takes rights away until the function that it returns is called, and waits until the API server
// knows. Control planes are used again: they are given back at the end of a test that failed, too.
func (r *run) without(taken ...right) (grant func()) {
	r.Helper()
	roles := r.Client.RbacV1().ClusterRoles()
	role, err := roles.Get(r.Context(), "rampart", metav1.GetOptions{})
	r.must(err)
	whole := role.Rules
	role.Rules = nil
	for _, rule := range whole {
		for _, group := range rule.APIGroups {
			for _, resource := range rule.Resources {
				verbs := slices.DeleteFunc(slices.Clone(rule.Verbs), func(verb string) bool {
					return slices.Contains(taken, right{group, resource, verb})
				})
				if len(verbs) > 0 {
					role.Rules = append(role.Rules, rbacv1.PolicyRule{
						APIGroups: []string{group}, Resources: []string{resource}, Verbs: verbs,
					})
				}
			}
		}
	}
	put := func(ctx context.Context, rules []rbacv1.PolicyRule) error {
		text, err := json.Marshal(map[string]any{"rules": rules})
		if err == nil {
			_, err = roles.Patch(ctx, "rampart", types.MergePatchType, text, metav1.PatchOptions{})
		}
		return err
	}
	set := func(rules []rbacv1.PolicyRule, isAllowed bool) {
		r.must(put(r.Context(), rules))
		for _, one := range taken {
			r.within(func() error { return r.isAllowed(one, isAllowed) })
		}
	}
	set(role.Rules, false)
	r.Cleanup(func() {
		if err := put(context.Background(), whole); err != nil {
			r.Error(err)
		}
	})
	return func() { set(whole, true) }
}

func (r *run) isAllowed(one right, want bool) error {
	resource, subresource, _ := strings.Cut(one.resource, "/")
	review, err := r.Client.AuthorizationV1().SubjectAccessReviews().Create(r.Context(), &authorizationv1.SubjectAccessReview{
		Spec: authorizationv1.SubjectAccessReviewSpec{User: operator.User, ResourceAttributes: &authorizationv1.ResourceAttributes{
			Group: one.group, Resource: resource, Subresource: subresource, Verb: one.verb,
		}},
	}, metav1.CreateOptions{})
	if err == nil && review.Status.Allowed != want {
		err = fmt.Errorf("%s: allowed is %t", one, review.Status.Allowed)
	}
	return err
}

// Started without one of the rights to read, Rampart does not begin: it is alive and not ready, and the probe
// and the log say which verb on which resource is missing. Granted, it goes on by itself.
func TestFault31RightToReadIsMissing(t *testing.T) {
	t.Parallel()
	for _, verb := range []string{"watch", "list"} {
		t.Run(verb, func(t *testing.T) {
			t.Parallel()
			r := begin(t)
			if verb == "list" { // which is asked for where lists are not streamed
				r.proxy.On(proxy.InitialEvents, proxy.Fail(apierrors.NewBadRequest("sendInitialEvents is forbidden")))
			}
			r.namespace("a")
			r.profile(tight)
			r.start()
			r.within(func() error { return errors.Join(r.counts(1, 1, 0), r.has("a", deny, allowSame)) })
			missed := 0
			for _, one := range r.rights() {
				if one.verb != verb || !slices.Contains(operator.Watched, one.resource) {
					continue // of what is only scanned the status tells, and the rest goes on
				}
				missed++
				r.must(r.operator.Stop())
				grant := r.without(one)
				r.must(r.operator.Launch())
				resource := strings.TrimSuffix(one.resource+"."+one.group, ".")
				needs := fmt.Sprintf("grant the verb %q on %s", verb, resource)
				r.within(func() error {
					out, err := r.operator.Health(t.Context())
					if err == nil || !strings.Contains(out, needs) {
						return fmt.Errorf("without %s, health says %q, %v", one, out, err)
					}
					return nil
				})
				if out, err := r.operator.Health(t.Context(), "--live"); err != nil {
					t.Errorf("without %s it is not alive: %v: %s", one, err, out)
				}
				r.logs(fmt.Sprintf("the verb \\\"%s\\\" on %s", verb, resource))
				grant()
				r.must(r.operator.AwaitReady(t.Context()))
			}
			if missed != len(operator.Watched) {
				t.Errorf("%d rights to %s, expected %d", missed, verb, len(operator.Watched))
			}
			r.namespace("b")
			r.within(func() error { return r.has("b", deny, allowSame) })
		})
	}
}

// logs demands a phrase in the log, in time.
func (r *run) logs(phrases ...string) {
	r.Helper()
	r.within(func() error {
		for _, record := range r.operator.Records() {
			text, _ := json.Marshal(record)
			has := record["level"] == "warn" || record["level"] == "error"
			for _, phrase := range phrases {
				has = has && strings.Contains(string(text), phrase)
			}
			if has {
				return nil
			}
		}
		return fmt.Errorf("the log does not warn with %q", phrases)
	})
}

// saysForbidden demands that the profile is not ready, and names a verb and a resource.
func (r *run) saysForbidden(one right) {
	r.Helper()
	r.within(func() error {
		s, err := r.status()
		if err != nil {
			return err
		}
		ready := s.condition("Ready")
		if ready.Status != metav1.ConditionFalse || ready.Reason != "Forbidden" ||
			!strings.Contains(ready.Message, fmt.Sprintf("the verb %s on %s", one.verb, one.resource)) {
			return fmt.Errorf("without %s, Ready is %s (%s): %s", one, ready.Status, ready.Reason, ready.Message)
		}
		return nil
	})
}

// Each right to write is taken away while Rampart needs it. It names the right, in the profile's condition
// where it has one to tell, and in the log; what does not need that right goes on; and it is still ready, since
// it reads all. Granted, it catches up by itself.
func TestFault31RightToWriteIsMissing(t *testing.T) {
	t.Parallel()
	r := begin(t)
	r.namespace("a")
	r.profile(tight)
	r.start()
	count := 1
	well := func() error {
		return errors.Join(r.counts(count, count, 0), r.has("a", deny, allowSame))
	}
	r.within(well)
	goesOn := func() { // a namespace that comes is protected
		suffix := fmt.Sprintf("on-%d", count)
		r.namespace(suffix)
		count++
		r.within(func() error { return r.has(suffix, deny, allowSame) })
	}
	open := func() { r.edit("a", deny, `{"spec": {"ingress": [{}]}}`) }
	const network, rampart, events = "networking.k8s.io", "rampart.dev", "events.k8s.io"
	tests := map[right]struct {
		needs func()          // what makes Rampart need it
		says  func(one right) // nil: in the condition
		on    func(one right) // what goes on; nil: goesOn
		mend  func()          // once it is granted
	}{
		{network, "networkpolicies", "create"}: {
			needs: func() { r.namespace("denied"); count++ },
			on: func(right) {
				r.edit("a", deny, `{"spec": {"ingress": [{}]}}`)
				r.within(func() error { return r.has("a", deny, allowSame) })
			},
		},
		{network, "networkpolicies", "patch"}: {needs: open},
		{network, "networkpolicies", "delete"}: {
			needs: func() { r.profile("{}") },
			on: func(right) {
				r.namespace("on-delete")
				count++
				r.within(func() error { return r.has("on-delete", deny) })
			},
			mend: func() {
				r.within(func() error { return errors.Join(r.counts(count, count, 0), r.has("a", deny)) })
				r.profile(tight)
			},
		},
		{network, "networkpolicies", "get"}: {
			needs: func() {
				r.proxy.Add(proxy.Rule{
					Match: func(q *proxy.Request) bool { return q.IsWrite() && isAbout(q, r.name+"-a", deny) }, Times: 1,
					Do: proxy.Fail(apierrors.NewConflict(policyResource, deny, errors.New("the object has been modified"))),
				})
				open()
			},
			says: func(right) { r.within(well) }, // to read again after a conflict: the watch tells it, too
		},
		{rampart, "securityprofiles", "patch"}: {
			needs: func() { r.onDelete("Retain") }, // the finalizer is to go; the policies are as they are to be
			says:  func(right) { r.logs("the verb patch on securityprofiles", "finalizer") },
			mend:  func() { r.onDelete("Remove") },
		},
		{rampart, "securityprofiles/status", "patch"}: {
			needs: func() { r.namespace("untold"); count++ },
			says:  func(one right) { r.logs("the verb patch on securityprofiles/status") },
		},
		{events, "events", "create"}: {
			needs: func() { // where nothing was said yet: an equal one would be a count, by a patch
				r.namespace("eventful")
				count++
				r.within(func() error { return r.has("eventful", deny, allowSame) })
				r.edit("eventful", deny, `{"spec": {"ingress": [{}]}}`)
			},
			says: func(one right) {
				r.logs("events", "create")
				r.within(well)
			},
		},
		{events, "events", "patch"}: {
			needs: func() {
				for range 3 { // equal ones within six minutes become one with a count, by a patch
					open()
					r.within(well)
				}
			},
			says: func(one right) { r.within(well) },
		},
	}
	for _, one := range r.rights() {
		if one.verb == "list" || one.verb == "watch" || isOfHardening(one) || isOfLabels(one) {
			continue // for the last ones see TestFault31RightToHardenIsMissing and TestFault31RightToLabelIsMissing
		}
		test, isThere := tests[one]
		if !isThere {
			t.Errorf("no test of %s", one)
			continue
		}
		grant := r.without(one)
		test.needs()
		if test.says != nil {
			test.says(one)
		} else {
			r.saysForbidden(one)
		}
		if test.on != nil {
			test.on(one)
		} else {
			goesOn()
		}
		if out, err := r.operator.Health(t.Context()); err != nil {
			t.Errorf("without %s it is not ready: %s", one, out)
		}
		grant()
		if test.mend != nil {
			test.mend()
		}
		r.within(well)
	}
}

// onDelete changes what becomes of the policies, and with it whether a finalizer is needed.
func (r *run) onDelete(value string) {
	r.Helper()
	r.edits(`{"spec": {"onDelete": "` + value + `"}}`)
}

// edits merges a patch into the profile.
func (r *run) edits(body string) {
	r.Helper()
	_, err := r.Dynamic.Resource(profiles).Patch(r.Context(), r.name, types.MergePatchType, []byte(body), metav1.PatchOptions{})
	r.must(err)
}
