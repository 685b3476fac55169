// Package gate is a proxy between Rampart and the API server in which a test decides what becomes of each
// write. Everything else passes, watches included, as it comes: it is package proxy with one rule.
package gate

import (
	"net/http"
	"sync"

	"rampart.dev/e2e/cluster"
	"rampart.dev/e2e/proxy"
)

// Gate is a proxy that runs.
type Gate struct {
	*proxy.Proxy

	mu      sync.Mutex // one write is judged at a time
	onWrite func(*http.Request) bool
}

// New starts a proxy in front of the cluster's API server.
func New(c *cluster.Cluster) (*Gate, error) {
	p, err := proxy.New(c)
	if err != nil {
		return nil, err
	}
	g := &Gate{Proxy: p}
	p.On(proxy.Writes(), func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if !g.mayPass(r) {
			panic(http.ErrAbortHandler) // the client sees a broken stream, and no answer
		}
		next.ServeHTTP(w, r)
	})
	return g, nil
}

// OnWrite sets what judges each request that writes, before it is passed on: false drops it without an answer.
// Calls do not overlap. nil lets all pass.
func (g *Gate) OnWrite(judge func(*http.Request) bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.onWrite = judge
}

func (g *Gate) mayPass(r *http.Request) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.onWrite == nil || g.onWrite(r)
}

// Cut breaks every connection to it, as a network that fails would. Who connects again gets through.
func (g *Gate) Cut() { g.BreakConnections(proxy.CloseConnection) }
