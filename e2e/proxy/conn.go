package proxy

import (
	"net"
	"sync"
)

// Break is a way in which a connection ends.
type Break int

// Ways to end.
const (
	CloseConnection  Break = iota // FIN, as a process that goes
	ResetConnection               // RST, as a machine that came back
	HalfClose                     // FIN, and what the other side sends is still read
	GarbleConnection              // bytes that are no TLS, in the midst of it
)

// listener keeps the connections, so that they can be broken.
type listener struct {
	net.Listener

	mu       sync.Mutex // guards what follows
	open     map[*net.TCPConn]bool
	accepted int
}

// BreakConnections does it to all that are open, and returns how many that were.
func (p *Proxy) BreakConnections(how Break) int { return p.listener.breakAll(how) }

// Connections is how many were ever accepted.
func (p *Proxy) Connections() int {
	p.listener.mu.Lock()
	defer p.listener.mu.Unlock()
	return p.listener.accepted
}

func listen() (*listener, error) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	return &listener{Listener: inner, open: map[*net.TCPConn]bool{}}, err
}

// Accept is what the server calls.
func (l *listener) Accept() (net.Conn, error) {
	accepted, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	tcp := accepted.(*net.TCPConn)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open[tcp] = true
	l.accepted++
	return &conn{TCPConn: tcp, listener: l}, nil
}

func (l *listener) breakAll(how Break) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	for tcp := range l.open { // what fails is closed already
		switch how {
		case CloseConnection:
			_ = tcp.Close()
		case ResetConnection:
			_ = tcp.SetLinger(0)
			_ = tcp.Close()
		case HalfClose:
			_ = tcp.CloseWrite()
		case GarbleConnection:
			_, _ = tcp.Write([]byte("this is no TLS record, and its length is none"))
		}
	}
	return len(l.open)
}

// conn is one that the listener forgets when it is closed.
type conn struct {
	*net.TCPConn
	listener *listener
}

func (c *conn) Close() error {
	c.listener.mu.Lock()
	delete(c.listener.open, c.TCPConn)
	c.listener.mu.Unlock()
	return c.TCPConn.Close()
}
