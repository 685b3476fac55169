// Cluster runs a control plane for people to try things on: one at a time, for the repository whose
// build made this program.
package main

import (
	"errors"
	"fmt"
	"os"
)

const usage = `A Kubernetes control plane on this machine, with fake nodes and pods that run nothing.

  cluster up [--nodes N] [--detach]   start it; Ctrl-C stops it, or with --detach: cluster down
  cluster env                         print what a shell needs: eval "$(cluster env)"
  cluster status                      say whether it runs, and what is in it
  cluster down                        stop it; its data goes
`

// errUsage: the message was printed already.
var errUsage = errors.New("usage")

func main() {
	err := run(os.Args[1:])
	switch {
	case errors.Is(err, errUsage):
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "cluster:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	place, err := newPlace()
	if err != nil {
		return err
	}
	command := "help"
	if len(args) > 0 {
		command, args = args[0], args[1:]
	}
	switch command {
	case "up":
		return up(place, args)
	case "down":
		return down(place)
	case "env":
		return env(place)
	case "status":
		return status(place)
	case "help", "-h", "--help":
		fmt.Print(usage)
		return nil
	}
	fmt.Fprintf(os.Stderr, "cluster: no command %q\n\n%s", command, usage)
	return errUsage
}
