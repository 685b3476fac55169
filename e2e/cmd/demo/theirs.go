package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/term"
	authenticationv1 "k8s.io/api/authentication/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/version"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	_ "k8s.io/client-go/plugin/pkg/client/auth" // exec and OIDC users of somebody's own kubeconfig
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/yaml"
)

const (
	oldestVersion    = "1.31.0"  // what crds/ needs
	tokenLifeSeconds = 24 * 3600 // the demo may be kept
	askTimeout       = 15 * time.Second
)

// theirs is a user's cluster, as its kubeconfig says.
type theirs struct {
	context    string
	kubeconfig *clientcmdapi.Config // of this context alone
	version    string
	crdsThere  bool     // the type exists; it is used and left alone
	manifests  []string // deploy/, one object each, without what is there
	kinds      []string // of these, "ClusterRole rampart"
}

// openTheirs looks at the cluster that KUBECONFIG names, says what the demo would do there, and asks.
func (d *demo) openTheirs(ctx context.Context, dir string) error {
	d.say("KUBECONFIG is set, so the demo runs in that cluster. (Without it, it starts a control plane of its own.)")
	t, err := d.connectTheirs(ctx, dir)
	if err == nil {
		err = t.examine(ctx, d)
	}
	if err == nil {
		err = t.ask(ctx, d)
	}
	if err != nil {
		if d.site != nil {
			err = errors.Join(err, os.RemoveAll(d.dir))
		}
		return err
	}
	d.atEnd("temporary files", func(context.Context) error { return os.RemoveAll(d.dir) })
	d.theirs = t
	return nil
}

func (d *demo) connectTheirs(ctx context.Context, dir string) (*theirs, error) {
	for _, path := range filepath.SplitList(os.Getenv("KUBECONFIG")) {
		if _, err := os.Stat(path); err != nil { // client-go would take it for an empty one
			return nil, fmt.Errorf("KUBECONFIG: %w; unset it for a control plane on this machine", err)
		}
	}
	loader := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(
		clientcmd.NewDefaultClientConfigLoadingRules(), &clientcmd.ConfigOverrides{})
	raw, err := loader.RawConfig()
	if err == nil {
		err = clientcmdapi.MinifyConfig(&raw)
	}
	if err == nil {
		err = clientcmdapi.FlattenConfig(&raw)
	}
	if err != nil {
		return nil, fmt.Errorf("KUBECONFIG=%s: %w", os.Getenv("KUBECONFIG"), err)
	}
	config, err := loader.ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("KUBECONFIG=%s: %w", os.Getenv("KUBECONFIG"), err)
	}
	config.QPS = -1
	site := &site{config: config, operatorKubeconfig: d.theirToken}
	if site.client, err = kubernetes.NewForConfig(config); err != nil {
		return nil, err
	}
	if site.dynamic, err = dynamic.NewForConfig(config); err != nil {
		return nil, err
	}
	if site.dir, err = makeDir(dir); err != nil {
		return nil, err
	}
	d.site = site
	if site.kubectl, err = linkKubectl(site.dir); err != nil {
		return nil, err
	}
	t := &theirs{context: raw.CurrentContext, kubeconfig: &raw}
	d.block("")
	d.block("  server   " + d.bold(config.Host))
	d.block("  context  " + d.bold(t.context))
	err = d.during(ctx, "Asking the cluster for its version", func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, askTimeout)
		defer cancel()
		body, err := site.client.Discovery().RESTClient().Get().AbsPath("/version").Do(ctx).Raw()
		if err != nil {
			return err
		}
		var info struct{ GitVersion string }
		if err := yaml.Unmarshal(body, &info); err != nil {
			return err
		}
		t.version = info.GitVersion
		return nil
	})
	if err == nil {
		d.block("  version  Kubernetes " + t.version)
	}
	return t, err
}

