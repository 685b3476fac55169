package cluster

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// builtBin is where the build puts the programs, below the folder of the repository.
var builtBin = filepath.Join("build", "e2e", "bin")

// find returns the command of a component. Of these, the first that there is:
//   - $KUBEBUILDER_ASSETS/<component>, the convention of envtest;
//   - `kube <component>`, where kube is Options.Binary or $KUBE_BINARY;
//   - the same with `kube` beside the running program, or in build/e2e/bin of a folder above.
//
// kwok is $KWOK_BINARY, or beside kube.
func (c *Cluster) find(component Component) ([]string, error) {
	if assets := os.Getenv("KUBEBUILDER_ASSETS"); assets != "" {
		if path := filepath.Join(assets, string(component)); exists(path) {
			return absolute(path)
		}
	}
	if component == Kwok {
		return findKwok()
	}
	for _, path := range []string{c.opts.Binary, os.Getenv("KUBE_BINARY")} {
		if path != "" {
			return absolute(path, string(component))
		}
	}
	path, err := findBuilt("kube")
	return []string{path, string(component)}, err
}

func findKwok() ([]string, error) {
	if path := os.Getenv("KWOK_BINARY"); path != "" {
		return absolute(path)
	}
	if kube := os.Getenv("KUBE_BINARY"); kube != "" {
		if path := filepath.Join(filepath.Dir(kube), "kwok"); exists(path) {
			return absolute(path)
		}
	}
	path, err := findBuilt("kwok")
	return []string{path}, err
}

func findBuilt(name string) (string, error) {
	if self, err := os.Executable(); err == nil {
		if path := filepath.Join(filepath.Dir(self), name); exists(path) {
			return path, nil
		}
	}
	dir, err := os.Getwd()
	for err == nil {
		if path := filepath.Join(dir, builtBin, name); exists(path) {
			return path, nil
		}
		if dir == filepath.Dir(dir) {
			err = fs.ErrNotExist
		}
		dir = filepath.Dir(dir)
	}
	return "", fmt.Errorf("%s: %w; build it with `make e2e-tools`, or name it in KUBE_BINARY",
		filepath.Join(builtBin, name), err)
}

// absolute makes a command whose path holds in any folder: components run in their data's.
func absolute(path string, args ...string) ([]string, error) {
	path, err := filepath.Abs(path)
	if err == nil {
		_, err = os.Stat(path)
	}
	return append([]string{path}, args...), err
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}
