package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/spillway-voice/spillway/config"
	"github.com/spillway-voice/spillway/internal/app"
	"github.com/spillway-voice/spillway/internal/ops"
)

func explainCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "explain --config DIR --number N",
		Short: "Say what would happen to a call, and why",
		Long: "Walk a call through the configuration of a folder as a node would: the incidents that hold, the flow's steps, the queue, who\n" +
			"would be asked and where it overflows. What was switched by command or API is known to a node alone, and not considered.",
		Args: cobra.NoArgs,
	}
	dir := configFlag(cmd)
	var number, caller, at, keys string
	cmd.Flags().StringVar(&number, "number", "", "the number that is dialled")
	cmd.Flags().StringVar(&caller, "caller", "", "the caller's number (default: anonymous)")
	cmd.Flags().StringVar(&at, "at", "", `when: RFC 3339, or "2026-11-22 18:00" in the centre's time (default: now)`)
	cmd.Flags().StringVar(&keys, "keys", "", "the keys that the caller presses, one at each menu: 1,2")
	if err := cmd.MarkFlagRequired("number"); err != nil {
		panic(err) // the flag is defined above
	}
	cmd.RunE = failing(func(cmd *cobra.Command, _ []string) error {
		snapshot, err := load(*dir)
		if err != nil {
			return err
		}
		pressed, err := parseKeys(keys)
		if err != nil {
			return &exitError{exitUsage, err}
		}
		now := time.Now()
		moment := now
		if at != "" {
			if moment, err = ops.ParseMoment(at, snapshot.Centre.Zone); err != nil {
				return &exitError{exitUsage, fmt.Errorf("--at %w", err)}
			}
		}
		x := explanation{snapshot: snapshot, file: *dir, number: config.NormalNumber(number), caller: config.NormalNumber(caller),
			keys: pressed, now: now.In(snapshot.Centre.Zone), at: moment.In(snapshot.Centre.Zone)}
		_, err = io.WriteString(cmd.OutOrStdout(), x.text())
		return err
	})
	return cmd
}

// load reads a configuration that has no mistakes. Secrets from the environment are not needed to explain it.
func load(dir string) (*config.Snapshot, error) {
	report := config.CheckDir(dir, config.Options{Prompts: app.OpenPrompts, Redis: app.CheckRedis, Codec: app.CheckCodec, Starting: true,
		Env: func(string) (string, bool) { return "not needed to explain", true }})
	if report.Unreadable != nil {
		return nil, &exitError{exitUsage, report.Unreadable}
	}
	if mistake := report.Error(); mistake != nil {
		return nil, fmt.Errorf("%s (spillway check says all that is wrong)", mistake)
	}
	if report.Snapshot == nil {
		return nil, errors.New("there is no configuration to explain")
	}
	return report.Snapshot, nil
}

// parseKeys reads the keys of a telephone, with or without commas.
func parseKeys(text string) (string, error) {
	const keypad = "0123456789*#"
	keys := strings.NewReplacer(",", "", " ", "").Replace(text)
	for _, k := range keys {
		if !strings.ContainsRune(keypad, k) {
			return "", fmt.Errorf("--keys has %q, which is not on a telephone: %s", k, keypad)
		}
	}
	return keys, nil
}
