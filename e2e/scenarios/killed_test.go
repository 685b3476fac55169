package scenarios

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	networkingv1 "k8s.io/api/networking/v1"

	"rampart.dev/e2e/gate"
	"rampart.dev/e2e/intent"
	"rampart.dev/e2e/operator"
	"rampart.dev/e2e/reach"
)

const cutMax = 40 // writes of one step; more would be a loop

// step is one thing that happens to a profile, which takes Rampart several writes.
type step struct {
	name     string
	spec     string // of the network section; "" deletes the profile
	policies []string
	longest  int // writes that it took, once that is known
}

var cutSteps = []*step{
	{
		name: "created",
		spec: `
allow:
  dns: {}
  sameNamespace: {}
  apiServer: {}
  from: [{namespaceSelector: {matchLabels: {team: bank}}, ports: [{port: 8080}]}, {ipBlock: {cidr: 10.0.0.0/8}}]
  to: [{ipBlock: {cidr: 0.0.0.0/0, except: [10.0.0.0/8]}, ports: [{port: 443}]}, {namespaceSelector: {matchLabels: {team: data}}}]`,
		policies: []string{deny, allowDNS, allowSame, allowAPI, allowFrom, allowTo, allowBackend + "hook"},
	},
	{
		name: "edited",
		spec: `
allow:
  dns: {servers: [{ipBlock: {cidr: 192.0.2.53/32}}]}
  apiServer: {}
  from: [{namespaceSelector: {matchLabels: {team: bank}}, ports: [{port: 8080}, {port: 9100}]}, {podSelector: {}}]
  to: [{ipBlock: {cidr: 192.0.2.0/24}}, {podSelector: {}}]`,
		policies: []string{deny, allowDNS, allowAPI, allowFrom, allowTo, allowBackend + "hook"},
	},
	{
		name: "without egress",
		spec: `
defaultDeny: [Ingress]
allow:
  sameNamespace: {}
  from: [{namespaceSelector: {}, podSelector: {matchLabels: {app: prometheus}}}]`,
		policies: []string{deny, allowSame, allowFrom, allowBackend + "hook"},
	},
	{
		name: "without ingress",
		spec: `
defaultDeny: [Egress]
allow:
  sameNamespace: {}
  apiServer: {}
  to: [{namespaceSelector: {}}]`,
		policies: []string{deny, allowSame, allowAPI, allowTo},
	},
	{
		name: "both again",
		spec: `
allow:
  sameNamespace: {}
  from: [{ipBlock: {cidr: 10.0.0.0/8}}]
  to: [{ipBlock: {cidr: 10.0.0.0/8}}]`,
		policies: []string{deny, allowSame, allowFrom, allowTo, allowBackend + "hook"},
	},
	{name: "removed"},
}

// cutting is one run: a namespace, a profile, and the number of writes after which each step is cut off.
type cutting struct {
	*story
	gate      *gate.Gate
	operator  *operator.Operator
	namespace string
	profile   string
	after     int
	spec      string // as it is before the step
	others    []*reach.Pod
	inside    []*reach.Pod
	world     []reach.Namespace
}

// behindGate runs an operator of the story's own, whose writes go through a gate, instead of the one of all.
func (s *story) behindGate() (*gate.Gate, *operator.Operator) {
	s.Helper()
	s.must(s.rampart.Stop())
	s.Cleanup(func() { s.must(s.rampart.Start(context.Background())) }) // the story's own context is over by then
	g, err := gate.New(s.Cluster)
	s.must(err)
	s.Cleanup(g.Close)
	kubeconfig := filepath.Join(s.TempDir(), "kubeconfig")
	s.must(g.Kubeconfig(s.kubeconfig, kubeconfig))
	rampart, err := operator.Start(s.Context(), operator.Options{
		Kubeconfig: kubeconfig, Log: filepath.Join(s.TempDir(), "rampart.log"),
	})
	s.must(err)
	s.Cleanup(func() {
		s.must(rampart.Stop())
		if text := rampart.Reports(); text != "" {
			s.Errorf("rampart reports:\n%s", text)
		}
		if s.Failed() {
			s.Logf("rampart's log ends:\n%s", rampart.Tail())
		}
	})
	return g, rampart
}

// Killed between any two writes, whatever it was about to do: nothing is stricter then than the profile was
// before and is after, nothing is looser than both, and started again it ends where it wanted to.
func TestFault01KilledBetweenAnyTwoWrites(t *testing.T) {
	s := begin(t, "cut")
	g, rampart := s.behindGate()

	steps := []*step{}
	for _, step := range cutSteps {
		copied := *step
		steps = append(steps, &copied)
	}
	cuts := 0
	for after := range cutMax {
		c := newCutting(s, g, rampart, after)
		isCut := false
		for _, step := range steps {
			isCut = c.take(step) || isCut
			if t.Failed() {
				return
			}
		}
		if !isCut {
			break
		}
		cuts++
	}
	for _, step := range steps {
		t.Logf("%s: %d writes, cut off after each", step.name, step.longest)
		if step.longest < 2 {
			t.Errorf("%s takes %d writes: it is not cut off between two", step.name, step.longest)
		}
	}
	if cuts == cutMax {
		t.Errorf("a step still writes after %d writes", cutMax)
	}
}

func newCutting(s *story, g *gate.Gate, rampart *operator.Operator, after int) *cutting {
	s.Helper()
	c := &cutting{story: s, gate: g, operator: rampart, after: after, profile: fmt.Sprintf("cut-%02d", after)}
	c.namespace = s.namespace(fmt.Sprintf("%02d", after), map[string]string{"cut": c.profile})
	s.makeWebhook(c.namespace, "hook", c.profile)
	c.world, c.others = people()
	c.world = append(c.world, newNamespace(c.namespace, map[string]string{"cut": c.profile}))
	c.inside = ownPods(c.namespace)
	return c
}

