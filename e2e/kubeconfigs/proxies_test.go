package kubeconfigs

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// proxies are an HTTP, an HTTPS and a SOCKS5 proxy; each notes where it is asked to go and as whom. They take
// the names of the table to the recorder's IPv4 server, as nobody else knows these names.
type proxies struct {
	HTTP, HTTPS, SOCKS string // host:port
	Refusing           string // an HTTP proxy that wants a password, whatever one gives
}

func newProxies(t *testing.T, r *recorder, identity tls.Certificate) *proxies {
	t.Helper()
	p := &proxies{}
	p.HTTP = listen(t, func(c net.Conn) { connect(c, r, "http", false) })
	p.Refusing = listen(t, func(c net.Conn) { connect(c, r, "refusing", true) })
	config := &tls.Config{Certificates: []tls.Certificate{identity}, NextProtos: []string{"http/1.1"}}
	p.HTTPS = listen(t, func(c net.Conn) { connect(tls.Server(c, config), r, "https", false) })
	p.SOCKS = listen(t, func(c net.Conn) { socks(c, r) })
	return p
}

func listen(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				serve(conn)
			}()
		}
	}()
	return listener.Addr().String()
}

// connect serves one CONNECT.
func connect(conn net.Conn, r *recorder, name string, refuses bool) {
	reader := bufio.NewReader(conn)
	request, err := http.ReadRequest(reader)
	if err != nil || request.Method != http.MethodConnect {
		return
	}
	user := ""
	if basic, ok := strings.CutPrefix(request.Header.Get("Proxy-Authorization"), "Basic "); ok {
		text, _ := base64.StdEncoding.DecodeString(basic)
		user = string(text) + "@"
	}
	if request.Header.Get("Authorization") != "" {
		user = "LEAKED CREDENTIAL@"
	}
	r.asked(name + "://" + user + request.Host)
	if refuses {
		fmt.Fprint(conn, "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
		return
	}
	tunnel(conn, reader, request.Host, "HTTP/1.1 200 OK\r\n\r\n")
}

// socks serves one CONNECT of SOCKS5 (RFC 1928, with the passwords of RFC 1929).
func socks(conn net.Conn, r *recorder) {
	reader := bufio.NewReader(conn)
	methods := counted(reader, 1)
	user := ""
	if strings.IndexByte(methods, 2) >= 0 {
		fmt.Fprint(conn, "\x05\x02")
		name := counted(reader, 1)
		user = name + ":" + counted(reader, 0) + "@"
		fmt.Fprint(conn, "\x01\x00")
	} else {
		fmt.Fprint(conn, "\x05\x00")
	}
	head := make([]byte, 4)
	if _, err := io.ReadFull(reader, head); err != nil {
		return
	}
	var host string
	switch head[3] {
	case 1:
		host = address(reader, 4)
	case 3:
		host = counted(reader, 0)
	case 4:
		host = address(reader, 16)
	}
	port := make([]byte, 2)
	if _, err := io.ReadFull(reader, port); err != nil {
		return
	}
	target := net.JoinHostPort(host, fmt.Sprint(int(port[0])<<8|int(port[1])))
	r.asked("socks5://" + user + target)
	tunnel(conn, reader, target, "\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
}

// counted reads a string with its length in front, after skipping some bytes.
func counted(reader *bufio.Reader, skip int) string {
	_, _ = reader.Discard(skip)
	length, err := reader.ReadByte()
	if err != nil {
		return ""
	}
	text := make([]byte, length)
	_, _ = io.ReadFull(reader, text)
	return string(text)
}

func address(reader *bufio.Reader, length int) string {
	bytes := make(net.IP, length)
	_, _ = io.ReadFull(reader, bytes)
	return bytes.String()
}

// tunnel passes bytes on until one side is done.
func tunnel(conn net.Conn, reader *bufio.Reader, target, ready string) {
	host, port, err := net.SplitHostPort(target)
	if err != nil {
		return
	}
	if net.ParseIP(host) == nil {
		host = "127.0.0.1"
	}
	server, err := net.Dial("tcp", net.JoinHostPort(host, port))
	if err != nil {
		return
	}
	defer server.Close()
	if _, err := io.WriteString(conn, ready); err != nil {
		return
	}
	go func() {
		_, _ = io.Copy(server, reader)
		server.Close()
	}()
	_, _ = io.Copy(conn, server)
}
