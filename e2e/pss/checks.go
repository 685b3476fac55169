package pss

import (
	"slices"
	"strings"

	"k8s.io/pod-security-admission/policy"
)

// reasons are what the API server's checks say when they refuse, by the id of the rule that is the same check
// in Rampart. Two rules with one reason take each other's place.
var reasons = map[string]string{
	"allow-privilege-escalation": "allowPrivilegeEscalation != false",
	"app-armor-profile":          "forbidden AppArmor profile",
	"capabilities-baseline":      "non-default capabilities",
	"capabilities-restricted":    "unrestricted capabilities",
	"host-namespaces":            "host namespaces",
	"host-path-volumes":          "hostPath volumes",
	"host-ports":                 "hostPort",
	"host-probes":                "probe or lifecycle host",
	"privileged":                 "privileged",
	"proc-mount-baseline":        "procMount",
	"proc-mount-restricted":      "procMount",
	"restricted-volumes":         "restricted volume types",
	"run-as-non-root":            "runAsNonRoot != true",
	"run-as-user":                "runAsUser=0",
	"se-linux-options":           "seLinuxOptions",
	"seccomp-baseline":           "seccompProfile",
	"seccomp-restricted":         "seccompProfile",
	"sysctls":                    "forbidden sysctls",
	"windows-host-process":       "hostProcess",
}

// sameChecks says whether the rules that fail are those whose checks refuse, no more and no fewer.
func sameChecks(want policy.AggregateCheckResult, failing []string) bool {
	return slices.Equal(sorted(want.ForbiddenReasons, func(reason string) string { return reason }),
		sorted(failing, func(id string) string { return reasons[id] }))
}

// sorted leaves out the plural, which depends on how many there are.
func sorted(texts []string, translate func(string) string) []string {
	all := []string{}
	for _, text := range texts {
		all = append(all, strings.TrimSuffix(translate(text), "s"))
	}
	slices.Sort(all)
	return all
}
