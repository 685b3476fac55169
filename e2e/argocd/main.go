// Argocd is Argo CD's own engine, without its server: what its application controller does about one application whose
// manifests it is given. It compares them with the cluster, and syncs where that is wanted.
//
//	argocd --kubeconfig FILE --app NAME --namespace NS [--sync] [--server-side | --replace] < manifests
//
// Prints one JSON object: what is out of sync and how, what a sync would prune, what is an orphan in the namespace, and
// what a sync has said. It is a module of its own because Argo CD follows an older version of the Kubernetes libraries
// than the control plane beside it.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/argoproj/argo-cd/gitops-engine/pkg/cache"
	"github.com/argoproj/argo-cd/gitops-engine/pkg/diff"
	"github.com/argoproj/argo-cd/gitops-engine/pkg/engine"
	"github.com/argoproj/argo-cd/gitops-engine/pkg/sync"
	"github.com/argoproj/argo-cd/gitops-engine/pkg/utils/kube"
	"github.com/argoproj/argo-cd/gitops-engine/pkg/utils/tracing"
	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// What Argo CD's application controller uses of its own accord.
const (
	manager           = "argocd-controller"
	migratedManager   = "kubectl-client-side-apply"
	trackingID        = "argocd.argoproj.io/tracking-id"
	syncLimit         = time.Minute
	revision          = "0123456789abcdef0123456789abcdef01234567" // of Git; nothing depends on it
	orphansNeverAsked = "ConfigMap/kube-root-ca.crt ServiceAccount/default Service/kubernetes"
)

type options struct {
	kubeconfig, app, namespace    string
	isServerSide, isReplace, sync bool
}

// report is what is printed.
type report struct {
	OutOfSync []difference `json:"outOfSync"`
	ToPrune   []string     `json:"toPrune"`
	Orphans   []string     `json:"orphans"`
	Synced    []string     `json:"synced"`
}

type difference struct {
	Object    string          `json:"object"`
	Live      json.RawMessage `json:"live"`
	Predicted json.RawMessage `json:"predicted"`
}

func main() {
	o := options{}
	flag.StringVar(&o.kubeconfig, "kubeconfig", "", "a path")
	flag.StringVar(&o.app, "app", "", "the application's name")
	flag.StringVar(&o.namespace, "namespace", "", "where the application's objects go")
	flag.BoolVar(&o.isServerSide, "server-side", false, "as with the options ServerSideApply and ServerSideDiff")
	flag.BoolVar(&o.isReplace, "replace", false, "as with the option Replace")
	flag.BoolVar(&o.sync, "sync", false, "sync before comparing")
	flag.Parse()
	if err := run(context.Background(), o); err != nil {
		fmt.Fprintln(os.Stderr, "argocd:", err)
		os.Exit(1)
	}
}

// isOurs says whose an object is, as its annotation says. One that names another object, a copy, is nobody's.
func (o *options) isOurs(r *cache.Resource) bool {
	id, _ := r.Info.(string)
	return id == o.id(r.ResourceKey())
}

func (o *options) id(key kube.ResourceKey) string {
	return fmt.Sprintf("%s:%s/%s:%s/%s", o.app, key.Group, key.Kind, key.Namespace, key.Name)
}

func run(ctx context.Context, o options) error {
	config, err := clientcmd.BuildConfigFromFlags("", o.kubeconfig)
	if err != nil {
		return err
	}
	config.QPS, config.Burst = 500, 1000
	targets, err := o.read(os.Stdin)
	if err != nil {
		return err
	}
	live := cache.NewClusterCache(config,
		cache.SetLogr(logr.Discard()),
		cache.SetPopulateResourceInfoHandler(func(o *unstructured.Unstructured, _ bool) (any, bool) {
			id := o.GetAnnotations()[trackingID]
			return id, id != ""
		}))
	e := engine.NewEngine(config, live, engine.WithLogr(logr.Discard()))
	stop, err := e.Run()
	if err != nil {
		return err
	}
	defer stop()

	result := report{OutOfSync: []difference{}, ToPrune: []string{}, Orphans: []string{}, Synced: []string{}}
	if o.sync {
		if result.Synced, err = o.syncTo(ctx, e, targets); err != nil {
			return err
		}
		// What has been written is not yet what has been watched.
		live.Invalidate()
		if err := live.EnsureSynced(); err != nil {
			return err
		}
	}
	if err := o.compare(config, live, targets, &result); err != nil {
		return err
	}
	result.Orphans = o.orphans(live)
	return json.NewEncoder(os.Stdout).Encode(result)
}

