package findings

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sigs.k8s.io/yaml"

	"rampart.dev/e2e/operator"
)

// The tests stand in the order in which the cluster fills.

// Nobody has granted anything yet: neither at the first moment nor when all controllers have done their part.
func TestFreshClusterHasNoFindings(t *testing.T) {
	for _, wait := range []string{"", "default", "kube-system"} {
		if wait != "" {
			eventually(t, func() error {
				_, err := control.Client.CoreV1().ServiceAccounts(wait).Get(t.Context(), "default", metav1.GetOptions{})
				return err
			})
		}
		f, code := ask(t, "--kubeconfig", control.AdminKubeconfig)
		compare(t, f.lines("fail"), nil)
		compare(t, f.lines("error"), nil)
		if code != 0 || len(f.NotRead) > 0 || f.Summary.Objects < 50 {
			t.Errorf("exit code %d, not read %v, %d objects; expected 0, nothing, and the defaults", code, f.NotRead, f.Summary.Objects)
		}
	}
}

// With --all the cluster's own are shown, each with what tells it apart.
func TestClusterItselfIsShownOnlyWhenAskedFor(t *testing.T) {
	f, code := ask(t, "--kubeconfig", control.AdminKubeconfig, "--all")
	if code != 3 || f.Summary.Component != len(f.Findings) || f.Summary.CannotBeTold != 0 {
		t.Errorf("exit code %d, summary %+v of %d findings; expected 3, and all about the cluster itself", code, f.Summary, len(f.Findings))
	}
	for _, want := range []struct{ line, criterion string }{
		{"[rbac-cluster-admin]: ClusterRoleBinding cluster-admin", "Group system:masters (bootstrap default)"},
		{"[rbac-system-masters]: ClusterRoleBinding cluster-admin", "Group system:masters (bootstrap default)"},
		{"[rbac-anonymous]: ClusterRoleBinding system:public-info-viewer", "Group system:unauthenticated (bootstrap default)"},
		{"[rbac-authenticated]: ClusterRoleBinding system:discovery", "Group system:authenticated (bootstrap default)"},
		{"[rbac-create-pods]: ClusterRoleBinding system:controller:job-controller",
			"ServiceAccount kube-system/job-controller (ServiceAccount of kube-system)"},
		{"[rbac-secrets]: ClusterRoleBinding system:kube-controller-manager",
			"User system:kube-controller-manager (name begins with system:)"},
		{"[rbac-wildcards]: ClusterRole cluster-admin", "of the cluster itself (bootstrap default)"},
		{"[rbac-unused-role]: ClusterRole admin", "of the cluster itself (bootstrap default)"},
	} {
		i := slices.IndexFunc(f.Findings, func(f finding) bool { return f.String() == want.line })
		if i < 0 {
			t.Errorf("not found: %s", want.line)
		} else if !f.Findings[i].Component || !strings.Contains(f.Findings[i].Message, want.criterion) {
			t.Errorf("%s: component %v, %q; expected %q", want.line, f.Findings[i].Component, f.Findings[i].Message, want.criterion)
		}
	}
}

// kinds tell where the example of a rule is planted, which has the rule's name; all others are ClusterRoleBindings.
var kinds = map[string]string{
	"rbac-anonymous":               "RoleBinding planted/",
	"rbac-authenticated":           "RoleBinding planted/",
	"rbac-config-map-credentials":  "ConfigMap planted/",
	"rbac-default-service-account": "RoleBinding planted/",
	"rbac-long-lived-tokens":       "Secret planted/",
	"rbac-missing-role":            "RoleBinding planted/",
	"rbac-missing-subject":         "RoleBinding planted/",
	"rbac-system-masters":          "RoleBinding planted/",
	"rbac-unused-role":             "Role planted/",
	"rbac-unused-service-account":  "ServiceAccount planted/",
	"rbac-wildcards":               "Role planted/",
}