// take does one step, and tells whether it was cut off.
func (c *cutting) take(step *step) bool {
	c.Helper()
	before := c.meaning(c.spec)
	writes, isCut := 0, false
	c.gate.OnWrite(func(r *http.Request) bool {
		switch {
		case !c.isAbout(r):
			return true
		case isCut: // it is dying
			return false
		case writes == c.after:
			isCut = true
			_ = c.operator.Kill()
			return false
		}
		writes++
		return true
	})
	c.spec = step.spec
	if step.spec == "" {
		c.deleteProfile(c.profile)
	} else {
		c.story.profile(c.profile, c.text())
	}
	after := c.meaning(c.spec)
	c.within(func() error { // it is cut off, or there was nothing left to cut off
		if !c.operator.Alive() {
			return nil
		}
		return c.isDone(step, after)
	})
	c.gate.OnWrite(nil)

	if !c.operator.Alive() {
		c.checkBounds(step, before, after)
		c.must(c.operator.Start(c.Context()))
	} else if step.longest == 0 {
		step.longest = writes
	}
	c.within(func() error { return c.isDone(step, after) })
	return isCut
}

// isAbout tells whether a request writes the policies of the namespace, or the profile but not its status.
func (c *cutting) isAbout(r *http.Request) bool {
	return strings.Contains(r.URL.Path, "/namespaces/"+c.namespace+"/networkpolicies") ||
		strings.HasSuffix(r.URL.Path, "/securityprofiles/"+c.profile)
}

func (c *cutting) text() string {
	return fmt.Sprintf("mode: Enforce\nonDelete: Remove\nnamespaceSelector: {matchLabels: {cut: %s}}\nnetwork:%s\n",
		c.profile, strings.ReplaceAll(c.spec, "\n", "\n  "))
}

// meaning is what a network section says of the namespace, for each kind of plugin; "" allows everything.
func (c *cutting) meaning(spec string) (said []*intent.Profile) {
	c.Helper()
	text := "apiVersion: rampart.dev/v1alpha1\nkind: SecurityProfile\nmetadata: {name: cut}\nspec: {namespaceSelector: {}}\n"
	if spec != "" {
		text = strings.Replace(text, " {namespaceSelector: {}}", "\n  "+strings.ReplaceAll(c.text(), "\n", "\n  "), 1)
	}
	hook := intent.Service{
		Namespace: c.namespace, Pods: map[string]string{"app": "hook"}, Ports: []reach.Port{{Protocol: tcp, Number: 8443}},
	}
	for _, plugin := range plugins {
		p, err := intent.Read([]byte(text), facts(hook), plugin, c.world)
		c.must(err)
		said = append(said, p)
	}
	return said
}

// each calls with every connection of interest and what each side's policies say of it.
func (c *cutting) each(policies []networkingv1.NetworkPolicy, before, after []*intent.Profile,
	call func(side string, connection reach.Connection, was, becomes, is bool),
) {
	c.Helper()
	for i, plugin := range plugins {
		made, err := reach.New(plugin, c.world, policies)
		c.must(err)
		numbers := slices.Compact(slices.Sorted(slices.Values(append(interesting(before[i]), interesting(after[i])...))))
		connections(c.inside, c.others, numbers, func(x reach.Connection) {
			call("leave", x, before[i].MayLeave(x), after[i].MayLeave(x), made.MayLeave(x))
			call("enter", x, before[i].MayEnter(x), after[i].MayEnter(x), made.MayEnter(x))
		})
	}
}

// checkBounds demands that what was allowed and remains allowed is, and that what never is allowed is not.
func (c *cutting) checkBounds(step *step, before, after []*intent.Profile) {
	c.Helper()
	policies, wrong := c.allPolicies(c.namespace), 0
	c.each(policies, before, after, func(side string, x reach.Connection, was, becomes, is bool) {
		if is && !was && !becomes || !is && was && becomes {
			if wrong++; wrong <= 3 {
				c.Errorf("%s, killed after %d writes: %s: may %s %t; before %t, after %t", step.name, c.after, x, side, is, was, becomes)
			}
		}
	})
	if wrong > 0 {
		c.Errorf("%d connections are wrong under the policies %q", wrong, c.policyNames(c.namespace))
	}
}

// isDone tells whether the policies are what they are to be in the end: each says its own part, and
// together they mean the profile.
func (c *cutting) isDone(step *step, after []*intent.Profile) error {
	if got := c.policyNames(c.namespace); !slices.Equal(got, slices.Sorted(slices.Values(step.policies))) {
		return fmt.Errorf("%s: policies %q, expected %q", step.name, got, step.policies)
	}
	policies := c.allPolicies(c.namespace)
	for _, policy := range policies {
		rules := len(policy.Spec.Ingress) + len(policy.Spec.Egress)
		if policy.Name == deny && rules > 0 || strings.HasPrefix(policy.Name, allowBackend) && rules > 1 {
			return fmt.Errorf("%s: NetworkPolicy %s still carries the rules of others", step.name, policy.Name)
		}
	}
	var err error
	c.each(policies, after, after, func(side string, x reach.Connection, _, becomes, is bool) {
		if is != becomes && err == nil {
			err = fmt.Errorf("%s: %s: may %s %t, expected %t", step.name, x, side, is, becomes)
		}
	})
	if step.spec == "" {
		_, gone := c.see(c.profile)
		err = errors.Join(err, wantGone(gone, "SecurityProfile "+c.profile))
	}
	return err
}
