package access

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand"
	"sync"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"rampart.dev/e2e/helper"
)

const (
	questionsInAll = 10_000
	askers         = 16
)

// question is one request, as the helper is asked about it.
type question struct {
	User        string   `json:"user"`
	Groups      []string `json:"groups,omitempty"`
	Namespace   string   `json:"namespace,omitempty"`
	Verb        string   `json:"verb"`
	Group       string   `json:"group,omitempty"`
	Resource    string   `json:"resource,omitempty"`
	Subresource string   `json:"subresource,omitempty"`
	Name        string   `json:"name,omitempty"`
	Path        string   `json:"path,omitempty"`
}

func randomQuestion(r *rand.Rand) question {
	q := question{User: one(r, users), Groups: some(r, 2, userGroups), Verb: one(r, verbs)}
	if r.Intn(2) == 0 {
		q.User = fmt.Sprintf("system:serviceaccount:%s:%s", one(r, namespaces), one(r, accounts))
	}
	if r.Intn(100) == 0 {
		q.Groups = append(q.Groups, "system:masters")
	}
	if r.Intn(8) == 0 {
		q.Path = one(r, paths)
		return q
	}
	q.Group, q.Resource, q.Subresource, q.Name = one(r, groups), one(r, resources), one(r, parts), one(r, names)
	if r.Intn(5) > 0 {
		q.Namespace = one(r, namespaces)
	}
	return q
}

// review asks the API server.
func review(ctx context.Context, q question) (bool, error) {
	sar := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{User: q.User, Groups: q.Groups}}
	if q.Path != "" {
		sar.Spec.NonResourceAttributes = &authorizationv1.NonResourceAttributes{Path: q.Path, Verb: q.Verb}
	} else {
		sar.Spec.ResourceAttributes = &authorizationv1.ResourceAttributes{Namespace: q.Namespace, Verb: q.Verb,
			Group: q.Group, Version: "v1", Resource: q.Resource, Subresource: q.Subresource, Name: q.Name}
	}
	answer, err := control.Client.AuthorizationV1().SubjectAccessReviews().Create(ctx, sar, metav1.CreateOptions{})
	return err == nil && answer.Status.Allowed, err
}

// reviewAll asks many at once, in order.
func reviewAll(t *testing.T, questions []question) []bool {
	t.Helper()
	allowed, errs := make([]bool, len(questions)), make([]error, len(questions))
	var group sync.WaitGroup
	for asker := range askers {
		group.Go(func() {
			for i := asker; i < len(questions); i += askers {
				allowed[i], errs[i] = review(t.Context(), questions[i])
			}
		})
	}
	group.Wait()
	for i, err := range errs {
		if err != nil {
			t.Fatalf("%+v: %v", questions[i], err)
		}
	}
	return allowed
}

// objects reads everything that RBAC judges by, as the API server shows it.
func objects(t *testing.T) []json.RawMessage {
	t.Helper()
	all := []json.RawMessage{}
	for _, resource := range []string{"roles", "clusterroles", "rolebindings", "clusterrolebindings"} {
		list, err := control.Dynamic.Resource(schema.GroupVersionResource{
			Group: "rbac.authorization.k8s.io", Version: "v1", Resource: resource}).List(t.Context(), metav1.ListOptions{})
		demand(t, err)
		for i := range list.Items {
			text, err := list.Items[i].MarshalJSON()
			demand(t, err)
			all = append(all, text)
		}
	}
	return all
}

var makeWorld sync.Once

// setUp gives the cluster its random rights, once.
func setUp(t *testing.T) {
	t.Helper()
	makeWorld.Do(func() {
		w := randomWorld(rand.New(rand.NewSource(seed(t))))
		w.create(t)
	})
}

func TestWhatIsAllowedIsWhatTheAPIServerAllows(t *testing.T) {
	setUp(t)
	r := rand.New(rand.NewSource(seed(t) + 1))
	questions := make([]question, questionsInAll)
	for i := range questions {
		questions[i] = randomQuestion(r)
	}
	answer := struct {
		Allowed []bool `json:"allowed"`
	}{}
	err := helper.Ask(t.Context(), "access", map[string]any{"objects": objects(t), "questions": questions}, &answer)
	if err != nil {
		t.Fatal(err)
	}
	allowed, wrong := 0, 0
	for i, want := range reviewAll(t, questions) {
		if want {
			allowed++
		}
		if answer.Allowed[i] == want {
			continue
		}
		if wrong++; wrong <= wrongsToTell {
			t.Errorf("the API server says %t, Rampart %t: %+v", want, answer.Allowed[i], questions[i])
		}
	}
	t.Logf("%d questions, %d allowed, %d differ", len(questions), allowed, wrong)
	if allowed < len(questions)/20 || allowed > len(questions)*19/20 {
		t.Error("nearly all answers are the same: this compares little")
	}
}
