package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/spillway-voice/spillway/internal/ops"
	"github.com/spillway-voice/spillway/internal/ops/client"
)

func incidentCommand() *cobra.Command {
	cmd := group("incident", "Show and switch the incidents of a running node", listing[[]ops.Incident]{
		short: "List the incidents: which are on, until when, and what the last change was",
		ask:   func(ctx context.Context, c *client.Client) ([]ops.Incident, error) { return c.Incidents(ctx) },
		show:  showIncidents,
	}.command(), incidentShowCommand(), incidentStartCommand(), incidentStopCommand())
	addAPIFlag(cmd)
	return cmd
}

func incidentShowCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "show NAME", Short: "Show one incident with all that it changes", Args: cobra.ExactArgs(1)}
	asJSON := cmd.Flags().Bool("json", false, "write JSON")
	cmd.RunE = failing(func(cmd *cobra.Command, args []string) error {
		c, err := dial(cmd)
		if err != nil {
			return err
		}
		defer c.Close()
		i, err := c.Incident(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		return tell(cmd, c, i, *asJSON, describeIncident)
	})
	return cmd
}

func incidentStartCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "start NAME",
		Short: "Switch an incident on",
		Long:  "Switch an incident on, until the end that --for or --until says, else the one of the file.",
		Args:  cobra.ExactArgs(1),
	}
	t := client.Toggle{Active: true}
	cmd.Flags().StringVar(&t.For, "for", "", "how long, from now on: 6h, 90m")
	cmd.Flags().StringVar(&t.Until, "until", "", `the end: RFC 3339, "2026-11-22 18:00" in the centre's time, or manual`)
	cmd.MarkFlagsMutuallyExclusive("for", "until")
	toggleFlags(cmd, &t)
	return cmd
}

func incidentStopCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "stop NAME", Short: "Switch an incident off; everything that it changed goes back", Args: cobra.ExactArgs(1)}
	toggleFlags(cmd, &client.Toggle{})
	return cmd
}

// toggleFlags gives start and stop what they share: the reason, and what they do.
func toggleFlags(cmd *cobra.Command, t *client.Toggle) {
	cmd.Flags().StringVar(&t.Reason, "reason", "", "why, for those who read the revision later")
	asJSON := cmd.Flags().Bool("json", false, "write JSON")
	cmd.RunE = failing(func(cmd *cobra.Command, args []string) error {
		c, err := dial(cmd)
		if err != nil {
			return err
		}
		defer c.Close()
		i, err := c.Toggle(cmd.Context(), args[0], *t)
		if err != nil {
			return err
		}
		return tell(cmd, c, i, *asJSON, func(out io.Writer, i ops.Incident, zone *time.Location) error {
			_, err := fmt.Fprintf(out, "%s is %s (revision %d)\n", plain(i.Name), standing(i, zone, time.Now()), i.Revision)
			return err
		})
	})
}

// tell writes an incident, as JSON or in words.
func tell(cmd *cobra.Command, c *client.Client, i ops.Incident, asJSON bool, words func(io.Writer, ops.Incident, *time.Location) error) error {
	if asJSON {
		return writeJSON(cmd.OutOrStdout(), i)
	}
	location, err := zone(cmd.Context(), c)
	if err != nil {
		return err
	}
	return words(cmd.OutOrStdout(), i, location)
}

func showIncidents(incidents []ops.Incident, zone *time.Location) table {
	t := table{
		columns: []string{"INCIDENT", "STATE", "SINCE", "REVISION", "BY", "TITLE", "LAST CHANGE"},
		empty:   "no incidents are prepared",
	}
	for _, i := range incidents {
		revision := strconv.Itoa(i.Revision)
		if i.DiffersFromFile {
			revision += " (differs from file)"
		}
		t.add(i.Name, standing(i, zone, time.Now()), clock(i.Since, zone), revision, i.By, i.Title, i.Change)
	}
	return t
}

// standing says whether an incident is on, and until when; now tells one that is over from one to come.
func standing(i ops.Incident, zone *time.Location, now time.Time) string {
	since, until := time.Time(i.Since), time.Time(i.Until)
	switch {
	case !i.Active && since.IsZero():
		return "off"
	case !i.Active && !until.IsZero() && !until.After(now):
		return "ended " + end(i, zone)
	case !i.Active:
		return "off, set for " + clock(i.Since, zone) + " to " + end(i, zone)
	}
	return "ON until " + end(i, zone)
}

func end(i ops.Incident, zone *time.Location) string {
	if time.Time(i.Until).IsZero() {
		return "switched off by hand"
	}
	return clock(i.Until, zone)
}

// describeIncident writes everything about one incident, a line for each thing.
func describeIncident(out io.Writer, i ops.Incident, zone *time.Location) error {
	var b strings.Builder
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%-16s %s\n", name, plain(value))
		}
	}
	line("incident", i.Name)
	line("title", i.Title)
	line("state", standing(i, zone, time.Now()))
	line("since", clock(i.Since, zone))
	line("revision", strconv.Itoa(i.Revision))
	line("by", i.By)
	line("reason", i.Reason)
	line("last change", i.Change)
	if i.DiffersFromFile {
		line("file", "differs from what holds")
	}
	for _, e := range effectLines(i.Effects) {
		line(e[0], e[1])
	}
	_, err := io.WriteString(out, b.String())
	return err
}
