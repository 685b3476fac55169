package proxy

import (
	"bytes"
	"io"
	"net/http"
	"sync"
)

type exchangeKey struct{} // of a request's context: its exchange

// exchange is one request and what the operator gets for it. It is the outermost ResponseWriter.
type exchange struct {
	proxy   *Proxy
	request Request // guarded by proxy.mu once it has begun
	w       http.ResponseWriter
	cancel  func()

	mu        sync.Mutex // guards what follows, and w
	isEnded   bool       // the test ended it in good order
	atLineEnd bool
	pending   [][]byte // lines to put in once the line that is being written is complete
}

func (x *exchange) Header() http.Header { return x.w.Header() }

func (x *exchange) WriteHeader(status int) {
	x.note(status)
	x.mu.Lock()
	defer x.mu.Unlock()
	x.w.WriteHeader(status)
}

func (x *exchange) note(status int) {
	x.proxy.mu.Lock()
	defer x.proxy.mu.Unlock()
	if x.request.Status == 0 {
		x.request.Status = status
	}
}

func (x *exchange) Write(b []byte) (int, error) {
	x.note(http.StatusOK)
	x.mu.Lock()
	defer x.mu.Unlock()
	n, err := x.w.Write(b)
	if n > 0 {
		x.atLineEnd = b[n-1] == '\n'
	}
	for err == nil && x.atLineEnd && len(x.pending) > 0 {
		_, err = x.w.Write(x.pending[0])
		x.pending = x.pending[1:]
	}
	return n, err
}

// FlushError is what http.ResponseController calls.
func (x *exchange) FlushError() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	return http.NewResponseController(x.w).Flush()
}

// inject puts a line into a running stream, between two lines of it.
func (x *exchange) inject(line []byte) {
	x.mu.Lock()
	defer x.mu.Unlock()
	line = append(bytes.TrimRight(line, "\n"), '\n')
	if !x.atLineEnd {
		x.pending = append(x.pending, line)
		return
	}
	_, _ = x.w.Write(line) // fails when the operator has gone
	_ = http.NewResponseController(x.w).Flush()
}

func (x *exchange) endInOrder() {
	x.mu.Lock()
	x.isEnded = true
	x.mu.Unlock()
	x.cancel()
}

// endable is the body of an answer that a test may end.
type endable struct {
	io.ReadCloser
	exchange *exchange
}

func (e *endable) Read(b []byte) (int, error) {
	n, err := e.ReadCloser.Read(b)
	if err != nil {
		e.exchange.mu.Lock()
		defer e.exchange.mu.Unlock()
		if e.exchange.isEnded {
			err = io.EOF
		}
	}
	return n, err
}

// EndRunning ends the answers that match and have begun, as a server does that ends a watch.
func (p *Proxy) EndRunning(match Match) int { return p.each(match, (*exchange).endInOrder) }

// AbortRunning breaks off the streams that match: no proper end, no answer.
func (p *Proxy) AbortRunning(match Match) int { return p.each(match, func(x *exchange) { x.cancel() }) }

// Inject puts an event into the watches that run and match, and returns into how many.
func (p *Proxy) Inject(match Match, event Event) int {
	return p.each(All(match, Verb("watch"), answered), func(x *exchange) { x.inject(event.line()) })
}

// InjectRaw does so with any bytes; a newline ends them.
func (p *Proxy) InjectRaw(match Match, line string) int {
	return p.each(All(match, Verb("watch"), answered), func(x *exchange) { x.inject([]byte(line)) })
}

func answered(r *Request) bool { return r.Status != 0 }

func (p *Proxy) each(match Match, do func(*exchange)) int {
	p.mu.Lock()
	found := []*exchange{}
	for x := range p.running {
		if match(&x.request) {
			found = append(found, x)
		}
	}
	p.mu.Unlock()
	for _, x := range found {
		do(x)
	}
	return len(found)
}
