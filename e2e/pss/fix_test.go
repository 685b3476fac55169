package pss

import (
	"encoding/json"
	"fmt"
	"math/rand"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	"sigs.k8s.io/yaml"
)

// What `rampart eval --show-fix` says to merge is merged as the API server and kustomize merge it, and the API
// server's own evaluator is asked again: what was to be mended passes, and what was said to be left still fails.
func TestWhatIsToBeMergedMendsWhatItSays(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewSource(2))
	samples := make([]sample, 0, podsByCheck)
	for i := range podsByCheck {
		pod := randomPod(random)
		for i := range pod.Spec.Containers { // which are merged by name
			pod.Spec.Containers[i].Name = fmt.Sprintf("main-%d", i)
		}
		text, err := json.Marshal(pod)
		if err != nil {
			t.Fatal(err)
		}
		samples = append(samples, sample{fmt.Sprintf("pod %d", i), pod, text})
	}
	checks := map[string]policy.CheckPodFn{}
	for _, check := range policy.DefaultChecks() {
		checks[ruleOf[check.ID]] = checkOf(check, api.LatestVersion())
	}
	mended, left := map[string]int{}, 0
	for i, v := range eval(t, samples, api.LevelRestricted, api.LatestVersion(), "--show-fix") {
		pod := merge(t, samples[i].text, v.Fix)
		for _, rule := range v.Fail {
			passes := checks[rule](&pod.ObjectMeta, &pod.Spec).Allowed
			if passes == slices.Contains(v.Left, rule) {
				t.Errorf("%s: %s passes: %t, left: %v\n%s\n%s", samples[i].name, rule, passes, v.Left, samples[i].text, v.Fix)
			}
			if passes {
				mended[rule]++
			} else {
				left++
			}
		}
		if t.Failed() {
			return
		}
	}
	for _, rule := range []string{"allow-privilege-escalation", "capabilities-restricted", "run-as-non-root", "seccomp-restricted"} {
		if mended[rule] == 0 {
			t.Errorf("%s was mended nowhere: this compares nothing", rule)
		}
	}
	t.Logf("mended %v, left %d", mended, left)
}

func merge(t *testing.T, text []byte, fix string) *corev1.Pod {
	t.Helper()
	patch, err := yaml.YAMLToJSON([]byte(fix))
	if err != nil {
		t.Fatalf("%s: %v", fix, err)
	}
	if fix == "" {
		patch = []byte("{}")
	}
	text, err = strategicpatch.StrategicMergePatch(text, patch, &corev1.Pod{})
	pod := &corev1.Pod{}
	if err == nil {
		err = json.Unmarshal(text, pod)
	}
	if err != nil {
		t.Fatalf("%s: %v", fix, err)
	}
	return pod
}
