package call

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/spillway-voice/spillway/sip"
)

// phased is a leg that is in a phase.
type phased struct {
	Leg
	phase atomic.Value
}

func inPhase(p sip.Phase) *phased {
	l := &phased{}
	l.phase.Store(p)
	return l
}

func (l *phased) State() sip.DialogState { return sip.DialogState{Phase: l.phase.Load().(sip.Phase)} }

func TestAnAgentsLegThatOutlivesItsCallersIsFoundOnce(t *testing.T) {
	h, now := &House{}, time.Now()
	caller, agent := inPhase(sip.PhaseConfirmed), inPhase(sip.PhaseConfirmed)
	h.pairs.add(pair{call: "c1", agent: "alice", caller: caller, party: agent})
	ended, closing := inPhase(sip.PhaseOver), inPhase(sip.PhaseClosing) // as it should be
	h.pairs.add(pair{call: "c2", agent: "bob", caller: ended, party: closing})
	look := func(after time.Duration) []Zombie { return h.Zombies(now.Add(after)) }
	if found := look(time.Hour); len(found) > 0 {
		t.Fatalf("%v talk to somebody", found)
	}
	caller.phase.Store(sip.PhaseOver)
	now = now.Add(time.Hour)
	if found := look(0); len(found) > 0 {
		t.Errorf("%v has had no time to hang up", found)
	}
	if found := look(outlives); len(found) != 1 || found[0] != (Zombie{"c1", "alice"}) {
		t.Errorf("found %v", found)
	}
	if found := look(2 * outlives); len(found) > 0 || len(h.pairs.live) > 0 {
		t.Errorf("found %v again, %d pairs are kept", found, len(h.pairs.live))
	}
}
