package relay

import (
	"bufio"
	"net"
	"testing"
	"time"
)

// echo answers every line with itself.
func echo(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				for lines := bufio.NewReader(conn); ; {
					line, err := lines.ReadBytes('\n')
					if err != nil {
						return
					}
					conn.Write(line)
				}
			}()
		}
	}()
	return listener.Addr().String()
}

// talk says a line and returns the answer.
func talk(conn net.Conn, limit time.Duration) (string, error) {
	if _, err := conn.Write([]byte("hello\n")); err != nil {
		return "", err
	}
	conn.SetReadDeadline(time.Now().Add(limit))
	defer conn.SetReadDeadline(time.Time{})
	return bufio.NewReader(conn).ReadString('\n')
}

func begin(t *testing.T) (*Relay, net.Conn) {
	t.Helper()
	r, err := New("tcp", echo(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	conn, err := net.Dial("tcp", r.Address())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if line, err := talk(conn, time.Minute); err != nil || line != "hello\n" {
		t.Fatalf("%q, %v", line, err)
	}
	return r, conn
}

func TestFrozenWireKeepsEveryByte(t *testing.T) {
	r, conn := begin(t)
	r.Freeze()
	if line, err := talk(conn, 50*time.Millisecond); err == nil {
		t.Fatalf("a frozen wire answers %q", line)
	}
	r.Thaw()
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil || line != "hello\n" {
		t.Errorf("after the thaw: %q, %v", line, err)
	}
}

func TestCutWireEndsConnectionsUntilItIsMended(t *testing.T) {
	r, conn := begin(t)
	r.Cut()
	if line, err := bufio.NewReader(conn).ReadString('\n'); err == nil {
		t.Errorf("a cut wire answers %q", line)
	}
	again, err := net.Dial("tcp", r.Address())
	if err == nil {
		defer again.Close()
		if line, err := talk(again, time.Minute); err == nil {
			t.Errorf("a cut wire takes a new connection and answers %q", line)
		}
	}
	r.Mend()
	mended, err := net.Dial("tcp", r.Address())
	if err != nil {
		t.Fatal(err)
	}
	defer mended.Close()
	if line, err := talk(mended, time.Minute); err != nil || line != "hello\n" {
		t.Errorf("mended: %q, %v", line, err)
	}
}

func TestFrozenWireCanBeCutAndClosed(t *testing.T) {
	r, conn := begin(t)
	r.Freeze()
	r.Cut()
	if line, err := bufio.NewReader(conn).ReadString('\n'); err == nil {
		t.Errorf("a cut wire answers %q", line)
	}
	r.Close()
}