// rules are the access rules that the binary lists.
func rules(t *testing.T) []string {
	t.Helper()
	out, _, err := operator.Run(t.Context(), "rules")
	if err != nil {
		t.Fatal(err)
	}
	list := []string{}
	for lines := bufio.NewScanner(strings.NewReader(out)); lines.Scan(); {
		if fields := strings.Fields(lines.Text()); fields[1] == "access" {
			list = append(list, fields[0])
		}
	}
	return list
}

// expected are the lines of all that is planted, of which one rule each finds one.
func expected(t *testing.T) []string {
	t.Helper()
	lines := []string{}
	for _, rule := range rules(t) {
		kind := kinds[rule]
		if kind == "" {
			kind = "ClusterRoleBinding "
		}
		lines = append(lines, fmt.Sprintf("[%s]: %s%s", rule, kind, rule))
	}
	return lines
}

// One example of each rule is planted, and beside them what is no finding: exactly these are found, whatever else the
// cluster has of its own.
func TestEachRuleFindsWhatIsPlantedAndNothingElse(t *testing.T) {
	if out, err := control.RunKubectl(t.Context(), "apply", "-f", planted); err != nil {
		t.Fatal(err, out)
	}
	eventually(t, func() error { // its controllers have their part to do: the ServiceAccount default, the token
		_, err := control.Client.CoreV1().ServiceAccounts("planted").Get(t.Context(), "default", metav1.GetOptions{})
		if err != nil {
			return err
		}
		secret, err := control.Client.CoreV1().Secrets("planted").Get(t.Context(), "rbac-long-lived-tokens", metav1.GetOptions{})
		if err == nil && len(secret.Data["token"]) == 0 {
			err = fmt.Errorf("there is no token yet")
		}
		return err
	})
	f, code := ask(t, "--kubeconfig", control.AdminKubeconfig)
	compare(t, f.lines("fail"), expected(t))
	compare(t, f.lines("error"), nil)
	if code != 3 || f.Summary.Component != 0 || len(f.NotRead) > 0 {
		t.Errorf("exit code %d, summary %+v, not read %v", code, f.Summary, f.NotRead)
	}
	for _, finding := range f.Findings {
		if finding.Severity == "" || finding.Standards == "" || finding.Message == "" {
			t.Errorf("%v does not say everything: %+v", finding, finding)
		}
		if strings.HasSuffix(finding.Kind, "Binding") && (len(finding.Subjects) != 1 || finding.Subjects[0].Criterion != "") {
			t.Errorf("%v is about %+v, expected one subject that is not of the cluster itself", finding, finding.Subjects)
		}
		if strings.Contains(finding.Message, "planted\n") || strings.Contains(finding.Message, "in-its-place") {
			t.Errorf("a credential is told: %s", finding.Message)
		}
	}
}

