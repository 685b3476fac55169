package cluster

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"

	"k8s.io/client-go/tools/clientcmd"
)

// ServerCertificate makes a certificate that the cluster's authority signs, for the names of the API server:
// for something that stands in its place. edit, where not nil, changes it before (names, dates).
func (c *Cluster) ServerCertificate(edit func(*x509.Certificate)) (tls.Certificate, error) {
	template := serverTemplate()
	if edit != nil {
		edit(template)
	}
	pair, err := c.ca.sign(template)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair(pair.cert, pair.key)
}

// KubeconfigThrough writes to path a copy of a kubeconfig of this cluster with another server: something that
// stands before the API server. Files that it names stay where they are. A client certificate would end there,
// so that a kubeconfig with one is an error.
func (c *Cluster) KubeconfigThrough(original, url, path string) error {
	config, err := clientcmd.LoadFromFile(original)
	if err != nil {
		return err
	}
	if err := clientcmd.ResolveLocalPaths(config); err != nil {
		return err
	}
	for name, user := range config.AuthInfos {
		if user.ClientCertificate != "" || len(user.ClientCertificateData) > 0 {
			return fmt.Errorf("%s: user %s has a client certificate, which would end at %s", original, name, url)
		}
	}
	for _, server := range config.Clusters {
		server.Server = url
	}
	return clientcmd.WriteToFile(*config, path)
}
