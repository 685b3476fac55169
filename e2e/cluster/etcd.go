package cluster

import (
	"context"
	"os"
)

// Sockets are named relative to the cluster's folder, in which components run: the path of a socket
// may have 107 bytes at most, and the folder's own may be long.
const etcdSocket = "etcd.sock"

func (c *Cluster) etcdArgs() ([]string, error) {
	return []string{
		"--name=e2e",
		"--data-dir=etcd",
		"--listen-client-urls=unix://" + etcdSocket,
		"--advertise-client-urls=http://127.0.0.1:0", // must be host:port, and nobody reads it
		"--listen-peer-urls=unix://etcd-peer.sock",
		"--unsafe-no-fsync", // the data does not outlive the test
		"--quota-backend-bytes=8589934592",
		"--log-level=error",
	}, nil
}

// etcdReady: the socket listens. Whoever connects before etcd serves waits in its queue.
func (c *Cluster) etcdReady(context.Context) error {
	_, err := os.Stat(c.folder.join(etcdSocket))
	return err
}
