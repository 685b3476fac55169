package lost

import (
	"context"
	"fmt"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"rampart.dev/e2e/operator"
)

// Namespaces come and go in a storm of a thousand a minute or more: each is deleted while Rampart may still be
// writing into it. What is refused there is dropped, not tried again and again; nothing is left, and who comes
// after the storm is served at once.
func TestFault30StormOfNamespaces(t *testing.T) {
	b := begin(t, "storm", size(t)/2)
	b.each(0, b.count, func(ctx context.Context, name string) error {
		if err := b.make(ctx, name); err != nil {
			return err
		}
		err := b.Client.CoreV1().Namespaces().Delete(ctx, name, metav1.DeleteOptions{})
		if apierrors.IsConflict(err) { // somebody writes it at the same time
			return nil
		}
		return err
	})
	b.tell(fmt.Sprintf("%d namespaces have come and are to go", b.count))
	last := b.name + "-last"
	b.must(b.make(t.Context(), last))
	b.within(func() error {
		list, err := b.Client.NetworkingV1().NetworkPolicies(last).List(t.Context(), metav1.ListOptions{})
		if err == nil && len(list.Items) != 3 {
			err = fmt.Errorf("namespace %s has %d policies", last, len(list.Items))
		}
		return err
	})
	b.tell("the next one is served")
	b.within(func() error {
		list, err := b.Client.CoreV1().Namespaces().List(t.Context(), metav1.ListOptions{LabelSelector: storyKey + "=" + b.name})
		if err == nil && len(list.Items) > 1 {
			err = fmt.Errorf("%d namespaces are left", len(list.Items))
		}
		return err
	})
	b.expectCompliant(1)
	b.tell("all of them are gone")

	// Each policy may be refused once: when its namespace is found to terminate, or gone.
	refused, worst, total := map[string]int{}, 0, 0
	for event, err := range b.AuditEventsSince(b.place) {
		b.must(err)
		ref := event.ObjectRef
		if event.User.Username == operator.User && ref != nil && ref.Resource == "networkpolicies" && event.ResponseStatus != nil &&
			event.ResponseStatus.Code >= 400 && strings.HasPrefix(ref.Namespace, b.name+"-") && event.Verb != "get" {
			what := event.Verb + " " + ref.Namespace + "/" + ref.Name
			refused[what]++
			worst, total = max(worst, refused[what]), total+1
		}
	}
	if worst > 3 {
		t.Errorf("a write was refused %d times", worst)
	}
	t.Logf("%d writes were refused, one of them %d times", total, worst)
}
