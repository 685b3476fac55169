package scenarios

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/yaml"

	"rampart.dev/e2e/operator"
)

const (
	storyLabel = "story" // on a story's namespaces, with its name

	deny         = "rampart-default-deny"
	allowDNS     = "rampart-allow-dns"
	allowSame    = "rampart-allow-same-namespace"
	allowAPI     = "rampart-allow-api-server"
	allowFrom    = "rampart-allow-from"
	allowTo      = "rampart-allow-to"
	allowDNSPods = "rampart-allow-cluster-dns"
	allowBackend = "rampart-allow-backend-" // and the Service's name

	finalizer = "rampart.dev/take-back"
)

// story is a test in a world: its methods do what people do in a cluster, and demand what they see.
type story struct {
	*testing.T
	*world
	name string
}

// begin starts a story in the shared world. Its name is the beginning of its namespaces' names and the
// value of their label.
func begin(t *testing.T, name string) *story {
	t.Helper()
	w, err := theWorld()
	if err != nil {
		t.Fatal(err)
	}
	return beginIn(t, w, name)
}

func beginIn(t *testing.T, w *world, name string) *story {
	t.Helper()
	if !w.rampart.Alive() { // the story before killed it, and failed before it could start it again
		if err := w.rampart.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	s := &story{T: t, world: w, name: name}
	t.Cleanup(func() {
		if !w.rampart.Alive() {
			t.Error("rampart does not run at the end")
		}
		if text := w.rampart.Reports(); text != "" {
			t.Errorf("rampart reports:\n%s", text)
		}
		if t.Failed() {
			t.Logf("rampart's log ends:\n%s", w.rampart.Tail())
		}
	})
	return s
}

func (s *story) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// within demands that check becomes nil in time.
func (s *story) within(check func() error) {
	s.Helper()
	eventually(s.T, check)
}

// ---- namespaces ----

// namespace makes a namespace of the story, with its label and others, and returns its name.
func (s *story) namespace(suffix string, set map[string]string) string {
	s.Helper()
	labels := map[string]string{storyLabel: s.name}
	maps.Copy(labels, set)
	return s.namespaceWith(suffix, labels)
}

// namespaceWith makes one with just these labels.
func (s *story) namespaceWith(suffix string, set map[string]string) string {
	s.Helper()
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: s.name + "-" + suffix, Labels: set}}
	_, err := s.Client.CoreV1().Namespaces().Create(s.Context(), ns, metav1.CreateOptions{})
	s.must(err)
	return ns.Name
}

// label sets a label of a namespace, or takes it off where the value is "".
func (s *story) label(namespace, key, value string) {
	s.Helper()
	stated := "null"
	if value != "" {
		stated = `"` + value + `"`
	}
	body := fmt.Sprintf(`{"metadata": {"labels": {%q: %s}}}`, key, stated)
	_, err := s.Client.CoreV1().Namespaces().Patch(s.Context(), namespace, types.MergePatchType, []byte(body), metav1.PatchOptions{})
	s.must(err)
}

// unlabel takes the story's label off at its end, when its context is over.
func (s *story) unlabel(namespace string) {
	body := fmt.Sprintf(`{"metadata": {"labels": {%q: null}}}`, storyLabel)
	_, err := s.Client.CoreV1().Namespaces().Patch(context.Background(), namespace, types.MergePatchType, []byte(body), metav1.PatchOptions{})
	if err != nil {
		s.Error(err)
	}
}

// deleteNamespace deletes it and waits until it is gone.
func (s *story) deleteNamespace(namespace string) {
	s.Helper()
	s.must(s.Client.CoreV1().Namespaces().Delete(s.Context(), namespace, metav1.DeleteOptions{}))
	s.within(func() error {
		_, err := s.Client.CoreV1().Namespaces().Get(s.Context(), namespace, metav1.GetOptions{})
		return wantGone(err, "namespace "+namespace)
	})
}

func wantGone(err error, what string) error {
	if err == nil {
		return errors.New(what + " is still there")
	}
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

// ---- profiles ----

// profile creates the profile, or gives it the spec. It is deleted at the story's end. name and selector of
// the story's namespaces may be left out of the text: `spec` alone is enough.
func (s *story) profile(name, spec string) string {
	s.Helper()
	object := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "rampart.dev/v1alpha1", "kind": "SecurityProfile",
	}}
	var read map[string]any
	s.must(yaml.Unmarshal([]byte(spec), &read))
	setDefault(read, "namespaceSelector", map[string]any{"matchLabels": map[string]any{storyLabel: s.name}})
	object.Object["spec"] = read
	object.SetName(name)
	s.applyProfile(object)
	return name
}

