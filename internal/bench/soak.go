//go:build linux

package main

import (
	"context"
	"errors"
	"io"
)

func soak(ctx context.Context, out io.Writer, o options) error { return errors.New("todo") }
