//go:build !linux

package main

import (
	"context"
	"errors"
	"io"
	"net/netip"
)

// The figures of sound need Linux: they read what its kernel tells of sockets and of time.
var (
	soundFigures []figure
	soundRoles   map[string]func(args []string) ([]netip.AddrPort, func(), error)
)

func soak(context.Context, io.Writer, options) error { return errors.New("the soak needs Linux") }
