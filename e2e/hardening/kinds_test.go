package hardening

import (
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const atOnce = "{rollout: {when: Now, progressDeadlineSeconds: 30, pauseAtFailuresPercent: 100}}"

// Every node's pod is proven, or none keeps what was filled in.
func TestDaemonSetsAreProvenOrTakenBack(t *testing.T) {
	t.Parallel()
	s := begin(t, "daemons")
	fine := s.make(workload{kind: daemonSet, name: "fine", image: image{User: "1000"}})
	crash := s.make(workload{kind: daemonSet, name: "crash", image: image{User: "1000", BreaksOn: []string{"capabilities"}}})
	s.enforceWith(atOnce)
	if now := s.comesTo(fine, "Proven"); !hasLeaf(now, "securityContext", "runAsNonRoot") {
		t.Error("it has no runAsNonRoot")
	}
	s.expectStated(crash, s.comesTo(crash, "Reverted"))
	s.deleteProfile()
	s.must(s.isUntouched(fine))
	s.must(s.isUntouched(crash))
}

// Where nothing runs, the proof is pending until something does.
func TestWhatDoesNotRunIsProvenByItsFirstPod(t *testing.T) {
	t.Parallel()
	s := begin(t, "idle")
	fine := s.make(workload{kind: deployment, name: "fine", idle: true, image: image{User: "1000"}})
	crash := s.make(workload{kind: deployment, name: "crash", idle: true, image: image{User: "1000", BreaksOn: []string{"capabilities"}}})
	s.enforceWith(atOnce)
	for _, o := range []*unstructured.Unstructured{fine, crash} {
		if now := s.comesTo(o, "Pending"); !hasLeaf(now, "app", "securityContext", "capabilities", "drop") {
			t.Errorf("nothing is filled into %s", o.GetName())
		}
		s.ownerPatches(o, "{spec: {replicas: 1}}")
	}
	s.comesTo(fine, "Proven")
	now := s.comesTo(crash, "Reverted")
	if hasLeaf(now, "app", "securityContext") {
		t.Error("something is left in what crashed")
	}
	s.deleteProfile()
}

// A CronJob's template is filled in at once, and what it ran for is for its next Job to tell.
func TestCronJobIsFilledInAndItsProofIsPending(t *testing.T) {
	t.Parallel()
	s := begin(t, "nightly")
	o := s.make(workload{kind: cronJob, name: "job", image: image{User: "1000"}})
	s.enforceWith(atOnce)
	if now := s.comesTo(o, "Pending"); !hasLeaf(now, "app", "securityContext", "allowPrivilegeEscalation") {
		t.Error("nothing is filled in")
	}
	s.deleteProfile()
	s.must(s.isUntouched(o))
}

// Kubernetes cannot tell whether a user that has a name is root: the one that is seen is filled in beside.
func TestObservedUserIsPinned(t *testing.T) {
	t.Parallel()
	s := begin(t, "pinned")
	named := s.make(workload{kind: deployment, name: "named", image: image{User: "nginx:101"}})
	s.enforceWith("{fill: {pinObservedUser: true}, rollout: {when: Now, progressDeadlineSeconds: 30}}")
	now := s.comesTo(named, "Proven")
	containers, _, _ := unstructured.NestedSlice(podSpec(now), "containers")
	uid, _, _ := unstructured.NestedInt64(containers[0].(map[string]any), "securityContext", "runAsUser")
	if uid != 101 || !hasLeaf(now, "securityContext", "runAsNonRoot") {
		t.Errorf("runAsUser is %d, expected 101 and runAsNonRoot; it states\n%s", uid, stated(now))
	}
	s.deleteProfile()
	s.must(s.isUntouched(named))
}

// Without pinning, the kubelet's own words are in the Event, and what it refuses is taken back.
func TestUserThatTheKubeletCannotVerifyIsTakenBack(t *testing.T) {
	t.Parallel()
	s := begin(t, "named")
	named := s.make(workload{kind: deployment, name: "named", image: image{User: "nginx:101"}})
	s.enforceWith(atOnce)
	s.expectStated(named, s.comesTo(named, "Reverted"))
	s.expectSaid("Reverted", "named", "CreateContainerConfigError", "non-numeric user (nginx)")
	s.deleteProfile()
	s.must(s.isUntouched(named))
}

// What rolls out only when its owner says so proves nothing.
func TestWhatCannotBeProvenIsLeftAlone(t *testing.T) {
	t.Parallel()
	s := begin(t, "unproven")
	all := map[string]*unstructured.Unstructured{}
	for name, w := range map[string]workload{
		"set":       {kind: statefulSet, spec: "{updateStrategy: {type: OnDelete}}"},
		"partition": {kind: statefulSet, spec: "{replicas: 2, updateStrategy: {type: RollingUpdate, rollingUpdate: {partition: 1}}}"},
		"daemon":    {kind: daemonSet, spec: "{updateStrategy: {type: OnDelete}}"},
	} {
		w.name, w.image = name, image{User: "1000"}
		all[name] = s.make(w)
	}
	s.enforceWith(atOnce)
	for name, o := range all {
		want := "OnDelete"
		if name == "partition" {
			want = "partition"
		}
		s.expectSkipped(o, "CannotProve", want)
		s.must(s.isUntouched(o))
	}
	s.deleteProfile()
}

// The kubelets are played: what a rollout meets is what the annotation says, whoever states the field.
func TestPodsArePlayedAsTheirImageWouldHaveIt(t *testing.T) {
	t.Parallel()
	s := begin(t, "played")
	waitsFor := func(reason, message string) func(*corev1.Pod) bool {
		return func(p *corev1.Pod) bool {
			c := p.Status.ContainerStatuses
			return len(c) == 1 && c[0].State.Waiting != nil && c[0].State.Waiting.Reason == reason &&
				hasAll(c[0].State.Waiting.Message, message)
		}
	}
	isReadyAs := func(uid int64) func(*corev1.Pod) bool {
		return func(p *corev1.Pod) bool {
			c := p.Status.ContainerStatuses
			return len(c) == 1 && c[0].Ready && (c[0].User == nil) == (uid < 0) && (uid < 0 || c[0].User.Linux.UID == uid)
		}
	}
	hangs := func(p *corev1.Pod) bool {
		c := p.Status.ContainerStatuses
		return len(c) == 1 && !c[0].Ready && c[0].State.Running != nil
	}
	const readOnly = "{containers: [{name: app, image: i, securityContext: {readOnlyRootFilesystem: true}}]}"
	writes := image{User: "1000", BreaksOn: []string{"readOnlyRootFilesystem"}}
	by := func(how string) image { i := writes; i.How = how; return i }
	for i, test := range []struct {
		image image
		pod   string
		is    func(*corev1.Pod) bool
	}{
		{image{User: "1000"}, "", isReadyAs(1000)},
		{image{}, "", isReadyAs(-1)},
		{image{User: "0"}, "", isReadyAs(0)},
		{image{User: "nginx:101"}, "", isReadyAs(101)},
		{image{User: "0"}, "{securityContext: {runAsNonRoot: true}}", waitsFor("CreateContainerConfigError", "image will run as root")},
		{image{User: "nginx:101"}, "{securityContext: {runAsNonRoot: true}}", waitsFor("CreateContainerConfigError", "non-numeric user (nginx)")},
		{image{User: "nginx:101"}, "{securityContext: {runAsNonRoot: true, runAsUser: 101}}", isReadyAs(101)},
		{writes, "", isReadyAs(1000)},
		{writes, readOnly, waitsFor("CrashLoopBackOff", "back-off 40s")},
		{by("hang"), readOnly, hangs},
		{by("slow"), readOnly, hangs},
		{by("slow"), readOnly, isReadyAs(1000)},
		{by("late"), readOnly, isReadyAs(1000)},
		{by("late"), readOnly, waitsFor("CrashLoopBackOff", "back-off 40s")},
	} {
		o := s.object(workload{kind: deployment, name: fmt.Sprintf("pod-%d", i), image: test.image, pod: test.pod})
		o, err := s.Dynamic.Resource(deployment.resource).Namespace(s.name).Create(t.Context(), o, metav1.CreateOptions{})
		s.must(err)
		s.expectPod(o, test.is)
	}
}
