package operator

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
)

// Run runs a command of the binary and returns what it prints and its exit code. An error is 1 (it failed)
// or 2 (wrong usage), with what it says.
func Run(ctx context.Context, args ...string) (out string, code int, err error) {
	binary, err := Binary()
	if err != nil {
		return "", 0, err
	}
	command := exec.CommandContext(ctx, binary, args...)
	command.Env = environment()
	var stderr bytes.Buffer
	command.Stderr = &stderr
	text, err := command.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = nil
	}
	code = command.ProcessState.ExitCode()
	if err == nil && code != 0 && code != 3 {
		err = fmt.Errorf("rampart %q: exit code %d: %s", args, code, stderr.String())
	}
	return string(text), code, err
}
