package cluster

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

const (
	adminKubeconfig             = "admin.kubeconfig"
	controllerManagerKubeconfig = "controller-manager.kubeconfig"
	schedulerKubeconfig         = "scheduler.kubeconfig"
	kwokKubeconfig              = "kwok.kubeconfig"

	tokenLifeSeconds = 24 * 3600
)

// writeKubeconfigs makes those that hold a client certificate. kwok has a user of its own so that the
// audit log tells its writes from the tests'.
func (c *Cluster) writeKubeconfigs() error {
	c.URL = "https://" + net.JoinHostPort(host, strconv.Itoa(c.port))
	c.AdminKubeconfig = c.folder.join(adminKubeconfig)
	for _, user := range []struct {
		file, name string
		groups     []string
	}{
		{adminKubeconfig, "kubernetes-admin", []string{"system:masters"}},
		{controllerManagerKubeconfig, "system:kube-controller-manager", nil},
		{schedulerKubeconfig, "system:kube-scheduler", nil},
		{kwokKubeconfig, "kwok", []string{"system:masters"}},
	} {
		pair, err := c.ca.client(user.name, user.groups...)
		if err != nil {
			return err
		}
		err = c.writeKubeconfig(c.folder.join(user.file), user.name,
			&clientcmdapi.Cluster{CertificateAuthorityData: c.ca.certPEM},
			&clientcmdapi.AuthInfo{ClientCertificateData: pair.cert, ClientKeyData: pair.key})
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *Cluster) writeKubeconfig(
	path, user string, server *clientcmdapi.Cluster, auth *clientcmdapi.AuthInfo,
) error {
	const name = "rampart-e2e"
	server.Server = c.URL
	config := clientcmdapi.NewConfig()
	config.Clusters[name] = server
	config.AuthInfos[user] = auth
	config.Contexts[name] = &clientcmdapi.Context{Cluster: name, AuthInfo: user}
	config.CurrentContext = name
	return clientcmd.WriteToFile(*config, path) // mode 0600
}

// connect makes the admin's clients. They are not throttled: tests measure servers, not clients.
func (c *Cluster) connect() (err error) {
	if c.Config, err = clientcmd.BuildConfigFromFlags("", c.AdminKubeconfig); err != nil {
		return err
	}
	c.Config.QPS = -1
	if c.Client, err = kubernetes.NewForConfig(c.Config); err != nil {
		return err
	}
	c.Dynamic, err = dynamic.NewForConfig(c.Config)
	return err
}

// ServiceAccountKubeconfig writes a kubeconfig for a ServiceAccount that exists and returns its path.
// As in a pod, the token and the certificate authority are files of their own, beside the kubeconfig
// ("token", "ca.crt"), so that a test can replace the token. The token holds for a day.
func (c *Cluster) ServiceAccountKubeconfig(ctx context.Context, namespace, name string) (string, error) {
	token, err := c.Client.CoreV1().ServiceAccounts(namespace).CreateToken(ctx, name,
		&authenticationv1.TokenRequest{
			Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: new(int64(tokenLifeSeconds))},
		}, metav1.CreateOptions{})
	if err != nil {
		return "", fmt.Errorf("token of ServiceAccount %s/%s: %w", namespace, name, err)
	}
	dir := c.folder.join("service-accounts", namespace, name)
	files := map[string]string{"token": token.Status.Token, "ca.crt": string(c.ca.certPEM)}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	for file, data := range files {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(data), 0o600); err != nil {
			return "", err
		}
	}
	path := filepath.Join(dir, "kubeconfig")
	return path, c.writeKubeconfig(path, "system:serviceaccount:"+namespace+":"+name,
		&clientcmdapi.Cluster{CertificateAuthority: filepath.Join(dir, "ca.crt")},
		&clientcmdapi.AuthInfo{TokenFile: filepath.Join(dir, "token")})
}
