package cluster

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// folder is the data of one cluster on disk. A small shell holds it: it waits for the end of a pipe
// whose other end only this process has, and then removes the folder. So nothing is left in /tmp also
// when this process is killed; the removal is tried again while killed components still write.
type folder struct {
	path   string
	holder *exec.Cmd      // nil when the folder is to be kept
	pipe   io.WriteCloser // its closing is the signal
}

const removeAtEOF = `cat >/dev/null
tries=0
until rm -rf -- "$1"; do
	tries=$((tries + 1))
	[ $tries -lt 100 ] || exit 1
	sleep 0.1
done 2>/dev/null`

// newFolder makes the folder path, or one in the temporary folder if path is empty. It must not exist.
func newFolder(path string, keep bool) (*folder, error) {
	var err error
	if path == "" {
		path, err = os.MkdirTemp("", "rampart-e2e-")
	} else if path, err = filepath.Abs(path); err == nil {
		err = os.Mkdir(path, 0o700)
	}
	if err != nil {
		return nil, err
	}
	f := &folder{path: path}
	if keep {
		return f, nil
	}
	f.holder = exec.Command("/bin/sh", "-c", removeAtEOF, "sh", path)
	f.holder.Dir = "/"
	f.holder.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // no signal meant for us may reach it
	if f.pipe, err = f.holder.StdinPipe(); err == nil {
		err = f.holder.Start()
	}
	if err != nil {
		os.RemoveAll(path)
		return nil, fmt.Errorf("hold %s: %w", path, err)
	}
	return f, nil
}

func (f *folder) join(elem ...string) string {
	return filepath.Join(append([]string{f.path}, elem...)...)
}

// remove lets the holder go, and waits until it has removed the folder.
func (f *folder) remove() error {
	if f.holder == nil {
		return nil
	}
	f.pipe.Close()
	if err := f.holder.Wait(); err != nil {
		return fmt.Errorf("remove %s: %w", f.path, err)
	}
	return nil
}
