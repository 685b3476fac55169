package scenarios

import (
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"
	"sigs.k8s.io/yaml"

	"rampart.dev/e2e/operator"
)

const (
	decisionAnnotation = "authorization.k8s.io/decision"
	reasonAnnotation   = "authorization.k8s.io/reason"
)

// rightsUnseen are those that are shipped although no request of these tests uses them, each with the
// reason.
var rightsUnseen = map[string]string{}

// This is the last test, since its file is: it judges what Rampart asked of the API servers in all others.
// The rights that it used are those of deploy/, no fewer and no more, and it asked for nothing else.
func TestRightsUsedAreTheRightsShipped(t *testing.T) {
	checkLast(t)
	shipped, used := readRights(t), map[string]bool{}
	for _, w := range worlds {
		for event, err := range w.AuditEvents() {
			if err != nil {
				t.Fatal(err)
			}
			if event.User.Username == operator.User {
				w.judge(t, &event, used)
			}
		}
	}
	for _, right := range slices.Sorted(maps.Keys(used)) {
		if !shipped[right] {
			t.Errorf("used and not shipped: %s", right)
		}
		if rightsUnseen[right] != "" {
			t.Errorf("said to be unseen, and seen: %s", right)
		}
	}
	for right, reason := range rightsUnseen {
		if !shipped[right] {
			t.Errorf("said to be unseen (%s), and not shipped: %s", reason, right)
		}
	}
	if isPartOfTheTests() {
		t.Log("not all tests ran: that each right is used is not checked")
		return
	}
	for _, right := range slices.Sorted(maps.Keys(shipped)) {
		if !used[right] && rightsUnseen[right] == "" {
			t.Errorf("shipped and not used: %s", right)
		}
	}
}

// judge notes the right that a request used; one that was denied is a failure.
func (w *world) judge(t *testing.T, event *auditv1.Event, used map[string]bool) {
	what := event.Verb + " " + event.RequestURI
	if !strings.HasPrefix(event.UserAgent, "rampart/") {
		t.Errorf("%s: of the user agent %q", what, event.UserAgent)
	}
	if decision := event.Annotations[decisionAnnotation]; decision != "allow" {
		// A server that starts knows no roles yet; nobody asks whether it is ready before.
		if !w.wasAway(event.RequestReceivedTimestamp.Time) {
			t.Errorf("denied: %s: %q %s", what, decision, event.Annotations[reasonAnnotation])
		}
		return
	}
	code := int32(0)
	if event.ResponseStatus != nil {
		code = event.ResponseStatus.Code
	}
	if code == 403 && !strings.Contains(event.ResponseStatus.Message, "because it is being terminated") {
		t.Errorf("refused by admission: %s: %s", what, event.ResponseStatus.Message)
	}
	if !strings.Contains(event.Annotations[reasonAnnotation], `ClusterRole "rampart"`) {
		if event.Verb != "get" || event.RequestURI != "/readyz" { // what everybody may read
			t.Errorf("%s: allowed by another role: %s", what, event.Annotations[reasonAnnotation])
		}
		return
	}
	ref := event.ObjectRef
	resource := strings.TrimSuffix(ref.Resource+"/"+ref.Subresource, "/")
	used[strings.TrimSuffix(resource+"."+ref.APIGroup, ".")+" "+event.Verb] = true
}

// readRights reads the manifest: "resource.group verb".
func readRights(t *testing.T) map[string]bool {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(deploy, "clusterrole.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var role rbacv1.ClusterRole
	if err := yaml.UnmarshalStrict(text, &role); err != nil {
		t.Fatal(err)
	}
	rights := map[string]bool{}
	for _, rule := range role.Rules {
		for _, group := range rule.APIGroups {
			for _, resource := range rule.Resources {
				for _, verb := range rule.Verbs {
					rights[strings.TrimSuffix(resource+"."+group, ".")+" "+verb] = true
				}
			}
		}
		if len(rule.NonResourceURLs) > 0 || len(rule.ResourceNames) > 0 {
			t.Errorf("a rule that this test does not read: %v", rule)
		}
	}
	return rights
}

// checkLast demands that Go, which runs tests in the order of their files' names, runs this one last.
func checkLast(t *testing.T) {
	t.Helper()
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if file > "rights_test.go" && strings.Contains(string(text), "\nfunc Test") && !strings.Contains(string(text), "\nfunc TestMain") {
			t.Errorf("the tests of %s come after this one, which is to judge them", file)
		}
	}
}

func isPartOfTheTests() bool {
	for _, name := range []string{"test.run", "test.skip"} {
		if flag.Lookup(name).Value.String() != "" {
			return true
		}
	}
	return testing.Short()
}

// away is a time in which an API server was not ready.
type away struct{ from, to time.Time }

func (w *world) wasAway(at time.Time) bool {
	return slices.ContainsFunc(w.aways, func(a away) bool { return at.After(a.from) && at.Before(a.to) })
}
