package hardening

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"
)

// kind is one of the kinds of workloads that templates are filled in of.
type kind struct {
	name     string
	resource schema.GroupVersionResource
	at       []string // where the template is
	spec     string   // what the kind wants besides
}

var (
	deployment = kind{"Deployment", schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"},
		[]string{"spec", "template"}, "{}"}
	statefulSet = kind{"StatefulSet", schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "statefulsets"},
		[]string{"spec", "template"}, "{serviceName: none}"}
	daemonSet = kind{"DaemonSet", schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "daemonsets"},
		[]string{"spec", "template"}, "{}"}
	cronJob = kind{"CronJob", schema.GroupVersionResource{Group: "batch", Version: "v1", Resource: "cronjobs"},
		[]string{"spec", "jobTemplate", "spec", "template"}, `{schedule: "0 0 1 1 *", jobTemplate: {spec: {backoffLimit: 0}}}`}

	kinds = []kind{deployment, statefulSet, daemonSet, cronJob}
)

func kindOf(o *unstructured.Unstructured) kind {
	return kinds[slices.IndexFunc(kinds, func(k kind) bool { return k.name == o.GetKind() })]
}

const imageTag = "example.com/app:1"

// workload is one as its owner would state it.
type workload struct {
	kind     kind
	name     string
	replicas int // of Deployments and StatefulSets; 0 where idle says so, else 1
	idle     bool
	image    image
	spec     string // YAML: of the workload's spec besides
	pod      string // YAML: of the pod's spec besides; one container by default
	meta     string // YAML: of the workload's metadata besides
}

// object is what its owner would have in Git.
func (s *story) object(w workload) *unstructured.Unstructured {
	s.Helper()
	object := map[string]any{"apiVersion": w.kind.resource.GroupVersion().String(), "kind": w.kind.name}
	s.merge(object, `{metadata: `+orEmpty(w.meta)+`}`)
	s.merge(object, fmt.Sprintf(`{metadata: {name: %s, namespace: %s}}`, w.name, s.name))
	s.merge(object, `{spec: `+w.kind.spec+`}`)
	s.merge(object, `{spec: `+orEmpty(w.spec)+`}`)
	template := fmt.Sprintf(`{metadata: {labels: {app: %s}}, spec: {containers: [{name: app, image: %q}]}}`, w.name, imageTag)
	if w.kind.name == cronJob.name {
		s.merge(object, `{spec: {jobTemplate: {spec: {template: {spec: {restartPolicy: Never}}}}}}`)
	} else {
		s.merge(object, fmt.Sprintf(`{spec: {selector: {matchLabels: {app: %s}}}}`, w.name))
	}
	s.merge(object, within(w.kind, template))
	s.merge(object, within(w.kind, `{spec: `+orEmpty(w.pod)+`}`))
	image, err := yaml.Marshal(map[string]any{"metadata": map[string]any{"annotations": map[string]any{imageAnnotation: w.image.annotation()}}})
	s.must(err)
	text, err := yaml.YAMLToJSON(image)
	s.must(err)
	s.merge(object, within(w.kind, string(text)))
	if w.kind.name == deployment.name || w.kind.name == statefulSet.name {
		replicas := max(1, w.replicas)
		if w.idle {
			replicas = 0
		}
		s.merge(object, fmt.Sprintf(`{spec: {replicas: %d}}`, replicas))
	}
	raw, err := json.Marshal(object)
	s.must(err)
	o := &unstructured.Unstructured{}
	s.must(o.UnmarshalJSON(raw))
	return o
}

func orEmpty(text string) string {
	if text == "" {
		return "{}"
	}
	return text
}

// within is a text about the template, as one about the workload.
func within(k kind, template string) string {
	return "{" + strings.Join(k.at, ": {") + ": " + template + strings.Repeat("}", len(k.at))
}

// merge puts YAML into an object. Lists are replaced.
func (s *story) merge(object map[string]any, text string) {
	s.Helper()
	var more map[string]any
	if err := yaml.Unmarshal([]byte(text), &more); err != nil {
		s.Fatalf("%v: %s", err, text)
	}
	mergeMaps(object, more)
}

func mergeMaps(into, from map[string]any) {
	for name, value := range from {
		have, isObject := into[name].(map[string]any)
		if more, ok := value.(map[string]any); ok && isObject {
			mergeMaps(have, more)
		} else {
			into[name] = value
		}
	}
}

// make creates it and waits until it is as its owner wants it, where the image lets it be.
func (s *story) make(w workload) *unstructured.Unstructured {
	s.Helper()
	o := s.create(w)
	s.awaitWhole(o)
	return s.get(o)
}

func (s *story) create(w workload) *unstructured.Unstructured {
	s.Helper()
	o := s.object(w)
	o, err := s.Dynamic.Resource(w.kind.resource).Namespace(s.name).Create(s.Context(), o, metav1.CreateOptions{FieldManager: "owner"})
	s.must(err)
	return o
}

