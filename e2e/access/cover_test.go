package access

import (
	"maps"
	"math/rand"
	"slices"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/component-helpers/auth/rbac/validation"

	"rampart.dev/e2e/helper"
)

const (
	coverCases   = 100_000
	casesAtOnce  = 10_000
	rulesAtMost  = 6
	wrongsToTell = 5
)

// coverCase is what the helper is asked: does the one give all of the other?
type coverCase struct {
	Held   []rbacv1.PolicyRule `json:"held"`
	Wanted []rbacv1.PolicyRule `json:"wanted"`
}

func some[T any](r *rand.Rand, most int, from []T) []T {
	list := make([]T, 0, most)
	for range r.Intn(most + 1) {
		list = append(list, from[r.Intn(len(from))])
	}
	return list
}

// anyRules makes rules as no API server would take them, too: without verbs, with URLs beside resources, with doubles.
func anyRules(r *rand.Rand) []rbacv1.PolicyRule {
	rules := []rbacv1.PolicyRule{}
	for range r.Intn(rulesAtMost + 1) {
		rule := rbacv1.PolicyRule{
			Verbs:     some(r, 4, []string{"get", "list", "use", "*", "GET", ""}),
			APIGroups: some(r, 3, []string{"", "apps", "*", "a.io"}),
			Resources: some(r, 4, []string{"pods", "pods/log", "*/log", "*", "nodes/log", "pods/*", "*/*", "/log", "pods/log/x", "*/log/x", "*/"}),
		}
		if r.Intn(3) == 0 {
			rule.ResourceNames = some(r, 3, []string{"a", "b", "*", ""})
		}
		if r.Intn(3) == 0 {
			rule.NonResourceURLs = some(r, 3, []string{"/a", "/a/*", "/a*", "/a/b", "*", "/*", "", "**", "/a**", "/*/b"})
		}
		rules = append(rules, rule)
	}
	return rules
}

// rights takes rules apart into single rights, each once.
func rights(rules []rbacv1.PolicyRule) []string {
	all := map[string]bool{}
	for _, rule := range rules {
		for _, right := range validation.BreakdownRule(rule) {
			all[right.String()] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

func TestMissingRightsAreThoseThatTheAPIServerFindsMissing(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewSource(seed(t)))
	covered, missing, written := 0, 0, 0
	for wrong := 0; covered+missing < coverCases; {
		cases := make([]coverCase, casesAtOnce)
		for i := range cases {
			cases[i] = coverCase{Held: anyRules(r), Wanted: anyRules(r)}
		}
		answer := struct {
			Missing [][]rbacv1.PolicyRule `json:"missing"`
		}{}
		if err := helper.Ask(t.Context(), "access", map[string]any{"cases": cases}, &answer); err != nil {
			t.Fatal(err)
		}
		for i, c := range cases {
			isCovered, want := validation.Covers(c.Held, c.Wanted)
			if isCovered {
				covered++
			} else {
				missing++
			}
			written += len(answer.Missing[i])
			if isCovered == (len(answer.Missing[i]) == 0) && slices.Equal(rights(answer.Missing[i]), rights(want)) {
				continue
			}
			if wrong++; wrong <= wrongsToTell {
				t.Errorf("held %v\nwanted %v\nmissing %v\nRampart says %v", c.Held, c.Wanted, want, answer.Missing[i])
			}
		}
	}
	t.Logf("%d pairs of rule sets, %d covered, %d not, told in %.1f rules each",
		covered+missing, covered, missing, float64(written)/float64(missing))
	if covered < coverCases/10 || missing < coverCases/10 {
		t.Error("nearly all answers are the same: this compares little")
	}
}
