package call_test

import (
	"slices"
	"testing"
	"time"

	"github.com/spillway-voice/spillway/sip"
)

func TestTheRecordOfACallTellsHowGoodItsSoundWas(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.signIn("alice", answers(2*time.Second, "sdp"))
		v := b.dial(ordersNumber)
		b.pass(20 * time.Second)
		if i := v.info(); i.CallerSound != nil || i.AgentSound != nil {
			t.Errorf("before the end: %+v and %+v", i.CallerSound, i.AgentSound)
		}
		b.callerSound(1).sounds("PCMA", 4.4)
		b.agentSound(1).sounds("PCMU", 3.2)
		v.hangsUp()
		v.over()
		if i := v.info(); i.CallerSound == nil || i.CallerSound.Codec != "PCMA" || i.AgentSound == nil || i.AgentSound.Heard.MOS != 3.2 {
			t.Errorf("at the end: %+v and %+v", i.CallerSound, i.AgentSound)
		}
		slices.Sort(b.measured)
		if want := []string{"agent PCMU 3.2", "caller PCMA 4.4"}; !slices.Equal(b.measured, want) {
			t.Errorf("measured %q, want %q", b.measured, want)
		}
	})
}

func TestEachAgentsLegIsMeasuredAndTheLastIsKept(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.signIn("alice", answers(2*time.Second, "sdp"))
		v := b.dial(ordersNumber)
		b.pass(20 * time.Second)
		b.agentSound(1).sounds("PCMU", 1.5)
		b.setPhones("alice", rings)
		b.legOf("alice-1").ends(sip.Ended{By: sip.ByNobody, Code: 408})
		b.pass(3 * time.Second)
		b.signIn("bob", answers(2*time.Second, "sdp"))
		b.pass(10 * time.Second)
		b.sounds[len(b.sounds)-1].sounds("PCMU", 4.1) // the one that was opened last rings last, and is bob's
		v.hangsUp()
		v.over()
		if want := []string{"agent PCMU 1.5", "agent PCMU 4.1"}; !slices.Equal(b.measured, want) {
			t.Errorf("measured %q, want %q", b.measured, want)
		}
		if i := v.info(); i.CallerSound != nil || i.AgentSound == nil || i.AgentSound.Heard.MOS != 4.1 {
			t.Errorf("at the end: %+v and %+v", i.CallerSound, i.AgentSound)
		}
	})
}
