package hardening

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"
)

const gitOps = "argocd-controller"

func (s *story) patchAs(manager, name, body string) {
	s.Helper()
	_, err := s.Client.AppsV1().Deployments(s.name).Patch(s.Context(), name, types.StrategicMergePatchType, []byte(body),
		metav1.PatchOptions{FieldManager: manager})
	s.must(err)
}

// inGit is a Deployment as Git has it; the container says that besides.
func (s *story) inGit(name, tag, container string) string {
	return fmt.Sprintf(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: %[1]s, namespace: %[2]s}
spec:
  replicas: 1
  selector: {matchLabels: {app: %[1]s}}
  template:
    metadata: {labels: {app: %[1]s}, annotations: {%[3]s: '{"user": "1000"}'}}
    spec: {containers: [{name: app, image: "example.com/app:%[4]s"%[5]s}]}`, name, s.name, imageAnnotation, tag, container)
}

func threeWay(s *story, manifest string) {
	s.Helper()
	path := filepath.Join(s.TempDir(), "manifest.yaml")
	s.must(os.WriteFile(path, []byte(manifest), 0o600))
	if out, err := s.RunKubectl(s.Context(), "apply", "-f", path); err != nil {
		s.Fatalf("%v\n%s", err, out)
	}
}

// serverSide is without force.
func serverSide(s *story, manifest string) {
	s.Helper()
	text, err := yaml.YAMLToJSON([]byte(manifest))
	s.must(err)
	_, err = s.Client.AppsV1().Deployments(s.name).Patch(s.Context(), "web", types.ApplyPatchType, text,
		metav1.PatchOptions{FieldManager: gitOps})
	s.must(err)
}

// hasFilled tells whether the first container is filled in.
func (s *story) hasFilled(name string) error {
	d, err := s.deployment(name)
	if err != nil {
		return err
	}
	c := d.Spec.Template.Spec.Containers[0].SecurityContext
	if c == nil || c.AllowPrivilegeEscalation == nil || *c.AllowPrivilegeEscalation || c.Capabilities == nil {
		return fmt.Errorf("%s is not filled in: %+v, mark %s", name, c, d.Annotations[markAnnotation])
	}
	return nil
}

// settles waits for a phase with all pods ready.
func (s *story) settles(name, want string) {
	s.Helper()
	s.within(func() error {
		d, err := s.deployment(name)
		if err != nil {
			return err
		}
		return s.is(name, d.Generation, want)
	})
}

// What an owner states otherwise stands, and is no contest; the rest stays filled in, and no rollout follows.
func TestWhatTheOwnerStatesLaterStands(t *testing.T) {
	t.Parallel()
	s := begin(t, "stated")
	threeWay(s, s.inGit("web", "1", ""))
	s.settles("web", "")
	s.enforce()
	s.settles("web", "Proven")
	place := s.place()
	threeWay(s, s.inGit("web", "1", ", securityContext: {allowPrivilegeEscalation: true}"))
	time.Sleep(quiet)
	s.settles("web", "Proven")
	d, err := s.deployment("web")
	s.must(err)
	c := d.Spec.Template.Spec.Containers[0].SecurityContext
	if !*c.AllowPrivilegeEscalation || c.Capabilities == nil {
		text, _ := json.Marshal(c) // it was JSON
		t.Errorf("the container has %s", text)
	}
	if got := toWorkloads(s.written(place)); len(got) > 0 {
		t.Errorf("it was written to: %v", got)
	}
	if err := s.isContested(); err == nil {
		t.Error("it is contested")
	}
	s.deleteProfile()
	d, err = s.deployment("web")
	s.must(err)
	if c := d.Spec.Template.Spec.Containers[0].SecurityContext; c == nil || !*c.AllowPrivilegeEscalation || c.Capabilities != nil {
		t.Errorf("the owner's own is gone, or Rampart's is left: %+v", c)
	}
}

// Once all is proven, nothing is written any more, whether or not Git is applied again: what a manifest does not state
// is left to us by three-way and by server-side apply alike.
func TestWhatIsProvenIsWrittenNoMore(t *testing.T) {
	const forLong = 30 * time.Second
	t.Parallel()
	s := begin(t, "steady")
	threeWay(s, s.inGit("kubectl", "1", ""))
	serverSide(s, s.inGit("web", "1", ""))
	s.makeDeployment("made", image{User: "1000"})
	s.makeStatefulSet("set", image{User: "1000"})
	s.settles("kubectl", "")
	s.settles("web", "")
	s.enforce()
	for _, name := range []string{"kubectl", "web", "made"} {
		s.settles(name, "Proven")
	}
	s.within(func() error { return s.setIs("set", 2, "Proven") }) // a mark is no change of its spec
	time.Sleep(6 * time.Second)                                   // the profile's status tells of it
	place, pods := s.place(), s.pods()
	threeWay(s, s.inGit("kubectl", "1", ""))
	serverSide(s, s.inGit("web", "1", ""))
	time.Sleep(forLong)
	if got := s.written(place); len(got) > 0 {
		t.Errorf("it writes %v", got)
	}
	if got := s.pods(); strings.Join(got, " ") != strings.Join(pods, " ") {
		t.Errorf("the pods are %v and were %v", got, pods)
	}
	s.deleteProfile()
}