func (s *story) get(o *unstructured.Unstructured) *unstructured.Unstructured {
	s.Helper()
	now, err := s.read(o)
	s.must(err)
	return now
}

func (s *story) read(o *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	return s.Dynamic.Resource(kindOf(o).resource).Namespace(s.name).Get(s.Context(), o.GetName(), metav1.GetOptions{})
}

// isWhole tells whether the rollout of what is stated is over, and all pods are ready.
func isWhole(o *unstructured.Unstructured) error {
	if o.GetKind() == cronJob.name {
		return nil
	}
	number := func(path ...string) int64 {
		n, _, _ := unstructured.NestedInt64(o.Object, path...)
		return n
	}
	want, updated, ready := number("spec", "replicas"), number("status", "updatedReplicas"), number("status", "readyReplicas")
	all := number("status", "replicas")
	if o.GetKind() == daemonSet.name {
		want, updated = number("status", "desiredNumberScheduled"), number("status", "updatedNumberScheduled")
		ready, all = number("status", "numberReady"), number("status", "currentNumberScheduled")
		if want == 0 {
			return fmt.Errorf("DaemonSet %s has no nodes yet", o.GetName())
		}
	}
	if number("status", "observedGeneration") < o.GetGeneration() || updated != want || ready != want || all != want {
		return fmt.Errorf("%s %s is not whole: wants %d, %d of %d updated, %d ready", o.GetKind(), o.GetName(), want, updated, all, ready)
	}
	return nil
}

func (s *story) awaitWhole(o *unstructured.Unstructured) {
	s.Helper()
	s.within(func() error {
		now, err := s.read(o)
		if err == nil {
			err = isWhole(now)
		}
		return err
	})
}

// ownerPatches changes it as its owner does, with a strategic merge patch.
func (s *story) ownerPatches(o *unstructured.Unstructured, body string) *unstructured.Unstructured {
	s.Helper()
	return s.patchBy(o, "owner", types.StrategicMergePatchType, body)
}

func (s *story) patchBy(o *unstructured.Unstructured, by string, as types.PatchType, body string) *unstructured.Unstructured {
	s.Helper()
	text, err := yaml.YAMLToJSON([]byte(body))
	s.must(err)
	now, err := s.Dynamic.Resource(kindOf(o).resource).Namespace(s.name).
		Patch(s.Context(), o.GetName(), as, text, metav1.PatchOptions{FieldManager: by})
	s.must(err)
	return now
}

// newTag gives its container another image, which is like the one before.
func (s *story) newTag(o *unstructured.Unstructured, name string) *unstructured.Unstructured {
	s.Helper()
	return s.ownerPatches(o, within(kindOf(o), fmt.Sprintf(`{spec: {containers: [{name: app, image: "example.com/app:%s"}]}}`, name)))
}

// newImage gives it an image that is otherwise.
func (s *story) newImage(o *unstructured.Unstructured, i image) *unstructured.Unstructured {
	s.Helper()
	return s.ownerPatches(o, within(kindOf(o), fmt.Sprintf(`{metadata: {annotations: {%s: %q}}}`, imageAnnotation, i.annotation())))
}

// enforceWith makes the profile, or changes it: this is its section workloads, which is YAML.
func (s *story) enforceWith(workloads string) {
	s.Helper()
	s.enforceAll("workloads: " + workloads)
}

// enforceAll makes the profile, or changes it: these are its sections, as YAML says them within braces.
func (s *story) enforceAll(sections string) {
	s.Helper()
	object := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "rampart.dev/v1alpha1", "kind": "SecurityProfile"}}
	s.merge(object.Object, fmt.Sprintf(`{metadata: {name: %s}, spec: {mode: Enforce, onDelete: Remove,
		namespaceSelector: {matchLabels: {story: %s}}, %s}}`, s.name, s.name, sections))
	raw, err := json.Marshal(object.Object)
	s.must(err)
	_, err = s.Dynamic.Resource(profiles).Patch(s.Context(), s.name, types.ApplyPatchType, raw, metav1.PatchOptions{FieldManager: "admin"})
	s.must(err)
}

// comesTo demands that the mark comes to this phase with all pods ready, and returns the workload as it is then.
func (s *story) comesTo(o *unstructured.Unstructured, want string) (now *unstructured.Unstructured) {
	s.Helper()
	s.within(func() (err error) {
		if now, err = s.read(o); err != nil {
			return err
		}
		if got := phase(now.GetAnnotations()); got != want {
			return fmt.Errorf("%s %s: phase %q, expected %q: %s", o.GetKind(), o.GetName(), got, want, now.GetAnnotations()[markAnnotation])
		}
		return isWhole(now)
	})
	return now
}

