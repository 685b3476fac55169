package cluster

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// holdVariable makes the test program start a cluster, say where it is, and wait to be killed.
const holdVariable = "RAMPART_TEST_HOLD_CLUSTER"

type held struct {
	Dir  string
	Port int
}

func TestMain(m *testing.M) {
	if os.Getenv(holdVariable) != "" {
		hold()
	}
	os.Exit(m.Run())
}

func hold() {
	c, err := Start(context.Background(), Options{ControllerManager: true, Scheduler: true, Nodes: 1})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	_ = json.NewEncoder(os.Stdout).Encode(held{c.folder.path, c.port})
	select {}
}

// leftOf lists the processes that work in the folder or name it, and the folder itself.
func leftOf(dir string) (left []string) {
	if _, err := os.Lstat(dir); err == nil {
		left = append(left, dir)
	}
	processes, _ := filepath.Glob("/proc/[0-9]*")
	for _, process := range processes {
		cwd, _ := os.Readlink(filepath.Join(process, "cwd"))         // "... (deleted)" when it is gone
		command, _ := os.ReadFile(filepath.Join(process, "cmdline")) // empty for a zombie
		if strings.HasPrefix(cwd, dir) || strings.Contains(string(command), dir) {
			left = append(left, process+" "+strings.ReplaceAll(string(command), "\x00", " "))
		}
	}
	return left
}

func TestCloseLeavesNothing(t *testing.T) {
	c := startTest(t, Options{ControllerManager: true, Scheduler: true, Nodes: 1})
	if left := leftOf(c.folder.path); len(left) != 7 { // folder, its holder, five components
		t.Fatalf("the check does not see all: %q", left)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if left := leftOf(c.folder.path); len(left) > 0 || !isFree(c.port) {
		t.Errorf("left: %q, port free: %t", left, isFree(c.port))
	}
}

func TestAKilledParentLeavesNothing(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	parent := exec.Command(self)
	parent.Env = append(os.Environ(), holdVariable+"=1")
	parent.Stderr = t.Output()
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	defer parent.Process.Kill()
	var at held
	if err := json.NewDecoder(bufio.NewReader(out)).Decode(&at); err != nil {
		t.Fatal(err)
	}
	if left := leftOf(at.Dir); len(left) != 7 {
		t.Fatalf("the check does not see all: %q", left)
	}

	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait() // "signal: killed"
	eventually(t, func(context.Context) error {
		if left := leftOf(at.Dir); len(left) > 0 || !isFree(at.Port) {
			return fmt.Errorf("left: %q, port free: %t", left, isFree(at.Port))
		}
		return nil
	})
}
