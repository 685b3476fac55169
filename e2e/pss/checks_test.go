package pss

import (
	"encoding/json"
	"fmt"
	"math/rand"
	"slices"
	"testing"

	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
)

const podsByCheck = 2000

// ruleOf says which of Rampart's rules asks what a check of the API server asks.
var ruleOf = map[policy.CheckID]string{
	"allowPrivilegeEscalation":   "allow-privilege-escalation",
	"appArmorProfile":            "app-armor-profile",
	"capabilities_baseline":      "capabilities-baseline",
	"capabilities_restricted":    "capabilities-restricted",
	"hostNamespaces":             "host-namespaces",
	"hostPathVolumes":            "host-path-volumes",
	"hostPorts":                  "host-ports",
	"hostProbesAndHostLifecycle": "host-probes",
	"privileged":                 "privileged",
	"procMount":                  "proc-mount-baseline",
	"procMount_restricted":       "proc-mount-restricted",
	"restrictedVolumes":          "restricted-volumes",
	"runAsNonRoot":               "run-as-non-root",
	"runAsUser":                  "run-as-user",
	"seLinuxOptions":             "se-linux-options",
	"seccompProfile_baseline":    "seccomp-baseline",
	"seccompProfile_restricted":  "seccomp-restricted",
	"sysctls":                    "sysctls",
	"windowsHostProcess":         "windows-host-process",
}

// checkOf is what the check asks in the version; nil before its first.
func checkOf(check policy.Check, version api.Version) policy.CheckPodFn {
	var asks policy.CheckPodFn
	for _, versioned := range check.Versions {
		if !version.Older(versioned.MinimumVersion) {
			asks = versioned.CheckPod
		}
	}
	return asks
}

// A verdict is the same when two rules are wrong in ways that make up for one another, or when another rule
// fails anyway. So every check is compared with its rule: those of the baseline among who is held to the
// baseline, because the restricted level overrides some of them.
func TestEveryRuleSaysWhatItsCheckOfTheAPIServerSays(t *testing.T) {
	t.Parallel()
	checks := policy.DefaultChecks()
	for _, check := range checks {
		if ruleOf[check.ID] == "" {
			t.Errorf("the API server's check %s has no rule", check.ID)
		}
	}
	random := rand.New(rand.NewSource(1))
	samples := make([]sample, 0, podsByCheck)
	for i := range podsByCheck {
		pod := randomPod(random)
		text, err := json.Marshal(pod)
		if err != nil {
			t.Fatal(err)
		}
		samples = append(samples, sample{fmt.Sprintf("pod %d", i), pod, text})
	}
	refused := map[string]int{}
	wrong := 0
	for _, version := range versions() {
		for _, level := range []api.Level{api.LevelBaseline, api.LevelRestricted} {
			for i, v := range eval(t, samples, level, version) {
				if len(v.Error) > 0 {
					t.Fatalf("%s cannot be read\n%s", samples[i].name, samples[i].text)
				}
				for _, check := range checks {
					asks := checkOf(check, version)
					if check.Level != level || asks == nil {
						continue
					}
					rule, s := ruleOf[check.ID], samples[i]
					fails := !asks(&s.pod.ObjectMeta, &s.pod.Spec).Allowed
					if fails {
						refused[rule]++
					}
					if fails == slices.Contains(v.Fail, rule) {
						continue
					}
					if wrong++; wrong <= 5 {
						t.Errorf("%s %s: %s fails: %t by the API server\n%s", s.name, version, rule, fails, s.text)
					}
				}
			}
		}
	}
	for _, rule := range ruleOf {
		if refused[rule] == 0 {
			t.Errorf("no pod fails %s: this compares nothing", rule)
		}
	}
	t.Logf("%d differ; failures: %v", wrong, refused)
}
