package lost

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"

	"rampart.dev/e2e/operator"
)

const (
	writers   = 8
	storyKey  = "story"
	firstSpec = "{sameNamespace: {}, to: [{ipBlock: {cidr: 192.0.2.0/24}}]}"
	nextSpec  = "{sameNamespace: {}, from: [{ipBlock: {cidr: 198.51.100.0/24}, ports: [{port: 8080}]}]}"
)

// burst is a number of namespaces, and the profile that selects them.
type burst struct {
	*testing.T
	*world
	name    string
	count   int
	deleted int   // so many of them are deleted in the end
	place   int64 // in the audit log, where it began
	began   time.Time

	seen    atomic.Int64              // changes of the profile's policies so far, of whoever's doing
	mu      sync.Mutex                // guards changes
	changes map[string]map[string]int // by namespace, then by what it was
}

func begin(t *testing.T, name string, count int) *burst {
	t.Helper()
	w, err := theWorld()
	if err != nil {
		t.Fatal(err)
	}
	b := &burst{T: t, world: w, name: name, count: count, began: time.Now(), changes: map[string]map[string]int{}}
	if !w.rampart.Alive() {
		b.must(w.rampart.Start(t.Context()))
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("rampart's log ends:\n%s", w.rampart.Tail())
		}
		if text := w.rampart.Reports(); text != "" {
			t.Errorf("rampart reports:\n%s", text)
		}
	})
	b.place, err = w.AuditNow()
	b.must(err)
	profile := &unstructured.Unstructured{}
	b.must(yaml.Unmarshal([]byte(fmt.Sprintf(`
apiVersion: rampart.dev/v1alpha1
kind: SecurityProfile
metadata: {name: %s}
spec: {mode: Enforce, onDelete: Remove, namespaceSelector: {matchLabels: {story: %s}}, network: {allow: %s}}`,
		name, name, firstSpec)), &profile.Object))
	_, err = w.Dynamic.Resource(profiles).Create(t.Context(), profile, metav1.CreateOptions{})
	b.must(err)
	return b
}

func (b *burst) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// within demands that check becomes nil in time. An API server that is away is no failure of the check.
func (b *burst) within(check func() error) {
	b.Helper()
	var err error
	for deadline := time.Now().Add(waitLimit); time.Now().Before(deadline); time.Sleep(waitPoll) {
		if err = check(); err == nil {
			return
		}
	}
	b.Fatal(err)
}

// each calls do for the numbers from first to last, several at a time, and again for one that failed: the
// API server may be away.
func (b *burst) each(first, last int, do func(ctx context.Context, namespace string) error) {
	b.Helper()
	numbers := make(chan int)
	var running sync.WaitGroup
	var failed atomic.Pointer[error]
	for range writers {
		running.Go(func() {
			for i := range numbers {
				deadline := time.Now().Add(waitLimit)
				err := do(b.Context(), b.namespace(i))
				for ; err != nil && time.Now().Before(deadline); err = do(b.Context(), b.namespace(i)) {
					time.Sleep(waitPoll)
				}
				if err != nil {
					failed.Store(&err)
				}
			}
		})
	}
	for i := first; i < last; i++ {
		numbers <- i
	}
	close(numbers)
	running.Wait()
	if err := failed.Load(); err != nil {
		b.Fatal(*err)
	}
}

func (b *burst) namespace(i int) string { return fmt.Sprintf("%s-%d", b.name, i) }

func (b *burst) create(first, last int) {
	b.Helper()
	b.each(first, last, b.make)
}

func (b *burst) make(ctx context.Context, name string) error {
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{storyKey: b.name}}}
	_, err := b.Client.CoreV1().Namespaces().Create(ctx, ns, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) { // the answer to the first try was lost
		return nil
	}
	return err
}

// deselect takes the label off.
func (b *burst) deselect(first, last int) {
	b.Helper()
	b.each(first, last, func(ctx context.Context, name string) error {
		_, err := b.Client.CoreV1().Namespaces().Patch(ctx, name, types.MergePatchType,
			[]byte(`{"metadata": {"labels": {"story": null}}}`), metav1.PatchOptions{})
		return err
	})
}

