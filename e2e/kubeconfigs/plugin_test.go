package kubeconfigs

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A plugin that hangs does not outlive the operator, whichever way that ends.
func TestPluginEndsWithTheController(t *testing.T) {
	const hang = "echo $$ >pid.new; mv pid.new pid; while :; do sleep 0.1; done\n"
	for _, c := range []struct {
		name, script string
		signals      int
		code         int
	}{
		{"that ends when it is told to", "#!/bin/sh\n" + hang, 1, 0},
		{"that has to be killed", "#!/bin/sh\ntrap '' TERM\n" + hang, 1, 0},
		{"that is given no time", "#!/bin/sh\ntrap '' TERM\n" + hang, 2, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := row{files: with(config(known, "exec: {"+v1+", command: ./plugin}"), "plugin", c.script)}.prepare(t)
			command, log := w.launch(t, "pid")
			text, err := os.ReadFile(filepath.Join(w.Dir, "pid"))
			check(t, err)
			plugin, err := strconv.Atoi(strings.TrimSpace(string(text)))
			check(t, err)
			for range c.signals {
				check(t, command.Process.Signal(syscall.SIGTERM))
				time.Sleep(200 * time.Millisecond) // two signals at once are one
			}
			_ = command.Wait()
			if code := command.ProcessState.ExitCode(); code != c.code {
				t.Errorf("exit code %d instead of %d: %s", code, c.code, log)
			}
			for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
				if err := syscall.Kill(plugin, 0); errors.Is(err, syscall.ESRCH) || isZombie(plugin) {
					break
				} else if time.Now().After(deadline) {
					_ = syscall.Kill(plugin, syscall.SIGKILL)
					t.Fatal("the plugin is still there")
				}
			}
			if requests := w.recorder.empty(); len(requests) > 0 {
				t.Errorf("requests without a credential: %+v", requests)
			}
		})
	}
}

// isZombie says whether a process has ended and nobody has asked how; an orphan may stay so in a container.
func isZombie(pid int) bool {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	_, rest, _ := strings.Cut(string(text), ") ")
	return err == nil && strings.HasPrefix(rest, "Z")
}
