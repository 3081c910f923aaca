package redistest_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/spillway-voice/spillway/internal/store/redistest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestEveryServerAnswers(t *testing.T) {
	for name, options := range map[string][]redistest.Option{
		"socket": nil,
		"tcp":    {redistest.TCP},
		"tls":    {redistest.TLS},
		"user":   {redistest.User("kettle", `se"cret \pass`)},
	} {
		t.Run(name, func(t *testing.T) {
			if err := redistest.Start(t, options...).Client().Set(t.Context(), "spillway:x", 1, 0).Err(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestAUserIsNeeded(t *testing.T) {
	server := redistest.Start(t, redistest.User("kettle", "secret"))
	client := redis.NewClient(&redis.Options{Addr: server.Address(), MaxRetries: -1})
	defer client.Close()
	if err := client.Ping(t.Context()).Err(); err == nil {
		t.Fatal("answered without a password")
	}
}

func TestDataOutlivesAKillOnlyWhenItIsKept(t *testing.T) {
	server := redistest.Start(t, redistest.AppendOnly)
	client := server.Client()
	if err := client.Set(t.Context(), "spillway:x", "1", 0).Err(); err != nil {
		t.Fatal(err)
	}
	server.Kill()
	server.Restart()
	if value, err := client.Get(t.Context(), "spillway:x").Result(); err != nil || value != "1" {
		t.Fatalf("after a kill: %q, %v", value, err)
	}
	server.Stop()
	server.RestartEmpty()
	if err := client.Get(t.Context(), "spillway:x").Err(); !errors.Is(err, redis.Nil) {
		t.Fatalf("after a restart without data: %v", err)
	}
	if err := client.Set(t.Context(), "spillway:x", "2", 0).Err(); err != nil {
		t.Fatal(err)
	}
	server.FlushAll()
	if err := client.Get(t.Context(), "spillway:x").Err(); !errors.Is(err, redis.Nil) {
		t.Fatalf("after FLUSHALL: %v", err)
	}
}

func TestAPausedServerAnswersNothingUntilItGoesOn(t *testing.T) {
	server := redistest.Start(t)
	client := server.Client()
	if err := client.Ping(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	server.Pause()
	short, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if err := client.Ping(short).Err(); err == nil {
		t.Fatal("a paused server answered")
	}
	server.Resume()
	if err := client.Ping(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
}
