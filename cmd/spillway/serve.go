package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/spillway-voice/spillway/internal/app"
)

func serveCommand() *cobra.Command {
	var dir string
	c := &cobra.Command{
		Use:   "serve --config DIR",
		Short: "Run a node",
		Long: "Run a node from DIR/spillway.yaml, centre.yaml and incidents.yaml. The log goes to standard error; one line says ready.\n" +
			"SIGTERM drains: no new calls, the running ones may finish for limits.drain. A second one stops at once.",
		Args: cobra.NoArgs,
		RunE: failing(func(cmd *cobra.Command, _ []string) error { return serve(cmd.Context(), dir, cmd.ErrOrStderr()) }),
	}
	c.Flags().StringVar(&dir, "config", ".", "the folder of the three files")
	return c
}

// serve runs a node until it is told to stop, or fails.
func serve(ctx context.Context, dir string, log io.Writer) error {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, os.Interrupt)
	defer signal.Stop(signals)
	node, err := app.New(app.Options{Dir: dir, Log: log})
	if err != nil {
		return startFailure(err, log)
	}
	defer node.Close()
	select {
	case err := <-node.Failed():
		return err
	case <-ctx.Done():
		return nil
	case <-signals:
	}
	drain, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		select {
		case <-signals:
			stop()
		case <-drain.Done():
		}
	}()
	node.Drain(drain)
	return nil
}

// startFailure prints all mistakes as check does, and leaves the first for the last line.
func startFailure(err error, log io.Writer) error {
	if mistakes, ok := errors.AsType[*app.MistakesError](err); ok {
		for _, m := range mistakes.Report.Mistakes {
			fmt.Fprintln(log, m.String())
		}
	}
	return err
}
