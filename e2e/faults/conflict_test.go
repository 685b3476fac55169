package faults

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"rampart.dev/e2e/proxy"
)

var policyResource = schema.GroupResource{Group: "networking.k8s.io", Resource: "networkpolicies"}

// The first five writes of a day meet a conflict, whatever they are about. They are made again, and the day
// ends as without, with no write too many.
func TestFault24FirstWritesMeetAConflict(t *testing.T) {
	t.Parallel()
	r := begin(t)
	rule := r.proxy.Add(proxy.Rule{
		Match: proxy.Writes("networkpolicies", "securityprofiles"), Times: 5,
		Do: proxy.Fail(apierrors.NewConflict(policyResource, "any", errors.New("the object has been modified"))),
	})
	r.play(nil)
	r.must(taken(rule, 5))
	r.wroteAsReference()
}

// A rival writes a policy each time right before Rampart does: every write of Rampart's meets a conflict. It
// tries again ever more slowly, says so in the profile's conditions (Ready and Contested), does not hold up other namespaces, and has
// its way once the rival rests.
func TestFault24RivalIsAlwaysFirst(t *testing.T) {
	t.Parallel()
	r := begin(t)
	r.limit = 3 * time.Minute // it says that it is contested until it was quiet for one
	r.namespace("a")
	r.profile(morning)
	r.start()
	r.within(func() error { return errors.Join(r.counts(1, 1, 0), r.have(morningPolicies, "a")) })

	namespace, n := r.name+"-a", 0
	rule := r.proxy.On(func(q *proxy.Request) bool { return q.IsWrite() && isAbout(q, namespace, deny) },
		func(w http.ResponseWriter, q *http.Request, next http.Handler) {
			n++ // one write at a time: that of one object
			body := fmt.Sprintf(`{"spec": {"ingress": [{}]}, "metadata": {"annotations": {"rival": "%d"}}}`, n)
			_, err := r.Client.NetworkingV1().NetworkPolicies(namespace).Patch(t.Context(), deny, types.MergePatchType,
				[]byte(body), metav1.PatchOptions{FieldManager: "rival"})
			if err != nil {
				t.Error(err)
			}
			next.ServeHTTP(w, q)
		})
	r.edit("a", deny, `{"spec": {"ingress": [{}]}}`)
	r.within(func() error {
		s, err := r.status()
		if err != nil {
			return err
		}
		if ready := s.condition("Ready"); ready.Status != metav1.ConditionFalse || s.Status.Namespaces.Failed != 1 {
			return fmt.Errorf("Ready is %s (%s), %+v", ready.Status, ready.Reason, s.Status.Namespaces)
		}
		return nil
	})
	is := func(want metav1.ConditionStatus, reason string) func() error {
		return func() error {
			s, err := r.status()
			if err != nil {
				return err
			}
			if c := s.condition("Contested"); c.Status != want || c.Reason != reason {
				return fmt.Errorf("Contested is %s (%s): %s", c.Status, c.Reason, c.Message)
			}
			return nil
		}
	}
	r.within(is(metav1.ConditionTrue, "Contested"))
	// Ten tries from 5 ms and doubling, then rounds that are told apart and slowed down. A loop would be thousands.
	const quiet, triesMax = 10 * time.Second, 40
	before := rule.Taken()
	time.Sleep(quiet)
	if tries := rule.Taken() - before; tries > triesMax {
		t.Errorf("%d tries in %s", tries, quiet)
	}
	r.namespace("b")
	r.within(func() error { return r.have(morningPolicies, "b") })

	rule.Remove()
	r.within(func() error { return errors.Join(r.counts(2, 2, 0), r.have(morningPolicies, "a", "b")) })
	r.within(is(metav1.ConditionFalse, "Uncontested"))
	t.Logf("%d writes met a conflict", rule.Taken())
}
