package oracle

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
)

// judge holds each write of Rampart's to what it promises:
//
//   - It is a patch that names the uid and the resourceVersion of what it was computed from.
//   - It adds leaves that harden, changes no value that was there, and touches nothing else (leaves.go).
//   - No check of the Pod Security Standards that let the template through refuses it afterwards.
//   - It takes away only what Rampart has filled in, still has its value, is Rampart's in managedFields and nobody
//     else's, also not kubectl's; and when all is taken away and nobody else wrote, the spec is what it was.
//   - The only pods that it deletes are a StatefulSet's, of a template that it has filled in and taken back, never
//     ready, by their uid.
type judge struct {
	workloads map[types.UID]*workload
	writes    []WorkloadWrite
	wrong     []string
}

// workload is what is known of one.
type workload struct {
	last   *unstructured.Unstructured
	filled nodes // what Rampart has filled in and is still there
	before nodes // the spec before it began to; nil: somebody else has changed the spec since
}

func newJudge() *judge { return &judge{workloads: map[types.UID]*workload{}} }

func (j *judge) say(v version, format string, args ...any) {
	name := v.after.GetNamespace() + "/" + v.after.GetName()
	j.wrong = append(j.wrong, fmt.Sprintf("%s %s %s (resourceVersion %d): %s",
		v.event.Verb, v.resource, name, v.number, fmt.Sprintf(format, args...)))
}

func (j *judge) take(v version) {
	w := j.workloads[v.after.GetUID()]
	switch {
	case w == nil:
		j.workloads[v.after.GetUID()] = &workload{last: v.after, filled: nodes{}}
		if v.isOurs {
			j.say(v, "Rampart makes no workloads, and changes none that nobody knows")
		}
		return
	case v.isOurs:
		j.ours(v, w)
	default:
		w.othersWrote(v.after)
	}
	w.last = v.after
}

// othersWrote forgets what is no longer Rampart's.
func (w *workload) othersWrote(after *unstructured.Unstructured) {
	now := nodesOf(after)
	for path, value := range w.filled {
		if !reflect.DeepEqual(now[path], value) {
			delete(w.filled, path)
		}
	}
	if after.GetGeneration() != w.last.GetGeneration() {
		w.before = nil
	}
}

func (j *judge) ours(v version, w *workload) {
	asked, err := v.asked()
	switch {
	case err != nil:
		j.say(v, "cannot be read: %v", err)
	case v.event.Verb != "patch" || v.event.ObjectRef.Subresource != "":
		j.say(v, "Rampart patches workloads, and nothing else")
	case asked.Metadata.UID != string(v.after.GetUID()):
		j.say(v, "does not say which uid it is about")
	case asked.Metadata.ResourceVersion != w.last.GetResourceVersion():
		j.say(v, "rests on resourceVersion %q, the version before is %s", asked.Metadata.ResourceVersion, w.last.GetResourceVersion())
	}
	write := WorkloadWrite{
		At: v.event.RequestReceivedTimestamp.Time, Resource: v.resource, Before: w.last, After: v.after,
	}
	before, after := nodesOf(w.last), nodesOf(v.after)
	changes := before.changesTo(after)
	if w.isAllTakenBack() {
		w.before = before.below("spec")
	}
	for _, c := range changes {
		j.judgeChange(v, w, c)
		_, isObject := cmpValue(c).(object)
		switch {
		case isMark(c.path) || isObject:
		case c.before == nil:
			write.Filled = append(write.Filled, c.path)
		default:
			write.TakenBack = append(write.TakenBack, c.path)
		}
	}
	slices.Sort(write.Filled)
	slices.Sort(write.TakenBack)
	j.judgePosture(v, w, write)
	if w.isAllTakenBack() && w.before != nil {
		for _, c := range w.before.changesTo(after.below("spec")) {
			j.say(v, "all is taken back, and the spec is not what it was: %s", c)
		}
	}
	j.writes = append(j.writes, write)
}

// cmpValue is the value of a node that came or went.
func cmpValue(c change) any {
	if c.before == nil {
		return c.after
	}
	return c.before
}

