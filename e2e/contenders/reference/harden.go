package main

import (
	"context"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"

	"rampart.dev/e2e/contenders/policy"
)

// hardener fills one field into the templates of Deployments in the namespaces that SecurityProfiles select. It
// asks no rule, proves nothing and takes nothing back.
type hardener struct {
	reconciler
}

func (h *hardener) setUp(m ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(m).
		For(&appsv1.Deployment{}).
		Watches(&SecurityProfile{}, handler.EnqueueRequestsFromMapFunc(h.everyDeployment)).
		WithOptions(controller.Options{MaxConcurrentReconciles: concurrency}).
		Complete(h)
}

// Reconcile fills in the field of one Deployment where it is not stated.
func (h *hardener) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	var deployment appsv1.Deployment
	if err := h.Get(ctx, request.NamespacedName, &deployment); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	var namespace corev1.Namespace
	if err := h.Get(ctx, types.NamespacedName{Name: request.Namespace}, &namespace); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	isSelected, err := h.isSelected(ctx, &namespace)
	if err != nil || !isSelected || namespace.DeletionTimestamp != nil {
		return ctrl.Result{}, err
	}
	spec := &deployment.Spec.Template.Spec
	if spec.SecurityContext != nil && spec.SecurityContext.SeccompProfile != nil {
		return ctrl.Result{}, nil
	}
	before := deployment.DeepCopy()
	if spec.SecurityContext == nil {
		spec.SecurityContext = &corev1.PodSecurityContext{}
	}
	spec.SecurityContext.SeccompProfile = &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault}
	return ctrl.Result{}, h.Patch(ctx, &deployment, client.StrategicMergeFrom(before), client.FieldOwner(policy.Manager))
}

// everyDeployment: a profile may select any of them.
func (h *hardener) everyDeployment(ctx context.Context, _ client.Object) (requests []ctrl.Request) {
	var deployments appsv1.DeploymentList
	if err := h.List(ctx, &deployments); err != nil {
		return nil
	}
	for i := range deployments.Items {
		requests = append(requests, ctrl.Request{NamespacedName: client.ObjectKeyFromObject(&deployments.Items[i])})
	}
	return requests
}
