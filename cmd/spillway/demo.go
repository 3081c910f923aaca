package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/spillway-voice/spillway/internal/demo"
)

func demoCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Play a bad day with real SIP and sound, in under a minute",
		Long: "Start a node in memory on free loopback ports and play a bad day with real SIP and RTP: callers, agents, and a recall that is\n" +
			"switched on in the file. Who heard what is recognised by the sound itself. The exit code is 0 only if all of it happened.",
		Args: cobra.NoArgs,
	}
	stay := cmd.Flags().Bool("stay", false, "keep the node up afterwards, and say how to call it with a softphone")
	cmd.RunE = failing(func(cmd *cobra.Command, _ []string) error {
		ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGINT, syscall.SIGTERM)
		defer stop()
		context.AfterFunc(ctx, stop) // a second signal ends the program at once
		out := cmd.OutOrStdout()
		return demo.Run(ctx, demo.Options{Out: out, Colour: colourful(out), Stay: *stay})
	})
	return cmd
}

// colourful says whether colours are wanted on a writer: on a terminal that knows them, unless NO_COLOR is set (no-color.org).
func colourful(out io.Writer) bool {
	return isTerminal(out) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}