func (j *judge) judgeChange(v version, w *workload, c change) {
	switch {
	case !ours.MatchString(c.path):
		j.say(v, "is not Rampart's: %s", c)
	case c.before == nil:
		if !isHardening(c.path, c.after) {
			j.say(v, "does not harden: %s", c)
		}
		w.filled[c.path] = c.after
	case c.after != nil:
		if !isMark(c.path) {
			j.say(v, "was stated: %s", c)
		}
		w.filled[c.path] = c.after
	default:
		if _, ok := w.filled[c.path]; !ok {
			j.say(v, "Rampart has not filled it in: %s", c)
		}
		delete(w.filled, c.path)
		if _, isObject := c.before.(object); isObject {
			return // it goes with what was in it; who states it as it is has it in its own entry
		}
		for _, owner := range owners(w.last, c.path) {
			if owner != manager && !isMark(c.path) {
				j.say(v, "is also %s's: %s", owner, c)
			}
		}
	}
}

// isAllTakenBack tells that only the mark is left.
func (w *workload) isAllTakenBack() bool {
	for path := range w.filled {
		if strings.HasPrefix(path, "spec") {
			return false
		}
	}
	return true
}

// ---- the API server's own judgement ----

// refusals are the checks of the standards, at both levels, that refuse a pod template.
func refusals(o *unstructured.Unstructured) (map[string]bool, error) {
	t, err := template(o)
	if err != nil {
		return nil, err
	}
	refused := map[string]bool{}
	for _, check := range policy.DefaultChecks() {
		asks := check.Versions[len(check.Versions)-1].CheckPod // the latest
		if !asks(&t.ObjectMeta, &t.Spec).Allowed {
			refused[string(check.ID)] = true
		}
	}
	return refused, nil
}

// Level is the highest level of the standards, in the latest version, that lets a workload's pods through.
func Level(o *unstructured.Unstructured) (api.Level, error) {
	t, err := template(o)
	if err != nil {
		return "", err
	}
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		return "", err
	}
	for _, level := range []api.Level{api.LevelRestricted, api.LevelBaseline} {
		results := evaluator.EvaluatePod(api.LevelVersion{Level: level, Version: api.LatestVersion()}, &t.ObjectMeta, &t.Spec)
		if policy.AggregateCheckResults(results).Allowed {
			return level, nil
		}
	}
	return api.LevelPrivileged, nil
}

func (j *judge) judgePosture(v version, w *workload, write WorkloadWrite) {
	before, err := refusals(w.last)
	after, errAfter := refusals(v.after)
	if err != nil || errAfter != nil {
		j.say(v, "cannot be evaluated: %v %v", err, errAfter)
		return
	}
	if len(write.TakenBack) > 0 {
		if len(write.Filled) > 0 {
			j.say(v, "fills in and takes back at once")
		}
		return // that only Rampart's own leaves went is judged elsewhere
	}
	for _, check := range slices.Sorted(maps.Keys(after)) {
		if !before[check] {
			j.say(v, "the API server's check %s let it through before", check)
		}
	}
}

// ---- pods ----

func (j *judge) podIsDeleted(v version) {
	if !v.isOurs {
		return
	}
	pod := &corev1.Pod{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(v.after.Object, pod); err != nil {
		j.say(v, "cannot be read: %v", err)
		return
	}
	asked, err := v.asked()
	key := pod.Annotations[FillAnnotation]
	switch {
	case err != nil || v.event.Verb != "delete":
		j.say(v, "Rampart deletes single pods, and does nothing else to them: %v", err)
	case asked.Preconditions.UID != string(pod.UID):
		j.say(v, "does not say which uid it is about")
	case len(pod.OwnerReferences) != 1 || pod.OwnerReferences[0].Kind != "StatefulSet":
		j.say(v, "is no StatefulSet's")
	case isReady(pod):
		j.say(v, "is ready")
	case key == "":
		j.say(v, "is of a template that Rampart has not filled in")
	default:
		j.judgeOwner(v, pod, key)
	}
	j.writes = append(j.writes, WorkloadWrite{
		At: v.event.RequestReceivedTimestamp.Time, Resource: "pods", Before: v.after, After: v.after,
	})
}

func (j *judge) judgeOwner(v version, pod *corev1.Pod, key string) {
	w := j.workloads[pod.OwnerReferences[0].UID]
	if w == nil {
		j.say(v, "is of a StatefulSet that nobody knows")
		return
	}
	t, err := template(w.last)
	if err != nil {
		j.say(v, "%v", err)
	} else if t.Annotations[FillAnnotation] == key {
		j.say(v, "is of the template as it is")
	}
}

func isReady(pod *corev1.Pod) bool {
	return slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}
