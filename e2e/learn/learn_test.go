// Package learn tests `rampart rbac learn` on a real API server: a ServiceAccount that may do everything does this and
// that, its audit log is learned, and with the learned roles alone it can do all of it again; with any single right
// less it cannot. RAMPART_SEED repeats a run of the random traffic.
package learn

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"rampart.dev/e2e/auditlog"
	"rampart.dev/e2e/cluster"
	"rampart.dev/e2e/operator"
	"rampart.dev/e2e/poll"
	"rampart.dev/e2e/proc"
)

const (
	home      = "learn-home" // where the ServiceAccounts are
	waitLimit = 30 * time.Second
)

// auditPolicy writes down as much as there can be: every stage, with bodies.
const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
rules: [{level: RequestResponse}]
`

var control *cluster.Cluster

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	dir, err := os.MkdirTemp("", "rampart-e2e-learn-")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	policy := filepath.Join(dir, "audit-policy.yaml")
	if err := os.WriteFile(policy, []byte(auditPolicy), 0o600); err != nil {
		return 0, err
	}
	control, err = cluster.Start(context.Background(), cluster.Options{
		// A pod whose ServiceAccount is not there is refused with 403 by admission, whatever rights there are.
		APIServerArgs: []string{"--audit-policy-file=" + policy, "--disable-admission-plugins=ServiceAccount"}, Progress: cluster.SlowTo(os.Stderr),
	})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, control.Close()) }()
	for _, name := range append([]string{home}, namespaces...) {
		ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
		if _, err := control.Client.CoreV1().Namespaces().Create(context.Background(), ns, metav1.CreateOptions{}); err != nil {
			return 0, err
		}
	}
	return m.Run(), nil
}

// account is a ServiceAccount with a token, and nothing that it may do unless something is bound to it.
type account struct {
	name  string
	token string
}

func newAccount(t *testing.T, name string) *account {
	t.Helper()
	accounts := control.Client.CoreV1().ServiceAccounts(home)
	_, err := accounts.Create(t.Context(), &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
	check(t, err)
	request, err := accounts.CreateToken(t.Context(), name, &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	check(t, err)
	return &account{name: name, token: request.Status.Token}
}

// bind lets it do what the rules say, in all namespaces, until the function that it returns is called.
func (a *account) bind(t *testing.T, rules ...rbacv1.PolicyRule) (unbind func()) {
	t.Helper()
	name := "wide-" + a.name
	roles, bindings := control.Client.RbacV1().ClusterRoles(), control.Client.RbacV1().ClusterRoleBindings()
	_, err := roles.Create(t.Context(), &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: name}, Rules: rules}, metav1.CreateOptions{})
	check(t, err)
	_, err = bindings.Create(t.Context(), &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: name},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Name: a.name, Namespace: home}},
	}, metav1.CreateOptions{})
	check(t, err)
	return func() {
		check(t, bindings.Delete(t.Context(), name, metav1.DeleteOptions{}))
		check(t, roles.Delete(t.Context(), name, metav1.DeleteOptions{}))
	}
}

// awaits that the API server's own answer to whether the account has that right is the wanted one.
func (a *account) awaits(t *testing.T, r right, wanted bool) {
	t.Helper()
	check(t, poll.Until(waitLimit, func() error {
		review, err := control.Client.AuthorizationV1().SubjectAccessReviews().Create(t.Context(),
			&authorizationv1.SubjectAccessReview{Spec: r.spec(a)}, metav1.CreateOptions{})
		if err == nil && review.Status.Allowed != wanted {
			err = fmt.Errorf("%s: allowed is %t (%s)", r, review.Status.Allowed, review.Status.Reason)
		}
		return err
	}))
}

// learned is what `rampart rbac learn -o json` says of one ServiceAccount.
type learned struct {
	Requests int  `json:"requests"`
	Complete bool `json:"complete"`
	LeftOut  struct {
		Denied       int `json:"denied"`
		Impersonated int `json:"impersonated"`
		Everyones    int `json:"everyones"`
		Odd          int `json:"odd"`
		NoRoom       int `json:"noRoom"`
	} `json:"leftOut"`
	Roles []struct {
		Kind      string              `json:"kind"`
		Namespace string              `json:"namespace"`
		Name      string              `json:"name"`
		Rules     []rbacv1.PolicyRule `json:"rules"`
	} `json:"roles"`
	Notes []string `json:"notes"`
}

// rampart runs `rampart rbac learn` over the whole audit log.
func rampart(t *testing.T, flags ...string) []byte {
	t.Helper()
	binary, err := operator.Binary()
	check(t, err)
	command := exec.CommandContext(t.Context(), binary, append([]string{"rbac", "learn", "--audit-log", control.AuditLog()}, flags...)...)
	var said bytes.Buffer
	command.Stderr = &said
	out, err := command.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, said.String())
	}
	return out
}

// learn reads the log again and again until all requests of the account stand in it: the API server writes the end of
// a request after it was answered.
func (a *account) learn(t *testing.T, isWhole func(*learned) bool) *learned {
	t.Helper()
	var all struct {
		ServiceAccounts []learned `json:"serviceAccounts"`
	}
	check(t, poll.Until(waitLimit, func() error {
		out := rampart(t, "-o", "json", "--service-account", home+"/"+a.name)
		if err := json.Unmarshal(out, &all); err != nil {
			return err
		}
		if len(all.ServiceAccounts) != 1 || !isWhole(&all.ServiceAccounts[0]) {
			return fmt.Errorf("not all requests are in the audit log yet: %s", out)
		}
		return nil
	}))
	return &all.ServiceAccounts[0]
}

func TestWithLearnedRolesTheSameTrafficGoesThroughAndWithAnyRightLessItDoesNot(t *testing.T) {
	seeds := []int64{1, 2}
	if text := os.Getenv("RAMPART_SEED"); text != "" {
		seed, err := strconv.ParseInt(text, 10, 64)
		check(t, err)
		seeds = []int64{seed}
	}
	for _, seed := range seeds {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) { replay(t, seed) })
	}
}

func replay(t *testing.T, seed int64) {
	a := newAccount(t, fmt.Sprintf("traffic-%d", seed))
	traffic := randomTraffic(seed)
	everything := right{verb: "*", group: "*", resource: "*"}
	unbind := a.bind(t, rbacv1.PolicyRule{Verbs: []string{"*"}, APIGroups: []string{"*"}, Resources: []string{"*"}},
		rbacv1.PolicyRule{Verbs: []string{"*"}, NonResourceURLs: []string{"*"}})
	a.awaits(t, everything, true)

	first := a.play(t, traffic)
	if first.refused != nil {
		t.Fatalf("403 with every right there is: %s", first.refused)
	}
	known := a.learn(t, func(l *learned) bool { return l.Requests+l.LeftOut.Everyones == first.rights })
	if !known.Complete || known.LeftOut.Denied+known.LeftOut.Impersonated+known.LeftOut.Odd != 0 || len(known.Notes) > 1 {
		t.Fatalf("not all was learned: %+v", known)
	}

	unbind()
	a.awaits(t, everything, false)
	manifest := filepath.Join(t.TempDir(), "roles.yaml")
	check(t, os.WriteFile(manifest, rampart(t, "--service-account", home+"/"+a.name), 0o600))
	_, err := control.RunKubectl(t.Context(), "apply", "-f", manifest)
	check(t, err)
	roles := rolesOf(known)
	rights := 0
	for _, role := range roles {
		rights += len(role.rights)
		for _, r := range role.rights {
			a.awaits(t, r, true)
		}
	}
	if again := a.play(t, traffic); again.refused != nil {
		t.Fatalf("403 with the learned roles: %s", again.refused)
	}
	t.Logf("%d requests, %d rights in %d roles", len(traffic), rights, len(roles))

	for _, role := range roles {
		for i, r := range role.rights {
			role.write(t, without(role.rights, i))
			a.awaits(t, r, false)
			if got := a.play(t, traffic); got.refused == nil {
				t.Errorf("without %s in %s no request is refused", r, role)
			}
		}
		role.write(t, role.rights)
		for _, r := range role.rights {
			a.awaits(t, r, true)
		}
	}
}

func TestWhatWasDeniedOrDoneInSomebodyElsesNameIsNotLearned(t *testing.T) {
	denied, actor := newAccount(t, "denied"), newAccount(t, "actor")
	actor.bind(t, rbacv1.PolicyRule{Verbs: []string{"impersonate"}, APIGroups: []string{""}, Resources: []string{"users", "groups", "serviceaccounts"}})
	actor.awaits(t, right{verb: "impersonate", resource: "users"}, true)
	const requests = 3
	for range requests {
		one := request{method: "GET", path: "/api/v1/namespaces/" + namespaces[0] + "/secrets"}
		if code := denied.send(t, one, nil); code != 403 {
			t.Fatalf("%d and not 403", code)
		}
		if code := actor.send(t, one, map[string]string{"Impersonate-User": "kubernetes-admin", "Impersonate-Group": "system:masters"}); code != 200 {
			t.Fatalf("%d and not 200", code)
		}
	}
	if l := denied.learn(t, func(l *learned) bool { return l.LeftOut.Denied == requests }); len(l.Roles) > 0 || l.Requests > 0 {
		t.Errorf("learned from what was denied: %+v", l)
	}
	if l := actor.learn(t, func(l *learned) bool { return l.LeftOut.Impersonated == requests }); len(l.Roles) > 0 || l.Requests > 0 {
		t.Errorf("learned from what was done in somebody else's name: %+v", l)
	}
}

func TestWhatIsGrantedOnTheClusterAndWasNeverUsedIsTold(t *testing.T) {
	a := newAccount(t, "idle")
	defer a.bind(t, rbacv1.PolicyRule{Verbs: []string{"get", "delete"}, APIGroups: []string{""}, Resources: []string{"configmaps"}})()
	a.awaits(t, right{ns: namespaces[0], verb: "get", resource: "configmaps"}, true)
	if code := a.send(t, request{method: "GET", path: "/api/v1/namespaces/" + namespaces[0] + "/configmaps/x"}, nil); code != 404 {
		t.Fatalf("%d and not 404", code)
	}
	a.learn(t, func(l *learned) bool { return l.Requests == 1 })

	var all struct {
		ServiceAccounts []struct {
			Unused []struct {
				Role  struct{ Kind, Name string }
				Rules []rbacv1.PolicyRule
			} `json:"unused"`
		} `json:"serviceAccounts"`
	}
	out := rampart(t, "-o", "json", "--service-account", home+"/"+a.name, "--compare-cluster", "--kubeconfig", control.AdminKubeconfig)
	check(t, json.Unmarshal(out, &all))
	if len(all.ServiceAccounts) != 1 || len(all.ServiceAccounts[0].Unused) != 1 {
		t.Fatalf("%s", out)
	}
	unused := all.ServiceAccounts[0].Unused[0]
	wanted := []rbacv1.PolicyRule{{Verbs: []string{"delete"}, APIGroups: []string{""}, Resources: []string{"configmaps"}}}
	if unused.Role.Name != "wide-"+a.name || !equality.Semantic.DeepEqual(unused.Rules, wanted) {
		t.Errorf("%s", out)
	}
}

func TestALogWithMoreInItThanThereIsRoomForTakesNoMoreThan32MB(t *testing.T) {
	binary, err := operator.Binary()
	check(t, err)
	if strings.Contains(binary, "asan") {
		t.Skip("sanitizers take memory of their own")
	}
	path := filepath.Join(t.TempDir(), "wide.log")
	file, err := os.Create(path)
	check(t, err)
	check(t, errors.Join(auditlog.WriteWide(file), file.Close()))
	command := exec.CommandContext(t.Context(), binary, "rbac", "learn", "--audit-log", path, "--names-max", "1000")
	check(t, command.Start())
	peak := int64(0)
	for usage, err := proc.UsageOf(command.Process.Pid); err == nil; usage, err = proc.UsageOf(command.Process.Pid) {
		peak = max(peak, usage.Peak)
		time.Sleep(time.Millisecond)
	}
	const incomplete = 3 // the exit code where there was no room for all
	if err := command.Wait(); command.ProcessState.ExitCode() != incomplete {
		t.Fatalf("%v, and not exit code %d", err, incomplete)
	}
	if t.Logf("%.1f MB", float64(peak)/(1<<20)); peak == 0 || peak > 32<<20 {
		t.Errorf("%d bytes", peak)
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
