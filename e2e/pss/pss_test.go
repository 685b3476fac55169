// Package pss holds `rampart eval` to the evaluator that the API server itself uses for the Pod Security
// Standards, k8s.io/pod-security-admission: on the manifests which that module is tested with, and on random
// pods. Both must allow and refuse the same, at every level, in every version.
//
// RAMPART_PODS is how many random pods, RAMPART_SEED repeats a run.
package pss

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	"sigs.k8s.io/yaml"
)

const (
	firstMinor = 25
	lastMinor  = 37
	podsInAll  = 10000
)

var levels = []api.Level{api.LevelPrivileged, api.LevelBaseline, api.LevelRestricted}

// sample is one pod, as an object and as it goes to Rampart.
type sample struct {
	name string // for people
	pod  *corev1.Pod
	text []byte
}

// verdict is a line of rampart eval -o json.
type verdict struct {
	Verdict string   `json:"verdict"`
	Fail    []string `json:"fail"`
	Error   []string `json:"error"`
	Fix     string   `json:"fix"`  // with --show-fix, as the next one
	Left    []string `json:"left"` // of Fail
}

func versions() []api.Version {
	all := []api.Version{api.LatestVersion()}
	for minor := firstMinor; minor <= lastMinor; minor++ {
		all = append(all, api.MajorMinorVersion(1, minor))
	}
	return all
}

// eval asks Rampart about all samples in one run.
func eval(t *testing.T, samples []sample, level api.Level, version api.Version, flags ...string) []verdict {
	t.Helper()
	binary := os.Getenv("RAMPART_BINARY")
	if binary == "" {
		t.Fatal("RAMPART_BINARY is not set: run it with make e2e or make pss")
	}
	flags = append(flags, "-o", "json", "--level", string(level), "--version", version.String())
	command := exec.CommandContext(t.Context(), binary, append([]string{"eval"}, flags...)...)
	var stream, said, complaints bytes.Buffer
	for _, s := range samples {
		stream.Write(s.text)
		stream.WriteByte('\n')
	}
	command.Stdin, command.Stdout, command.Stderr = &stream, &said, &complaints
	err := command.Run()
	if exit, isExit := err.(*exec.ExitError); err != nil && (!isExit || exit.ExitCode() != 3) {
		t.Fatalf("rampart eval: %v\n%s", err, complaints.String())
	}
	verdicts := make([]verdict, 0, len(samples))
	for lines := bufio.NewScanner(&said); lines.Scan(); {
		v := verdict{}
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			t.Fatalf("%s: %v", lines.Text(), err)
		}
		verdicts = append(verdicts, v)
	}
	if len(verdicts) != len(samples) {
		t.Fatalf("%d pods went in, %d verdicts came out\n%s", len(samples), len(verdicts), complaints.String())
	}
	return verdicts
}

// agree demands the same from both about all samples, at all levels, in all versions.
func agree(t *testing.T, samples []sample) {
	t.Helper()
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	asked, allowed, wrong := 0, 0, 0
	for _, version := range versions() {
		for _, level := range levels {
			for i, v := range eval(t, samples, level, version) {
				s := samples[i]
				want := policy.AggregateCheckResults(evaluator.EvaluatePod(
					api.LevelVersion{Level: level, Version: version}, &s.pod.ObjectMeta, &s.pod.Spec))
				asked++
				if want.Allowed {
					allowed++
				}
				if want.Allowed == (v.Verdict == "pass") && v.Verdict != "error" {
					continue
				}
				if wrong++; wrong <= 5 {
					t.Errorf("%s, %s %s: the API server says %t (%s), rampart %s %v %v\n%s", s.name, level, version,
						want.Allowed, want.ForbiddenDetail(), v.Verdict, v.Fail, v.Error, s.text)
				}
			}
		}
	}
	t.Logf("%d pods, %d verdicts, %d of them allowed, %d differ", len(samples), asked, allowed, wrong)
	if allowed == 0 || allowed == asked {
		t.Error("all verdicts are the same: this compares nothing")
	}
}

// moduleFolder is where the sources of the API server's evaluator lie.
func moduleFolder(t *testing.T) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "k8s.io/pod-security-admission").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	return strings.TrimSpace(string(out))
}

func TestManifestsOfTheStandardsGetTheVerdictOfTheAPIServer(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob(filepath.Join(moduleFolder(t), "test", "testdata", "*", "*", "*", "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if len(paths) < 4500 {
		t.Fatalf("there are %d manifests, expected more than 4500", len(paths))
	}
	samples, have := []sample{}, map[string]bool{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if text, err = yaml.YAMLToJSONStrict(text); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if have[string(text)] {
			continue // most say the same in every version
		}
		have[string(text)] = true
		pod := &corev1.Pod{}
		if err := json.Unmarshal(text, pod); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		samples = append(samples, sample{path[strings.Index(path, "testdata"):], pod, text})
	}
	t.Logf("%d manifests, %d of them different", len(paths), len(samples))
	agree(t, samples)
}

func TestRandomPodsGetTheVerdictOfTheAPIServer(t *testing.T) {
	t.Parallel()
	count, seed := podsInAll, time.Now().UnixNano()
	if text := os.Getenv("RAMPART_PODS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		count = n
	}
	if text := os.Getenv("RAMPART_SEED"); text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		seed = n
	}
	t.Logf("RAMPART_SEED=%d does the same again", seed)
	random := rand.New(rand.NewSource(seed))
	samples := make([]sample, 0, count)
	for i := range count {
		pod := randomPod(random)
		text, err := json.Marshal(pod)
		if err != nil {
			t.Fatal(err)
		}
		samples = append(samples, sample{fmt.Sprintf("pod %d", i), pod, text})
	}
	agree(t, samples)
}
