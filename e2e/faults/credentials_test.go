package faults

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"

	"rampart.dev/e2e/operator"
	"rampart.dev/e2e/poll"
	"rampart.dev/e2e/proxy"
)

// mount is the folder of a ServiceAccount as kubelet makes it: "token" and "ca.crt" lead through the link
// "..data" to a folder of their time, and a new one comes with a new link in the old one's place.
type mount struct {
	*run
	dir   string
	count int
}

// beginMounted makes a run whose operator reads its token and its CA from files that the test changes.
func beginMounted(t *testing.T) (*run, *mount) {
	t.Helper()
	m := &mount{dir: t.TempDir()}
	w := takeWorld(t)
	r := beginIn(t, w, func(p *proxy.Proxy) (func(original, path string) error, error) {
		return func(original, path string) error {
			if err := p.Kubeconfig(original, path); err != nil {
				return err
			}
			config, err := clientcmd.LoadFromFile(path)
			if err != nil {
				return err
			}
			for _, server := range config.Clusters {
				server.CertificateAuthority, server.CertificateAuthorityData = filepath.Join(m.dir, "ca.crt"), nil
			}
			for _, user := range config.AuthInfos {
				user.TokenFile = filepath.Join(m.dir, "token")
			}
			return clientcmd.WriteToFile(*config, path)
		}, nil
	})
	m.run = r
	return r, m
}

// put replaces what is mounted, as kubelet does: all at once.
func (m *mount) put(token string, ca []byte) {
	m.Helper()
	m.count++
	now := fmt.Sprintf("..%d", m.count)
	m.must(os.Mkdir(filepath.Join(m.dir, now), 0o700))
	m.must(os.WriteFile(filepath.Join(m.dir, now, "token"), []byte(token), 0o600))
	m.must(os.WriteFile(filepath.Join(m.dir, now, "ca.crt"), ca, 0o600))
	m.must(os.Symlink(now, filepath.Join(m.dir, "..data_tmp")))
	m.must(os.Rename(filepath.Join(m.dir, "..data_tmp"), filepath.Join(m.dir, "..data")))
	for _, name := range []string{"token", "ca.crt"} {
		if err := os.Symlink(filepath.Join("..data", name), filepath.Join(m.dir, name)); err != nil && !errors.Is(err, os.ErrExist) {
			m.Fatal(err)
		}
	}
}

// token is a real one, which ends when the Secret to which it is bound does.
func (r *run) token(name string) (token string, revoke func()) {
	r.Helper()
	secrets := r.Client.CoreV1().Secrets(operator.Namespace)
	object := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: r.name + "-" + name}}
	secret, err := secrets.Create(r.Context(), object, metav1.CreateOptions{})
	r.must(err)
	made, err := r.Client.CoreV1().ServiceAccounts(operator.Namespace).CreateToken(r.Context(), operator.ServiceAccount,
		&authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{BoundObjectRef: &authenticationv1.BoundObjectReference{
			APIVersion: "v1", Kind: "Secret", Name: secret.Name, UID: secret.UID,
		}}}, metav1.CreateOptions{})
	r.must(err)
	return made.Status.Token, func() {
		r.Helper()
		r.must(secrets.Delete(r.Context(), secret.Name, metav1.DeleteOptions{}))
		r.within(func() error { // an API server remembers for ten seconds that a token was good
			review, err := r.Client.AuthenticationV1().TokenReviews().Create(r.Context(),
				&authenticationv1.TokenReview{Spec: authenticationv1.TokenReviewSpec{Token: made.Status.Token}}, metav1.CreateOptions{})
			if err == nil && review.Status.Authenticated {
				err = errors.New("the token is still good")
			}
			return err
		})
	}
}

// unauthorized counts requests that were answered 401.
func (r *run) unauthorized() (n int) {
	for _, q := range r.proxy.Since(0, proxy.All()) {
		if q.Status == 401 {
			n++
		}
	}
	return n
}

// A token is replaced, as kubelet does before its end, and the old one is revoked; then the file is empty for a
// second, while the token that it had is revoked too. Each time the next one is read at the first 401, and
// nobody starts Rampart again.
func TestFault20TokenIsReplaced(t *testing.T) {
	t.Parallel()
	r, m := beginMounted(t)
	first, revokeFirst := r.token("first")
	m.put(first, r.Config.CAData)
	r.namespace("a")
	r.profile(tight)
	r.start()
	pid := r.operator.PID()
	r.within(func() error { return errors.Join(r.counts(1, 1, 0), r.has("a", deny, allowSame)) })

	second, revokeSecond := r.token("second")
	m.put(second, r.Config.CAData)
	revokeFirst()
	before := r.unauthorized()
	r.namespace("b")
	r.within(func() error { return r.has("b", deny, allowSame) })
	t.Logf("replaced in time: %d requests were answered 401", r.unauthorized()-before)

	m.put("", r.Config.CAData)
	revokeSecond()
	r.namespace("c")
	r.within(func() error {
		if r.unauthorized() == 0 {
			return errors.New("no request was answered 401")
		}
		return nil
	})
	time.Sleep(time.Second) // the fault itself
	if r.has("c") != nil {
		t.Error("something was written with a token that was revoked")
	}
	third, _ := r.token("third")
	m.put(third, r.Config.CAData)
	r.within(func() error { return errors.Join(r.counts(3, 3, 0), r.have([]string{deny, allowSame}, "a", "b", "c")) })
	if n := r.unauthorized(); n > 100 {
		t.Errorf("%d requests were answered 401: it hammers", n)
	}
	if r.operator.PID() != pid {
		t.Error("rampart was started again")
	}
	for _, record := range r.operator.Records() {
		for _, secret := range []string{first, second, third} {
			if strings.Contains(fmt.Sprint(record), secret) {
				t.Fatal("a token stands in the log")
			}
		}
	}
}