// read reads the manifests and marks them as the application's.
func (o *options) read(from io.Reader) ([]*unstructured.Unstructured, error) {
	text, err := io.ReadAll(from)
	if err != nil {
		return nil, err
	}
	targets, err := kube.SplitYAML(text)
	for _, target := range targets {
		if target.GetNamespace() == "" {
			target.SetNamespace(o.namespace)
		}
		annotations := target.GetAnnotations()
		if annotations == nil {
			annotations = map[string]string{}
		}
		annotations[trackingID] = o.id(kube.GetResourceKey(target))
		target.SetAnnotations(annotations)
	}
	return targets, err
}

func (o *options) syncTo(ctx context.Context, e engine.GitOpsEngine, targets []*unstructured.Unstructured) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, syncLimit)
	defer cancel()
	results, err := e.Sync(ctx, copied(targets), o.isOurs, revision, o.namespace,
		sync.WithLogr(logr.Discard()), sync.WithPrune(true), sync.WithManifestValidation(true),
		sync.WithServerSideApply(o.isServerSide), sync.WithServerSideApplyManager(manager),
		sync.WithClientSideApplyMigration(true, migratedManager), sync.WithReplace(o.isReplace))
	said := []string{}
	for _, r := range results {
		said = append(said, fmt.Sprintf("%s: %s: %s", r.ResourceKey, r.Status, r.Message))
		if r.Status != "Synced" && r.Status != "Pruned" {
			err = errors.Join(err, errors.New(said[len(said)-1]))
		}
	}
	return said, err
}

// compare says what is out of sync, by the same strategies that Argo CD uses for each way to sync.
func (o *options) compare(config *rest.Config, live cache.ClusterCache, targets []*unstructured.Unstructured, result *report) error {
	managed, err := live.GetManagedLiveObjs(copied(targets), o.isOurs)
	if err != nil {
		return err
	}
	pairs := sync.Reconcile(copied(targets), managed, o.namespace, live)
	options := []diff.Option{diff.WithLogr(logr.Discard()), diff.WithManager(manager), diff.WithNormalizer(withoutStatus{})}
	if o.isServerSide {
		kubectl := &kube.KubectlCmd{Log: logr.Discard(), Tracer: tracing.NopTracer{}}
		applier, cleanup, err := kubectl.ManageServerSideDiffDryRuns(config)
		if err != nil {
			return err
		}
		defer cleanup()
		options = append(options, diff.WithServerSideDiff(true),
			diff.WithServerSideDryRunner(diff.NewK8sServerSideDryRunner(applier)), diff.WithGVKParser(live.GetGVKParser()))
	}
	for i, target := range pairs.Target {
		if target == nil {
			result.ToPrune = append(result.ToPrune, key(pairs.Live[i]))
			continue
		}
		d, err := diff.Diff(target, pairs.Live[i], options...)
		if err != nil {
			return fmt.Errorf("%s: %w", kube.GetResourceKey(target), err)
		}
		if d.Modified {
			result.OutOfSync = append(result.OutOfSync, difference{
				Object: key(target), Live: d.NormalizedLive, Predicted: d.PredictedLive,
			})
		}
	}
	return nil
}

// withoutStatus is what Argo CD does unless it is told otherwise: nobody's status is a difference.
type withoutStatus struct{}

func (withoutStatus) Normalize(o *unstructured.Unstructured) error {
	unstructured.RemoveNestedField(o.Object, "status")
	return nil
}

// orphans are what a project that asks for orphans would warn of: of a namespace's objects those that no application
// tracks and nothing owns.
func (o *options) orphans(live cache.ClusterCache) []string {
	orphans := []string{}
	for key, r := range live.FindResources(o.namespace, cache.TopLevelResource) {
		short := key.Kind + "/" + key.Name
		if !o.isOurs(r) && key.Kind != "Event" && !slices.Contains(strings.Fields(orphansNeverAsked), short) {
			orphans = append(orphans, short)
		}
	}
	slices.Sort(orphans)
	return orphans
}

func copied(objects []*unstructured.Unstructured) []*unstructured.Unstructured {
	copies := make([]*unstructured.Unstructured, len(objects))
	for i := range objects {
		copies[i] = objects[i].DeepCopy()
	}
	return copies
}

func key(o *unstructured.Unstructured) string {
	key := kube.GetResourceKey(o)
	return key.String()
}
