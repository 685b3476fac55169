package hardening

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"

	"rampart.dev/e2e/oracle"
	"rampart.dev/e2e/poll"
)

const markAnnotation = "rampart.dev/rollout"

// story is one namespace with a profile of its own, all named alike.
type story struct {
	*testing.T
	*world
	name string
}

func begin(t *testing.T, name string) *story {
	s := &story{t, theWorld, name}
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"story": name}}}
	_, err := s.Client.CoreV1().Namespaces().Create(t.Context(), ns, metav1.CreateOptions{})
	s.must(err)
	t.Cleanup(func() {
		_, wrong, err := s.writes()
		if err != nil || len(wrong) > 0 {
			t.Errorf("of what Rampart wrote is wrong: %v\n%s", err, strings.Join(wrong, "\n"))
		}
		if t.Failed() {
			t.Logf("how it stands:\n%s\nrampart's log ends:\n%s", s.state(), s.rampart.Tail())
		}
	})
	return s
}

// state is what a failed story leaves, for people: the profile's status, and each Deployment with its ReplicaSets.
func (s *story) state() string {
	ctx, text := context.Background(), strings.Builder{}
	if p, err := s.Dynamic.Resource(profiles).Get(ctx, s.name, metav1.GetOptions{}); err == nil {
		status, _ := json.Marshal(p.Object["status"]) // it was JSON
		fmt.Fprintf(&text, "profile: %s\n", status)
	}
	deployments, _ := s.Client.AppsV1().Deployments(s.name).List(ctx, metav1.ListOptions{})
	for _, d := range deployments.Items {
		fmt.Fprintf(&text, "%s: generation %d, observed %d, %d updated, %d ready, mark %s\n", d.Name, d.Generation,
			d.Status.ObservedGeneration, d.Status.UpdatedReplicas, d.Status.ReadyReplicas, d.Annotations[markAnnotation])
	}
	sets, _ := s.Client.AppsV1().ReplicaSets(s.name).List(ctx, metav1.ListOptions{})
	for _, r := range sets.Items {
		fmt.Fprintf(&text, "  %s: revision %s, %d of %d ready, key %q\n", r.Name, r.Annotations["deployment.kubernetes.io/revision"],
			r.Status.ReadyReplicas, *r.Spec.Replicas, r.Spec.Template.Annotations[oracle.FillAnnotation])
	}
	writes, _, err := s.writes()
	for _, w := range writes {
		fmt.Fprintf(&text, "  %s %s: filled %v, taken back %v, mark %s\n", w.At.Format(time.TimeOnly), w.Object(), w.Filled, w.TakenBack,
			phase(w.After.GetAnnotations()))
	}
	if err != nil {
		fmt.Fprintln(&text, err)
	}
	return text.String()
}

// writes are Rampart's to the workloads of the story, in order, and what is wrong with them.
func (s *story) writes() ([]oracle.WorkloadWrite, []string, error) {
	return oracle.WorkloadWrites(s.Cluster, 0, s.name)
}

func (s *story) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *story) within(check func() error) {
	s.Helper()
	s.must(poll.Until(waitLimit, check))
}

// enforce makes the profile that fills in at once. It takes back when it goes.
func (s *story) enforce() {
	s.Helper()
	s.profile("rollout: {when: Now, progressDeadlineSeconds: 30, pauseAtFailuresPercent: 100}")
}

// profile makes a profile of the story's namespace whose workloads section says that.
func (s *story) profile(workloads string) {
	s.Helper()
	object := &unstructured.Unstructured{}
	s.must(yaml.Unmarshal([]byte(fmt.Sprintf(`
apiVersion: rampart.dev/v1alpha1
kind: SecurityProfile
metadata: {name: %s}
spec:
  mode: Enforce
  onDelete: Remove
  namespaceSelector: {matchLabels: {story: %s}}
  workloads: {%s}`, s.name, s.name, workloads)), &object.Object))
	_, err := s.Dynamic.Resource(profiles).Create(s.Context(), object, metav1.CreateOptions{})
	s.must(err)
}

// template is a pod that states nothing, with an image like that.
func template(name string, i image) corev1.PodTemplateSpec {
	return corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{
			Labels:      map[string]string{"app": name},
			Annotations: map[string]string{imageAnnotation: i.annotation()},
		},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "example.com/app:1"}}},
	}
}

