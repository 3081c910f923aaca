package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/spillway-voice/spillway/internal/ops"
	"github.com/spillway-voice/spillway/internal/ops/client"
)

// The environment of the commands that ask a node.
const (
	apiVariable   = "SPILLWAY_API"
	tokenVariable = "SPILLWAY_TOKEN" // never a flag: those can be seen by everybody on the machine
)

// addAPIFlag gives a command and all below it the address of the node.
func addAPIFlag(cmd *cobra.Command) {
	cmd.PersistentFlags().String("api", cmp.Or(os.Getenv(apiVariable), client.DefaultAPI),
		"the node's API, also "+apiVariable+"; a token is taken from "+tokenVariable)
}

// dial returns a client of the node that the flags and the environment name.
func dial(cmd *cobra.Command) (*client.Client, error) {
	api, err := cmd.Flags().GetString("api")
	if err != nil {
		return nil, err
	}
	return client.New(api, os.Getenv(tokenVariable))
}

// zone returns the centre's zone, in which people read times; a zone that this machine does not know reads as UTC.
func zone(ctx context.Context, c *client.Client) (*time.Location, error) {
	config, err := c.Config(ctx)
	if err != nil {
		return nil, err
	}
	location, err := time.LoadLocation(config.Timezone)
	if err != nil {
		return time.UTC, nil
	}
	return location, nil
}

// clock writes a moment for people, "" for none.
func clock(t ops.Time, zone *time.Location) string {
	if time.Time(t).IsZero() {
		return ""
	}
	return time.Time(t).In(zone).Format("2006-01-02 15:04:05")
}

// span writes a duration for people, in whole seconds.
func span(s ops.Seconds) string {
	return fmt.Sprint(time.Duration(s).Round(time.Second))
}
