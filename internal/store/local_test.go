package store_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"

	"github.com/spillway-voice/spillway/internal/store"
	"github.com/spillway-voice/spillway/internal/store/redisserver"
)

// localPatience bounds what a private server is waited for.
const localPatience = 30 * time.Second

// startLocal starts a private server below a folder.
func startLocal(t *testing.T, data string) *store.Local {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), localPatience)
	defer cancel()
	l, err := store.StartLocal(ctx, data, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// clientOf returns a plain client of a private server.
func clientOf(t *testing.T, l *store.Local) redis.UniversalClient {
	t.Helper()
	a, err := store.ParseAddress(l.URL())
	if err != nil {
		t.Fatal(err)
	}
	o, err := a.Options()
	if err != nil {
		t.Fatal(err)
	}
	o.PipelinePoolSize = -1
	client := redis.NewUniversalClient(o)
	t.Cleanup(func() { client.Close() })
	return client
}

// shortFolder is a folder whose path leaves room for that of a socket.
func shortFolder(t *testing.T) string {
	t.Helper()
	folder, err := os.MkdirTemp("", "local @?#-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	return folder
}

func TestALocalServerKeepsItsDataOverRestarts(t *testing.T) {
	data := shortFolder(t)
	first := startLocal(t, data)
	if err := clientOf(t, first).Set(t.Context(), "spillway:x", "kept", 0).Err(); err != nil {
		t.Fatal(err)
	}
	first.Close()
	second := startLocal(t, data)
	defer second.Close()
	if value, err := clientOf(t, second).Get(t.Context(), "spillway:x").Result(); err != nil || value != "kept" {
		t.Fatalf("%q, %v", value, err)
	}
}

func TestALocalServerThatDiesIsStartedAgainWithItsData(t *testing.T) {
	l := startLocal(t, shortFolder(t))
	defer l.Close()
	client := clientOf(t, l)
	if err := client.Set(t.Context(), "spillway:x", "kept", 0).Err(); err != nil {
		t.Fatal(err)
	}
	pid := 0
	for range 2 {
		pid = waitForServer(t, client, pid)
		if value, err := client.Get(t.Context(), "spillway:x").Result(); err != nil || value != "kept" {
			t.Fatalf("%q, %v", value, err)
		}
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	waitForServer(t, client, pid)
}

// waitForServer waits until another process than before answers, and returns its number.
func waitForServer(t *testing.T, client redis.UniversalClient, before int) int {
	t.Helper()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	patience := time.After(localPatience)
	for {
		info, err := client.Info(t.Context(), "server").Result()
		_, after, _ := strings.Cut(info, "process_id:")
		number, _, _ := strings.Cut(after, "\r\n")
		if pid, bad := strconv.Atoi(number); err == nil && bad == nil && pid != before {
			return pid
		}
		select {
		case <-again.C:
		case <-patience:
			t.Fatalf("%q, %v", info, err)
		}
	}
}

func TestALocalServerListensOnNoPort(t *testing.T) {
	data := shortFolder(t)
	l := startLocal(t, data)
	defer l.Close()
	if port, err := clientOf(t, l).ConfigGet(t.Context(), "port").Result(); err != nil || port["port"] != "0" {
		t.Fatalf("%v, %v", port, err)
	}
	for _, name := range []string{"redis", "redis/redis.sock"} {
		if info, err := os.Stat(filepath.Join(data, name)); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
}

func TestTwoLocalServersNeverShareAFolder(t *testing.T) {
	data := shortFolder(t)
	defer startLocal(t, data).Close()
	short, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := store.StartLocal(short, data, zap.NewNop()); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Fatal(err)
	}
}

func TestAMissingProgramIsNamed(t *testing.T) {
	t.Setenv("PATH", "")
	if _, err := store.StartLocal(t.Context(), shortFolder(t), zap.NewNop()); !errors.Is(err, redisserver.ErrNotInstalled) {
		t.Fatal(err)
	}
}

func TestAFolderTooDeepForASocketIsRefused(t *testing.T) {
	deep := filepath.Join(shortFolder(t), strings.Repeat("d", 120))
	if _, err := store.StartLocal(t.Context(), deep, zap.NewNop()); err == nil || !strings.Contains(err.Error(), "107") {
		t.Fatal(err)
	}
}