func (b *burst) delete(first, last int) {
	b.Helper()
	b.each(first, last, func(ctx context.Context, name string) error {
		return b.Client.CoreV1().Namespaces().Delete(ctx, name, metav1.DeleteOptions{})
	})
}

// edit gives the profile the other spec: one allow goes, another one comes.
func (b *burst) edit() {
	b.Helper()
	var allow any
	b.must(yaml.Unmarshal([]byte(nextSpec), &allow))
	body, err := json.Marshal(map[string]any{"spec": map[string]any{"network": map[string]any{"allow": allow}}})
	b.must(err)
	body = []byte(strings.Replace(string(body), `"allow":{`, `"allow":{"to":null,`, 1))
	_, err = b.Dynamic.Resource(profiles).Patch(b.Context(), b.name, types.MergePatchType, body, metav1.PatchOptions{})
	b.must(err)
}

// follow counts the changes of the profile's policies until the test ends.
func (b *burst) follow() {
	b.Helper()
	changes, err := b.Client.NetworkingV1().NetworkPolicies("").Watch(b.Context(), metav1.ListOptions{
		LabelSelector: "rampart.dev/profile=" + b.name,
	})
	b.must(err)
	b.Cleanup(changes.Stop)
	go func() {
		for change := range changes.ResultChan() {
			policy, is := change.Object.(*networkingv1.NetworkPolicy)
			if !is {
				continue
			}
			b.mu.Lock()
			count(b.changes, policy.Namespace, strings.ToLower(string(change.Type))+" "+policy.Name)
			b.mu.Unlock()
			b.seen.Add(1)
		}
	}()
}

func count(counts map[string]map[string]int, namespace, what string) {
	if counts[namespace] == nil {
		counts[namespace] = map[string]int{}
	}
	counts[namespace][what]++
}

// tell says how long it has taken until here.
func (b *burst) tell(what string) {
	b.Helper()
	b.Logf("%s after %s", what, time.Since(b.began).Round(time.Second/10))
}

