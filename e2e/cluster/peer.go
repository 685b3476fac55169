package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"rampart.dev/e2e/relay"
)

// peerComponent is how a second API server is called among the components: one at a time.
const peerComponent Component = "kube-apiserver-peer"

// Peer is a second API server on the same etcd, with keys, rights and data of the first, and a port of its
// own. The first one's audit log has nothing of it.
type Peer struct {
	URL     string
	Client  kubernetes.Interface // the admin's, of this server, as the next
	Dynamic dynamic.Interface

	cluster *Cluster
	port    int
	etcd    *relay.Relay
}

// StartPeer starts a second API server, and returns when it is ready. Close it before the cluster.
func (c *Cluster) StartPeer(ctx context.Context) (peer *Peer, err error) {
	p := &Peer{cluster: c}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("second API server: %w", err), p.Close())
		}
	}()
	if p.etcd, err = relay.New("unix", c.folder.join(etcdSocket)); err != nil {
		return nil, err
	}
	if p.port, err = freePort(); err != nil {
		return nil, err
	}
	p.URL = "https://" + net.JoinHostPort(host, strconv.Itoa(p.port))
	config := rest.CopyConfig(c.Config)
	config.Host = p.URL
	if p.Client, err = kubernetes.NewForConfig(config); err != nil {
		return nil, err
	}
	if p.Dynamic, err = dynamic.NewForConfig(config); err != nil {
		return nil, err
	}
	command, err := c.find(APIServer)
	if err != nil {
		return nil, err
	}
	args := c.apiServerArgsOn(p.port, "http://"+p.etcd.Address(), "audit-peer.log")
	process, err := c.launch(peerComponent, append(command, args...))
	if err != nil {
		return nil, err
	}
	return p, process.await(ctx, func(ctx context.Context) error {
		return p.Client.Discovery().RESTClient().Get().AbsPath("/readyz").Do(ctx).Error()
	})
}

// Freeze stops its connection to etcd, and tells nobody: what it knows stays as it is, and what needs etcd
// waits. It goes on answering from its caches.
func (p *Peer) Freeze() { p.etcd.Freeze() }

// Thaw lets it catch up.
func (p *Peer) Thaw() { p.etcd.Thaw() }

// Log is the end of its log.
func (p *Peer) Log() string { return tail(p.cluster.Log(peerComponent)) }

// Close ends it at once.
func (p *Peer) Close() (err error) {
	c := p.cluster
	c.mu.Lock()
	process := c.running[peerComponent]
	delete(c.running, peerComponent)
	c.mu.Unlock()
	if process != nil {
		err = process.kill()
	}
	if p.etcd != nil {
		p.etcd.Close()
	}
	return err
}
