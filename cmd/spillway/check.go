package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/spillway-voice/spillway/config"
	"github.com/spillway-voice/spillway/internal/app"
)

func checkCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check --config DIR",
		Short: "Say all that is wrong with a configuration",
		Long: "Read spillway.yaml, centre.yaml and incidents.yaml in a folder, exactly as a node does, and say all that is wrong,\n" +
			"each with its place. The exit code is 0 when a node would run with them, 1 when there are mistakes, 2 when they cannot be read.",
		Args: cobra.NoArgs,
	}
	dir := configFlag(cmd)
	cmd.RunE = failing(func(cmd *cobra.Command, _ []string) error {
		report := config.CheckDir(*dir, config.Options{Prompts: app.OpenPrompts, Redis: app.CheckRedis, Codec: app.CheckCodec})
		mistakes := 0
		for _, m := range report.Mistakes {
			if m.Severity == config.Error {
				mistakes++
			}
			if _, err := fmt.Fprintln(cmd.OutOrStdout(), plain(m.String())); err != nil {
				return err
			}
		}
		switch {
		case report.Unreadable != nil:
			return &exitError{exitUsage, report.Unreadable}
		case mistakes == 1:
			return errors.New("there is 1 mistake")
		case mistakes > 1:
			return fmt.Errorf("there are %d mistakes", mistakes)
		}
		return nil
	})
	return cmd
}

// configFlag gives a command the folder of the configuration.
func configFlag(cmd *cobra.Command) *string {
	return cmd.Flags().String("config", ".", "the folder of spillway.yaml, centre.yaml and incidents.yaml")
}
