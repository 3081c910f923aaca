//go:build linux

package main

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// What the kernel tells of a process and of its sockets, in /proc (proc(5)).

// socketsOf returns the inodes of a process's sockets.
func socketsOf(pid string) (map[string]bool, error) {
	folder := "/proc/" + pid + "/fd/"
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	inodes := make(map[string]bool)
	for _, entry := range entries {
		target, err := os.Readlink(folder + entry.Name())
		if err != nil {
			continue // closed meanwhile
		}
		if inode, ok := strings.CutPrefix(target, "socket:["); ok {
			inodes[strings.TrimSuffix(inode, "]")] = true
		}
	}
	return inodes, nil
}

// openFiles is how many files a process has open.
func openFiles(pid string) (int, error) {
	entries, err := os.ReadDir("/proc/" + pid + "/fd")
	return len(entries), err
}

// dropped is how many packets the kernel threw away as they found no room in a process's UDP sockets that are open now.
func dropped(pid string) (uint64, error) {
	inodes, err := socketsOf(pid)
	if err != nil {
		return 0, err
	}
	table, err := os.Open("/proc/net/udp")
	if err != nil {
		return 0, err
	}
	defer table.Close()
	var all uint64
	for lines := bufio.NewScanner(table); lines.Scan(); {
		words := strings.Fields(lines.Text())
		if len(words) < 13 || !inodes[words[9]] {
			continue
		}
		n, err := strconv.ParseUint(words[12], 10, 64)
		if err != nil {
			return 0, err
		}
		all += n
	}
	return all, nil
}

// receiveErrors is the machine's count of packets that found no room (Udp: RcvbufErrors).
func receiveErrors() (uint64, error) {
	text, err := os.ReadFile("/proc/net/snmp")
	if err != nil {
		return 0, err
	}
	var names []string
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		if len(words) == 0 || words[0] != "Udp:" {
			continue
		}
		if names == nil {
			names = words
			continue
		}
		for i, name := range names {
			if name == "RcvbufErrors" && i < len(words) {
				return strconv.ParseUint(words[i], 10, 64)
			}
		}
	}
	return 0, fmt.Errorf("/proc/net/snmp has no RcvbufErrors")
}

// resident is a process's memory of its own, in bytes: heap, stacks and what the runtime keeps, not the pages of the program's file,
// which come with its first use of each piece of code, nor what the kernel keeps for sockets.
func resident(pid string) (float64, error) {
	text, err := os.ReadFile("/proc/" + pid + "/status")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "RssAnon:"); ok {
			kib, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 64)
			return kib * 1024, err
		}
	}
	return 0, fmt.Errorf("/proc/%s/status has no RssAnon", pid)
}

// load is the machine's load now, over one minute.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "?"
	}
	return strings.Fields(string(text))[0]
}
