package app

import (
	"context"
	"time"

	"go.uber.org/zap"
)

// atRest is how long a node without calls may take until nothing of them is left: a dialog waits for the answer to its BYE for 64*T1
// (RFC 3261 section 17.1.2.2), 32 s, and as long again for copies.
const atRest = 70 * time.Second

// leftover tells what calls leave behind. Times are any clock's that does not go back.
type leftover struct {
	since time.Time // since when there has been no call; zero: there is one
	told  bool
}

// look reports, once for each rest, that something is left of calls although none has been there for so long.
func (l *leftover) look(now time.Time, calls, dialogs, sessions int) bool {
	if calls > 0 {
		*l = leftover{}
		return false
	}
	if l.since.IsZero() {
		l.since = now
	}
	if l.told || now.Sub(l.since) < atRest || dialogs+sessions == 0 {
		return false
	}
	l.told = true
	return true
}

// watchInvariants looks once a second whether what must never be is: an agent's leg that outlived his caller's (I4), and something that is
// left of calls at rest (I8). The queues' own invariants are the dispatcher's, the ends of our INVITEs (I7) the front door's.
func (a *App) watchInvariants(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var left leftover
	for {
		select {
		case now := <-tick.C:
			for _, z := range a.house.Zombies(now) {
				a.metrics.Violated("I4")
				a.log.Error("an agent's leg goes on although the caller's is over", zap.String("call", z.Call), zap.String("agent", z.Agent))
			}
			dialogs, sessions := a.front.server.Calls(), a.engine.Sessions()
			if left.look(now, a.house.Ledger.Live(), dialogs, sessions) {
				a.metrics.Violated("I8")
				a.log.Error("calls left something behind", zap.Int("dialogs", dialogs), zap.Int("sessions", sessions))
			}
		case <-ctx.Done():
			return
		}
	}
}