// What is in Secrets is never sent: they are asked for by type, and only their metadata.
func TestContentsOfSecretsAreNotAskedFor(t *testing.T) {
	place, err := control.AuditNow()
	if err != nil {
		t.Fatal(err)
	}
	ask(t, "--kubeconfig", control.AdminKubeconfig)
	lists := 0
	for event, err := range control.AuditEventsSince(place) {
		if err != nil {
			t.Fatal(err)
		}
		if event.ObjectRef == nil || !strings.HasPrefix(event.UserAgent, "rampart") {
			continue
		}
		if event.Verb != "list" {
			t.Errorf("%s %s: only lists are read", event.Verb, event.RequestURI)
		}
		if event.ObjectRef.Resource == "secrets" {
			lists++
			if !strings.Contains(event.RequestURI, "fieldSelector=type%3Dkubernetes.io%2Fservice-account-token") {
				t.Errorf("more Secrets are asked for than tokens: %s", event.RequestURI)
			}
		}
	}
	if lists == 0 {
		t.Error("the audit log has no list of Secrets")
	}
	// The wire test sees that it is asked for in this way; the server then leaves out what is in them.
	body, err := control.Client.CoreV1().RESTClient().Get().AbsPath("/api/v1/secrets").
		Param("fieldSelector", "type=kubernetes.io/service-account-token").
		SetHeader("Accept", "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1").
		DoRaw(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if text := string(body); !strings.Contains(text, "rbac-long-lived-tokens") || strings.Contains(text, `"data"`) {
		t.Errorf("the server answers %s", text)
	}
}

// The role that the documentation shows is enough for all of it, and nothing in it is too much.
func TestRoleOfTheDocumentationIsWhatItTakes(t *testing.T) {
	ctx := t.Context()
	const ns, name = "default", "rbac-auditor"
	text, err := os.ReadFile("../../docs/findings.md")
	if err != nil {
		t.Fatal(err)
	}
	_, block, _ := strings.Cut(string(text), "```yaml\n")
	block, _, _ = strings.Cut(block, "```")
	role := &rbacv1.ClusterRole{}
	if err := yaml.UnmarshalStrict([]byte(block), role); err != nil {
		t.Fatal(err)
	}
	kubeconfig := grant(t, role, ns, name)
	full, _ := ask(t, "--kubeconfig", kubeconfig)
	if len(full.NotRead) > 0 || full.Summary.CannotBeTold > 0 {
		t.Fatalf("not read %v, summary %+v", full.NotRead, full.Summary)
	}
	for r := range role.Rules {
		for i, resource := range role.Rules[r].Resources {
			less := role.DeepCopy()
			less.Rules[r].Resources = slices.Delete(less.Rules[r].Resources, i, i+1)
			if len(less.Rules[r].Resources) == 0 {
				less.Rules = slices.Delete(less.Rules, r, r+1)
			}
			if _, err := control.Client.RbacV1().ClusterRoles().Update(ctx, less, metav1.UpdateOptions{}); err != nil {
				t.Fatal(err)
			}
			eventually(t, func() error { // the authorizer hears of it a moment later
				f, code := ask(t, "--kubeconfig", kubeconfig)
				if code != 3 || len(f.NotRead) != 1 || !strings.Contains(f.NotRead[0].Why, resource) {
					return fmt.Errorf("without %s: exit code %d, not read %v", resource, code, f.NotRead)
				}
				return nil
			})
		}
	}
	for _, args := range [][]string{
		{"delete", "clusterrole,clusterrolebinding", name}, {"delete", "serviceaccount", name, "-n", ns},
	} {
		if out, err := control.RunKubectl(ctx, args...); err != nil {
			t.Fatal(err, out)
		}
	}
}

// grant makes a ServiceAccount with the role and gives its kubeconfig.
func grant(t *testing.T, role *rbacv1.ClusterRole, ns, name string) string {
	t.Helper()
	ctx := t.Context()
	if _, err := control.Client.RbacV1().ClusterRoles().Create(ctx, role, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	binding := &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role.Name},
		Subjects:   []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: ns, Name: name}},
	}
	if _, err := control.Client.RbacV1().ClusterRoleBindings().Create(ctx, binding, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if out, err := control.RunKubectl(ctx, "create", "serviceaccount", name, "-n", ns); err != nil {
		t.Fatal(err, out)
	}
	kubeconfig, err := control.ServiceAccountKubeconfig(ctx, ns, name)
	if err != nil {
		t.Fatal(err)
	}
	return kubeconfig
}

// One namespace: what is in it, and nothing of the cluster.
func TestOneNamespaceIsAskedForItself(t *testing.T) {
	f, code := ask(t, "--kubeconfig", control.AdminKubeconfig, "-n", "planted")
	want := slices.DeleteFunc(expected(t), func(line string) bool { return strings.Contains(line, "ClusterRoleBinding") })
	compare(t, f.lines("fail"), want)
	compare(t, f.lines("error"), nil)
	if code != 3 || len(f.NotRead) > 0 {
		t.Errorf("exit code %d, not read %v", code, f.NotRead)
	}
	if f, code = ask(t, "--kubeconfig", control.AdminKubeconfig, "-n", "default"); code != 0 || len(f.Findings) > 0 {
		t.Errorf("namespace default: exit code %d, findings %v", code, f.Findings)
	}
}

