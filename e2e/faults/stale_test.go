package faults

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"rampart.dev/e2e/operator"
	"rampart.dev/e2e/proxy"
)

const (
	tight = "{sameNamespace: {}}"
	loose = "{to: [{ipBlock: {cidr: 0.0.0.0/0}}]}"

	// A stale answer that is believed shows within milliseconds.
	believed = 5 * time.Second
)

func reads(r *proxy.Request) bool { return !r.IsWrite() }

// past is a time at which the cluster asked for less than before and after, while no operator ran.
type past struct {
	makes func(r *run) // that which a server goes on believing
	mends func(r *run) // what has become of it since
}

var (
	looserPast = past{func(r *run) {
		r.profile(loose)
		r.label("b", false)
	}, func(r *run) {
		r.profile(tight)
		r.label("b", true)
	}}

	deletedPast = past{func(r *run) {
		r.deleteProfile()
	}, func(r *run) {
		r.release()
		r.profile(tight)
	}}
)

func (r *run) deleteProfile() {
	r.Helper()
	r.must(r.Dynamic.Resource(profiles).Delete(r.Context(), r.name, metav1.DeleteOptions{}))
}

// release takes the finalizer off a profile that is being deleted, as an impatient administrator does.
func (r *run) release() {
	r.Helper()
	_, err := r.Dynamic.Resource(profiles).Patch(r.Context(), r.name, types.MergePatchType,
		[]byte(`{"metadata": {"finalizers": null}}`), metav1.PatchOptions{})
	r.must(err)
	r.within(func() error {
		_, err := r.status()
		if apierrors.IsNotFound(err) {
			return nil
		}
		return fmt.Errorf("SecurityProfile %s is still there: %v", r.name, err)
	})
}

// Rampart is started on a second API server whose connection to etcd hangs: its caches are of a time at which
// the cluster asked for less. The resourceVersions of the policies are still good, so that no precondition
// would stop what follows from such a profile.
//
// What a real server of that kind answers: WatchList without a resourceVersion, and a LIST without one, ask
// etcd first and wait for it, with no answer. A LIST of "any" version (resourceVersion=0) is answered at once,
// from the past. So Rampart never asks for that. After a minute without initial events it asks for a list,
// which the server gives up after another minute; it is not ready meanwhile, says so, and writes nothing. When
// the server catches up, Rampart does too.
func TestFault03RestartOnAServerThatIsBehind(t *testing.T) { testPast(t, looserPast) }

// The same, and the server believes in the profile of the same name that was deleted since.
func TestFault04RestartWhereTheDeletedProfileIsStillThere(t *testing.T) { testPast(t, deletedPast) }

func testPast(t *testing.T, past past) {
	t.Parallel()
	r := begin(t)
	r.limit = 3 * time.Minute // a list that waits for etcd is given up after one
	peer, err := r.StartPeer(t.Context())
	r.must(err)
	defer func() { r.must(peer.Close()) }()
	r.namespace("a")
	r.namespace("b")
	r.profile(tight)
	r.start()
	settled := func() error {
		return errors.Join(r.counts(2, 2, 0), r.have([]string{deny, allowSame}, "a", "b"))
	}
	r.within(settled)
	r.must(r.operator.Stop())
	uids := r.uids()

	past.makes(r)
	version := metav1.ListOptions{ResourceVersion: r.version()} // which the second server waits for
	_, err = peer.Client.CoreV1().Namespaces().List(t.Context(), version)
	r.must(err)
	_, err = peer.Dynamic.Resource(profiles).List(t.Context(), version)
	r.must(err)
	_, err = peer.Client.NetworkingV1().NetworkPolicies("").List(t.Context(), version)
	r.must(err)
	peer.Freeze()
	past.mends(r)
	place, err := r.AuditNow()
	r.must(err)
	behind, err := proxy.NewBackend(peer.URL, r.Config.CAData)
	r.must(err)
	rule := r.proxy.On(reads, proxy.To(behind))
	r.must(r.operator.Launch())

	r.within(func() error { // it has given up WatchList and asks for lists
		if n := r.proxy.Count(proxy.Lists("securityprofiles")); n == 0 {
			return errors.New("no list of securityprofiles was asked for")
		}
		return nil
	})
	time.Sleep(believed)
	r.writesNothingSince(place)
	if out, err := r.operator.Health(t.Context()); err == nil {
		t.Errorf("it is ready on a server that does not answer: %s", out)
	}
	if out, err := r.operator.Health(t.Context(), "--live"); err != nil {
		t.Errorf("it is not alive: %v: %s", err, out)
	}

	peer.Thaw() // and then back to the first one
	r.within(func() error {
		_, err := r.operator.Health(t.Context())
		return err
	})
	r.within(settled)
	rule.Remove()
	r.proxy.AbortRunning(reads)
	r.namespace("c")
	r.within(func() error { return r.has("c", deny, allowSame) })
	for _, q := range r.proxy.Since(0, proxy.Verb("delete")) {
		t.Errorf("%s %s", q.Verb, q.Object())
	}
	r.keeps(uids)
}

// keeps demands that policies are those that they were.
func (r *run) keeps(before map[string]types.UID) {
	r.Helper()
	now := r.uids()
	for name, uid := range before {
		if now[name] != uid {
			r.Errorf("NetworkPolicy %s was made anew, or is gone", name)
		}
	}
}

