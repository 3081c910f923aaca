package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/spillway-voice/spillway/internal/ops"
	"github.com/spillway-voice/spillway/internal/ops/client"
)

func seatCommand() *cobra.Command {
	cmd := group("seat", "Show the seats of a running node", listing[ops.Seats]{
		short: "List who has a seat and who waits for one",
		ask:   func(ctx context.Context, c *client.Client) (ops.Seats, error) { return c.Seats(ctx) },
		show:  showSeats,
	}.command())
	addAPIFlag(cmd)
	return cmd
}

func showSeats(seats ops.Seats, _ *time.Location) table {
	t := table{
		columns: []string{fmt.Sprintf("%d OF %d SEATS", seats.Used, seats.Limit), "AGENT"},
		empty:   fmt.Sprintf("%d of %d seats are used", seats.Used, seats.Limit),
	}
	for i, name := range seats.Agents {
		t.add(fmt.Sprint(i+1), name)
	}
	for _, name := range seats.Waiting {
		t.add("waiting", name)
	}
	return t
}