// The same from the files alone: what only a cluster can tell is not passed over in silence.
func TestManifestsGiveTheSameWithoutACluster(t *testing.T) {
	f, code := ask(t, "-f", planted)
	onlyInCluster := []string{"rbac-missing-role", "rbac-missing-subject", "rbac-unused-role", "rbac-unused-service-account"}
	want := slices.DeleteFunc(expected(t), func(line string) bool {
		return slices.ContainsFunc(onlyInCluster, func(rule string) bool { return strings.HasPrefix(line, "["+rule+"]") })
	})
	compare(t, f.lines("fail"), want)
	told := strings.Join(f.lines("error"), "\n")
	for _, rule := range onlyInCluster {
		if !strings.Contains(told, rule) {
			t.Errorf("%s is not among what cannot be told:\n%s", rule, told)
		}
	}
	if code != 3 {
		t.Errorf("exit code %d, expected 3", code)
	}
}

// With the cluster's own roles beside them, manifests tell what they bind there.
func TestManifestsAreToldWithTheRolesOfTheCluster(t *testing.T) {
	roles, err := control.RunKubectl(t.Context(), "get", "clusterroles", "-o", "json", "-l", "kubernetes.io/bootstrapping=rbac-defaults")
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	for name, text := range map[string]string{
		"roles.json": roles,
		"chart.yaml": `
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: team, namespace: shop}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: edit}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: Group, name: team}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: readers, namespace: shop}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: Group, name: readers}]
`,
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f, _ := ask(t, "-f", filepath.Join(folder, "chart.yaml"))
	if len(f.lines("error")) != 2 || len(f.lines("fail")) != 0 {
		t.Errorf("alone: %v; expected that neither binding can be told", f.Findings)
	}
	f, _ = ask(t, "-f", folder)
	want := []string{}
	for _, rule := range []string{
		"rbac-create-pods", "rbac-exec", "rbac-impersonate", "rbac-secrets", "rbac-tokens", "rbac-workloads",
	} {
		want = append(want, "["+rule+"]: RoleBinding shop/team")
	}
	compare(t, f.lines("fail"), want)
	compare(t, f.lines("error"), nil)
}

// Who may list bindings and roles alone is told what was not read, and none of that counts as passed.
func TestWhatTheCallerMayNotListIsSaid(t *testing.T) {
	ctx := t.Context()
	const name = "auditor"
	kubeconfig := grant(t, &rbacv1.ClusterRole{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Rules: []rbacv1.PolicyRule{{
			APIGroups: []string{rbacv1.GroupName}, Verbs: []string{"list"},
			Resources: []string{"roles", "rolebindings", "clusterroles", "clusterrolebindings"},
		}},
	}, "default", name)
	f, code := ask(t, "--kubeconfig", kubeconfig)
	if code != 3 {
		t.Errorf("exit code %d, expected 3", code)
	}
	whats := []string{}
	for _, not := range f.NotRead {
		whats = append(whats, not.What)
		if !strings.Contains(not.Why, "forbidden") {
			t.Errorf("%s: %q does not say that a right is missing", not.What, not.Why)
		}
	}
	want := []string{
		"ConfigMaps", "CronJobs", "DaemonSets", "Deployments", "Jobs", "Pods", "ReplicaSets", "ReplicationControllers", "Secrets",
		"ServiceAccounts", "StatefulSets",
	}
	compare(t, slices.Sorted(slices.Values(whats)), want)
	needs := []string{
		"rbac-config-map-credentials", "rbac-long-lived-tokens", "rbac-missing-subject", "rbac-unused-service-account",
	}
	lines := slices.DeleteFunc(expected(t), func(line string) bool {
		return slices.ContainsFunc(needs, func(rule string) bool { return strings.HasPrefix(line, "["+rule+"]") })
	})
	compare(t, f.lines("fail"), lines)
	if told := strings.Join(f.lines("error"), "\n"); !strings.Contains(told, "[rbac-missing-subject]: RoleBinding planted/rbac-missing-subject") {
		t.Errorf("that the subject cannot be looked up is not said:\n%s", told)
	}
	t.Run("nothing at all", func(t *testing.T) {
		if err := control.Client.RbacV1().ClusterRoleBindings().Delete(ctx, name, metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		eventually(t, func() error {
			f, code := ask(t, "--kubeconfig", kubeconfig)
			if code != 3 || len(f.NotRead) != len(want)+4 || len(f.Findings) > 0 {
				return fmt.Errorf("exit code %d, not read %v, findings %v", code, f.NotRead, f.Findings)
			}
			return nil
		})
	})
}

// Who adds somebody to a default binding, or a right to a default role, is found: the label excuses nothing.
func TestDefaultsThatWereTamperedWithAreFound(t *testing.T) {
	for _, args := range [][]string{
		{"delete", "-f", planted, "--wait=false", "--ignore-not-found"},
		{"delete", "clusterrole", "auditor"},
		{"delete", "serviceaccount", "auditor", "-n", "default"},
		{"patch", "clusterrolebinding", "cluster-admin", "--type=json",
			`-p=[{"op":"add","path":"/subjects/-","value":{"apiGroup":"rbac.authorization.k8s.io","kind":"Group","name":"system:unauthenticated"}}]`},
		{"patch", "clusterrole", "system:discovery", "--type=json",
			`-p=[{"op":"add","path":"/rules/-","value":{"apiGroups":[""],"resources":["secrets"],"verbs":["get"]}}]`},
	} {
		if out, err := control.RunKubectl(t.Context(), args...); err != nil {
			t.Fatal(err, out)
		}
	}
	want := []string{
		"[rbac-anonymous]: ClusterRoleBinding cluster-admin",
		"[rbac-cluster-admin]: ClusterRoleBinding cluster-admin",
		"[rbac-secrets]: ClusterRoleBinding system:discovery",
	}
	eventually(t, func() error { // the namespace takes its time to go
		f, code := ask(t, "--kubeconfig", control.AdminKubeconfig)
		if got := f.lines("fail"); code != 3 || !slices.Equal(got, want) {
			return fmt.Errorf("exit code %d, findings %q", code, got)
		}
		return nil
	})
}

// A folder is read as kubectl reads it, and standard output is for people.
func TestTextNamesObjectRuleAndRemedy(t *testing.T) {
	folder := t.TempDir()
	text, err := os.ReadFile(planted)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "planted.yaml"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	out, code, err := operator.Run(t.Context(), "rbac", "findings", "-f", folder)
	if err != nil || code != 3 {
		t.Fatal(code, err)
	}
	for _, want := range []string{
		"ClusterRoleBinding rbac-cluster-admin\n  rbac-cluster-admin (critical): gives every right everywhere to User kim by ClusterRole cluster-admin; ",
		"ConfigMap planted/rbac-config-map-credentials\n  rbac-config-map-credentials (high): key app.properties holds a value of db.password; ",
		"Secret planted/rbac-long-lived-tokens\n  rbac-long-lived-tokens (high): holds a token of ServiceAccount fine-used that never expires",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in:\n%s", want, out)
		}
	}
}

// eventually demands that check becomes nil.
func eventually(t *testing.T, check func() error) {
	t.Helper()
	err := check()
	for deadline := time.Now().Add(30 * time.Second); err != nil && time.Now().Before(deadline); err = check() {
		time.Sleep(100 * time.Millisecond)
	}
	if err != nil {
		t.Fatal(err)
	}
}