func (s *story) makeDeployment(name string, i image) {
	s.Helper()
	two := int32(2)
	_, err := s.Client.AppsV1().Deployments(s.name).Create(s.Context(), &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: appsv1.DeploymentSpec{
			Replicas: &two,
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": name}},
			Template: template(name, i),
		},
	}, metav1.CreateOptions{})
	s.must(err)
	s.within(func() error {
		d, err := s.deployment(name)
		if err == nil && d.Status.ReadyReplicas != two {
			err = fmt.Errorf("%s: %d of its pods are ready", name, d.Status.ReadyReplicas)
		}
		return err
	})
}

func (s *story) makeStatefulSet(name string, i image) {
	s.Helper()
	two := int32(2)
	_, err := s.Client.AppsV1().StatefulSets(s.name).Create(s.Context(), &appsv1.StatefulSet{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: appsv1.StatefulSetSpec{
			Replicas: &two,
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": name}},
			Template: template(name, i),
		},
	}, metav1.CreateOptions{})
	s.must(err)
	s.within(func() error { return s.setIs(name, 1, "") })
}

func (s *story) deployment(name string) (*appsv1.Deployment, error) {
	return s.Client.AppsV1().Deployments(s.name).Get(s.Context(), name, metav1.GetOptions{})
}

// phase is the one of the mark; "" without one.
func phase(annotations map[string]string) string {
	var mark struct{ Phase string }
	_ = json.Unmarshal([]byte(annotations[markAnnotation]), &mark) // no mark has no phase
	return mark.Phase
}

// is checks the generation, what the mark says, and that all pods are ready. A Deployment's generation counts each write
// to its spec or its annotations: the one that fills in is the second, the mark that says "Proven" the third. Once its
// controller has observed it, the ReplicaSet remembers the mark, and a rival may take it away.
func (s *story) is(name string, generation int64, want string) error {
	d, err := s.deployment(name)
	if err != nil {
		return err
	}
	if got := phase(d.Annotations); d.Generation != generation || got != want || d.Status.ReadyReplicas != *d.Spec.Replicas ||
		d.Status.UpdatedReplicas != *d.Spec.Replicas || d.Status.ObservedGeneration != generation {
		return fmt.Errorf("%s: generation %d of which %d is observed, phase %q, %d updated and %d ready; expected %d and %q",
			name, d.Generation, d.Status.ObservedGeneration, got, d.Status.UpdatedReplicas, d.Status.ReadyReplicas, generation, want)
	}
	return nil
}