func (r *run) writesNothingSince(place int64) {
	r.Helper()
	for event, err := range r.AuditEventsSince(place) {
		r.must(err)
		q := proxy.Request{Verb: event.Verb}
		if event.User.Username == operator.User && q.IsWrite() {
			r.Errorf("it wrote: %s %s", event.Verb, event.RequestURI)
		}
	}
}

// A namespace's policies are not told to Rampart for a while. What it writes then rests on what it knew: the
// API server refuses it (409), Rampart reads again, and what a tenant did meanwhile stays.
func TestFault03WritesThatRestOnThePastAreRefused(t *testing.T) {
	t.Parallel()
	r := begin(t)
	for _, suffix := range []string{"a", "b"} {
		r.namespace(suffix)
	}
	r.profile(morning)
	r.start()
	r.within(func() error {
		return errors.Join(r.counts(2, 2, 0), r.have(morningPolicies, "a", "b"))
	})
	valve := &proxy.Valve{}
	r.proxy.On(proxy.Watches("networkpolicies"), valve.Answers)
	r.proxy.EndRunning(proxy.Watches("networkpolicies"))
	r.within(func() error {
		if len(r.proxy.Running(proxy.Watches("networkpolicies"))) != 1 {
			return errors.New("networkpolicies are not watched")
		}
		return nil
	})
	valve.Hold()

	// A tenant puts a note on a policy that is about to be changed.
	r.edit("a", allowFrom, `{"metadata": {"annotations": {"tenant": "was here"}}}`)
	changed := func(suffix string) error {
		policy, err := r.Client.NetworkingV1().NetworkPolicies(r.name+"-"+suffix).Get(t.Context(), allowFrom, metav1.GetOptions{})
		if err == nil && policy.Spec.Ingress[0].From[0].IPBlock.CIDR != "198.51.100.0/24" {
			err = fmt.Errorf("the policy in %s is still the old one", suffix)
		}
		return err
	}
	refused := func() (n int) {
		for _, q := range r.proxy.Since(0, proxy.Writes("networkpolicies")) {
			if q.Status == http.StatusConflict || q.Status == http.StatusUnprocessableEntity {
				n++
			}
		}
		return n
	}
	r.profile("{sameNamespace: {}, from: [{ipBlock: {cidr: 198.51.100.0/24}}]}")
	r.within(func() error { return changed("b") })
	r.within(func() error { return changed("a") })
	if refused() == 0 {
		t.Errorf("no write was refused:\n%s", r.requests(proxy.Writes("networkpolicies")))
	}
	noted, err := r.Client.NetworkingV1().NetworkPolicies(r.name+"-a").Get(t.Context(), allowFrom, metav1.GetOptions{})
	r.must(err)
	if noted.Annotations["tenant"] != "was here" {
		t.Errorf("the tenant's note is gone: %v", noted.Annotations)
	}
	// Of a policy that is about to be removed, another one has taken the place.
	r.deletePolicy("b", allowFrom)
	policies := r.Client.NetworkingV1().NetworkPolicies(r.name + "-b")
	theirs, err := policies.Create(t.Context(), &networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Name: allowFrom}},
		metav1.CreateOptions{FieldManager: "tenant"})
	r.must(err)
	before := refused()
	r.profile(tight)
	r.within(func() error { return r.has("a", deny, allowSame) })
	r.within(func() error {
		if refused() <= before {
			return errors.New("the deletion in b was not refused")
		}
		return nil
	})
	valve.Release()
	r.within(func() error { return r.counts(2, 2, 0) })
	now, err := policies.Get(t.Context(), allowFrom, metav1.GetOptions{})
	r.must(err)
	if now.UID != theirs.UID || now.ResourceVersion != theirs.ResourceVersion {
		t.Errorf("the tenant's policy was touched: %+v, before %+v", now, theirs)
	}
}

// A profile under Retain is deleted and made again while Rampart hears nothing of it: absence is no reason to
// remove anything, and the new one takes over what stands, without a write to it.
func TestFault04ProfileIsMadeAgainUnseen(t *testing.T) {
	t.Parallel()
	r := begin(t)
	r.namespace("a")
	r.profile(tight)
	_, err := r.Dynamic.Resource(profiles).Patch(t.Context(), r.name, types.MergePatchType,
		[]byte(`{"spec": {"onDelete": "Retain"}}`), metav1.PatchOptions{})
	r.must(err)
	r.start()
	r.within(func() error { return errors.Join(r.counts(1, 1, 0), r.has("a", deny, allowSame)) })
	uids := r.uids()
	valve := &proxy.Valve{}
	r.proxy.On(proxy.Watches("securityprofiles"), valve.Answers)
	r.proxy.EndRunning(proxy.Watches("securityprofiles"))
	r.within(func() error {
		if len(r.proxy.Running(proxy.Watches("securityprofiles"))) != 1 {
			return errors.New("securityprofiles are not watched")
		}
		return nil
	})
	valve.Hold()
	place, err := r.AuditNow()
	r.must(err)
	r.deleteProfile()
	r.profile(tight)
	r.namespace("b") // which it protects for a profile that is no longer there
	r.within(func() error { return r.has("b", deny, allowSame) })
	valve.Release()
	r.within(func() error { return r.counts(2, 2, 0) })
	r.keeps(uids)
	for event, err := range r.AuditEventsSince(place) {
		r.must(err)
		if event.User.Username == operator.User && event.Verb == "delete" {
			t.Errorf("it deleted: %s", event.RequestURI)
		}
	}
}
