package proxy

import (
	"context"
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"rampart.dev/e2e/cluster"
)

const limit = 30 * time.Second

// bench is a client behind a proxy, and one beside it.
type bench struct {
	*testing.T
	proxy   *Proxy
	config  *rest.Config
	through kubernetes.Interface
	direct  kubernetes.Interface

	kubeconfig string // as it was
}

// TestProxy shares one API server; each part has a proxy of its own.
func TestProxy(t *testing.T) {
	c, err := cluster.Start(t.Context(), cluster.Options{Progress: cluster.SlowTo(t.Output())})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	kubeconfig, err := almighty(t.Context(), c)
	must(t, err)
	for _, test := range []struct {
		name string
		run  func(*bench)
	}{
		{"without rules it speaks HTTP/2 and passes all on", passes},
		{"every request is on record, by verb and object", records},
		{"a rule takes the n-th request and no other", takes},
		{"an answer may be another, with headers", answers},
		{"a page may be changed", pages},
		{"events may be dropped, replaced and added", events},
		{"a valve holds a watch and lets it go on", holds},
		{"a stream may be chopped into bytes", chops},
		{"a stream may be cut off", cuts},
		{"a watch may be ended in order", ends},
		{"reads may go to another server", routes},
		{"a connection may be broken, and another is made", breaks},
		{"GOAWAY leads to another connection", goesAway},
		{"a request may be late, or never be answered", waits},
		{"a cable that is cut says nothing", cable},
		{"a cable may reset what comes", resets},
	} {
		t.Run(test.name, func(t *testing.T) {
			p, err := New(c)
			must(t, err)
			t.Cleanup(p.Close)
			test.run(newBench(t, p, kubeconfig, p.Kubeconfig))
		})
	}
}

// almighty makes a ServiceAccount that may do everything, and a kubeconfig for it.
func almighty(ctx context.Context, c *cluster.Cluster) (path string, err error) {
	const name = "almighty"
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: name}}
	if _, err := c.Client.CoreV1().ServiceAccounts("default").Create(ctx, account, metav1.CreateOptions{}); err != nil {
		return "", err
	}
	_, err = c.Client.RbacV1().ClusterRoleBindings().Create(ctx, &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "cluster-admin"},
		Subjects:   []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: "default", Name: name}},
	}, metav1.CreateOptions{})
	if err != nil {
		return "", err
	}
	return c.ServiceAccountKubeconfig(ctx, "default", name)
}

