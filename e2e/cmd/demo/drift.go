package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
)

func (d *demo) drift(ctx context.Context) error {
	d.step("Drift: somebody deletes one policy, and loosens another")
	if err := d.driftByDeletion(ctx, "demo-shop"); err != nil {
		return err
	}
	d.gap()
	return d.driftByEdit(ctx, "demo-bank")
}

func (d *demo) driftByDeletion(ctx context.Context, namespace string) error {
	begin := time.Now()
	objects := d.dynamic.Resource(policies).Namespace(namespace)
	if err := objects.Delete(ctx, denyName, metav1.DeleteOptions{}); err != nil {
		return err
	}
	d.command("kubectl delete networkpolicy "+denyName+" --namespace "+namespace,
		"networkpolicy.networking.k8s.io \""+denyName+"\" deleted")
	isBack := func(s sighting) bool { return s.event == watch.Added && s.is(namespace, denyName) }
	seen, err := d.policies.await(ctx, reactLimit, "NetworkPolicy "+namespace+"/"+denyName+" made again", begin,
		func(seen []sighting) bool { return slices.ContainsFunc(seen, isBack) })
	if err != nil {
		return err
	}
	gone := slices.IndexFunc(seen, func(s sighting) bool {
		return s.event == watch.Deleted && s.object.GetNamespace() == namespace && s.object.GetName() == denyName
	})
	back := slices.IndexFunc(seen, isBack)
	if gone < 0 {
		return fmt.Errorf("NetworkPolicy %s/%s is back before it was gone", namespace, denyName)
	}
	d.say("It was back %s after it was gone.", d.bold(milliseconds(seen[back].at.Sub(seen[gone].at))))
	return d.showDrift(ctx, namespace, "PolicyDeleted", begin)
}

func (d *demo) driftByEdit(ctx context.Context, namespace string) error {
	const patch = `{"spec":{"ingress":[{}]}}`
	begin := time.Now()
	_, err := d.dynamic.Resource(policies).Namespace(namespace).Patch(ctx, denyName,
		types.MergePatchType, []byte(patch), metav1.PatchOptions{FieldManager: rival})
	if err != nil {
		return err
	}
	d.command("kubectl patch networkpolicy "+denyName+" --namespace "+namespace+" --field-manager="+rival+" \\",
		"    --type=merge -p '"+patch+"'      # everybody may connect\n"+
			"networkpolicy.networking.k8s.io/"+denyName+" patched")
	isOpen := func(s sighting) bool { return s.is(namespace, denyName) && rulesOf(s) > 0 }
	isShut := func(s sighting) bool { return s.is(namespace, denyName) && rulesOf(s) == 0 }
	open, shut := -1, -1
	seen, err := d.policies.await(ctx, reactLimit, "NetworkPolicy "+namespace+"/"+denyName+" put right", begin,
		func(seen []sighting) bool {
			if open = slices.IndexFunc(seen, isOpen); open < 0 {
				return false
			}
			shut = slices.IndexFunc(seen[open:], isShut)
			return shut > 0
		})
	if err != nil {
		return err
	}
	d.say("It was put right %s after it was loosened.", d.bold(milliseconds(seen[open+shut].at.Sub(seen[open].at))))
	return d.showDrift(ctx, namespace, "PolicyEdited", begin)
}

// rulesOf is how many ingress rules the policy has.
func rulesOf(s sighting) int {
	rules, _, _ := unstructured.NestedSlice(s.object.Object, "spec", "ingress")
	return len(rules)
}

// showDrift prints the Event that tells of it.
func (d *demo) showDrift(ctx context.Context, namespace, reason string, since time.Time) error {
	events, err := d.awaitEvents(ctx, namespace, reason, since, 1)
	if err != nil {
		return err
	}
	for _, event := range events {
		d.showEvent(event)
	}
	return nil
}
