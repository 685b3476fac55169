package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"rampart.dev/e2e/operator"
)

func (d *demo) plan(ctx context.Context) error {
	d.step("Try a change before it is made")
	edited, err := d.editedProfile()
	if err != nil {
		return err
	}
	file := filepath.Join(d.dir, "edited.yaml")
	if err := os.WriteFile(file, []byte(edited), 0o600); err != nil {
		return err
	}
	d.say("The same profile, edited: pods may no longer reach the payment provider, and Prometheus may scrape them.")
	diff, err := difference(ctx, inEnforce(d.profile), edited)
	if err != nil {
		return err
	}
	for line := range strings.Lines(diff) {
		switch line = strings.TrimRight(line, "\n"); line[0] {
		case '+':
			line = d.green(line)
		case '-':
			line = d.red(line)
		}
		d.block(line)
	}
	d.gap()
	kubeconfig := d.kubeconfig // as the admin, so that it is not counted with the operator's requests
	if d.own == nil {
		if kubeconfig, err = d.operatorKubeconfig(ctx); err != nil {
			return err
		}
	}
	out, code, err := rampart(ctx, "plan", "-f", file, "--kubeconfig", kubeconfig)
	if err != nil {
		return err
	}
	d.command("rampart plan -f edited.yaml", out)
	d.say("Exit code %d, so a pipeline can stop and ask. The default-deny is mended too, since it carries what "+
		"changes meanwhile.", code)
	return nil
}

// editedProfile is the profile in Enforce with two changes.
func (d *demo) editedProfile() (string, error) {
	text := inEnforce(d.profile)
	from, to := "      from:", "      to:"
	at, cut := strings.Index(text, from), strings.Index(text, to)
	if at < 0 || cut < at {
		return "", errors.New("profile.yaml has no from, or no to behind it")
	}
	return text[:cut] + `        - namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: monitoring}}
          ports: [{port: 9090}]
`, nil
}

// difference is what diff prints of two texts, without its heads.
func difference(ctx context.Context, one, other string) (string, error) {
	dir, err := os.MkdirTemp("", "rampart-demo-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	for name, text := range map[string]string{"one": one, "other": other} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return "", err
		}
	}
	command := exec.CommandContext(ctx, "diff", "--unified=0", "one", "other")
	command.Dir = dir
	out, err := command.Output()
	var exit *exec.ExitError
	if err != nil && !(errors.As(err, &exit) && exit.ExitCode() == 1) {
		return "", err
	}
	lines := slices.DeleteFunc(strings.SplitAfter(string(out), "\n"), func(line string) bool {
		isHead := strings.HasPrefix(line, "---") || strings.HasPrefix(line, "+++") || strings.HasPrefix(line, "@@")
		return line == "" || isHead
	})
	return strings.Join(lines, ""), nil
}

// rampart runs the binary and returns what it prints and its exit code, where that says it has worked.
func rampart(ctx context.Context, args ...string) (string, int, error) {
	binary, err := operator.Binary()
	if err != nil {
		return "", 0, err
	}
	const changes = 3 // the exit code of a plan that would change something
	command := exec.CommandContext(ctx, binary, args...)
	command.Env = append(os.Environ(), "POD_NAMESPACE="+ownNamespace)
	out, err := command.Output()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return "", 0, context.Cause(ctx)
	case errors.As(err, &exit) && exit.ExitCode() == changes:
		return string(out), changes, nil
	case errors.As(err, &exit):
		return "", 0, fmt.Errorf("rampart %s: %s: %s", args[0], exit, strings.TrimSpace(string(exit.Stderr)))
	}
	return string(out), 0, err
}

func inEnforce(profile string) string {
	return strings.Replace(profile, "mode: Audit", "mode: Enforce", 1)
}
