package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"rampart.dev/e2e/cluster"
)

// sayAgain is how often a start that goes on is told of.
const sayAgain = 10 * time.Second

func up(p place, args []string) error {
	flags := flag.NewFlagSet("cluster up", flag.ContinueOnError)
	nodes := flags.Int("nodes", 2, "fake nodes")
	detach := flags.Bool("detach", false, "return when it is ready, and leave it running")
	detached := flags.Bool("detached", false, "what --detach starts; not for people")
	flags.Usage = func() { fmt.Fprint(os.Stderr, "\n", usage) }
	if err := flags.Parse(args); err != nil {
		return errUsage // printed by Parse
	}
	if flags.NArg() > 0 || *nodes < 0 {
		fmt.Fprintln(os.Stderr, "cluster up takes flags alone, and N is 0 or more")
		return errUsage
	}
	if *detach {
		return upDetached(p, *nodes)
	}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	c, err := start(ctx, p, *nodes)
	if err != nil {
		if ctx.Err() != nil {
			return errors.New("stopped before it was ready")
		}
		return err
	}
	if *detached {
		if err := letGo(); err != nil {
			return errors.Join(err, c.Close())
		}
	} else {
		fmt.Println("Ctrl-C stops it.")
	}
	<-ctx.Done()
	if !*detached {
		fmt.Println("\nStopping.")
	}
	return c.Close()
}

// start takes the place and starts the cluster there, telling of each component.
func start(ctx context.Context, p place, nodes int) (*cluster.Cluster, error) {
	if err := p.lock(); err != nil {
		return nil, err
	}
	if err := p.clear(); err != nil {
		return nil, err
	}
	look := newLook(os.Stdout)
	begin := time.Now()
	said := map[cluster.Component]time.Duration{}
	c, err := cluster.Start(ctx, cluster.Options{
		ControllerManager: true,
		Scheduler:         true,
		Nodes:             nodes,
		Dir:               p.data(),
		Progress: func(component cluster.Component, elapsed time.Duration, ready bool) {
			if ready {
				fmt.Printf("  %-24s %s\n", component, look.dim(fmt.Sprintf("%.1f s", elapsed.Seconds())))
			} else if elapsed-said[component] >= sayAgain {
				said[component] = elapsed
				fmt.Printf("  %-24s %s\n", component, look.dim(fmt.Sprintf("starting, %.0f s", elapsed.Seconds())))
			}
		},
	})
	if err != nil {
		return nil, err
	}
	fmt.Printf("%s after %.1f s: %s, nodes: %d. To use it in a shell:\n  eval \"$(%s env)\"\n",
		look.bold("Ready"), time.Since(begin).Seconds(), c.URL, nodes, os.Args[0])
	return c, nil
}
