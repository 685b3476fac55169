// Package gate is a proxy between Rampart and the API server in which a test decides what becomes of each
// write. Everything else passes, watches included, as it comes.
package gate

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"

	"k8s.io/client-go/tools/clientcmd"

	"rampart.dev/e2e/cluster"
)

// Gate is a proxy that runs.
type Gate struct {
	server *httptest.Server

	mu      sync.Mutex // one write is judged at a time
	onWrite func(*http.Request) bool
}

// New starts a proxy in front of the cluster's API server.
func New(c *cluster.Cluster) (*Gate, error) {
	behind, err := url.Parse(c.URL)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(c.Config.CAData) {
		return nil, fmt.Errorf("the cluster has no certificate authority")
	}
	g := &Gate{}
	proxy := &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(behind) },
		Transport:     &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true},
		FlushInterval: -1, // a watch event is passed on at once
		ErrorLog:      log.New(io.Discard, "", 0),
	}
	g.server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !g.mayPass(r) {
			panic(http.ErrAbortHandler) // the client sees a broken stream, and no answer
		}
		proxy.ServeHTTP(w, r)
	}))
	g.server.EnableHTTP2 = true
	g.server.Config.ErrorLog = log.New(io.Discard, "", 0)
	g.server.StartTLS()
	return g, nil
}

// OnWrite sets what judges each request that is no GET, before it is passed on: false drops it without an
// answer. Calls do not overlap. nil lets all pass.
func (g *Gate) OnWrite(judge func(*http.Request) bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.onWrite = judge
}

func (g *Gate) mayPass(r *http.Request) bool {
	if r.Method == http.MethodGet {
		return true
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.onWrite == nil || g.onWrite(r)
}

// Kubeconfig writes to path a copy of a kubeconfig that leads through the gate.
func (g *Gate) Kubeconfig(original, path string) error {
	config, err := clientcmd.LoadFromFile(original)
	if err != nil {
		return err
	}
	if err := clientcmd.ResolveLocalPaths(config); err != nil {
		return err
	}
	for _, server := range config.Clusters {
		server.Server = g.server.URL
		server.CertificateAuthority = ""
		server.CertificateAuthorityData = pem.EncodeToMemory(
			&pem.Block{Type: "CERTIFICATE", Bytes: g.server.Certificate().Raw})
	}
	return clientcmd.WriteToFile(*config, path)
}

// Cut breaks every connection to it, as a network that fails would. Who connects again gets through.
func (g *Gate) Cut() {
	g.server.CloseClientConnections()
}

// Close ends it, with what still runs through it.
func (g *Gate) Close() {
	g.server.CloseClientConnections()
	g.server.Close()
}
