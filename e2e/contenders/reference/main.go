// Reference is the operator that somebody would write with controller-runtime to hold a default-deny in the
// namespaces that SecurityProfiles select: one reconciler, as the documentation of controller-runtime shows
// it. It does less than Rampart does: no status, no Events, no allows, no Audit. Its client's rate limit is off.
// With --harden it fills one field into Deployments instead.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"

	"github.com/go-logr/logr"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"rampart.dev/e2e/contenders/policy"
)

// concurrency is what Rampart has by default: namespaces that are written to at the same time.
const concurrency = 16

func main() {
	hardens := flag.Bool("harden", false, "fill one field into the templates of Deployments, instead")
	flag.Parse() // and --kubeconfig, which is controller-runtime's own
	ctrl.SetLogger(logr.Discard())
	if err := run(ctrl.SetupSignalHandler(), *hardens); err != nil {
		fmt.Fprintln(os.Stderr, "reference:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, hardens bool) error {
	config, err := ctrl.GetConfig()
	if err != nil {
		return err
	}
	config.QPS = -1
	scheme := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(scheme); err != nil {
		return err
	}
	addToScheme(scheme)
	manager, err := ctrl.NewManager(config, ctrl.Options{
		Scheme:  scheme,
		Metrics: metricsserver.Options{BindAddress: "0"},
	})
	if err != nil {
		return err
	}
	r := reconciler{Client: manager.GetClient()}
	if hardens {
		h := &hardener{r}
		err = h.setUp(manager)
		go tellReady(ctx, manager.GetCache(), &corev1.Namespace{}, &appsv1.Deployment{}, &SecurityProfile{})
	} else {
		err = r.setUp(manager)
		go tellReady(ctx, manager.GetCache(), &corev1.Namespace{}, &networkingv1.NetworkPolicy{}, &SecurityProfile{})
	}
	if err != nil {
		return err
	}
	return manager.Start(ctx)
}

// tellReady says "ready" when all that is watched has been listed.
func tellReady(ctx context.Context, watched cache.Cache, objects ...client.Object) {
	for _, object := range objects {
		if _, err := watched.GetInformer(ctx, object); err != nil {
			fmt.Fprintln(os.Stderr, "reference:", err)
			return
		}
	}
	fmt.Println("ready")
}

type reconciler struct {
	client.Client
}

func (r *reconciler) setUp(m ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(m).
		For(&corev1.Namespace{}).
		Owns(&networkingv1.NetworkPolicy{}).
		Watches(&SecurityProfile{}, handler.EnqueueRequestsFromMapFunc(r.everyNamespace)).
		WithOptions(controller.Options{MaxConcurrentReconciles: concurrency}).
		Complete(r)
}

// Reconcile holds the policy of one namespace.
func (r *reconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	var namespace corev1.Namespace
	if err := r.Get(ctx, request.NamespacedName, &namespace); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	isSelected, err := r.isSelected(ctx, &namespace)
	if err != nil || !isSelected || namespace.DeletionTimestamp != nil {
		return ctrl.Result{}, err
	}
	want := policy.Deny(namespace.Name)
	have := &networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: want.Namespace, Name: want.Name}}
	_, err = controllerutil.CreateOrUpdate(ctx, r.Client, have, func() error {
		have.Labels, have.Spec = want.Labels, want.Spec
		return controllerutil.SetControllerReference(&namespace, have, r.Scheme())
	})
	return ctrl.Result{}, err
}

func (r *reconciler) isSelected(ctx context.Context, namespace *corev1.Namespace) (bool, error) {
	var profiles SecurityProfileList
	if err := r.List(ctx, &profiles); err != nil {
		return false, err
	}
	for i := range profiles.Items {
		spec := &profiles.Items[i].Spec
		selector, err := metav1.LabelSelectorAsSelector(&spec.NamespaceSelector)
		if err != nil {
			return false, err
		}
		if spec.Mode == "Enforce" && selector.Matches(labels.Set(namespace.Labels)) {
			return true, nil
		}
	}
	return false, nil
}

// everyNamespace: a profile may select any of them.
func (r *reconciler) everyNamespace(ctx context.Context, _ client.Object) (requests []ctrl.Request) {
	var namespaces corev1.NamespaceList
	if err := r.List(ctx, &namespaces); err != nil {
		return nil
	}
	for i := range namespaces.Items {
		requests = append(requests, ctrl.Request{NamespacedName: types.NamespacedName{Name: namespaces.Items[i].Name}})
	}
	return requests
}
