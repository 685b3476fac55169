package hardening

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"
)

// rival is a tool that holds a Deployment to what Git says, each in its own way.
type rival struct {
	name string
	// isForgetful takes the mark away too. What was proven then is known from the ReplicaSet; of what was not, it cannot
	// be told whether it failed, and it is not tried again.
	isForgetful bool
	// make makes the Deployment; takeBack does what takes back what was filled in.
	make     func(s *story, o *unstructured.Unstructured)
	takeBack func(s *story, o *unstructured.Unstructured)
}

// bareContext is stated as empty in Git: what is in it goes when it is applied.
const bareContext = "{containers: [{name: app, image: example.com/app:1, securityContext: {allowPrivilegeEscalation: null, capabilities: null}}]}"

var rivals = []rival{
	{
		name: "three-way", // a null in Git, which kubectl apply sends each time
		make: (*story).kubectlApply,
		takeBack: func(s *story, o *unstructured.Unstructured) {
			o = o.DeepCopy()
			s.merge(o.Object, within(deployment, "{spec: "+bareContext+"}"))
			s.kubectlApply(o)
		},
	},
	{
		name: "server-side", // takes the fields by force, and lets go of them
		make: func(s *story, o *unstructured.Unstructured) { s.apply(o) },
		takeBack: func(s *story, o *unstructured.Unstructured) {
			theirs := o.DeepCopy()
			s.merge(theirs.Object, within(deployment, `{spec: {containers: [{name: app, image: example.com/app:1,
				securityContext: {allowPrivilegeEscalation: true, capabilities: {drop: [KILL]}}}]}}`))
			s.apply(theirs)
			s.apply(o)
		},
	},
	{
		name:        "replace", // Replace=true: a PUT of what Git says, annotations and all
		isForgetful: true,
		make:        func(s *story, o *unstructured.Unstructured) { s.put(o, true) },
		takeBack: func(s *story, o *unstructured.Unstructured) {
			s.put(o, false)
		},
	},
}

// apply is server-side apply with force.
func (s *story) apply(o *unstructured.Unstructured) {
	s.Helper()
	_, err := s.Dynamic.Resource(kindOf(o).resource).Namespace(s.name).
		Apply(s.Context(), o.GetName(), o, metav1.ApplyOptions{FieldManager: "argocd-controller", Force: true})
	s.must(err)
}

func (s *story) put(o *unstructured.Unstructured, isNew bool) {
	s.Helper()
	client := s.Dynamic.Resource(kindOf(o).resource).Namespace(s.name)
	if isNew {
		_, err := client.Create(s.Context(), o, metav1.CreateOptions{FieldManager: "argocd-controller"})
		s.must(err)
		return
	}
	_, err := client.Update(s.Context(), o.DeepCopy(), metav1.UpdateOptions{FieldManager: "argocd-controller"})
	s.must(err)
}

func (s *story) kubectlApply(o *unstructured.Unstructured) {
	s.Helper()
	text, err := yaml.Marshal(o.Object)
	s.must(err)
	path := filepath.Join(s.TempDir(), "object.yaml")
	s.must(os.WriteFile(path, text, 0o600))
	out, err := s.RunKubectl(s.Context(), "apply", "-f", path)
	if err != nil {
		s.Fatalf("%v\n%s", err, out)
	}
}

// Who takes it back twice gets it, in whatever way he does so; a change of his own makes the two friends again.
func TestEveryRivalGetsItUntilItsNextChange(t *testing.T) {
	t.Parallel()
	for _, r := range rivals {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			s := begin(t, "takes-back-"+r.name)
			o := s.object(workload{kind: deployment, name: "web", image: image{User: "1000"}})
			r.make(s, o)
			s.awaitWhole(o)
			s.enforceWith(atOnce)
			for range 2 {
				if r.isForgetful {
					s.comesTo(o, "Proven")
				}
				s.within(func() error { return s.holdsFill(o) })
				s.awaitWhole(o)
				r.takeBack(s, o)
			}
			now := s.comesTo(o, "Contested")
			if hasLeaf(now, "app", "securityContext", "capabilities", "drop") {
				t.Errorf("the rival has not got it:\n%s", stated(now))
			}
			s.expectSaid("Contested", "web")
			writes, place := now.GetGeneration(), s.place()
			s.within(func() error { return s.isContested() })
			if _, note := s.events("Contested", "web"); r.name == "server-side" && !strings.Contains(note, gitOps) {
				t.Errorf("managedFields name the rival, and the Event does not: %s", note)
			}
			time.Sleep(quiet)
			if got := toWorkloads(s.written(place)); len(got) > 0 {
				t.Errorf("it goes on: %v", got)
			}

			s.newTag(o, "2")
			now = s.comesTo(o, "Proven")
			if !hasLeaf(now, "app", "securityContext", "capabilities", "drop") {
				t.Errorf("nothing is filled in after the change:\n%s", stated(now))
			}
			t.Logf("contested at generation %d, proven at %d", writes, now.GetGeneration())
			s.deleteProfile()
		})
	}
}

