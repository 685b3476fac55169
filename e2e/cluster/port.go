package cluster

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"time"
)

// Ports are taken from below the range from which Linux serves outgoing connections: a port from that
// range could be taken by any client while the API server that must come back on it is down.
const (
	portMin = 20000
	portMax = 32000
	host    = "127.0.0.1"
)

// freePort finds a port on which nobody listens. Somebody else may take it before it is used; in a range
// of this size that is not expected, and shows as a failure to start.
func freePort() (int, error) {
	for range 100 {
		port := portMin + rand.IntN(portMax-portMin)
		if isFree(port) {
			return port, nil
		}
	}
	return 0, errors.New("no free port found")
}

func isFree(port int) bool {
	listener, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
	if err != nil {
		return false
	}
	listener.Close()
	return true
}

// awaitFree waits until nobody listens on the port any more.
func awaitFree(ctx context.Context, port int) error {
	for !isFree(port) {
		select {
		case <-time.After(pollInterval):
		case <-ctx.Done():
			return fmt.Errorf("port %d is still taken: %w", port, ctx.Err())
		}
	}
	return nil
}