// examine refuses where the demo would get in the way of something.
func (t *theirs) examine(ctx context.Context, d *demo) error {
	if v, err := version.ParseGeneric(t.version); err == nil && v.LessThan(version.MustParseGeneric(oldestVersion)) {
		return fmt.Errorf("%w: Rampart needs Kubernetes 1.31 or newer", errRefused)
	}
	hooks := d.client.AdmissionregistrationV1().ValidatingWebhookConfigurations()
	_, err := hooks.Get(ctx, hookName, metav1.GetOptions{})
	if err == nil {
		return fmt.Errorf("%w: ValidatingWebhookConfiguration %s exists already, and the demo makes and removes one "+
			"of that name", errRefused, hookName)
	}
	if !apierrors.IsNotFound(err) {
		return err
	}
	for _, name := range allNamespaces() {
		_, err := d.client.CoreV1().Namespaces().Get(ctx, name, metav1.GetOptions{})
		if err == nil {
			return fmt.Errorf("%w: namespace %s exists already, and the demo makes and removes one of that name",
				errRefused, name)
		}
		if !apierrors.IsNotFound(err) {
			return err
		}
	}
	labelled, err := d.client.CoreV1().Namespaces().List(ctx, metav1.ListOptions{LabelSelector: guardLabel})
	if err != nil {
		return err
	}
	if len(labelled.Items) > 0 {
		return fmt.Errorf("%w: namespace %s has the label %s, by which the demo selects its own", errRefused,
			labelled.Items[0].Name, guardLabel)
	}
	list, err := d.dynamic.Resource(profiles).List(ctx, metav1.ListOptions{Limit: 1})
	switch {
	case err == nil && len(list.Items) > 0:
		return fmt.Errorf("%w: the cluster has SecurityProfiles (%s, say), and the demo's operator would carry them out",
			errRefused, list.Items[0].GetName())
	case err == nil:
		t.crdsThere = true
	case !apierrors.IsNotFound(err):
		return err
	}
	return t.readManifests(ctx, d)
}

// readManifests reads deploy/ and refuses where any of it exists, the type alone excepted.
func (t *theirs) readManifests(ctx context.Context, d *demo) error {
	text, err := d.run(ctx, "", "kustomize", deployDir)
	if err != nil {
		return err
	}
	for document := range strings.SplitSeq(text, "\n---\n") {
		var object unstructured.Unstructured
		if err := yaml.Unmarshal([]byte(document), &object.Object); err != nil {
			return fmt.Errorf("%s/: %w", deployDir, err)
		}
		switch object.GetKind() {
		case "CustomResourceDefinition":
			if t.crdsThere {
				continue
			}
		case "Deployment": // the operator runs here: see install
			if err := unstructured.SetNestedField(object.Object, int64(0), "spec", "replicas"); err != nil {
				return err
			}
			changed, err := yaml.Marshal(object.Object)
			if err != nil {
				return err
			}
			document = string(changed)
		}
		t.manifests = append(t.manifests, document)
		t.kinds = append(t.kinds, object.GetKind()+" "+object.GetName())
	}
	there, err := d.run(ctx, t.text(), "get", "--filename", "-", "--ignore-not-found", "--output", "name")
	if err != nil {
		return err
	}
	if there = strings.Join(strings.Fields(there), ", "); there != "" {
		return fmt.Errorf("%w: Rampart, or part of it, is in this cluster already (%s); the demo brings its own and "+
			"would get in its way", errRefused, there)
	}
	return nil
}

func (t *theirs) text() string { return strings.Join(t.manifests, "\n---\n") }

// ask says what the demo will make, and asks for leave.
func (t *theirs) ask(ctx context.Context, d *demo) error {
	pods := int32(0)
	for _, w := range cast {
		pods += w.replicas
	}
	d.gap()
	d.say("It will create there, and remove at the end:")
	for _, item := range []string{
		fmt.Sprintf("namespaces %s and %s, with %d pods that do nothing (%s)",
			strings.Join(namespacesOf(cast), ", "), newNamespace, pods, image),
		fmt.Sprintf("ValidatingWebhookConfiguration %s, for ConfigMaps with the label %s=checked alone",
			hookName, guardLabel),
		fmt.Sprintf("what is in deploy/: %s", strings.Join(t.kinds, ", ")),
		fmt.Sprintf("SecurityProfile %s, for namespaces with the label %s=%s alone, and the NetworkPolicies that it "+
			"asks for", profileName, guardLabel, guarded),
	} {
		mark := "- "
		for _, line := range wrap(item, d.width-len(margin)-len(mark)) {
			d.block(mark + line)
			mark = "  "
		}
	}
	d.say("The operator runs on this machine meanwhile, with the token of its own ServiceAccount.")
	if t.crdsThere {
		d.say("The type SecurityProfile is there already; it is used as it is, and stays.")
	}
	d.gap()
	if os.Getenv("DEMO_YES") == "1" {
		d.say("DEMO_YES=1: goes on.")
		return nil
	}
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		return fmt.Errorf("%w: nothing was touched, since there is no terminal to ask on; agree with DEMO_YES=1, or unset "+
			"KUBECONFIG for a control plane on this machine", errRefused)
	}
	fmt.Fprint(d.out, margin+"Go on? [y/N] ")
	return answer(ctx)
}