// newBench makes a client with a kubeconfig that lead has led through a proxy.
func newBench(t *testing.T, p *Proxy, kubeconfig string, lead func(original, path string) error) *bench {
	t.Helper()
	b := &bench{T: t, proxy: p, direct: p.cluster.Client, kubeconfig: kubeconfig}
	path := filepath.Join(t.TempDir(), "kubeconfig")
	must(t, lead(kubeconfig, path))
	config, err := clientcmd.BuildConfigFromFlags("", path)
	must(t, err)
	config.QPS = -1
	config.ContentType, config.AcceptContentTypes = "application/json", "application/json"
	b.config = config
	b.through, err = kubernetes.NewForConfig(config)
	must(t, err)
	return b
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (b *bench) make(name string) {
	b.Helper()
	_, err := b.direct.CoreV1().ConfigMaps("default").Create(b.Context(),
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
	must(b.T, err)
	b.Cleanup(func() {
		_ = b.direct.CoreV1().ConfigMaps("default").Delete(context.Background(), name, metav1.DeleteOptions{})
	})
}

func (b *bench) get() error {
	_, err := b.through.CoreV1().Namespaces().Get(b.Context(), "default", metav1.GetOptions{})
	return err
}

func (b *bench) watch() watch.Interface {
	b.Helper()
	list, err := b.direct.CoreV1().ConfigMaps("default").List(b.Context(), metav1.ListOptions{})
	must(b.T, err)
	w, err := b.through.CoreV1().ConfigMaps("default").Watch(b.Context(), metav1.ListOptions{ResourceVersion: list.ResourceVersion})
	must(b.T, err)
	b.Cleanup(w.Stop)
	return w
}

// next is an event, as "ADDED name"; "" when the watch ended.
func (b *bench) next(w watch.Interface) string {
	b.Helper()
	select {
	case e, ok := <-w.ResultChan():
		if !ok {
			return ""
		}
		if m, ok := e.Object.(*corev1.ConfigMap); ok {
			return string(e.Type) + " " + m.Name
		}
		return string(e.Type)
	case <-time.After(limit):
		b.Fatal("no event")
		return ""
	}
}

func (b *bench) expect(w watch.Interface, events ...string) {
	b.Helper()
	for _, want := range events {
		if got := b.next(w); got != want {
			b.Fatalf("event %q, expected %q", got, want)
		}
	}
}

func passes(b *bench) {
	refused := filepath.Join(b.TempDir(), "kubeconfig")
	if err := b.proxy.Kubeconfig(b.proxy.cluster.AdminKubeconfig, refused); err == nil {
		b.Error("a client certificate is led through a proxy, where it ends")
	}
	must(b.T, b.get())
	client, err := rest.HTTPClientFor(b.config)
	must(b.T, err)
	answer, err := client.Get(b.proxy.URL + "/readyz")
	must(b.T, err)
	answer.Body.Close()
	if answer.ProtoMajor != 2 || answer.StatusCode != http.StatusOK {
		b.Errorf("answered %s by %s", answer.Status, answer.Proto)
	}
	w := b.watch()
	b.make("passed")
	b.expect(w, "ADDED passed")
}

func records(b *bench) {
	must(b.T, b.get())
	maps := b.through.CoreV1().ConfigMaps("default")
	for _, name := range []string{"one", "two"} {
		_, err := maps.Create(b.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
		must(b.T, err)
	}
	place := b.proxy.Now()
	must(b.T, maps.Delete(b.Context(), "one", metav1.DeleteOptions{}))
	must(b.T, maps.Delete(b.Context(), "two", metav1.DeleteOptions{}))
	if err := maps.Delete(b.Context(), "two", metav1.DeleteOptions{}); !apierrors.IsNotFound(err) {
		b.Error(err)
	}
	if got := b.proxy.Count(All(Writes("configmaps"), Namespaced("default"))); got != 5 {
		b.Errorf("%d writes on record, expected 5", got)
	}
	last := b.proxy.Since(place, Named("two"))
	if len(last) != 2 || last[1].Verb != "delete" || last[1].Status != 404 || last[1].Object() != "configmaps default/two" {
		b.Errorf("on record: %+v", last)
	}
	if got := b.proxy.Since(0, All(Verb("get"), Resource("namespaces"), Named("default"))); len(got) != 1 || got[0].Status != 200 {
		b.Errorf("on record: %+v", got)
	}
}

func takes(b *bench) {
	rule := b.proxy.Add(Rule{Match: Resource("namespaces"), Skip: 1, Times: 1, Do: Answer(404, "{}")})
	for i, want := range []bool{true, false, true} {
		if err := b.get(); (err == nil) != want {
			b.Errorf("request %d: %v", i, err)
		}
	}
	if rule.Taken() != 1 {
		b.Errorf("taken: %d", rule.Taken())
	}
	all := b.proxy.On(Resource(), Abort)
	if b.get() == nil {
		b.Error("an aborted request was answered")
	}
	all.Remove()
	must(b.T, b.get())
}

func answers(b *bench) {
	b.proxy.Add(Rule{Match: Resource("namespaces"), Do: Fail(apierrors.NewTooManyRequests("slowly", 1), "Retry-After", "1"), Times: 1})
	begin := time.Now()
	must(b.T, b.get()) // client-go obeys
	if time.Since(begin) < time.Second {
		b.Error("Retry-After did not arrive")
	}
	b.proxy.Add(Rule{Match: Resource("namespaces"), Do: Fail(apierrors.NewResourceExpired("too old"))})
	if err := b.get(); !apierrors.IsResourceExpired(err) {
		b.Error(err)
	}
}

func pages(b *bench) {
	b.make("page-one")
	b.make("page-two")
	b.proxy.On(Lists("configmaps"), Limit(1))
	rule := b.proxy.Add(Rule{Match: Lists("configmaps"), Times: 1, Do: List(func(page map[string]any) { page["items"] = []any{} })})
	whole, err := b.through.CoreV1().ConfigMaps("default").List(b.Context(), metav1.ListOptions{})
	must(b.T, err)
	if len(whole.Items) != 0 || whole.Continue != "" {
		b.Errorf("%d items, token %q, where no pages were asked for", len(whole.Items), whole.Continue)
	}
	rule.Remove()
	rule = b.proxy.Add(Rule{Match: Lists("configmaps"), Times: 1, Do: List(func(page map[string]any) { page["items"] = []any{} })})
	list, err := b.through.CoreV1().ConfigMaps("default").List(b.Context(), metav1.ListOptions{Limit: 100})
	must(b.T, err)
	if len(list.Items) != 0 || list.Continue == "" || rule.Taken() != 1 {
		b.Errorf("%d items, token %q", len(list.Items), list.Continue)
	}
	list, err = b.through.CoreV1().ConfigMaps("default").List(b.Context(), metav1.ListOptions{Limit: 100})
	must(b.T, err)
	if len(list.Items) != 1 || list.Continue == "" {
		b.Errorf("%d items, token %q", len(list.Items), list.Continue)
	}
}

func events(b *bench) {
	b.proxy.On(Watches(), Events(func(e Event, send func(Event)) {
		switch e.Meta().Name {
		case "dropped":
		case "replaced":
			send(Event{Type: "MODIFIED", Object: e.Object})
		default:
			send(e)
			send(e)
		}
	}))
	w := b.watch()
	b.make("dropped")
	b.make("replaced")
	b.make("doubled")
	b.expect(w, "MODIFIED replaced", "ADDED doubled", "ADDED doubled")
	if n := b.proxy.Inject(Watches("configmaps"), ErrorEvent(apierrors.NewResourceExpired("too old"))); n != 1 {
		b.Errorf("put into %d watches", n)
	}
	b.expect(w, "ERROR")
}

func holds(b *bench) {
	var valve Valve
	b.proxy.On(Watches(), valve.Answers)
	w := b.watch()
	valve.Hold()
	b.make("held")
	b.make("held-too")
	select {
	case e := <-w.ResultChan():
		b.Fatalf("came through: %v", e)
	case <-time.After(200 * time.Millisecond): // nothing to wait for: it must not come
	}
	valve.Release()
	b.expect(w, "ADDED held", "ADDED held-too")
}

func chops(b *bench) {
	b.proxy.On(Watches(), Chop(1))
	w := b.watch()
	b.make("chopped")
	b.make("chopped-too")
	b.expect(w, "ADDED chopped", "ADDED chopped-too")
}

func cuts(b *bench) {
	b.proxy.On(Watches(), CutAfter(40, nil))
	w := b.watch()
	b.make("cut")
	if got := b.next(w); got != "" && got != "ERROR" {
		b.Errorf("event %q of a watch that was cut off", got)
	}
	b.proxy.On(Lists(), EndAfter(40))
	if _, err := b.through.CoreV1().ConfigMaps("default").List(b.Context(), metav1.ListOptions{}); err == nil {
		b.Error("a truncated list was read")
	}
	write := b.proxy.On(Writes(), AbortAnswered)
	_, err := b.through.CoreV1().ConfigMaps("default").Create(b.Context(),
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "silent"}}, metav1.CreateOptions{})
	write.Remove()
	if err == nil {
		b.Error("an aborted write was answered")
	}
	must(b.T, b.direct.CoreV1().ConfigMaps("default").Delete(b.Context(), "silent", metav1.DeleteOptions{}))
}

func ends(b *bench) {
	w := b.watch()
	if n := b.proxy.EndRunning(Watches("configmaps")); n != 1 {
		b.Errorf("%d watches ended", n)
	}
	if got := b.next(w); got != "" {
		b.Errorf("event %q of a watch that was ended", got)
	}
}

func routes(b *bench) {
	other, err := New(b.proxy.cluster)
	must(b.T, err)
	defer other.Close()
	backend, err := NewBackend(other.URL, b.proxy.cluster.Config.CAData)
	must(b.T, err)
	b.proxy.On(Verb("list", "watch"), To(backend))
	must(b.T, b.get())
	_, err = b.through.CoreV1().Namespaces().List(b.Context(), metav1.ListOptions{})
	must(b.T, err)
	if other.Count(All()) != 1 || other.Count(Lists("namespaces")) != 1 {
		b.Errorf("the other server was asked %+v", other.Since(0, All()))
	}
}

func breaks(b *bench) {
	for _, how := range []Break{CloseConnection, ResetConnection, HalfClose, GarbleConnection} {
		w := b.watch()
		if n := b.proxy.BreakConnections(how); n == 0 {
			b.Errorf("%d: no connection", how)
		}
		if got := b.next(w); got != "" && got != "ERROR" {
			b.Errorf("%d: event %q", how, got)
		}
		begin := time.Now()
		for b.get() != nil {
			if time.Since(begin) > limit {
				b.Fatalf("%d: no other connection", how)
			}
		}
	}
	if b.proxy.Connections() < 4 {
		b.Errorf("%d connections", b.proxy.Connections())
	}
}

func goesAway(b *bench) {
	must(b.T, b.get())
	before := b.proxy.Connections()
	rule := b.proxy.Add(Rule{Match: Resource("namespaces"), Times: 1, Do: GoAway})
	must(b.T, b.get())
	for begin := time.Now(); b.proxy.Connections() == before; {
		if time.Since(begin) > limit {
			b.Fatalf("no other connection; %d times away", rule.Taken())
		}
		must(b.T, b.get())
	}
}

func waits(b *bench) {
	const late = 300 * time.Millisecond
	rule := b.proxy.On(Resource("namespaces"), Delay(late))
	begin := time.Now()
	must(b.T, b.get())
	if time.Since(begin) < late {
		b.Error("it was not late")
	}
	rule.Remove()
	b.proxy.On(Resource("namespaces"), Swallow)
	ctx, cancel := context.WithTimeout(b.Context(), late)
	defer cancel()
	if _, err := b.through.CoreV1().Namespaces().Get(ctx, "default", metav1.GetOptions{}); err == nil || ctx.Err() == nil {
		b.Errorf("it was answered: %v", err)
	}
}

func resets(b *bench) {
	laid, err := b.proxy.LayCable()
	must(b.T, err)
	defer laid.Close()
	must(b.T, laid.Reset())
	far := newBench(b.T, b.proxy, b.kubeconfig, laid.Kubeconfig)
	if err := far.get(); err == nil || !strings.Contains(err.Error(), "reset") && !strings.Contains(err.Error(), "EOF") {
		b.Errorf("through a cable that resets: %v", err)
	}
	laid.Mend()
	must(b.T, far.get())
}

func cable(b *bench) {
	laid, err := b.proxy.LayCable()
	must(b.T, err)
	defer laid.Close()
	far := newBench(b.T, b.proxy, b.kubeconfig, laid.Kubeconfig)
	must(b.T, far.get())
	must(b.T, laid.Cut())
	ctx, cancel := context.WithTimeout(b.Context(), time.Second)
	defer cancel()
	_, err = far.through.CoreV1().Namespaces().Get(ctx, "default", metav1.GetOptions{})
	if err == nil || ctx.Err() == nil {
		b.Errorf("through a cable that is cut: %v", err)
	}
	laid.Mend()
	for begin := time.Now(); far.get() != nil; {
		if time.Since(begin) > limit {
			b.Fatal("the cable is mended, and nothing comes through")
		}
	}
}

// Names in the URL are told apart as the API server does.
func TestRequestsAreReadFromTheirPaths(t *testing.T) {
	for _, test := range []struct{ method, path, want string }{
		{"GET", "/api/v1/namespaces", "list namespaces "},
		{"GET", "/api/v1/namespaces?watch=1", "watch namespaces "},
		{"GET", "/api/v1/namespaces/one", "get namespaces one"},
		{"PUT", "/api/v1/namespaces/one/finalize", "update namespaces/finalize one"},
		{"POST", "/apis/networking.k8s.io/v1/namespaces/one/networkpolicies", "create networkpolicies one/"},
		{"DELETE", "/apis/networking.k8s.io/v1/namespaces/one/networkpolicies/x", "delete networkpolicies one/x"},
		{"DELETE", "/apis/networking.k8s.io/v1/namespaces/one/networkpolicies", "deletecollection networkpolicies one/"},
		{"PATCH", "/apis/rampart.dev/v1alpha1/securityprofiles/x/status", "patch securityprofiles/status x"},
		{"GET", "/apis/rampart.dev/v1alpha1/securityprofiles?watch=true", "watch securityprofiles "},
		{"GET", "/readyz", "get  "},
	} {
		r, err := http.NewRequest(test.method, "https://localhost"+test.path, nil)
		must(t, err)
		got := parse(r)
		if text := got.Verb + " " + got.Object(); text != test.want {
			t.Errorf("%s %s: %q, expected %q", test.method, test.path, text, test.want)
		}
	}
}

func TestBookmarksAndErrorsAreEvents(t *testing.T) {
	mark := Bookmark("v1", "Namespace", "17", map[string]string{"k8s.io/initial-events-end": "true"})
	if meta := mark.Meta(); meta.ResourceVersion != "17" || meta.Kind != "Namespace" || len(meta.Annotations) != 1 {
		t.Errorf("%+v", meta)
	}
	var status metav1.Status
	must(t, json.Unmarshal(ErrorEvent(apierrors.NewResourceExpired("old")).Object, &status))
	if status.Kind != "Status" || status.Code != 410 || !strings.Contains(status.Message, "old") {
		t.Errorf("%+v", status)
	}
}
