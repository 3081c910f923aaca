package redisq_test

import (
	"context"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/spillway-voice/spillway/internal/store/redistest"
	"github.com/spillway-voice/spillway/routing"
)

// sizes are how much lies under each key of a Redis, but for streams, which are cut at a length.
func sizes(t *testing.T, client *redis.Client) map[string]int64 {
	t.Helper()
	keys, err := client.Keys(t.Context(), "*").Result()
	must(t, err)
	held := make(map[string]int64)
	for _, key := range keys {
		count := map[string]func(context.Context, string) *redis.IntCmd{"hash": client.HLen, "set": client.SCard, "zset": client.ZCard, "list": client.LLen}
		if size := count[client.Type(t.Context(), key).Val()]; size != nil {
			held[key], err = size(t.Context(), key).Result()
			must(t, err)
		}
	}
	return held
}

// TestNothingOfCallsIsLeftInRedis takes calls through every way out of a queue, and looks at what they leave (I8).
func TestNothingOfCallsIsLeftInRedis(t *testing.T) {
	server := redistest.Start(t)
	s := opened(t, server, "kettle")
	ready(t, s, "alice")
	offered := func(call string) routing.Claim {
		must(t, s.Enter(t.Context(), routing.Caller{Call: call, Node: "n1", Queue: "orders"}, 0))
		claim, err := s.Claim(t.Context(), call, "alice", "orders", "n1", time.Minute)
		must(t, err)
		return claim
	}
	round := func(n int) {
		call := func(way string) string { return fmt.Sprintf("%s-%d", way, n) }
		served := offered(call("served"))
		must(t, s.Accept(t.Context(), served.Token))
		must(t, s.Finish(t.Context(), served.Token, 0))
		withdrawn := offered(call("withdrawn"))
		must(t, s.Release(t.Context(), withdrawn.Token, routing.Withdrawn))
		must(t, s.Leave(t.Context(), call("withdrawn"), routing.LeftByCaller))
		offered(call("ringing"))
		must(t, s.Leave(t.Context(), call("ringing"), routing.LeftByCaller))
		held := routing.Claim{Token: served.Token + 1<<20, Call: call("held"), Agent: "alice", Queue: "orders", Node: "n1", Offered: s.Now(), Answered: s.Now()}
		must(t, s.Hold(t.Context(), held))
		must(t, s.Finish(t.Context(), held.Token, 0))
		must(t, s.Outside(t.Context(), "alice", "n1", call("outside")))
		must(t, s.Outside(t.Context(), "alice", "n1", ""))
	}
	round(0)
	before := sizes(t, server.Client())
	for n := range 20 {
		round(n + 1)
	}
	if after := sizes(t, server.Client()); !maps.Equal(before, after) {
		t.Errorf("calls leave something behind: before\n%v, after\n%v", before, after)
	}
}
