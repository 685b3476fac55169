package faults

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"rampart.dev/e2e/oracle"
	"rampart.dev/e2e/proxy"
)

const (
	manyNamespaces = 30
	deletesFree    = 10 // a minute, that nothing explains
)

// initial changes the objects of a first state, whichever way it is told; false leaves one out.
func initial(edit func(object map[string]any) bool) proxy.Do {
	events := func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		isOver := false
		proxy.Events(func(e proxy.Event, send func(proxy.Event)) {
			isOver = isOver || isInitialEnd(e)
			object := map[string]any{}
			if !isOver && json.Unmarshal(e.Object, &object) == nil {
				if !edit(object) {
					return
				}
				e.Object, _ = json.Marshal(object) // it was JSON
			}
			send(e)
		})(w, r, next)
	}
	list := proxy.List(func(page map[string]any) {
		kept := []any{}
		items, _ := page["items"].([]any)
		for _, item := range items {
			if object, ok := item.(map[string]any); ok && edit(object) {
				kept = append(kept, item)
			}
		}
		page["items"] = kept
	})
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.URL.Query().Get("sendInitialEvents") == "true" {
			events(w, r, next)
		} else {
			list(w, r, next)
		}
	}
}

// many makes namespaces under a profile, and waits until all are right.
func (r *run) many() {
	r.Helper()
	for i := range manyNamespaces {
		r.namespace(fmt.Sprint(i))
	}
	r.profile("{sameNamespace: {}}")
	r.start()
	r.within(r.manyAreRight)
}

func (r *run) manyAreRight() error {
	if err := r.counts(manyNamespaces, manyNamespaces, 0); err != nil {
		return err
	}
	return r.have([]string{deny, allowSame}, "0", fmt.Sprint(manyNamespaces-1))
}

// uids are those of the run's policies.
func (r *run) uids() map[string]types.UID {
	r.Helper()
	list, err := r.Client.NetworkingV1().NetworkPolicies("").List(r.Context(), metav1.ListOptions{})
	r.must(err)
	uids := map[string]types.UID{}
	for _, policy := range list.Items {
		if strings.HasPrefix(policy.Namespace, r.name) {
			uids[policy.Namespace+"/"+policy.Name] = policy.UID
		}
	}
	return uids
}

// lieOnce has the next state of a resource told another way, and waits until Rampart has acted upon it: what
// came through the same watch after it, a profile with its namespace, has been dealt with.
func (r *run) lieOnce(resource string, lie proxy.Do) {
	r.Helper()
	rule := r.proxy.Add(proxy.Rule{Match: syncs(resource), Times: 1, Do: lie})
	r.expire(resource)
	r.within(func() error { return taken(rule, 1) })
	marker := r.name + "-marker"
	r.profileNamed(marker, "{}")
	r.namespaceOf(marker, "marker")
	r.within(func() error { return r.has("marker", deny) })
	r.must(r.removeNamespace(r.Context(), marker))
	r.must(r.removeProfile(r.Context(), marker))
}

// A state that is wrongly empty after a full one: of namespaces, of policies, of profiles, by WatchList and by
// LIST. Nothing is deleted and nothing is made twice; the next state is believed again.
func TestFault19StateIsWronglyEmpty(t *testing.T) {
	t.Parallel()
	for _, resource := range []string{"namespaces", "networkpolicies", "securityprofiles"} {
		for _, lists := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, LIST %t", resource, lists), func(t *testing.T) {
				t.Parallel()
				r := begin(t)
				if lists {
					r.refuseWatchList(http.StatusBadRequest)
				}
				r.many()
				before, state, place := r.uids(), r.looks(), r.proxy.Now()
				r.lieOnce(resource, initial(func(map[string]any) bool { return false }))
				r.expire(resource)
				r.within(r.manyAreRight)
				r.within(func() error { return r.looksLike(state) })
				if after := r.uids(); !maps.Equal(before, after) {
					t.Error("policies were made anew")
				}
				ours := proxy.All(proxy.Verb("delete"), proxy.Resource("networkpolicies"))
				if n := len(r.proxy.Since(place, ours)); n > 1 { // the marker's deny may be one
					t.Errorf("%d deletions", n)
				}
				r.memoryIsBack()
			})
		}
	}
}

func (r *run) looksLike(state oracle.State) error {
	if text := r.looks().Diff(state); text != "" {
		return errors.New(text)
	}
	return nil
}

// Somebody takes the labels off all namespaces, and the next state shows it: every namespace leaves its
// profile, which takes its policies back. That ends where the budget of deletions does, with a condition and
// an Event. With the labels back, what was deleted is made again.
//
// It takes a cluster that really is so: a state that says something else of an object under the
// resourceVersion that is known is not believed.
func TestFault19LabelsAreLost(t *testing.T) {
	t.Parallel()
	r := begin(t)
	r.many()
	r.must(r.operator.Restart(t.Context())) // it does not remember that the profile is new, which would explain all
	r.within(r.manyAreRight)
	place, before := r.proxy.Now(), r.uids()
	r.expire("namespaces")
	r.labelAll(false)
	r.within(func() error {
		s, err := r.status()
		if err != nil {
			return err
		}
		if c := s.condition("Degraded"); c.Status != metav1.ConditionTrue || c.Reason != "DeleteBudget" {
			return fmt.Errorf("Degraded is %s (%s): %s", c.Status, c.Reason, c.Message)
		}
		return nil
	})
	r.within(func() error {
		list, err := r.Client.EventsV1().Events("default").List(t.Context(), metav1.ListOptions{})
		if err != nil {
			return err
		}
		for _, event := range list.Items {
			if event.Reason == "DeleteBudget" && event.Regarding.Name == r.name {
				return nil
			}
		}
		return errors.New("there is no Event")
	})
	if n := len(r.proxy.Since(place, policies("delete"))); n == 0 || n > deletesFree {
		t.Errorf("%d deletions, the budget is %d", n, deletesFree)
	}
	r.labelAll(true)
	r.within(r.manyAreRight)
	kept, after := 0, r.uids()
	for name, uid := range before {
		if after[name] == uid {
			kept++
		}
	}
	if len(after) != len(before) || kept < len(before)-deletesFree {
		t.Errorf("%d policies, of which %d stood all the time; expected %d, and all but %d", len(after), kept, len(before), deletesFree)
	}
}

func (r *run) labelAll(isOn bool) {
	r.Helper()
	for i := range manyNamespaces {
		r.label(fmt.Sprint(i), isOn)
	}
}