func (s *story) applyProfile(object *unstructured.Unstructured) {
	s.Helper()
	client, name := s.Dynamic.Resource(profiles), object.GetName()
	_, err := client.Create(s.Context(), object, metav1.CreateOptions{})
	if err == nil {
		s.Cleanup(func() { // which is after the context of the test
			err := client.Delete(context.Background(), name, metav1.DeleteOptions{})
			if err != nil && !apierrors.IsNotFound(err) {
				s.Error(err)
			}
		})
		return
	}
	if !apierrors.IsAlreadyExists(err) {
		s.Fatal(err)
	}
	s.must(retry.RetryOnConflict(retry.DefaultRetry, func() error {
		now, err := client.Get(s.Context(), name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		now.Object["spec"] = object.Object["spec"]
		_, err = client.Update(s.Context(), now, metav1.UpdateOptions{})
		return err
	}))
}

func (s *story) deleteProfile(name string) {
	s.Helper()
	s.must(s.Dynamic.Resource(profiles).Delete(s.Context(), name, metav1.DeleteOptions{}))
}

func (s *story) expectNoProfile(name string) {
	s.Helper()
	s.within(func() error {
		_, err := s.Dynamic.Resource(profiles).Get(s.Context(), name, metav1.GetOptions{})
		return wantGone(err, "SecurityProfile "+name)
	})
}

// seen is a profile as it is read back.
type seen struct {
	metav1.ObjectMeta `json:"metadata"`
	Status            struct {
		ObservedGeneration int64              `json:"observedGeneration"`
		Conditions         []metav1.Condition `json:"conditions"`
		Namespaces         struct {
			Selected   int `json:"selected"`
			Compliant  int `json:"compliant"`
			Drifted    int `json:"drifted"`
			Failed     int `json:"failed"`
			Overridden int `json:"overridden"`
		} `json:"namespaces"`
		Workloads struct {
			Total     int `json:"total"`
			Compliant int `json:"compliant"`
			Drifted   int `json:"drifted"`
			Exempt    int `json:"exempt"`
			Failed    int `json:"failed"`
		} `json:"workloads"`
		Rules []struct {
			ID     string `json:"id"`
			Mode   string `json:"mode"`
			Pass   int    `json:"pass"`
			Fail   int    `json:"fail"`
			Error  int    `json:"error"`
			Exempt int    `json:"exempt"`
		} `json:"rules"`
		Drift []struct {
			Object  string `json:"object"`
			Rule    string `json:"rule"`
			Reason  string `json:"reason"`
			Message string `json:"message"`
			Manager string `json:"manager"`
		} `json:"drift"`
		DriftTruncated bool `json:"driftTruncated"`
	} `json:"status"`
}

func (s *story) see(name string) (*seen, error) {
	object, err := s.Dynamic.Resource(profiles).Get(s.Context(), name, metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	p := &seen{}
	return p, runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, p)
}

func (p *seen) condition(kind string) metav1.Condition {
	for _, c := range p.Status.Conditions {
		if c.Type == kind {
			return c
		}
	}
	return metav1.Condition{Type: kind, Status: "not there"}
}

// expect demands a state of the profile's status, of its spec as it is now.
func (s *story) expect(name string, check func(p *seen) error) {
	s.Helper()
	s.within(func() error {
		p, err := s.see(name)
		if err != nil {
			return err
		}
		if p.Status.ObservedGeneration == p.Generation {
			err = check(p)
		} else {
			err = fmt.Errorf("status is about generation %d, the spec is of %d", p.Status.ObservedGeneration, p.Generation)
		}
		if err != nil {
			text, _ := yaml.Marshal(p.Status)
			return fmt.Errorf("SecurityProfile %s: %w; its status:\n%s", name, err, text)
		}
		return nil
	})
}

// expectCompliant demands that the profile selects so many namespaces and that all are as it says.
func (s *story) expectCompliant(name string, namespaces int) {
	s.Helper()
	s.expect(name, func(p *seen) error {
		n, ready := p.Status.Namespaces, p.condition("Ready")
		if n.Selected != namespaces || n.Compliant != namespaces || ready.Status != metav1.ConditionTrue {
			return fmt.Errorf("%d namespaces selected, %d compliant, Ready %s; expected %d and Ready",
				n.Selected, n.Compliant, ready.Status, namespaces)
		}
		return nil
	})
}

// expectCondition demands a condition with phrases in its message.
func (s *story) expectCondition(name, kind string, status metav1.ConditionStatus, reason string, phrases ...string) {
	s.Helper()
	s.expect(name, func(p *seen) error {
		c := p.condition(kind)
		if c.Status != status || c.Reason != reason {
			return fmt.Errorf("%s is %s (%s), expected %s (%s)", kind, c.Status, c.Reason, status, reason)
		}
		return hasAll(c.Message, phrases)
	})
}

func hasAll(text string, phrases []string) error {
	for _, phrase := range phrases {
		if !strings.Contains(text, phrase) {
			return fmt.Errorf("want %q in: %s", phrase, text)
		}
	}
	return nil
}

// ---- Events ----

// expectEvent demands an Event of Rampart with phrases in its note, about an object of this kind and name.
func (s *story) expectEvent(namespace, reason, kind, name string, phrases ...string) (found eventsv1.Event) {
	s.Helper()
	s.within(func() error {
		list, err := s.Client.EventsV1().Events(namespace).List(s.Context(), metav1.ListOptions{})
		if err != nil {
			return err
		}
		others := []string{}
		for _, event := range list.Items {
			if event.ReportingController != "rampart.dev/rampart" {
				continue
			}
			if event.Reason == reason && event.Regarding.Kind == kind && event.Regarding.Name == name && hasAll(event.Note, phrases) == nil {
				found = event
				return checkEvent(event)
			}
			others = append(others, fmt.Sprintf("%s %s %s: %s", event.Reason, event.Regarding.Kind, event.Regarding.Name, event.Note))
		}
		return fmt.Errorf("namespace %s has no Event %s about %s %s with %q; it has:\n%s",
			namespace, reason, kind, name, phrases, strings.Join(others, "\n"))
	})
	return found
}

func checkEvent(e eventsv1.Event) error {
	if e.EventTime.IsZero() || e.ReportingInstance != operator.PodName || e.Action == "" {
		return fmt.Errorf("Event %s: eventTime %s, reportingInstance %q, action %q", e.Name, e.EventTime, e.ReportingInstance, e.Action)
	}
	return nil
}

// ---- what Rampart asked of the API server ----

// act is a request of Rampart's, as the audit log has it.
type act struct {
	verb, resource, namespace, name string
	code                            int32
	at                              time.Time
}

func (a act) String() string {
	text := a.verb + " " + a.resource + " " + strings.TrimPrefix(a.namespace+"/"+a.name, "/")
	if a.code >= 300 {
		text += fmt.Sprintf(" (%d)", a.code)
	}
	return text
}

// now is a place in the audit log.
func (w *world) now(t *testing.T) int64 {
	t.Helper()
	place, err := w.AuditNow()
	if err != nil {
		t.Fatal(err)
	}
	return place
}

// writesSince lists what Rampart wrote since, or tried to, in order of the requests' arrival.
func (w *world) writesSince(t *testing.T, place int64) (acts []act) {
	t.Helper()
	for event, err := range w.AuditEventsSince(place) {
		if err != nil {
			t.Fatal(err)
		}
		if event.User.Username != operator.User || event.ObjectRef == nil || isRead(event.Verb) || event.ResponseStatus == nil {
			continue
		}
		ref := event.ObjectRef
		acts = append(acts, act{
			verb: event.Verb, resource: strings.TrimSuffix(ref.Resource+"/"+ref.Subresource, "/"),
			namespace: ref.Namespace, name: ref.Name,
			code: event.ResponseStatus.Code, at: event.RequestReceivedTimestamp.Time,
		})
	}
	slices.SortStableFunc(acts, func(a, b act) int { return cmp.Compare(a.at.UnixNano(), b.at.UnixNano()) })
	return acts
}

func isRead(verb string) bool { return slices.Contains([]string{"get", "list", "watch"}, verb) }
