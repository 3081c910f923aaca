package redistest

import (
	"context"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/spillway-voice/spillway/internal/store/redisserver"
)

// patience bounds each step that a test asks of a server; a loaded machine needs some of it.
const patience = 20 * time.Second

// portTries is how often another free port is looked for: somebody else may take it between the look and the start.
const portTries = 5

// Server is a redis-server of a test. It belongs to the test's goroutine.
type Server struct {
	t             testing.TB
	configuration redisserver.Configuration
	process       *redisserver.Process
	address       url.URL
	roots         string // path of the certificates that its own is to be checked by; "" without TLS
}

// Option is how a server differs from one without password that keeps nothing and listens on a unix socket.
type Option func(*Server)

// AppendOnly keeps the data for a restart.
func AppendOnly(s *Server) { s.configuration.AppendOnly = true }

// TCP makes it listen on a port of 127.0.0.1, which it keeps over restarts.
func TCP(s *Server) { s.address.Scheme = "redis" }

// TLS makes it listen on a port of 127.0.0.1 with TLS alone; see Server.Roots.
func TLS(s *Server) { s.address.Scheme = "rediss" }

// User makes it know one user alone, who may do everything to keys of Spillway; the default user is off.
func User(name, password string) Option {
	return func(s *Server) {
		s.address.User = url.UserPassword(name, password)
		s.configuration.Further = append(s.configuration.Further,
			redisserver.Directive{"user", "default", "off"},
			redisserver.Directive{"user", name, "on", ">" + password, "~spillway:*", "&*", "+@all"})
	}
}

// With adds directives of redis.conf.
func With(directives ...redisserver.Directive) Option {
	return func(s *Server) { s.configuration.Further = append(s.configuration.Further, directives...) }
}

// Start runs a redis-server until the end of the test.
func Start(t testing.TB, options ...Option) *Server {
	t.Helper()
	folder, err := os.MkdirTemp("", "redistest-") // t.TempDir is named after the test, and a socket's path has a limit
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	s := &Server{t: t, configuration: redisserver.Configuration{Folder: folder}, address: url.URL{Scheme: "unix"}}
	for _, option := range options {
		option(s)
	}
	t.Cleanup(s.Kill)
	for range portTries {
		s.listen()
		if err = s.run(); err == nil || s.address.Scheme == "unix" {
			break
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// listen chooses where the server listens.
func (s *Server) listen() {
	s.t.Helper()
	if s.address.Scheme == "unix" {
		s.configuration.Address = filepath.Join(s.configuration.Folder, "redis.sock")
		s.address.Path = s.configuration.Address
		return
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	s.address.Host = free.Addr().String()
	s.configuration.Address = s.address.Host
	if err := free.Close(); err != nil {
		s.t.Fatal(err)
	}
	if s.address.Scheme == "rediss" {
		s.secure(s.address.Port())
	}
}

func (s *Server) run() (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	s.process, err = redisserver.Start(ctx, s.configuration)
	return err
}

// URL returns the address as redis.url says it, with the user and the password.
func (s *Server) URL() string { return s.address.String() }

// Address returns the path of the socket, or host:port.
func (s *Server) Address() string { return s.configuration.Address }

// Folder returns where the data lies.
func (s *Server) Folder() string { return s.configuration.Folder }

// Client returns a client of the test's own, for looking and for meddling. It is closed at the end of the test.
func (s *Server) Client() *redis.Client {
	password, _ := s.address.User.Password()
	client := redis.NewClient(&redis.Options{
		Addr: s.Address(), Username: s.address.User.Username(), Password: password, TLSConfig: s.clientTLS(),
		ContextTimeoutEnabled: true, PipelinePoolSize: -1,
	})
	s.t.Cleanup(func() { client.Close() })
	return client
}

// FlushAll empties the server: no client is told.
func (s *Server) FlushAll() {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	client := s.Client()
	defer client.Close()
	if err := client.FlushAll(ctx).Err(); err != nil {
		s.t.Fatal(err)
	}
}

// Pause stops the process where it stands, so that connections stay open and nothing is answered.
func (s *Server) Pause() { s.signal(syscall.SIGSTOP) }

// Resume lets a paused process go on.
func (s *Server) Resume() { s.signal(syscall.SIGCONT) }

func (s *Server) signal(signal os.Signal) {
	s.t.Helper()
	if err := s.process.Signal(signal); err != nil {
		s.t.Fatal(err)
	}
}

// Kill ends the process as the kernel would.
func (s *Server) Kill() {
	if s.process != nil {
		s.process.Kill()
	}
}

// Stop ends the process as an administrator would.
func (s *Server) Stop() {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	s.process.Stop(ctx)
}

// Restart starts a process that was killed or stopped again, on the same address, with the data that AppendOnly kept.
func (s *Server) Restart() {
	s.t.Helper()
	s.Kill()
	if err := s.run(); err != nil {
		s.t.Fatal(err)
	}
}

// RestartEmpty starts it again without its data.
func (s *Server) RestartEmpty() {
	s.t.Helper()
	s.Kill()
	for _, name := range []string{"appendonlydir", "dump.rdb"} {
		if err := os.RemoveAll(filepath.Join(s.configuration.Folder, name)); err != nil {
			s.t.Fatal(err)
		}
	}
	s.Restart()
}
