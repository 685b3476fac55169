package cluster

import (
	"context"
	"fmt"
	"os"

	clientv3 "go.etcd.io/etcd/client/v3"
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

// Compact makes etcd forget all revisions but the newest, as it does by itself every five minutes: a watch
// from an older one is answered 410, once the API server does not remember it either.
func (c *Cluster) Compact(ctx context.Context) error {
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{"unix://" + c.folder.join(etcdSocket)}, Context: ctx})
	if err != nil {
		return fmt.Errorf("etcd: %w", err)
	}
	defer client.Close()
	now, err := client.Get(ctx, "/registry/any", clientv3.WithCountOnly()) // for the revision in its header
	if err != nil {
		return fmt.Errorf("etcd: %w", err)
	}
	if _, err := client.Compact(ctx, now.Header.Revision, clientv3.WithCompactPhysical()); err != nil {
		return fmt.Errorf("etcd: compact: %w", err)
	}
	return nil
}