// expectCompliant demands that the status counts so many namespaces, all as the profile says.
func (b *burst) expectCompliant(count int) {
	b.Helper()
	b.within(func() error {
		object, err := b.Dynamic.Resource(profiles).Get(b.Context(), b.name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		number := func(path ...string) int64 {
			n, _, _ := unstructured.NestedInt64(object.Object, path...)
			return n
		}
		const status, namespaces = "status", "namespaces"
		observed := number(status, "observedGeneration")
		selected, compliant := number(status, namespaces, "selected"), number(status, namespaces, "compliant")
		if observed != object.GetGeneration() || selected != int64(count) || compliant != int64(count) {
			return fmt.Errorf("SecurityProfile %s: generation %d of %d, %d selected, %d compliant; expected %d", b.name,
				observed, object.GetGeneration(), selected, compliant, count)
		}
		return nil
	})
}

// one is a namespace as it is in the end: its policies without what differs from namespace to namespace,
// and the writes that each object took.
type one struct {
	Policies []string
	Writes   []string // that succeeded, as the audit log has them
	Changes  []string // as a watch has them
}

// look reads all of it: namespaces that are not there have no entry.
func (b *burst) look() map[string]*one {
	b.Helper()
	found, uids := map[string]*one{}, map[string]types.UID{}
	namespaces, err := b.Client.CoreV1().Namespaces().List(b.Context(), metav1.ListOptions{})
	b.must(err)
	for _, ns := range namespaces.Items {
		if strings.HasPrefix(ns.Name, b.name+"-") {
			found[ns.Name], uids[ns.Name] = &one{}, ns.UID
		}
	}
	policies, err := b.Client.NetworkingV1().NetworkPolicies("").List(b.Context(), metav1.ListOptions{})
	b.must(err)
	for _, policy := range policies.Items {
		if at := found[policy.Namespace]; at != nil {
			at.Policies = append(at.Policies, b.masked(&policy, uids[policy.Namespace]))
		} else if policy.Labels["rampart.dev/profile"] == b.name {
			b.Errorf("NetworkPolicy %s/%s is left over", policy.Namespace, policy.Name)
		}
	}
	writes := b.writes()
	b.mu.Lock()
	defer b.mu.Unlock()
	for namespace, at := range found {
		at.Writes, at.Changes = lines(writes[namespace]), lines(b.changes[namespace])
		slices.Sort(at.Policies)
	}
	return found
}

// masked is all of a policy that its name, its profile and its namespace decide.
func (b *burst) masked(policy *networkingv1.NetworkPolicy, namespace types.UID) string {
	owners := slices.Clone(policy.OwnerReferences)
	for i := range owners {
		if owners[i].UID == namespace {
			owners[i].UID = "the namespace's"
		}
	}
	text, err := json.Marshal(map[string]any{
		"name": policy.Name, "labels": policy.Labels, "annotations": policy.Annotations, "owners": owners,
		"spec": policy.Spec, "finalizers": policy.Finalizers, "deleting": policy.DeletionTimestamp != nil,
	})
	b.must(err)
	return strings.ReplaceAll(strings.ReplaceAll(string(text), policy.Namespace, "NS"), b.name, "PROFILE")
}

// writes counts, for each namespace, Rampart's successful writes by verb and policy.
func (b *burst) writes() map[string]map[string]int {
	b.Helper()
	counts := map[string]map[string]int{}
	for event, err := range b.AuditEventsSince(b.place) {
		b.must(err)
		ref := event.ObjectRef
		if event.User.Username != operator.User || ref == nil || ref.Resource != "networkpolicies" ||
			event.ResponseStatus == nil || event.ResponseStatus.Code >= 300 ||
			!slices.Contains([]string{"create", "patch", "delete"}, event.Verb) {
			continue
		}
		count(counts, ref.Namespace, event.Verb+" "+ref.Name)
	}
	return counts
}

func lines(counts map[string]int) (lines []string) {
	for _, what := range slices.Sorted(maps.Keys(counts)) {
		lines = append(lines, fmt.Sprintf("%s: %d", what, counts[what]))
	}
	return lines
}

// expectNoEvents demands that nothing was said but what may be: nobody but Rampart touched anything.
func (b *burst) expectNoEvents(but []string) {
	b.Helper()
	said := 0
	events, err := b.Client.EventsV1().Events("").List(b.Context(), metav1.ListOptions{})
	b.must(err)
	for _, event := range events.Items {
		isOurs := event.ReportingController == "rampart.dev/rampart" && strings.HasPrefix(event.Regarding.Namespace, b.name+"-")
		if !isOurs || slices.Contains(but, event.Reason) {
			continue
		}
		if said++; said <= 3 {
			b.Errorf("Event %s about %s %s/%s: %s", event.Reason, event.Regarding.Kind, event.Regarding.Namespace, event.Regarding.Name, event.Note)
		}
	}
}

// same says how two namespaces differ.
func (o *one) same(other *one) error {
	var err error
	if !slices.Equal(o.Policies, other.Policies) {
		err = fmt.Errorf("policies, expected\n%s\nfound\n%s", strings.Join(o.Policies, "\n"), strings.Join(other.Policies, "\n"))
	}
	if !isPartOf(other.Writes, o.Writes) {
		err = errors.Join(err, fmt.Errorf("writes, expected at most %q, found %q", o.Writes, other.Writes))
	}
	if !slices.Equal(o.Changes, other.Changes) {
		err = errors.Join(err, fmt.Errorf("changes, expected %q, found %q", o.Changes, other.Changes))
	}
	return err
}

// isPartOf tells whether no object took more writes than in whole. It may look like fewer: a request whose
// client is killed takes effect, and stands in the audit log as failed, or not at all where the server is.
func isPartOf(part, whole []string) bool {
	count := func(line string) (what string, n int) {
		at := strings.LastIndex(line, ": ")
		fmt.Sscan(line[at+2:], &n)
		return line[:at], n
	}
	most := map[string]int{}
	for _, line := range whole {
		what, n := count(line)
		most[what] = n
	}
	return !slices.ContainsFunc(part, func(line string) bool {
		what, n := count(line)
		return n > most[what]
	})
}
