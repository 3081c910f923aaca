package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/spillway-voice/spillway/config"
	"github.com/spillway-voice/spillway/media"
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
		report := config.CheckDir(*dir, config.Options{Prompts: recordings})
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

// recordings lets config look at the recordings of a centre.
func recordings(dir string) config.Prompts {
	library, err := media.OpenLibrary(dir)
	if err != nil {
		return noRecordings{err}
	}
	return library
}

// noRecordings is a prompts folder that cannot be looked at.
type noRecordings struct{ err error }

// Check says why.
func (n noRecordings) Check(string) error { return n.err }
