//go:build linux

package main

import "net/netip"

// soundFigures are those that need Linux: they read what its kernel tells of sockets and of time.
var soundFigures = []figure{
	{"listeners", "listening callers who send", false, listeners},
	{"bridged", "bridged calls", false, bridgedCalls},
	{"hold", "how many listening callers are held", false, hold},
	{"bridges", "how many bridged calls are held", false, bridges},
	{"memory", "memory of listening callers", false, memory},
	{"goroutines", "goroutines of calls", false, goroutines},
}

// soundRoles are the bare loops beside them.
var soundRoles = map[string]func(args []string) ([]netip.AddrPort, func(), error){"relay": relay, "exchange": exchange}