// podSpec is the one of its template.
func podSpec(o *unstructured.Unstructured) map[string]any {
	spec, _, _ := unstructured.NestedMap(o.Object, append(slices.Clone(kindOf(o).at), "spec")...)
	return spec
}

// hasLeaf tells whether the pod spec has a value there, as in hasLeaf(o, "securityContext", "runAsNonRoot"); what stands
// after "app" is about the container of that name.
func hasLeaf(o *unstructured.Unstructured, path ...string) bool {
	at := podSpec(o)
	if path[0] == "app" {
		containers, _, _ := unstructured.NestedSlice(at, "containers")
		for _, c := range containers {
			if c := c.(map[string]any); c["name"] == "app" {
				at, path = c, path[1:]
				break
			}
		}
	}
	_, found, _ := unstructured.NestedFieldNoCopy(at, path...)
	return found
}

// stated is all that its owner could have stated of it: no status, and no marks of those who write beside him.
func stated(o *unstructured.Unstructured, leaveOut ...string) string {
	o = o.DeepCopy()
	for _, field := range []string{"resourceVersion", "generation", "managedFields"} {
		unstructured.RemoveNestedField(o.Object, "metadata", field)
	}
	unstructured.RemoveNestedField(o.Object, "status")
	notes := o.GetAnnotations()
	for _, note := range append([]string{"deployment.kubernetes.io/revision", "deprecated.daemonset.template.generation"}, leaveOut...) {
		delete(notes, note)
	}
	if o.SetAnnotations(notes); len(notes) == 0 {
		unstructured.RemoveNestedField(o.Object, "metadata", "annotations")
	}
	text, _ := yaml.Marshal(o.Object) // it was JSON
	return string(text)
}

// expectStated demands that it is as it was, but for the mark, which says why nothing is filled in.
func (s *story) expectStated(before, after *unstructured.Unstructured) {
	s.Helper()
	if was, is := stated(before, markAnnotation), stated(after, markAnnotation); was != is {
		s.Errorf("%s %s was\n%s\nand is\n%s", after.GetKind(), after.GetName(), was, is)
	}
}

// isUntouched checks that nobody has changed what it states since, and that it has no mark.
func (s *story) isUntouched(before *unstructured.Unstructured) error {
	now, err := s.read(before)
	if err == nil && stated(now) != stated(before) {
		err = fmt.Errorf("%s %s was\n%s\nand is\n%s", now.GetKind(), now.GetName(), stated(before), stated(now))
	}
	return err
}

// expectSkipped demands the Event that says why it is left alone.
func (s *story) expectSkipped(o *unstructured.Unstructured, phrases ...string) {
	s.Helper()
	s.expectSaid("WorkloadSkipped", o.GetName(), phrases...)
}

func (s *story) expectSaid(reason, name string, phrases ...string) {
	s.Helper()
	s.within(func() error {
		_, note := s.events(reason, name)
		for _, phrase := range phrases {
			if !strings.Contains(note, phrase) {
				return fmt.Errorf("Event %s of %s says %q, expected %q", reason, name, note, phrase)
			}
		}
		if note == "" {
			return fmt.Errorf("no Event %s of %s", reason, name)
		}
		return nil
	})
}

// revisions are its ReplicaSets or ControllerRevisions: one for each template that it ever had.
func (s *story) revisions(o *unstructured.Unstructured) int {
	s.Helper()
	resource := "controllerrevisions"
	if o.GetKind() == deployment.name {
		resource = "replicasets"
	}
	list, err := s.Dynamic.Resource(schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: resource}).
		Namespace(s.name).List(s.Context(), metav1.ListOptions{})
	s.must(err)
	count := 0
	for _, revision := range list.Items {
		if owners := revision.GetOwnerReferences(); len(owners) > 0 && owners[0].UID == o.GetUID() {
			count++
		}
	}
	return count
}

// expectPod demands that one of its pods comes to that.
func (s *story) expectPod(o *unstructured.Unstructured, check func(*corev1.Pod) bool) {
	s.Helper()
	s.within(func() error {
		list, err := s.Client.CoreV1().Pods(s.name).List(s.Context(), metav1.ListOptions{LabelSelector: "app=" + o.GetName()})
		if err != nil {
			return err
		}
		said := ""
		for _, p := range list.Items {
			if check(&p) {
				return nil
			}
			status, _ := json.Marshal(p.Status.ContainerStatuses) // it was JSON
			said += fmt.Sprintf("\n%s %s %s", p.Name, p.Status.Phase, status)
		}
		return fmt.Errorf("no pod of %s is like that:%s", o.GetName(), said)
	})
}

func hasAll(text string, phrases ...string) bool {
	return !slices.ContainsFunc(phrases, func(phrase string) bool { return !strings.Contains(text, phrase) })
}
