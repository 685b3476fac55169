package hardening

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"
)

var exceptions = schema.GroupVersionResource{Group: "rampart.dev", Version: "v1alpha1", Resource: "securityexceptions"}

func (s *story) except(name, spec string) {
	s.Helper()
	object := &unstructured.Unstructured{}
	s.must(yaml.Unmarshal([]byte(fmt.Sprintf(`{apiVersion: rampart.dev/v1alpha1, kind: SecurityException,
		metadata: {name: %s}, spec: %s}`, name, spec)), &object.Object))
	_, err := s.Dynamic.Resource(exceptions).Namespace(s.name).Create(s.Context(), object, metav1.CreateOptions{})
	s.must(err)
}

// drift is what the profile's status says of a workload.
func (s *story) drift(name, reason string) (string, error) {
	p, err := s.Dynamic.Resource(profiles).Get(s.Context(), s.name, metav1.GetOptions{})
	if err != nil {
		return "", err
	}
	all, _, _ := unstructured.NestedSlice(p.Object, "status", "drift")
	for _, entry := range all {
		entry := entry.(map[string]any)
		if strings.HasPrefix(entry["message"].(string), reason) && strings.HasSuffix(entry["object"].(string), s.name+"/"+name) {
			return entry["message"].(string), nil
		}
	}
	text, err := json.Marshal(all)
	if err == nil {
		err = fmt.Errorf("%s of %s is not in the drift: %s", reason, name, text)
	}
	return "", err
}

// What an exception speaks of is not filled in, and all else is. When it goes, that is filled in too: once, with a proof
// of its own, and where the exception was right all is taken back, once.
func TestExceptionKeepsItsFieldFromBeingFilledIn(t *testing.T) {
	t.Parallel()
	s := begin(t, "exempt")
	needs := image{User: "1000", BreaksOn: []string{"capabilities"}}
	s.makeDeployment("right", needs)
	s.makeDeployment("wrong", image{User: "1000"})
	s.except("caps", `{rules: [capabilities-restricted, net-raw], names: [right, wrong], reason: it binds port 80, author: me}`)
	s.enforce()
	for _, name := range []string{"right", "wrong"} {
		s.within(func() error { return s.is(name, 3, "Proven") })
		if c := s.filled(name); c == nil || c.Capabilities != nil || c.AllowPrivilegeEscalation == nil || *c.AllowPrivilegeEscalation {
			t.Errorf("%s has %v", name, c)
		}
	}
	s.must(s.Dynamic.Resource(exceptions).Namespace(s.name).Delete(t.Context(), "caps", metav1.DeleteOptions{}))
	s.within(func() error { return s.is("wrong", 5, "Proven") })
	s.within(func() error { return s.is("right", 5, "Reverted") })
	if c := s.filled("wrong"); c == nil || c.Capabilities == nil {
		t.Errorf("wrong has %v", c)
	}
	if n := s.fills("right"); n != 2 { // with the exception, and without
		t.Errorf("right was filled in %d times", n)
	}
	s.deleteProfile()
}

// What is left out for the workload's own good is in the status for as long as it is, and goes with its cause: here the
// owner builds the image with another user, and the next rollout has it all.
func TestStatusSaysWhatIsLeftOut(t *testing.T) {
	t.Parallel()
	s := begin(t, "left-out")
	s.makeDeployment("root", image{User: "0"})
	s.makeDeployment("unknown", image{})
	s.enforce()
	for name, reason := range map[string]string{"root": "WouldBreak", "unknown": "UnknownUser"} {
		s.within(func() error { return s.is(name, 3, "Proven") })
		s.within(func() error {
			message, err := s.drift(name, reason)
			if err == nil && !strings.Contains(message, "without runAsNonRoot") {
				err = fmt.Errorf("%s: what is left out is not in %q", name, message)
			}
			return err
		})
	}
	s.ownerSets("root", "2", image{User: "1000"})
	s.within(func() error {
		d, err := s.deployment("root")
		if err == nil && (d.Spec.Template.Spec.SecurityContext == nil || d.Spec.Template.Spec.SecurityContext.RunAsNonRoot == nil) {
			err = fmt.Errorf("root has no runAsNonRoot: generation %d, %s", d.Generation, d.Annotations[markAnnotation])
		}
		return err
	})
	s.phaseIs("root", "Proven")
	s.within(func() error {
		if message, err := s.drift("root", "WouldBreak"); err == nil {
			return fmt.Errorf("it is still said: %s", message)
		}
		return nil
	})
	s.deleteProfile()
}

// Slow is not broken: pods that become ready within the deadline prove it.
func TestSlowPodsAreWaitedFor(t *testing.T) {
	t.Parallel()
	s := begin(t, "slow")
	s.makeDeployment("web", image{User: "1000", BreaksOn: []string{"capabilities"}, How: "slow"})
	s.makeStatefulSet("set", image{User: "1000", BreaksOn: []string{"seccompProfile"}, How: "slow"})
	s.enforce()
	s.within(func() error { return s.is("web", 3, "Proven") })
	s.within(func() error { return s.setIs("set", 2, "Proven") })
	if count, note := s.events("Reverted", "web"); count != 0 {
		t.Errorf("it was taken back: %s", note)
	}
	s.deleteProfile()
}