func (s *story) setIs(name string, generation int64, want string) error {
	set, err := s.Client.AppsV1().StatefulSets(s.name).Get(s.Context(), name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	if got := phase(set.Annotations); set.Generation != generation || got != want || set.Status.ReadyReplicas != *set.Spec.Replicas ||
		set.Status.ObservedGeneration != generation {
		return fmt.Errorf("%s: generation %d, phase %q, %d ready; expected %d and %q",
			name, set.Generation, got, set.Status.ReadyReplicas, generation, want)
	}
	return nil
}

// asMade is all that its owner stated: no status, and of metadata what Rampart could have touched, but for annotations
// that are left out.
func (s *story) asMade(name string, leaveOut ...string) []byte {
	s.Helper()
	d, err := s.deployment(name)
	s.must(err)
	for _, ours := range append([]string{"deployment.kubernetes.io/revision"}, leaveOut...) {
		delete(d.Annotations, ours)
	}
	text, err := json.Marshal(map[string]any{"spec": d.Spec, "labels": d.Labels, "annotations": d.Annotations})
	s.must(err)
	return text
}

// events counts those of a reason about an object, and gives the last note.
func (s *story) events(reason, name string) (count int, note string) {
	s.Helper()
	list, err := s.Client.EventsV1().Events(s.name).List(s.Context(), metav1.ListOptions{})
	s.must(err)
	for _, e := range list.Items {
		if e.Reason == reason && e.Regarding.Name == name {
			count++
			note = e.Note
		}
	}
	return count, note
}

// deleteProfile deletes it and waits until its finalizer has let it go.
func (s *story) deleteProfile() {
	s.Helper()
	s.must(s.Dynamic.Resource(profiles).Delete(s.Context(), s.name, metav1.DeleteOptions{}))
	s.within(func() error {
		_, err := s.Dynamic.Resource(profiles).Get(s.Context(), s.name, metav1.GetOptions{})
		if err == nil {
			return fmt.Errorf("profile %s is still there", s.name)
		}
		return nil
	})
}

// Some live with what is filled in, some do not: each ends as its pods tell, with as many rollouts as that takes. When
// the profile goes, each is as its owner made it.
func TestEachWorkloadEndsAsItsPodsTell(t *testing.T) {
	t.Parallel()
	s := begin(t, "ends")
	images := map[string]image{
		"fine":    {User: "1000"},
		"root":    {User: "0"},
		"unknown": {},
		"crash":   {User: "1000", BreaksOn: []string{"capabilities"}},
		"hang":    {User: "1000", BreaksOn: []string{"seccompProfile"}, How: "hang"},
		"late":    {User: "1000", BreaksOn: []string{"allowPrivilegeEscalation"}, How: "late"},
	}
	made := map[string][]byte{}
	for name, i := range images {
		s.makeDeployment(name, i)
		made[name] = s.asMade(name)
	}
	s.makeStatefulSet("set", image{User: "1000", BreaksOn: []string{"capabilities"}})
	s.enforce()

	for _, name := range []string{"fine", "root", "unknown"} {
		s.within(func() error { return s.is(name, 3, "Proven") })
	}
	for _, name := range []string{"crash", "hang", "late"} {
		s.within(func() error { return s.is(name, 3, "Reverted") })
		if got := s.asMade(name, markAnnotation); !bytes.Equal(made[name], got) { // the mark says why nothing is filled in
			t.Errorf("%s was\n%s\nand is\n%s", name, made[name], got)
		}
		s.within(func() error {
			if count, note := s.events("Reverted", name); count != 1 || !strings.Contains(note, "Deployment ends/"+name+" did not come back") {
				return fmt.Errorf("%s: %d Events, the last: %s", name, count, note)
			}
			return nil
		})
	}
	s.within(func() error { return s.setIs("set", 3, "Reverted") }) // its stuck pod was deleted
	if _, note := s.events("Reverted", "crash"); !strings.Contains(note, "CrashLoopBackOff") {
		t.Errorf("the pod's own words are missing: %s", note)
	}
	for name, reason := range map[string]string{"root": "WouldBreak", "unknown": "UnknownUser"} {
		if _, note := s.events("WorkloadSkipped", name); !strings.HasPrefix(note, reason) {
			t.Errorf("%s: %q is no %s", name, note, reason)
		}
		if d, err := s.deployment(name); err != nil || d.Spec.Template.Spec.SecurityContext.RunAsNonRoot != nil {
			t.Errorf("%s has runAsNonRoot, %v", name, err)
		}
	}
	if d, err := s.deployment("fine"); err != nil || d.Spec.Template.Spec.SecurityContext.RunAsNonRoot == nil {
		t.Errorf("fine has no runAsNonRoot, %v", err)
	}

	s.deleteProfile()
	for name := range images {
		if got := s.asMade(name); !bytes.Equal(made[name], got) {
			t.Errorf("%s was\n%s\nand is\n%s", name, made[name], got)
		}
	}
}

func conditions(p *unstructured.Unstructured) (all []map[string]any) {
	list, _, _ := unstructured.NestedSlice(p.Object, "status", "conditions")
	for _, c := range list {
		all = append(all, c.(map[string]any))
	}
	return all
}

// takeBack is what a tool does that holds the template to what Git says.
func (s *story) takeBack(name, manager string) {
	s.Helper()
	body := `{"metadata": {"annotations": {"rampart.dev/rollout": null}}, "spec": {"template": {"metadata": {"annotations": {"rampart.dev/fill": null}},
		"spec": {"securityContext": null, "containers": [{"name": "app", "image": "example.com/app:1", "securityContext": null}]}}}}`
	_, err := s.Client.AppsV1().Deployments(s.name).Patch(s.Context(), name, types.StrategicMergePatchType, []byte(body), metav1.PatchOptions{FieldManager: manager})
	s.must(err)
}

// A tool that takes it back twice has its way. Who only removes fields leaves no trace in the API: nobody is named, and
// least of all who made the Deployment.
func TestRivalHasItsWayAfterTheSecondRound(t *testing.T) {
	t.Parallel()
	s := begin(t, "rival")
	s.makeDeployment("web", image{User: "1000"})
	s.enforce()
	s.within(func() error { return s.is("web", 3, "Proven") })
	s.takeBack("web", "argocd-controller")
	s.within(func() error { return s.is("web", 6, "Proven") })
	s.takeBack("web", "argocd-controller")
	s.within(func() error { return s.is("web", 8, "Contested") })
	s.within(func() error {
		p, err := s.Dynamic.Resource(profiles).Get(s.Context(), s.name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		for _, c := range conditions(p) {
			if c["type"] == "Contested" && c["status"] == "True" && strings.Contains(c["message"].(string), "the API does not record") {
				return nil
			}
		}
		return fmt.Errorf("it is not contested by nobody knows whom: %v", conditions(p))
	})
	time.Sleep(5 * time.Second) // nothing more comes of it
	s.must(s.is("web", 8, "Contested"))
	s.deleteProfile()
}
