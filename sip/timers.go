package sip

import "time"

// Timers are the waiting times that are ours to choose. Those of the transactions below are fixed at the values of
// RFC 3261 section 17.
type Timers struct {
	// T1 is the round-trip estimate: the first interval at which an answer is repeated until its ACK comes, which
	// is waited for 64 times as long (RFC 3261 section 13.3.1.4). Default 500 ms.
	T1 time.Duration
	// T2 is the longest interval of those repetitions. Default 4 s.
	T2 time.Duration
	// Silence is how long an INVITE of ours may stay without any answer at all before the far end counts as gone.
	// Default 4 s: a phone that is there says 100 or 180 at once.
	Silence time.Duration
	// Unanswered is how long an incoming INVITE may stay undecided before it is refused with 480. Default 3 min,
	// as timer C of RFC 3261 section 16.6.
	Unanswered time.Duration
	// Reoffer is how long whoever serves the call may think about a changed offer before it is refused with 500.
	// Default 10 s.
	Reoffer time.Duration
	// Overtaken is how long a CANCEL that matches nothing is kept for an INVITE that it may have overtaken, before
	// it gets its 481. Default 150 ms.
	Overtaken time.Duration
	// Nonce is the life of a nonce. Default 60 s.
	Nonce time.Duration
	// Registration is the longest time that a registration is granted for. Default 120 s: phones then find another
	// node soon after this one drains.
	Registration time.Duration
}

func (t Timers) withDefaults() Timers {
	fallback := func(value *time.Duration, to time.Duration) {
		if *value <= 0 {
			*value = to
		}
	}
	fallback(&t.T1, 500*time.Millisecond)
	fallback(&t.T2, 4*time.Second)
	fallback(&t.Silence, 4*time.Second)
	fallback(&t.Unanswered, 3*time.Minute)
	fallback(&t.Reoffer, 10*time.Second)
	fallback(&t.Overtaken, 150*time.Millisecond)
	fallback(&t.Nonce, time.Minute)
	fallback(&t.Registration, 2*time.Minute)
	return t
}

// patience is 64*T1: how long anything of a transaction may still come (RFC 3261 section 17).
func (t Timers) patience() time.Duration { return 64 * t.T1 }
