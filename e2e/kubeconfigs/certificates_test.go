package kubeconfigs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"testing"
	"time"
)

// authority signs certificates; each is made afresh for one test.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  string
}

// pair is a certificate and its key as PEM text.
type pair struct{ cert, key string }

func (p pair) tls(t *testing.T) tls.Certificate {
	t.Helper()
	both, err := tls.X509KeyPair([]byte(p.cert), []byte(p.key))
	check(t, err)
	return both
}

func newAuthority(t *testing.T, name string) *authority {
	t.Helper()
	a := &authority{}
	unsigned := certificate(name)
	unsigned.IsCA, unsigned.BasicConstraintsValid = true, true
	unsigned.KeyUsage = x509.KeyUsageCertSign
	p := a.sign(t, unsigned)
	block, _ := pem.Decode([]byte(p.cert))
	var err error
	a.cert, err = x509.ParseCertificate(block.Bytes)
	check(t, err)
	a.pem = p.cert
	return a
}

// server has all the names that the table calls servers and proxies by.
func (a *authority) server(t *testing.T) pair {
	t.Helper()
	unsigned := certificate("server")
	unsigned.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	unsigned.DNSNames = []string{"localhost", "api.test", "other.test"}
	return a.sign(t, unsigned)
}

func (a *authority) client(t *testing.T, name string) pair {
	t.Helper()
	unsigned := certificate(name)
	unsigned.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	return a.sign(t, unsigned)
}

// sign makes a key and its certificate. The first one of an authority is its own.
func (a *authority) sign(t *testing.T, unsigned *x509.Certificate) pair {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	parent := a.cert
	if parent == nil {
		parent, a.key = unsigned, key
	}
	der, err := x509.CreateCertificate(rand.Reader, unsigned, parent, key.Public(), a.key)
	check(t, err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	check(t, err)
	return pair{
		cert: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		key:  string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})),
	}
}

// certificate is one that is still to be signed.
func certificate(name string) *x509.Certificate {
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		panic(err)
	}
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
		KeyUsage:     x509.KeyUsageDigitalSignature,
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
