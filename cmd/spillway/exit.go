package main

import (
	"errors"

	"github.com/spf13/cobra"
)

// The exit codes.
const (
	exitDone   = 0
	exitFailed = 1 // it was tried, and failed; check: mistakes were found
	exitUsage  = 2 // called wrongly; check and explain: cannot read the files
)

// exitError is an error that knows its exit code.
type exitError struct {
	code int
	err  error
}

// Error returns the error's text.
func (e *exitError) Error() string { return e.err.Error() }

// Unwrap returns the error itself.
func (e *exitError) Unwrap() error { return e.err }

// failing makes a command's own errors exit with 1, so that those of its flags are told from them.
func failing(do func(cmd *cobra.Command, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		err := do(cmd, args)
		if _, known := errors.AsType[*exitError](err); err == nil || known {
			return err
		}
		return &exitError{exitFailed, err}
	}
}
