package main

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/spillway-voice/spillway/internal/store/redisserver"
)

const (
	// redisStart bounds the start of a redis-server, and redisStop its end.
	redisStart = 20 * time.Second
	redisStop  = 5 * time.Second
	// portTries is how often another free port is looked for: somebody else may take it between the look and the start.
	portTries = 5
	// tick is the unit in which the kernel tells the processor time of others (proc(5): sysconf(_SC_CLK_TCK) is 100 on Linux).
	tick = 10 * time.Millisecond
)

// server is a redis-server of the bench's own. It listens on a port, as one that nodes share does, and writes down every change.
type server struct {
	folder, address string
	process         *redisserver.Process
}

// beginRedis starts a redis-server. Whoever calls ends it.
func beginRedis(ctx context.Context) (*server, error) {
	folder, err := os.MkdirTemp("", "spillway-bench-*")
	if err != nil {
		return nil, err
	}
	s := &server{folder: folder}
	ctx, cancel := context.WithTimeout(ctx, redisStart)
	defer cancel()
	for range portTries {
		if s.address, err = freePort(); err != nil {
			break
		}
		s.process, err = redisserver.Start(ctx, redisserver.Configuration{Folder: folder, Address: s.address, AppendOnly: true})
		if err == nil {
			return s, nil
		}
	}
	os.RemoveAll(folder)
	return nil, err
}

// freePort is an address that nobody listens on now.
func freePort() (string, error) {
	listener, err := net.ListenTCP("tcp4", net.TCPAddrFromAddrPort(netip.AddrPortFrom(loopback, 0)))
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}

func (s *server) url() string { return "redis://" + s.address }

// client is a bare client.
func (s *server) client() *redis.Client { return redis.NewClient(&redis.Options{Addr: s.address}) }

// used is the server's processor time so far, in user and system together.
func (s *server) used() (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.process.PID()))
	if err != nil {
		return 0, err
	}
	_, text, _ := strings.Cut(string(stat), ") ") // behind the name; the third field is the first
	fields := strings.Fields(text)
	if len(fields) < 13 {
		return 0, fmt.Errorf("the kernel tells %q of redis-server", stat)
	}
	user, err1 := strconv.Atoi(fields[14-3])
	system, err2 := strconv.Atoi(fields[15-3])
	return time.Duration(user+system) * tick, firstError(err1, err2)
}

func (s *server) end() {
	ctx, cancel := context.WithTimeout(context.Background(), redisStop)
	defer cancel()
	s.process.Stop(ctx)
	os.RemoveAll(s.folder)
}
