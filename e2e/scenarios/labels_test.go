package scenarios

import (
	"fmt"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Labels come with the profile, follow its edit, and go with it, beside a network section; e2e/podsecurity has the rest.
// With it each right on Namespaces is used: to patch them, and to read whose a label is.
func TestPodSecurityLabelsFollowTheProfile(t *testing.T) {
	s := begin(t, "psa")
	ns := s.namespace("shop", nil)
	const spec = `{mode: Enforce, onDelete: Remove, network: {defaultDeny: [Ingress]}, podSecurityAdmission: {enforce: %s}}`
	p := s.profile("psa", fmt.Sprintf(spec, "baseline"))
	s.expectCompliant(p, 1)
	has := func(level string) error {
		got, err := s.Client.CoreV1().Namespaces().Get(t.Context(), ns, metav1.GetOptions{})
		if err == nil && got.Labels[psaEnforce] != level {
			err = fmt.Errorf("label %s is %q, expected %q", psaEnforce, got.Labels[psaEnforce], level)
		}
		return err
	}
	s.must(has("baseline"))
	s.profile(p, fmt.Sprintf(spec, "restricted"))
	s.within(func() error { return has("restricted") })
	s.expectCompliant(p, 1)
	s.deleteProfile(p)
	s.expectNoProfile(p)
	s.must(has(""))
}
