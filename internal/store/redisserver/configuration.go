package redisserver

import (
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strings"
)

// socketPathLimit is how long the path of a unix socket may be: sun_path of unix(7) has 108 bytes with the final zero.
const socketPathLimit = 107

// Directive is one line of a redis.conf: a word and its arguments, in plain text.
type Directive []string

// Configuration says how a redis-server is to run. It listens where it is told and nowhere else.
type Configuration struct {
	// Folder holds the data, the lock and, unless TCP is used, the socket. It must exist; only its owner should be able to enter.
	Folder string
	// Address is where it listens: the path of a unix socket, or host:port.
	Address string
	// AppendOnly keeps every write in a file before it is answered for: the end of the process loses nothing, that of the machine
	// at most a second.
	AppendOnly bool
	// Further directives, which come last and win.
	Further []Directive
}

// check refuses what the program would refuse less clearly.
func (c Configuration) check() error {
	if c.Folder == "" || c.Address == "" {
		return errors.New("a redis-server needs a folder and an address")
	}
	if !filepath.IsAbs(c.Address) {
		host, port, err := net.SplitHostPort(c.Address)
		if err != nil || host == "" || port == "" {
			return fmt.Errorf("%q is neither the path of a socket nor host:port", c.Address)
		}
		return nil
	}
	if len(c.Address) > socketPathLimit {
		return fmt.Errorf("the path of the socket %s has %d bytes, and the system allows %d; use a shorter one", c.Address, len(c.Address), socketPathLimit)
	}
	return nil
}

// text returns the redis.conf.
func (c Configuration) text() string {
	onOff := map[bool]string{true: "yes", false: "no"}
	lines := []Directive{
		{"daemonize", "no"},
		{"dir", c.Folder},
		{"save", ""}, // no snapshots: the file of writes is what is kept, or nothing is
		{"appendonly", onOff[c.AppendOnly]},
		{"appendfsync", "everysec"},
		{"set-proc-title", "no"},
	}
	if filepath.IsAbs(c.Address) {
		lines = append(lines, Directive{"port", "0"}, Directive{"unixsocket", c.Address}, Directive{"unixsocketperm", "700"})
	} else if host, port, err := net.SplitHostPort(c.Address); err == nil { // check has seen to it
		lines = append(lines, Directive{"bind", host}, Directive{"port", port})
	}
	var text strings.Builder
	for _, line := range append(lines, c.Further...) {
		for i, word := range line {
			if i > 0 {
				text.WriteByte(' ')
				word = quote(word)
			}
			text.WriteString(word)
		}
		text.WriteByte('\n')
	}
	return text.String()
}

// quote writes an argument as redis.conf reads it back (sdssplitargs in Redis: double quotes, with \xHH for any byte).
func quote(word string) string {
	var quoted strings.Builder
	quoted.WriteByte('"')
	for i := range len(word) {
		switch b := word[i]; {
		case b == '"' || b == '\\' || b < ' ' || b >= 0x7f:
			fmt.Fprintf(&quoted, `\x%02x`, b)
		default:
			quoted.WriteByte(b)
		}
	}
	quoted.WriteByte('"')
	return quoted.String()
}
