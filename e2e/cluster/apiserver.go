package cluster

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

const (
	serviceRange = "10.96.0.0/16" // of no interface: nobody routes it
	serviceIP    = "10.96.0.1"    // of the service default/kubernetes
	issuer       = "https://kubernetes.default.svc.cluster.local"

	caCertFile     = "ca.crt"
	caKeyFile      = "ca.key"
	serverCertFile = "apiserver.crt"
	serverKeyFile  = "apiserver.key"
	tokenKeyFile   = "service-account.key" // signs and checks ServiceAccount tokens
)

func (c *Cluster) apiServerArgs() ([]string, error) {
	return c.apiServerArgsOn(c.port, "unix://"+etcdSocket, auditLogFile), nil
}

// apiServerArgsOn are those of an API server on a port, with its own way to etcd and its own audit log.
func (c *Cluster) apiServerArgsOn(port int, etcd, auditLog string) []string {
	args := []string{
		"--etcd-servers=" + etcd,
		"--bind-address=" + host,
		"--secure-port=" + strconv.Itoa(port),
		"--advertise-address=" + host,
		// The endpoints of default/kubernetes may not be loopback, and there is no other address: the
		// reconciler would fail for ever. Tests that need endpoints write an EndpointSlice.
		"--endpoint-reconciler-type=none",
		"--service-cluster-ip-range=" + serviceRange,
		"--tls-cert-file=" + serverCertFile,
		"--tls-private-key-file=" + serverKeyFile,
		"--client-ca-file=" + caCertFile,
		"--authorization-mode=Node,RBAC",
		"--service-account-issuer=" + issuer,
		"--service-account-signing-key-file=" + tokenKeyFile,
		"--service-account-key-file=" + tokenKeyFile,
		"--allow-privileged=true",
		// For `kubectl logs` and exec, which no fake node answers: see node in kwok.go.
		"--kubelet-preferred-address-types=ExternalIP",
		// On SIGTERM, end watches with the other requests. By default they are served for another minute.
		"--shutdown-send-retry-after=true",
		"--audit-policy-file=" + auditPolicyFile,
		"--audit-log-path=" + auditLog,
		"--audit-log-maxsize=100000", // MB: never rotated, a reader sees all of it
	}
	if gates := c.opts.FeatureGates; len(gates) > 0 {
		list := []string{}
		for _, name := range slices.Sorted(maps.Keys(gates)) {
			list = append(list, fmt.Sprintf("%s=%t", name, gates[name]))
		}
		args = append(args, "--feature-gates="+strings.Join(list, ","))
	}
	return append(args, c.opts.APIServerArgs...)
}

// apiServerReady also means that the bootstrap roles of RBAC are there: /readyz includes that.
func (c *Cluster) apiServerReady(ctx context.Context) error {
	return c.Client.Discovery().RESTClient().Get().AbsPath("/readyz").Do(ctx).Error()
}

func (c *Cluster) apiServerGone(ctx context.Context) error {
	return awaitFree(ctx, c.port)
}
