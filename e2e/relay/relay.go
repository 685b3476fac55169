// Package relay is a wire between two programs, which a test freezes and cuts. What freezes keeps every byte
// and every connection, so that nothing is lost and nobody is told; what is cut ends connections and takes
// no new ones.
package relay

import (
	"errors"
	"net"
	"sync"
)

const chunk = 64 << 10 // bytes that are under way in one direction of a connection at most

// Relay listens on a port of loopback and leads to another place.
type Relay struct {
	listener net.Listener
	network  string // of the place that it leads to
	address  string
	running  sync.WaitGroup

	mu       sync.Mutex
	moved    *sync.Cond // any of the following has changed
	isFrozen bool
	isCut    bool
	isClosed bool
	pairs    map[*pair]struct{}
}

// pair is one connection and its other half.
type pair struct{ near, far net.Conn }

func (p *pair) close() {
	p.near.Close()
	p.far.Close()
}

// New starts a relay to a place, as net.Dial names it.
func New(network, address string) (*Relay, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &Relay{listener: listener, network: network, address: address, pairs: map[*pair]struct{}{}}
	r.moved = sync.NewCond(&r.mu)
	r.running.Go(r.accept)
	return r, nil
}

// Address is where it listens: host and port.
func (r *Relay) Address() string { return r.listener.Addr().String() }

// Freeze lets nothing through any more, in neither direction, and tells nobody: connections stay, and new
// ones are taken.
func (r *Relay) Freeze() { r.set(func() { r.isFrozen = true }) }

// Thaw lets through what has waited, and what comes.
func (r *Relay) Thaw() { r.set(func() { r.isFrozen = false }) }

// Cut ends all connections, and every new one at once.
func (r *Relay) Cut() {
	r.set(func() {
		r.isCut = true
		r.endAll()
	})
}

// Mend takes connections again.
func (r *Relay) Mend() { r.set(func() { r.isCut = false }) }

// Close ends it with all connections, and waits until nothing of it runs.
func (r *Relay) Close() {
	r.set(func() {
		r.isClosed = true
		r.listener.Close()
		r.endAll()
	})
	r.running.Wait()
}

func (r *Relay) set(change func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change()
	r.moved.Broadcast()
}

// endAll is called with the lock held.
func (r *Relay) endAll() {
	for p := range r.pairs {
		p.close()
	}
}

func (r *Relay) accept() {
	for {
		near, err := r.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil {
			r.running.Go(func() { r.carry(near) })
		}
	}
}

// carry serves one connection until either side ends it.
func (r *Relay) carry(near net.Conn) {
	defer near.Close()
	if !r.awaitThaw() {
		return
	}
	far, err := net.Dial(r.network, r.address)
	if err != nil {
		return
	}
	p := &pair{near, far}
	defer p.close()
	if !r.enter(p) {
		return
	}
	defer r.leave(p)
	var halves sync.WaitGroup
	halves.Go(func() { r.copy(far, near) })
	halves.Go(func() { r.copy(near, far) })
	halves.Wait()
}

// copy passes on what comes from one side; at its end the other side ends too.
func (r *Relay) copy(to, from net.Conn) {
	defer to.Close()
	for buffer := make([]byte, chunk); ; {
		n, err := from.Read(buffer)
		if !r.awaitThaw() {
			return
		}
		if n > 0 {
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// awaitThaw returns when bytes may pass; false: never more, on this connection.
func (r *Relay) awaitThaw() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.isFrozen && !r.isCut && !r.isClosed {
		r.moved.Wait()
	}
	return !r.isCut && !r.isClosed
}

func (r *Relay) enter(p *pair) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.isCut || r.isClosed {
		return false
	}
	r.pairs[p] = struct{}{}
	return true
}

func (r *Relay) leave(p *pair) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.pairs, p)
}