// Who takes it back before it is proven, mark and all, leaves nothing that tells his hand from a failure's: it is not
// tried again, and that is said.
func TestWhatIsReplacedBeforeItIsProvenIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	s := begin(t, "replaced")
	o := s.object(workload{kind: deployment, name: "web", image: image{User: "1000"}})
	s.put(o, true)
	s.awaitWhole(o)
	s.enforceWith(atOnce)
	s.within(func() error { return s.holdsFill(o) })
	s.awaitWhole(o)
	before := s.get(o)
	s.put(o, false)
	s.expectSkipped(o, "TriedBefore")
	s.awaitWhole(o)
	if now := s.get(o); now.GetGeneration() != before.GetGeneration()+1 {
		t.Errorf("generation %d, expected %d", now.GetGeneration(), before.GetGeneration()+1)
	}
	s.newTag(o, "2")
	s.comesTo(o, "Proven")
	s.deleteProfile()
}

func (s *story) holdsFill(o *unstructured.Unstructured) error {
	now, err := s.read(o)
	if err == nil && !(hasLeaf(now, "app", "securityContext", "allowPrivilegeEscalation") && hasLeaf(now, "app", "securityContext", "capabilities", "drop")) {
		err = fmt.Errorf("%s: nothing is filled in: %s", o.GetName(), now.GetAnnotations()[markAnnotation])
	}
	return err
}

func (s *story) isContested() error {
	p, err := s.Dynamic.Resource(profiles).Get(s.Context(), s.name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	for _, c := range conditions(p) {
		if c["type"] == "Contested" && c["status"] == "True" && strings.Contains(c["message"].(string), "Deployment "+s.name+"/web") {
			return nil
		}
	}
	return fmt.Errorf("it is not contested: %v", conditions(p))
}

// What Git has adopted meanwhile is Git's, also when the profile goes; all else is as it was.
func TestWhatWasAdoptedStaysWhenTheProfileGoes(t *testing.T) {
	t.Parallel()
	s := begin(t, "adopted")
	byApply := s.object(workload{kind: deployment, name: "applied", image: image{User: "1000"}})
	s.apply(byApply)
	byKubectl := s.object(workload{kind: deployment, name: "kubectl", image: image{User: "1000"}})
	s.kubectlApply(byKubectl)
	edited := s.make(workload{kind: deployment, name: "edited", image: image{User: "1000"}, pod: "{containers: [{name: zeta, image: i}, {name: app, image: i}, {name: beta, image: i}]}"})
	s.awaitWhole(byApply)
	s.awaitWhole(byKubectl)
	s.enforceWith(atOnce)
	for _, o := range []*unstructured.Unstructured{byApply, byKubectl, edited} {
		s.comesTo(o, "Proven")
	}
	const adopted = `{spec: {containers: [{name: app, image: example.com/app:1, securityContext: {allowPrivilegeEscalation: false}}]}}`
	for _, o := range []*unstructured.Unstructured{byApply, byKubectl} {
		s.merge(o.Object, within(deployment, adopted))
	}
	s.apply(byApply)
	s.kubectlApply(byKubectl)
	s.patchBy(edited, "editor", types.StrategicMergePatchType, within(deployment, `{spec: {"$setElementOrder/containers": [{name: beta}, {name: app}, {name: zeta}],
		containers: [{name: beta}, {name: app}, {name: zeta}]}}`))
	s.deleteProfile()
	for _, o := range []*unstructured.Unstructured{byApply, byKubectl} {
		now := s.get(o)
		if !hasLeaf(now, "app", "securityContext", "allowPrivilegeEscalation") {
			t.Errorf("%s: what Git states is gone:\n%s", o.GetName(), stated(now))
		}
		if hasLeaf(now, "app", "securityContext", "capabilities") || hasLeaf(now, "securityContext", "runAsNonRoot") {
			t.Errorf("%s: what was filled in is still there:\n%s", o.GetName(), stated(now))
		}
	}
	s.patchBy(edited, "editor", types.StrategicMergePatchType, within(deployment, `{spec: {"$setElementOrder/containers": [{name: zeta}, {name: app}, {name: beta}],
		containers: [{name: zeta}, {name: app}, {name: beta}]}}`))
	s.must(s.isUntouched(edited))
}
