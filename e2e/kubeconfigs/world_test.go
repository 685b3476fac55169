package kubeconfigs

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"text/template"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"rampart.dev/e2e/operator"
)

const (
	asClientGo = "RAMPART_KUBECONFIGS_AS_CLIENT_GO" // in the environment: this process is the reference
	patience   = time.Minute
)

func TestMain(m *testing.M) {
	if os.Getenv(asClientGo) == "" {
		_ = flag.Set("test.parallel", "8") // rows wait more than they work
		os.Exit(m.Run())
	}
	if err := connectAsClientGo(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// connectAsClientGo makes one request with client-go, whose answer is that it is forbidden.
func connectAsClientGo(kubeconfig, context_ string) error {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = kubeconfig
	overrides := &clientcmd.ConfigOverrides{CurrentContext: context_}
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, overrides).ClientConfig()
	if err != nil {
		return err
	}
	config.QPS = -1
	clients, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, err = clients.CoreV1().Namespaces().List(ctx, metav1.ListOptions{})
	if apierrors.IsForbidden(err) {
		return nil
	}
	return errors.Join(errors.New("not the recorder's answer"), err)
}

// world is what one row of the table is run in: a folder with its files, the recorder and the proxies. The
// exported fields are for the templates of the files.
type world struct {
	Dir, CA, OtherCA   string
	Client, Client2    pair
	Port, Port6, Plain string
	Server, Server6    string
	Proxies            *proxies
	recorder           *recorder
	kubeconfig         string // the path to give; empty: none
	env                []string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	servers, others, clients := newAuthority(t, "servers"), newAuthority(t, "others"), newAuthority(t, "clients")
	identity := servers.server(t).tls(t)
	r := newRecorder(t, identity, clients)
	w := &world{
		Dir: t.TempDir(), CA: servers.pem, OtherCA: others.pem,
		Client: clients.client(t, "client"), Client2: clients.client(t, "client2"),
		Port: r.port, Port6: r.port6, Plain: r.plain,
		Server: "https://127.0.0.1:" + r.port, Server6: "https://[::1]:" + r.port6,
		Proxies: newProxies(t, r, identity), recorder: r,
	}
	for name, text := range map[string]string{
		"ca.crt": w.CA, "other-ca.crt": w.OtherCA, "sub/ca.crt": w.CA,
		"client.crt": w.Client.cert, "client.key": w.Client.key, "client2.key": w.Client2.key,
		"sub/client.crt": w.Client.cert, "sub/client.key": w.Client.key,
	} {
		w.write(t, name, text)
	}
	return w
}

// write puts a file into the folder; one that begins with #! can be executed.
func (w *world) write(t *testing.T, name, text string) {
	t.Helper()
	mode := os.FileMode(0o600)
	if strings.HasPrefix(text, "#!") {
		mode = 0o700
	}
	path := filepath.Join(w.Dir, name)
	check(t, os.MkdirAll(filepath.Dir(path), 0o700))
	check(t, os.WriteFile(path, []byte(text), mode))
}

// fill puts what is known here only into a text: {{.Server}}, {{b64 .CA}}.
func (w *world) fill(t *testing.T, text string) string {
	t.Helper()
	encode := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	parsed, err := template.New("").Option("missingkey=error").
		Funcs(template.FuncMap{"b64": encode, "cert": func(p pair) string { return p.cert },
			"key": func(p pair) string { return p.key }}).Parse(text)
	check(t, err)
	var out bytes.Buffer
	check(t, parsed.Execute(&out, w))
	return out.String()
}

// child is a command in the folder with the environment of the row, and no terminal.
func (w *world) child(ctx context.Context, name string, args ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, name, args...)
	command.Dir = w.Dir
	command.Env = append([]string{"PATH=" + filepath.Join(w.Dir, "bin") + ":" + os.Getenv("PATH"),
		"HOME=" + w.Dir}, w.env...)
	for _, name := range []string{"ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS"} {
		if value := os.Getenv(name); value != "" {
			command.Env = append(command.Env, name+"="+value)
		}
	}
	return command
}

// clientGo connects with client-go in a process of its own: it remembers plugins and the environment for as
// long as it runs.
func (w *world) clientGo(t *testing.T, contextName string) ([]seen, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	command := w.child(ctx, os.Args[0], w.kubeconfig, contextName)
	command.Env = append(command.Env, asClientGo+"=yes")
	text, err := command.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%w: %s", err, text)
	}
	return w.recorder.empty(), err
}

// plan connects with `rampart plan`, which fails in any case: the recorder forbids everything. Returned are
// its words.
func (w *world) plan(t *testing.T, contextName string) ([]seen, string) {
	t.Helper()
	binary, err := operator.Binary()
	check(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	text, err := w.child(ctx, binary, append([]string{"plan"}, w.flags(contextName)...)...).CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("rampart plan: %v instead of exit code 1: %s", err, text)
	}
	return w.recorder.empty(), string(text)
}

// controller connects with `rampart controller` and ends it when it has made a request.
func (w *world) controller(t *testing.T, contextName string) []seen {
	t.Helper()
	binary, err := operator.Binary()
	check(t, err)
	var log bytes.Buffer
	args := append([]string{"controller", "--health-socket", filepath.Base(w.Dir) + fmt.Sprint(os.Getpid()) + w.Port},
		w.flags(contextName)...)
	command := w.child(t.Context(), binary, args...)
	command.Stderr = &log
	check(t, command.Start())
	var requests []seen
	for deadline := time.Now().Add(patience); len(requests) == 0 && time.Now().Before(deadline); {
		time.Sleep(20 * time.Millisecond)
		w.recorder.mu.Lock()
		requests = append(requests, w.recorder.requests...)
		w.recorder.mu.Unlock()
	}
	check(t, command.Process.Signal(os.Interrupt))
	if err := command.Wait(); err != nil || len(requests) == 0 {
		t.Errorf("rampart controller: %v, %d requests: %s", err, len(requests), log.String())
	}
	return append(requests, w.recorder.empty()...)
}

// launch starts `rampart controller` and returns when a file is there.
func (w *world) launch(t *testing.T, file string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	binary, err := operator.Binary()
	check(t, err)
	log := &bytes.Buffer{}
	args := append([]string{"controller", "--health-socket", "kubeconfigs-" + w.Port}, w.flags("")...)
	command := w.child(t.Context(), binary, args...)
	command.Stderr = log
	check(t, command.Start())
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		if _, err := os.Stat(filepath.Join(w.Dir, file)); err == nil {
			return command, log
		} else if time.Now().After(deadline) {
			t.Fatalf("rampart controller does not come as far as %s", file)
		}
	}
}

func (w *world) flags(contextName string) (flags []string) {
	if w.kubeconfig != "" {
		flags = append(flags, "--kubeconfig", w.kubeconfig)
	}
	if contextName != "" {
		flags = append(flags, "--context", contextName)
	}
	return flags
}
