package scenarios

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clientauthentication "k8s.io/client-go/pkg/apis/clientauthentication/v1"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"

	"rampart.dev/e2e/operator"
)

// The credential is a plugin's, and the API server takes it back: the plugin is asked for another one, and
// drift is put right by the same process.
func TestPluginIsAskedAgainWhenTheServerRejectsItsCredential(t *testing.T) {
	s := begin(t, "plugin")
	s.must(s.rampart.Stop())
	t.Cleanup(func() {
		if err := s.rampart.Start(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})

	first, second := s.tokenOf(t, "first"), s.tokenOf(t, "second")
	dir := t.TempDir()
	s.writeCredential(filepath.Join(dir, "credential"), first)
	rampart, err := operator.Start(t.Context(), operator.Options{
		Kubeconfig: s.kubeconfigWithPlugin(dir),
		Log:        filepath.Join(dir, "rampart.log"),
	})
	s.must(err)
	defer func() {
		if err := rampart.Stop(); err != nil || rampart.Reports() != "" {
			t.Errorf("rampart at its end: %v\n%s", err, rampart.Reports())
		}
	}()
	namespace := s.namespace("one", nil)
	profile := s.profile("plugin", "{mode: Enforce, onDelete: Remove, network: {}}")
	s.expectCompliant(profile, 1)

	s.writeCredential(filepath.Join(dir, "credential"), second)
	s.must(s.Client.CoreV1().Secrets(operator.Namespace).Delete(t.Context(), "first", metav1.DeleteOptions{}))
	s.within(func() error { // the API server remembers for a while that it was valid
		review, err := s.Client.AuthenticationV1().TokenReviews().Create(t.Context(),
			&authenticationv1.TokenReview{Spec: authenticationv1.TokenReviewSpec{Token: first}}, metav1.CreateOptions{})
		if err == nil && review.Status.Authenticated {
			err = fmt.Errorf("the first token is still valid")
		}
		return err
	})
	runs := func() int {
		text, err := os.ReadFile(filepath.Join(dir, "runs"))
		s.must(err)
		return bytes.Count(text, []byte("\n"))
	}
	s.within(func() error {
		s.deletePolicy(namespace, deny)
		s.expectPolicies(namespace, deny)
		if runs() < 2 {
			return fmt.Errorf("the first token is still accepted")
		}
		return nil
	})
	if runs() != 2 {
		t.Errorf("the plugin ran %d times", runs())
	}
	s.deleteProfile(profile)
	s.expectNoProfile(profile)
	s.expectPolicies(namespace)
}

// tokenOf makes a Secret and a token of Rampart's ServiceAccount that is valid for as long as the Secret is
// there.
func (s *story) tokenOf(t *testing.T, name string) string {
	s.Helper()
	secret, err := s.Client.CoreV1().Secrets(operator.Namespace).Create(t.Context(),
		&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
	s.must(err)
	t.Cleanup(func() {
		_ = s.Client.CoreV1().Secrets(operator.Namespace).Delete(context.WithoutCancel(t.Context()), name, metav1.DeleteOptions{})
	})
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{
		BoundObjectRef: &authenticationv1.BoundObjectReference{Kind: "Secret", APIVersion: "v1", Name: name, UID: secret.UID},
	}}
	request, err = s.Client.CoreV1().ServiceAccounts(operator.Namespace).CreateToken(t.Context(),
		operator.ServiceAccount, request, metav1.CreateOptions{})
	s.must(err)
	return request.Status.Token
}

// writeCredential writes what the plugin will print, in one step.
func (s *story) writeCredential(path, token string) {
	s.Helper()
	text, err := json.Marshal(&clientauthentication.ExecCredential{
		TypeMeta: metav1.TypeMeta{Kind: "ExecCredential", APIVersion: clientauthentication.SchemeGroupVersion.String()},
		Status:   &clientauthentication.ExecCredentialStatus{Token: token},
	})
	s.must(err)
	s.must(os.WriteFile(path+".new", text, 0o600))
	s.must(os.Rename(path+".new", path))
}

// kubeconfigWithPlugin is Rampart's, with a plugin beside it in the place of the token.
func (s *story) kubeconfigWithPlugin(dir string) string {
	s.Helper()
	config, err := clientcmd.LoadFromFile(s.kubeconfig)
	s.must(err)
	for name := range config.AuthInfos {
		config.AuthInfos[name] = &api.AuthInfo{Exec: &api.ExecConfig{
			APIVersion:      clientauthentication.SchemeGroupVersion.String(),
			InteractiveMode: api.NeverExecInteractiveMode,
			Command:         "./plugin",
			Args:            []string{dir},
		}}
	}
	script := "#!/bin/sh\ncd \"$1\" && echo run >>runs && exec cat credential\n"
	s.must(os.WriteFile(filepath.Join(dir, "plugin"), []byte(script), 0o700))
	path := filepath.Join(dir, "config")
	s.must(clientcmd.WriteToFile(*config, path))
	return path
}
