package main

import (
	"fmt"
	"runtime/debug"

	"github.com/spf13/cobra"
)

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Say the version, the commit and the Go version",
		Args:  cobra.NoArgs,
		RunE: failing(func(cmd *cobra.Command, _ []string) error {
			info, _ := debug.ReadBuildInfo()
			_, err := fmt.Fprintln(cmd.OutOrStdout(), version(info))
			return err
		}),
	}
}

// version says in one line what the program was built from.
func version(info *debug.BuildInfo) string {
	if info == nil {
		return "spillway unknown, commit unknown"
	}
	number, commit, changed := info.Main.Version, "unknown", ""
	if number == "" {
		number = "(devel)" // as Go says of what was built outside of a released version
	}
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision" && s.Value != "":
			commit = s.Value[:min(len(s.Value), 12)]
		case s.Key == "vcs.modified" && s.Value == "true":
			changed = " (changed)"
		}
	}
	return fmt.Sprintf("spillway %s, commit %s%s, %s", number, commit, changed, info.GoVersion)
}
