package redisserver_test

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/spillway-voice/spillway/internal/store/redisserver"
)

// patience bounds what a test waits for.
const patience = 30 * time.Second

// parentOf names, for a test program that is run once more as a parent, the folder of its server.
const parentOf = "SPILLWAY_TEST_REDIS_FOLDER"

func TestMain(m *testing.M) {
	if folder := os.Getenv(parentOf); folder != "" {
		os.Exit(parent(folder))
	}
	goleak.VerifyTestMain(m)
}

// parent starts a server, says so, and waits for its own end.
func parent(folder string) int {
	if _, err := redisserver.Start(context.Background(), configuration(folder)); err != nil {
		os.Stdout.WriteString(err.Error() + "\n")
		return 1
	}
	os.Stdout.WriteString("ready\n")
	select {}
}

// configuration is that of a server in a folder.
func configuration(folder string) redisserver.Configuration {
	return redisserver.Configuration{Folder: folder, Address: filepath.Join(folder, "redis.sock"), AppendOnly: true}
}

// folder is one with a short path.
func folder(t *testing.T) string {
	t.Helper()
	path, err := os.MkdirTemp("", "redisserver-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(path) })
	return path
}

func TestAServerEndsWithItsParentAndLeavesTheFolderToTheNext(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	path := folder(t)
	command := exec.CommandContext(ctx, os.Args[0])
	command.Env = append(os.Environ(), parentOf+"="+path)
	said, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(said).ReadString('\n')
	if err != nil || line != "ready\n" {
		t.Fatalf("%q, %v", line, err)
	}
	short, end := context.WithTimeout(ctx, 200*time.Millisecond)
	defer end()
	if _, err := redisserver.Start(short, configuration(path)); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("beside a server that lives: %v", err)
	}
	if err := command.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := command.Wait(); err == nil {
		t.Error("the parent ended well")
	}
	next, err := redisserver.Start(ctx, configuration(path))
	if err != nil {
		t.Fatal(err)
	}
	next.Stop(ctx)
	if next.Err() == nil {
		t.Error("it runs after Stop")
	}
	next.Kill() // of what has ended is nothing
}

func TestAStartThatFailsTellsWhatTheServerSaid(t *testing.T) {
	c := configuration(folder(t))
	c.Further = []redisserver.Directive{{"no-such-directive", "yes"}}
	if _, err := redisserver.Start(t.Context(), c); err == nil || !strings.Contains(err.Error(), "no-such-directive") {
		t.Error(err)
	}
}

func TestAMissingProgramIsNamed(t *testing.T) {
	t.Setenv("PATH", "")
	if _, err := redisserver.Start(t.Context(), configuration(folder(t))); !errors.Is(err, redisserver.ErrNotInstalled) {
		t.Error(err)
	}
}

func TestAConfigurationThatCannotWorkIsRefused(t *testing.T) {
	for name, c := range map[string]redisserver.Configuration{
		"no folder":  {Address: "127.0.0.1:1"},
		"no address": {Folder: "/tmp"},
		"no port":    {Folder: "/tmp", Address: "127.0.0.1"},
		"no host":    {Folder: "/tmp", Address: ":6379"},
		"too long":   {Folder: "/tmp", Address: "/" + strings.Repeat("d", 107)},
	} {
		if _, err := redisserver.Start(t.Context(), c); err == nil {
			t.Errorf("%s: started", name)
		}
	}
}