// authority signs certificates that the cluster's does not.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte
}

func (r *run) authority() *authority {
	r.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	r.must(err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "another authority"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	r.must(err)
	cert, err := x509.ParseCertificate(der)
	r.must(err)
	return &authority{cert, key, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}
}

// server is a certificate for 127.0.0.1; the authority nil: it signs itself.
func (r *run) server(by *authority) tls.Certificate {
	r.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	r.must(err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "kube-apiserver"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.ParseIP("127.0.0.1")}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		KeyUsage: x509.KeyUsageDigitalSignature,
	}
	if by == nil {
		by = &authority{cert: template, key: key}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, by.cert, key.Public(), by.key)
	r.must(err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// A server that cannot prove who it is gets no request, however long it takes, and not in any other way: no
// request comes, and above all no token. When it is mended, Rampart goes on by itself.
func TestFault21ServerThatCannotBeTrusted(t *testing.T) {
	t.Parallel()
	r, m := beginMounted(t)
	r.limit = 3 * time.Minute // a back-off of a minute may have begun
	token, _ := r.token("only")
	m.put(token, r.Config.CAData)
	signed := func(edit func(*x509.Certificate)) tls.Certificate {
		certificate, err := r.ServerCertificate(edit)
		r.must(err)
		return certificate
	}
	good := signed(nil)
	r.namespace("a")
	r.profile(tight)
	r.start()
	r.within(func() error { return errors.Join(r.counts(1, 1, 0), r.has("a", deny, allowSame)) })
	for i, test := range []struct {
		name string
		edit func(*tls.Config)
	}{
		{"expired", withCertificate(signed(func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }))},
		{"not valid yet", withCertificate(signed(func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Hour) }))},
		{"of another name", withCertificate(signed(func(c *x509.Certificate) {
			c.IPAddresses, c.DNSNames = []net.IP{net.ParseIP("192.0.2.1")}, []string{"somewhere.example.com"}
		}))},
		{"signed by itself", withCertificate(r.server(nil))},
		{"of another authority", withCertificate(r.server(r.authority()))},
		{"TLS 1.1 only", func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 }},
	} {
		r.proxy.SetTLS(test.edit)
		place, tried := r.proxy.Now(), r.proxy.Connections()
		r.proxy.BreakConnections(proxy.CloseConnection)
		suffix := fmt.Sprintf("untrusted-%d", i)
		r.namespace(suffix)
		r.within(func() error {
			if n := r.proxy.Connections() - tried; n < 3 {
				return fmt.Errorf("%s: it tried %d times", test.name, n)
			}
			return nil
		})
		for _, q := range r.proxy.Since(place, proxy.All()) {
			t.Errorf("%s: it asked: %s %s", test.name, q.Verb, q.Object())
		}
		r.proxy.SetTLS(func(c *tls.Config) {
			withCertificate(good)(c)
			c.MinVersion, c.MaxVersion = tls.VersionTLS12, 0
		})
		if err := poll.Until(r.limit, func() error { return r.has(suffix, deny, allowSame) }); err != nil {
			t.Fatalf("after %s: %v", test.name, err)
		}
	}
}

func withCertificate(certificate tls.Certificate) func(*tls.Config) {
	return func(c *tls.Config) {
		c.Certificates = []tls.Certificate{certificate}
		c.GetCertificate, c.GetConfigForClient = nil, nil
	}
}

// The server's certificate comes from another authority from now on, and a moment later the file has that one.
// Nobody starts Rampart again.
func TestFault21AuthorityIsReplaced(t *testing.T) {
	t.Parallel()
	r, m := beginMounted(t)
	r.limit = 3 * time.Minute // a back-off of a minute may have begun
	token, _ := r.token("only")
	m.put(token, r.Config.CAData)
	r.namespace("a")
	r.profile(tight)
	r.start()
	pid := r.operator.PID()
	r.within(func() error { return errors.Join(r.counts(1, 1, 0), r.has("a", deny, allowSame)) })

	next := r.authority()
	r.proxy.SetTLS(withCertificate(r.server(next)))
	tried := r.proxy.Connections()
	r.proxy.BreakConnections(proxy.CloseConnection)
	r.namespace("b")
	r.within(func() error {
		if n := r.proxy.Connections() - tried; n < 2 {
			return fmt.Errorf("it tried %d times", n)
		}
		return nil
	})
	if err := r.has("b"); err != nil {
		t.Errorf("it trusts an authority that it was not given: %v", err)
	}
	m.put(token, next.pem)
	r.within(func() error { return errors.Join(r.counts(2, 2, 0), r.have([]string{deny, allowSame}, "a", "b")) })
	if r.operator.PID() != pid {
		t.Error("rampart was started again")
	}
}
