package cluster

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// linkKubectl gives kubectl its name: a folder of its own, for a PATH.
func (c *Cluster) linkKubectl() error {
	command, err := c.find("kubectl")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	c.Kubectl = c.folder.join("bin", "kubectl")
	if err := os.Mkdir(filepath.Dir(c.Kubectl), 0o700); err != nil {
		return err
	}
	return os.Symlink(command[0], c.Kubectl)
}

// RunKubectl runs kubectl as the admin and returns what it prints. The error carries its message.
func (c *Cluster) RunKubectl(ctx context.Context, args ...string) (string, error) {
	if c.Kubectl == "" {
		return "", errors.New("there is no kubectl")
	}
	command := exec.CommandContext(ctx, c.Kubectl, args...)
	command.Env = append(os.Environ(), "HOME="+c.folder.path, "KUBECONFIG="+c.AdminKubeconfig)
	out, err := command.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = fmt.Errorf("kubectl %s: %w: %s", strings.Join(args, " "), err, exit.Stderr)
	}
	return string(out), err
}
