// Package helper asks the programs of tests/helpers, which give the C code's own answers: one question as JSON on
// standard input, one answer on standard output. `make helpers` builds them.
package helper

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Ask asks the helper of that name, from RAMPART_HELPERS or the release build, and decodes its answer.
func Ask(ctx context.Context, name string, question, answer any) error {
	folder := os.Getenv("RAMPART_HELPERS")
	if folder == "" {
		folder = filepath.Join("..", "..", "build", "release", "helpers")
	}
	input, err := json.Marshal(question)
	if err != nil {
		return err
	}
	command := exec.CommandContext(ctx, filepath.Join(folder, name))
	command.Stdin = bytes.NewReader(input)
	command.Stderr = os.Stderr
	output, err := command.Output()
	if err != nil {
		return fmt.Errorf("%w (`make helpers` builds it)", err)
	}
	if err := json.Unmarshal(output, answer); err != nil {
		return fmt.Errorf("%w: %s", err, output)
	}
	return nil
}
