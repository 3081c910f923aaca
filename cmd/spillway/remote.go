package main

import (
	"cmp"
	"context"
	"os"
	"time"

	"github.com/spf13/cobra"

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
