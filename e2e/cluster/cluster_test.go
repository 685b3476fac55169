package cluster

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

const testLimit = time.Minute

func startTest(t *testing.T, opts Options) *Cluster {
	t.Helper()
	opts.Progress = SlowTo(t.Output())
	c, err := Start(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// eventually polls check until it is nil or the test's limit is over.
func eventually(t *testing.T, check func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testLimit)
	defer cancel()
	for {
		err := check(ctx)
		if err == nil {
			return
		}
		select {
		case <-time.After(pollInterval):
		case <-ctx.Done():
			t.Fatal(err)
		}
	}
}

func makeNamespace(t *testing.T, c *Cluster, name string) {
	t.Helper()
	object := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
	if _, err := c.Client.CoreV1().Namespaces().Create(t.Context(), object, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, func(ctx context.Context) error {
		_, err := c.Client.CoreV1().ServiceAccounts(name).Get(ctx, "default", metav1.GetOptions{})
		return err
	})
}

// TestCluster shares one cluster among what does not stop it for good.
func TestCluster(t *testing.T) {
	c := startTest(t, Options{ControllerManager: true, Scheduler: true, Nodes: 2})

	t.Run("the controller manager gives a namespace its ServiceAccount", func(t *testing.T) {
		makeNamespace(t, c, "managed") // waits for it
	})
	t.Run("RBAC denies a ServiceAccount without rights", func(t *testing.T) { testRBAC(t, c) })
	t.Run("a pod becomes ready and can be deleted", func(t *testing.T) { testPod(t, c) })
	t.Run("a pod that is denied what it needs does not become ready", func(t *testing.T) { testNeeds(t, c) })
	t.Run("the audit log names user, verb, object and code", func(t *testing.T) { testAudit(t, c) })
	t.Run("kubectl works", func(t *testing.T) { testKubectl(t, c) })
	t.Run("a frozen peer answers from its past", func(t *testing.T) { testPeer(t, c) })
	t.Run("what is compacted cannot be watched", func(t *testing.T) { testCompact(t, c) })
	t.Run("a stopped API server comes back with its data", func(t *testing.T) {
		testRestart(t, c, "stopped", c.Stop)
	})
	t.Run("a killed API server comes back with its data", func(t *testing.T) {
		testRestart(t, c, "killed", c.Kill)
	})
}

func testRBAC(t *testing.T, c *Cluster) {
	makeNamespace(t, c, "powerless")
	path, err := c.ServiceAccountKubeconfig(t.Context(), "powerless", "default")
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode of the kubeconfig: %v, %v; want 0600", info, err)
	}
	config, err := clientcmd.BuildConfigFromFlags("", path)
	if err != nil {
		t.Fatal(err)
	}
	if config.BearerTokenFile == "" || config.CAFile == "" {
		t.Errorf("token file %q, CA file %q; want both", config.BearerTokenFile, config.CAFile)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.CoreV1().Namespaces().List(t.Context(), metav1.ListOptions{})
	if !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), "system:serviceaccount:powerless:default") {
		t.Errorf("list namespaces: %v; want a refusal that names the ServiceAccount", err)
	}
}

func testAudit(t *testing.T, c *Cluster) {
	_, err := c.Client.CoreV1().ConfigMaps("default").Get(t.Context(), "audited", metav1.GetOptions{})
	if !apierrors.IsNotFound(err) {
		t.Fatal(err)
	}
	eventually(t, func(context.Context) error {
		for event, err := range c.AuditEvents() {
			if err != nil {
				return err
			}
			if event.ObjectRef != nil && event.ObjectRef.Resource == "configmaps" && event.ObjectRef.Name == "audited" &&
				event.Verb == "get" && event.User.Username == "kubernetes-admin" && event.ResponseStatus.Code == 404 {
				return nil
			}
		}
		return fmt.Errorf("%s does not have the request", c.AuditLog())
	})
}

func testKubectl(t *testing.T, c *Cluster) {
	out, err := c.RunKubectl(t.Context(), "get", "nodes", "--output=name")
	if err != nil {
		t.Fatal(err)
	}
	if want := "node/node-0\nnode/node-1\n"; out != want {
		t.Errorf("kubectl get nodes: %q, want %q", out, want)
	}
}

func testRestart(t *testing.T, c *Cluster, name string, end func(context.Context, Component) error) {
	makeNamespace(t, c, name)
	if err := end(t.Context(), APIServer); err != nil {
		t.Fatal(err)
	}
	if c.PID(APIServer) != 0 || !isFree(c.port) {
		t.Fatalf("pid %d, port free: %t", c.PID(APIServer), isFree(c.port))
	}
	if err := c.Start(t.Context(), APIServer); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Client.CoreV1().Namespaces().Get(t.Context(), name, metav1.GetOptions{}); err != nil {
		t.Error(err)
	}
	makeNamespace(t, c, name+"-after") // the controller manager is with it again
}

func TestAFeatureGateReachesTheAPIServer(t *testing.T) {
	c := startTest(t, Options{FeatureGates: map[string]bool{"WatchList": false}})
	watch, err := c.Client.CoreV1().Namespaces().Watch(t.Context(), metav1.ListOptions{
		SendInitialEvents:    new(true),
		ResourceVersionMatch: metav1.ResourceVersionMatchNotOlderThan,
		AllowWatchBookmarks:  true,
	})
	if err == nil {
		watch.Stop()
		t.Fatal("a watch with initial events was granted")
	}
	if !apierrors.IsInvalid(err) {
		t.Errorf("got %v, want 422", err)
	}
}

func TestAFailedStartSaysWhyAndLeavesNothing(t *testing.T) {
	dir := t.TempDir() + "/data"
	_, err := Start(t.Context(), Options{Dir: dir, APIServerArgs: []string{"--no-such-flag"}})
	if err == nil || !strings.Contains(err.Error(), "unknown flag: --no-such-flag") {
		t.Errorf("got %v, want the log's reason", err)
	}
	if left := leftOf(dir); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}
