package redisq_test

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/spillway-voice/spillway/internal/store/redistest"
	"github.com/spillway-voice/spillway/routing"
)

// workers is how many matches are under way at once, as calls are on a node.
const workers = 16

// BenchmarkMatch is a whole match: enter, claim, accept, finish. Reported: matches a second and this process' own processor time for one.
func BenchmarkMatch(b *testing.B) {
	s := opened(b, redistest.Start(b), "kettle")
	for n := range workers {
		ready(b, s, fmt.Sprintf("agent-%d", n))
	}
	inParallel(b, func(worker, n int) error {
		call, agent := fmt.Sprintf("c%d-%d", worker, n), fmt.Sprintf("agent-%d", worker)
		if err := s.Enter(b.Context(), routing.Caller{Call: call, Node: "n1", Queue: "orders"}, 0); err != nil {
			return err
		}
		claim, err := s.Claim(b.Context(), call, agent, "orders", "n1", time.Minute)
		if err != nil {
			return err
		}
		if err := s.Accept(b.Context(), claim.Token); err != nil {
			return err
		}
		return s.Finish(b.Context(), claim.Token, 0)
	})
}

// BenchmarkBareScripts is what go-redis and Redis take for as many scripts that do next to nothing.
func BenchmarkBareScripts(b *testing.B) {
	client := redistest.Start(b).Client()
	script := redis.NewScript("return redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])")
	inParallel(b, func(worker, n int) error {
		for range 4 {
			if err := script.Run(b.Context(), client, []string{"bare"}, worker, n).Err(); err != nil {
				return err
			}
		}
		return nil
	})
}

// inParallel runs b.N rounds on all workers together.
func inParallel(b *testing.B, round func(worker, n int) error) {
	b.Helper()
	failed := make(chan error, workers)
	before := processorTime(b)
	b.ResetTimer()
	for worker := range workers {
		go func() {
			for n := worker; n < b.N; n += workers {
				if err := round(worker, n); err != nil {
					failed <- err
					return
				}
			}
			failed <- nil
		}()
	}
	for range workers {
		must(b, <-failed)
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "matches/s")
	b.ReportMetric(float64((processorTime(b)-before).Microseconds())/float64(b.N), "µs-cpu/match")
}

// processorTime is what this process has used.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	must(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
