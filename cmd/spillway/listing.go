package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/spillway-voice/spillway/internal/ops/client"
)

// watchEvery is the time between two looks of --watch.
const watchEvery = time.Second

// listing is a command that shows a list of the node: as a table for people, as JSON for machines.
type listing[T any] struct {
	short string
	ask   func(context.Context, *client.Client) (T, error)
	show  func(T, *time.Location) table
}

// command returns the listing's `list`.
func (l listing[T]) command() *cobra.Command {
	cmd := &cobra.Command{Use: "list", Short: l.short, Args: cobra.NoArgs}
	asJSON := cmd.Flags().Bool("json", false, "write JSON")
	watch := cmd.Flags().Bool("watch", false, "look again every second, until interrupted")
	cmd.RunE = failing(func(cmd *cobra.Command, _ []string) error {
		c, err := dial(cmd)
		if err != nil {
			return err
		}
		defer c.Close()
		ctx, out := cmd.Context(), cmd.OutOrStdout()
		write := l.writeTable
		if *asJSON {
			write = l.writeJSON
		}
		if err := write(ctx, c, out, false); err != nil || !*watch {
			return err
		}
		ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
		defer stop()
		return follow(ctx, func() error { return write(ctx, c, out, isTerminal(out)) }, out)
	})
	return cmd
}

// follow looks again and again until the context ends. A node that does not answer for a while is waited for.
func follow(ctx context.Context, look func() error, out io.Writer) error {
	again := time.NewTicker(watchEvery)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil // interrupting is how watching ends
		case <-again.C:
		}
		err := look()
		if err == nil || ctx.Err() != nil {
			continue
		}
		if _, err := fmt.Fprintln(out, oneLine(err.Error())); err != nil {
			return err // nobody reads any more
		}
	}
}

func (l listing[T]) writeTable(ctx context.Context, c *client.Client, out io.Writer, clear bool) error {
	answer, err := l.ask(ctx, c)
	if err != nil {
		return err
	}
	location, err := zone(ctx, c)
	if err != nil {
		return err
	}
	if clear {
		if _, err := io.WriteString(out, clearScreen); err != nil {
			return err
		}
	}
	t := l.show(answer, location)
	return t.write(out)
}

func (l listing[T]) writeJSON(ctx context.Context, c *client.Client, out io.Writer, _ bool) error {
	answer, err := l.ask(ctx, c)
	if err != nil {
		return err
	}
	return writeJSON(out, answer)
}

// writeJSON writes a value for machines, and for people who look: what a terminal could act on is written as an escape.
func writeJSON(out io.Writer, value any) error {
	var text strings.Builder
	e := json.NewEncoder(&text)
	e.SetIndent("", "  ")
	if err := e.Encode(value); err != nil {
		return err
	}
	var safe strings.Builder
	for _, r := range text.String() {
		if r != '\n' && unsafe(r) {
			fmt.Fprintf(&safe, "\\u%04x", r)
		} else {
			safe.WriteRune(r)
		}
	}
	_, err := io.WriteString(out, safe.String())
	return err
}
