// Package proxy stands between Rampart and the API server and lets a test be the trouble on the way.
//
// It speaks HTTP/2 to both sides, under a certificate that the cluster's authority signed, and passes
// everything on as it comes, watches unbuffered, the caller's token included. Rules that a test adds and
// removes while it runs answer something else, change what comes back, hold it, cut it off, or send it to
// another server; every request is on record. In front of it a Cable can be laid, which knows bytes alone
// and can be cut.
//
//	p, err := proxy.New(c)
//	p.Kubeconfig(original, path)                                    // for an operator behind it
//	p.On(proxy.Watches("namespaces"), proxy.Fail(apierrors.NewResourceExpired("too old")))
package proxy

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"time"

	"rampart.dev/e2e/cluster"
)

// streamsMax is what an API server lets run on one connection.
const streamsMax = 100

// Proxy is one that runs. Its methods may be called from anywhere.
type Proxy struct {
	URL string

	cluster  *cluster.Cluster
	server   *http.Server
	listener *listener
	backend  http.Handler

	mu      sync.Mutex // guards what follows, and the Requests
	rules   []*Rule
	log     []*exchange
	running map[*exchange]bool
	tls     *tls.Config
}

// New starts a proxy without rules in front of the cluster's API server.
func New(c *cluster.Cluster) (*Proxy, error) {
	backend, err := NewBackend(c.URL, c.Config.CAData)
	if err != nil {
		return nil, err
	}
	certificate, err := c.ServerCertificate(nil)
	if err != nil {
		return nil, err
	}
	p := &Proxy{
		cluster: c,
		backend: backend,
		running: map[*exchange]bool{},
		tls:     &tls.Config{Certificates: []tls.Certificate{certificate}, NextProtos: []string{"h2", "http/1.1"}},
	}
	if p.listener, err = listen(); err != nil {
		return nil, err
	}
	p.URL = "https://" + p.listener.Addr().String()
	p.server = &http.Server{
		Handler:  p,
		ErrorLog: log.New(io.Discard, "", 0),
		HTTP2:    &http.HTTP2Config{MaxConcurrentStreams: streamsMax},
		TLSConfig: &tls.Config{
			NextProtos:         p.tls.NextProtos,
			GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return p.currentTLS(), nil },
		},
	}
	go func() { _ = p.server.ServeTLS(p.listener, "", "") }() // ends at Close
	return p, nil
}

// NewBackend is the way to one API server, for Proxy.New and for the rule To.
func NewBackend(to string, ca []byte) (http.Handler, error) {
	target, err := url.Parse(to)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(ca) {
		return nil, fmt.Errorf("%s: no certificate authority", to)
	}
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport: &http.Transport{
			TLSClientConfig:    &tls.Config{RootCAs: roots},
			ForceAttemptHTTP2:  true,
			DisableCompression: true, // what the operator asks for is what it gets
		},
		FlushInterval: -1, // an event is passed on at once
		ErrorLog:      log.New(io.Discard, "", 0),
		ModifyResponse: func(r *http.Response) error {
			if x, _ := r.Request.Context().Value(exchangeKey{}).(*exchange); x != nil {
				r.Body = &endable{ReadCloser: r.Body, exchange: x}
			}
			return nil
		},
		// As without a proxy: no answer at all.
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}, nil
}

// Kubeconfig writes to path a copy of a kubeconfig that leads through the proxy.
func (p *Proxy) Kubeconfig(original, path string) error {
	return p.cluster.KubeconfigThrough(original, p.URL, path)
}

// SetTLS changes what later handshakes are made with: the certificate, the versions.
func (p *Proxy) SetTLS(edit func(*tls.Config)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	changed := p.tls.Clone()
	edit(changed)
	p.tls = changed
}

func (p *Proxy) currentTLS() *tls.Config {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.tls
}

// Close ends it, with all that runs through it.
func (p *Proxy) Close() {
	p.AbortRunning(All())
	_ = p.server.Close() // all that it reports is that a connection was closed already
	p.listener.breakAll(CloseConnection)
}

// ServeHTTP lets the rules have their way with a request.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &exchange{proxy: p, w: w, request: parse(r), atLineEnd: true}
	ctx := r.Context()
	if x.request.IsWrite() {
		// A write that the server has got is done, and known to its audit log, also when the operator is gone.
		ctx = context.WithoutCancel(ctx)
	}
	ctx, x.cancel = context.WithCancel(ctx)
	handler := p.begin(x)
	defer p.end(x)
	handler.ServeHTTP(x, r.WithContext(context.WithValue(ctx, exchangeKey{}, x)))
}

// begin puts an exchange on record, and finds out who answers it.
func (p *Proxy) begin(x *exchange) http.Handler {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.log = append(p.log, x)
	p.running[x] = true
	handler := p.backend
	for _, rule := range p.rules {
		if rule.takes(&x.request) {
			behind := handler
			handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { rule.Do(w, r, behind) })
		}
	}
	return handler
}

func (p *Proxy) end(x *exchange) {
	x.cancel()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.running, x)
	x.request.Ended = time.Now()
}
