package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
)

const (
	lab       = "demo-lab"
	needs     = "e2e.rampart.dev/needs" // what a pod's image needs, for the nodes that are played
	labRival  = "release-controller"    // the field manager that fights
	fragile   = "legacy"
	contested = "billing"
)

// sloppy are workloads as one finds them: they say nothing of security.
var sloppy = []struct {
	name     string
	replicas int32
	role     string
}{
	{"web", 3, "states nothing of security"},
	{"api", 2, "likewise"},
	{"mailer", 1, "likewise"},
	{fragile, 2, "likewise, but its image needs a capability: hardened, it crashes"},
	{contested, 1, "likewise, and its template is held by a " + labRival},
}

func createLab(ctx context.Context, client kubernetes.Interface) error {
	_, err := client.CoreV1().Namespaces().Create(ctx,
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: lab}}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	for _, s := range sloppy {
		labels := map[string]string{"app": s.name}
		manager := "kubectl-create"
		template := corev1.PodTemplateSpec{
			ObjectMeta: metav1.ObjectMeta{Labels: labels},
			Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: image}}},
		}
		switch s.name {
		case fragile:
			template.Annotations = map[string]string{needs: "capabilities"}
		case contested:
			manager = labRival
		}
		_, err := client.AppsV1().Deployments(lab).Create(ctx, &appsv1.Deployment{
			ObjectMeta: metav1.ObjectMeta{Namespace: lab, Name: s.name},
			Spec: appsv1.DeploymentSpec{
				Replicas: new(s.replicas),
				Selector: &metav1.LabelSelector{MatchLabels: labels},
				Template: template,
			},
		}, metav1.CreateOptions{FieldManager: manager})
		if err != nil {
			return err
		}
	}
	return nil
}

// labSettled says whether every workload has rolled out and runs.
func labSettled(ctx context.Context, client kubernetes.Interface) (bool, error) {
	list, err := client.AppsV1().Deployments(lab).List(ctx, metav1.ListOptions{})
	if err != nil {
		return false, err
	}
	for i := range list.Items {
		d := &list.Items[i]
		if d.Status.ObservedGeneration < d.Generation || d.Status.UpdatedReplicas < *d.Spec.Replicas ||
			d.Status.AvailableReplicas < *d.Spec.Replicas || d.Status.Replicas > *d.Spec.Replicas {
			return false, nil
		}
	}
	return len(list.Items) == len(sloppy), nil
}

// labTemplates are the pod specs, by name: what must be as before in the end.
func labTemplates(ctx context.Context, client kubernetes.Interface) (map[string]string, error) {
	list, err := client.AppsV1().Deployments(lab).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	templates := map[string]string{}
	for i := range list.Items {
		text, err := json.Marshal(list.Items[i].Spec.Template)
		if err != nil {
			return nil, err
		}
		templates[list.Items[i].Name] = string(text)
	}
	return templates, nil
}

// fighter is a controller that holds a template as it knows it, and counts how often it had to.
type fighter struct {
	stop func()
	done sync.WaitGroup
	err  error
	lost int
}

// fight starts one for a Deployment.
func fight(ctx context.Context, client kubernetes.Interface, name string) (*fighter, error) {
	known, err := client.AppsV1().Deployments(lab).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	template, err := json.Marshal(known.Spec.Template)
	if err != nil {
		return nil, err
	}
	patch := fmt.Appendf(nil, `[{"op":"replace","path":"/spec/template","value":%s}]`, template)
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	f := &fighter{stop: cancel}
	f.done.Go(func() {
		err := until(ctx, labLimit*4, "the end of the fight", func(ctx context.Context) (bool, error) {
			now, err := client.AppsV1().Deployments(lab).Get(ctx, name, metav1.GetOptions{})
			if err != nil || now.Spec.Template.Annotations["rampart.dev/fill"] == "" {
				return false, err
			}
			_, err = client.AppsV1().Deployments(lab).Patch(ctx, name, types.JSONPatchType, patch,
				metav1.PatchOptions{FieldManager: labRival})
			if err == nil {
				f.lost++
			}
			if apierrors.IsConflict(err) {
				err = nil
			}
			return false, err
		})
		if !errors.Is(err, context.Canceled) {
			f.err = err
		}
	})
	return f, nil
}

// end ends it and says how often it took back what was filled in.
func (f *fighter) end() (rounds int, err error) {
	f.stop()
	f.done.Wait()
	return f.lost, f.err
}