// answer reads yes from the terminal.
func answer(ctx context.Context) error {
	line := make(chan string, 1)
	go func() {
		text, _ := bufio.NewReader(os.Stdin).ReadString('\n')
		line <- strings.ToLower(strings.TrimSpace(text))
	}()
	select {
	case text := <-line:
		if text == "y" || text == "yes" {
			return nil
		}
		return fmt.Errorf("%w: nothing was touched", errRefused)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// applyTheirs applies deploy/ and sees to its removal.
func (d *demo) applyTheirs(ctx context.Context) (string, error) {
	d.atEnd("what is in deploy/", func(ctx context.Context) error {
		return d.during(ctx, "Removing what is in deploy/", func(ctx context.Context) error {
			_, err := d.run(ctx, d.theirs.text(), "delete", "--filename", "-", "--ignore-not-found", "--wait=true")
			return errors.Join(err, d.removeEvents(ctx))
		})
	})
	return d.run(ctx, d.theirs.text(), "apply", "--filename", "-")
}

// theirToken writes a kubeconfig with a token of Rampart's ServiceAccount.
func (d *demo) theirToken(ctx context.Context) (string, error) {
	request := &authenticationv1.TokenRequest{
		Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: new(int64(tokenLifeSeconds))},
	}
	accounts := d.client.CoreV1().ServiceAccounts(ownNamespace)
	token, err := accounts.CreateToken(ctx, ownAccount, request, metav1.CreateOptions{})
	if err != nil {
		return "", fmt.Errorf("token of ServiceAccount %s/%s: %w", ownNamespace, ownAccount, err)
	}
	config := d.theirs.kubeconfig.DeepCopy()
	const user = "rampart"
	config.AuthInfos = map[string]*clientcmdapi.AuthInfo{user: {Token: token.Status.Token}}
	config.Contexts[config.CurrentContext].AuthInfo = user
	path := filepath.Join(d.dir, "rampart.kubeconfig")
	return path, clientcmd.WriteToFile(*config, path) // mode 0600
}

// removeCast removes the namespaces of the demo, and the webhook.
func (d *demo) removeCast(ctx context.Context) error {
	return d.during(ctx, "Removing the namespaces of the demo", func(ctx context.Context) error {
		hooks := d.client.AdmissionregistrationV1().ValidatingWebhookConfigurations()
		err := ignoreNotFound(hooks.Delete(ctx, hookName, metav1.DeleteOptions{}))
		namespaces := d.client.CoreV1().Namespaces()
		for _, name := range allNamespaces() { // all at once; then wait for each
			err = errors.Join(err, ignoreNotFound(namespaces.Delete(ctx, name, metav1.DeleteOptions{})))
		}
		for _, name := range allNamespaces() {
			err = errors.Join(err, until(ctx, undoLimit, "namespace "+name+" gone", func(ctx context.Context) (bool, error) {
				_, err := namespaces.Get(ctx, name, metav1.GetOptions{})
				return apierrors.IsNotFound(err), ignoreNotFound(err)
			}))
		}
		return err
	})
}

// removeEvents removes the Events about the demo's profile, which are in namespace default.
func (d *demo) removeEvents(ctx context.Context) error {
	events := d.client.EventsV1().Events("default")
	list, err := events.List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	for _, event := range list.Items {
		if event.ReportingController == eventController && event.Regarding.Name == profileName {
			err = errors.Join(err, ignoreNotFound(events.Delete(ctx, event.Name, metav1.DeleteOptions{})))
		}
	}
	return err
}

// linkKubectl gives the program that is all of Kubernetes the name that makes it kubectl.
func linkKubectl(dir string) (string, error) {
	kube := os.Getenv("KUBE_BINARY")
	if kube == "" {
		self, err := os.Executable()
		if err != nil {
			return "", err
		}
		kube = filepath.Join(filepath.Dir(self), "kube")
	}
	kube, err := filepath.Abs(kube)
	if err == nil {
		_, err = os.Stat(kube)
	}
	if err != nil {
		return "", fmt.Errorf("%w; build it with `make e2e-tools`", err)
	}
	path := filepath.Join(dir, "bin", "kubectl")
	if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", err
	}
	return path, os.Symlink(kube, path)
}

// makeDir makes the folder, or a temporary one.
func makeDir(dir string) (string, error) {
	if dir == "" {
		return os.MkdirTemp("", "rampart-demo-")
	}
	return dir, os.Mkdir(dir, 0o700)
}

func ignoreNotFound(err error) error {
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}
