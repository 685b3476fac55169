package access

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	manyRoles    = 5_000
	manyBindings = 10_000
	manyIn       = "many"
	memoryMax    = 96 << 20 // bytes, of the whole process; 46 to 54 MB are measured
	answerMax    = 30 * time.Second
)

// createMany is last of all tests: the others would read these, too.
func createMany(t *testing.T) {
	t.Helper()
	rbac := control.Client.RbacV1()
	_, err := control.Client.CoreV1().Namespaces().Create(t.Context(),
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: manyIn}}, metav1.CreateOptions{})
	demand(t, err)
	rules := []rbacv1.PolicyRule{
		{Verbs: []string{"get", "list", "watch"}, APIGroups: []string{"", "apps"}, Resources: []string{"pods", "pods/log", "deployments"}},
		{Verbs: []string{"update", "patch"}, APIGroups: []string{"apps"}, Resources: []string{"deployments/scale"}},
		{Verbs: []string{"get"}, APIGroups: []string{""}, Resources: []string{"secrets"}, ResourceNames: []string{"one", "two"}},
	}
	errs := make([]error, askers)
	var group sync.WaitGroup
	for asker := range askers {
		group.Go(func() {
			for i := asker; i < manyRoles+manyBindings && errs[asker] == nil; i += askers {
				meta := metav1.ObjectMeta{Name: fmt.Sprintf("a-name-of-the-usual-length-%d", i)}
				if i < manyRoles {
					_, errs[asker] = rbac.Roles(manyIn).Create(t.Context(), &rbacv1.Role{ObjectMeta: meta, Rules: rules}, metav1.CreateOptions{})
					continue
				}
				_, errs[asker] = rbac.RoleBindings(manyIn).Create(t.Context(), &rbacv1.RoleBinding{ObjectMeta: meta,
					Subjects: []rbacv1.Subject{{Kind: "ServiceAccount", Name: fmt.Sprintf("account-%d", i%100)}},
					RoleRef:  rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: fmt.Sprintf("a-name-of-the-usual-length-%d", i%manyRoles)},
				}, metav1.CreateOptions{})
			}
		})
	}
	group.Wait()
	for _, err := range errs {
		demand(t, err)
	}
}

func TestWhoCanNeedsLittleMemoryFor5000RolesAnd10000Bindings(t *testing.T) {
	createMany(t)
	began := time.Now()
	command := exec.CommandContext(t.Context(), os.Getenv("RAMPART_BINARY"), "who-can", "get", "secrets", "-A")
	command.Env = append(os.Environ(), "KUBECONFIG="+control.AdminKubeconfig)
	out, err := command.Output()
	took := time.Since(began)
	demand(t, err)
	if lines := strings.Count(string(out), " RoleBinding "+manyIn+"/"); lines != manyBindings {
		t.Errorf("%d of %d bindings are told", lines, manyBindings)
	}
	usage, isUsage := command.ProcessState.SysUsage().(*syscall.Rusage)
	if !isUsage {
		t.Fatal("there is no rusage")
	}
	memory := usage.Maxrss << 10
	t.Logf("%d MB, %v", memory>>20, took.Round(time.Millisecond))
	if memory > memoryMax && !strings.Contains(os.Getenv("RAMPART_BINARY"), "asan") {
		t.Errorf("it took %d MB, more than %d", memory>>20, memoryMax>>20)
	}
	if took > answerMax {
		t.Errorf("it took %v", took)
	}
}
