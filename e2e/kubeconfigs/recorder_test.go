package kubeconfigs

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
)

// seen is what one request says about the connection that carries it. Of a wanted one, empty fields are not
// compared.
type seen struct {
	Server        string // which of the servers it came to
	Protocol      string
	SNI           string
	Host          string
	Prefix        string // of the path, before /api or /apis
	Certificate   string // common name of the client's
	Authorization string
	Impersonation []string // sorted "Header: value" lines
	Via           string   // the proxies that were asked since the recorder was emptied
}

// recorder is a server on IPv4 and on IPv6, and what both have seen.
type recorder struct {
	port, port6 string
	plain       string // without TLS

	mu       sync.Mutex
	requests []seen
	via      []string
}

func newRecorder(t *testing.T, identity tls.Certificate, clients *authority) *recorder {
	t.Helper()
	r := &recorder{}
	r.port = r.serve(t, "server", "127.0.0.1:0", identity, clients)
	r.port6 = r.serve(t, "server6", "[::1]:0", identity, clients)
	plain := httptest.NewServer(r.handler("plain"))
	t.Cleanup(plain.Close)
	_, r.plain, _ = net.SplitHostPort(plain.Listener.Addr().String())
	return r
}

func (r *recorder) serve(t *testing.T, name, address string, identity tls.Certificate, clients *authority) string {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	check(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(clients.cert)
	server := httptest.NewUnstartedServer(r.handler(name))
	server.Listener.Close()
	server.Listener = listener
	server.EnableHTTP2 = true
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.TLS = &tls.Config{
		Certificates: []tls.Certificate{identity},
		ClientAuth:   tls.VerifyClientCertIfGiven,
		ClientCAs:    pool,
	}
	server.StartTLS()
	t.Cleanup(server.Close)
	_, port, err := net.SplitHostPort(listener.Addr().String())
	check(t, err)
	return port
}

func (r *recorder) handler(server string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		r.note(server, request)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprintln(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Forbidden",`+
			`"message":"the recorder forbids everything","code":403}`)
	})
}

func (r *recorder) note(server string, request *http.Request) {
	s := seen{
		Server:        server,
		Protocol:      request.Proto,
		Host:          request.Host,
		Authorization: readable(request.Header.Get("Authorization")),
	}
	s.Prefix, _, _ = strings.Cut(request.URL.EscapedPath(), "/api")
	if request.TLS != nil {
		s.SNI = request.TLS.ServerName
		if certificates := request.TLS.PeerCertificates; len(certificates) > 0 {
			s.Certificate = certificates[0].Subject.CommonName
		}
	}
	for header, values := range request.Header {
		for _, value := range values {
			if strings.HasPrefix(header, "Impersonate-") {
				s.Impersonation = append(s.Impersonation, header+": "+value)
			}
		}
	}
	slices.Sort(s.Impersonation)
	r.mu.Lock()
	defer r.mu.Unlock()
	s.Via = strings.Join(r.via, " ")
	r.requests = append(r.requests, s)
}

// readable unpacks what a plugin of the table puts into its token: JSON, whose members may be in any order.
func readable(authorization string) string {
	packed, ok := strings.CutPrefix(authorization, "Bearer json.")
	if !ok {
		return authorization
	}
	var value any
	if text, err := base64.StdEncoding.DecodeString(packed); err != nil || json.Unmarshal(text, &value) != nil {
		return authorization
	}
	text, _ := json.Marshal(value)
	return "Bearer json " + string(text)
}

// asked notes what a proxy was asked for.
func (r *recorder) asked(what string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.Contains(r.via, what) { // once, however many connections a client makes
		r.via = append(r.via, what)
	}
}

// empty returns what was seen since it was last called.
func (r *recorder) empty() []seen {
	r.mu.Lock()
	defer r.mu.Unlock()
	requests := r.requests
	r.requests, r.via = nil, nil
	return requests
}
