// Command spillway is the whole program: it runs a node, checks and explains its configuration, and asks a running node what is
// going on. Each command has a file; all of them are flags, signals and exit codes, and nothing else.
//
// The exit code is 0 when the command did what it says, 2 when it was called wrongly or cannot read its files, else 1; why is
// said on standard error in one line.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	_ "time/tzdata" // a centre's zone must be known wherever the program runs

	"github.com/spf13/cobra"
)

func main() {
	cobra.EnableCommandSorting = false // help has the commands in the order of use
	os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
}

// commands are all that the program can do, in the order of its help.
func commands() []*cobra.Command {
	return []*cobra.Command{
		demoCommand(),
		serveCommand(),
		checkCommand(),
		explainCommand(),
		incidentCommand(),
		queueCommand(),
		agentCommand(),
		callCommand(),
		seatCommand(),
		nodeCommand(),
		versionCommand(),
	}
}

// run does what the arguments say and returns the exit code. It may run several times in one process.
func run(ctx context.Context, args []string, out, errs io.Writer) int {
	root := &cobra.Command{
		Use:           "spillway",
		Short:         "A cloud IVR and call-routing engine for contact centres, built for the bad day",
		SilenceUsage:  true, // an error is one line, not a page
		SilenceErrors: true,
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(commands()...)
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(errs)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitDone
	}
	fmt.Fprintf(errs, "spillway: %s\n", oneLine(err.Error()))
	if e, ok := errors.AsType[*exitError](err); ok {
		return e.code
	}
	return exitUsage // what cobra itself refuses: a flag or command that does not exist
}

// group returns a command that has others below it and does nothing alone.
func group(use, short string, below ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	cmd.AddCommand(below...)
	return cmd
}
