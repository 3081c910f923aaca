package call_test

import (
	"maps"
	"testing"
	"time"

	"github.com/spillway-voice/spillway/internal/call"
	"github.com/spillway-voice/spillway/ivr"
	"github.com/spillway-voice/spillway/media"
	"github.com/spillway-voice/spillway/routing"
	"github.com/spillway-voice/spillway/sip"
)

// whispers gives the queue orders a whisper; each recording of the bench lasts 2 s.
func whispers(b *bench, name string) {
	b.change(func(p *call.Plan) {
		conversation := *p.Conversation
		conversation.Waiting = maps.Clone(conversation.Waiting)
		orders := conversation.Waiting["orders"]
		orders.Whisper = name
		conversation.Waiting["orders"] = orders
		p.Conversation = &conversation
	})
}

// pickedUp lets a caller of orders come to an agent who has just picked up and hears the whisper.
func pickedUp(b *bench) *visit {
	b.t.Helper()
	whispers(b, "orders.wav")
	b.signIn("alice", answers(3*time.Second, "sdp"))
	v := b.dial(ordersNumber)
	b.pass(4 * time.Second)
	v.is(call.Talking)
	b.heardOn(b.agentSound(1), "orders.wav")
	b.heardOn(b.callerSound(1), "jazz.wav")
	return v
}

// heardOn checks what a side hears now.
func (b *bench) heardOn(s *sound, want string) {
	b.t.Helper()
	if got := s.heard(); got != want {
		b.t.Errorf("%s hears %s, not %s:\n%s", s.name, got, want, b.story())
	}
}

func TestAnAgentHearsTheWhisperAndThenTheCaller(t *testing.T) {
	inBubble(t, func(b *bench) {
		v := pickedUp(b)
		b.agentIs("alice", routing.Talking) // nobody else is offered
		b.pass(2 * time.Second)
		b.heardOn(b.agentSound(1), "the other")
		b.heardOn(b.callerSound(1), "the other")
		v.hangsUp()
		if got := v.over(); got != "answered/caller" {
			t.Error(got)
		}
	})
}

func TestACallerWhoLeavesDuringTheWhisperWasNotAnswered(t *testing.T) {
	inBubble(t, func(b *bench) {
		v := pickedUp(b)
		v.hangsUp()
		if got := v.over(); got != "abandoned/caller" {
			t.Error(got)
		}
		if !b.legOf("alice-1").over() {
			t.Error("the agent's phone is still up")
		}
		b.agentIs("alice", routing.WrapUp)
	})
}

func TestAnAgentWhoLeavesDuringTheWhisperLeavesTheCallerInHisPlace(t *testing.T) {
	for _, how := range []struct {
		name  string
		leave func(b *bench)
	}{
		{"hangs up", func(b *bench) { b.legOf("alice-1").hangsUp() }},
		{"is lost", func(b *bench) { b.legOf("alice-1").ends(sip.Ended{By: sip.ByNobody, Code: 408}) }},
		{"is silent", func(b *bench) { b.agentSound(1).reports(media.Silent{}) }},
	} {
		t.Run(how.name, func(t *testing.T) {
			inBubble(t, func(b *bench) {
				v := pickedUp(b)
				other := b.dial(ordersNumber)
				b.pass(0)
				b.setPhones("alice", rings)
				how.leave(b)
				b.pass(time.Second / 2)
				v.is(call.Waiting)
				if i := v.info(); i.Position != 1 || i.Agent != "" {
					t.Errorf("told as %+v", i)
				}
				b.heardOn(b.callerSound(1), "jazz.wav") // as all the time: he noticed nothing
				b.signIn("bob", answers(time.Second, "sdp"))
				b.pass(4 * time.Second)
				v.is(call.Talking)
				b.heardOn(b.callerSound(1), "the other")
				v.hangsUp()
				other.hangsUp()
				if got := v.over(); got != "answered/caller" {
					t.Error(got)
				}
				other.over()
			})
		})
	}
}

func TestALongWhisperIsCut(t *testing.T) {
	inBubble(t, func(b *bench) {
		whispers(b, "long.wav")
		b.change(func(p *call.Plan) { p.Prompts = recordings{long: map[string]time.Duration{"long.wav": time.Minute}} })
		b.signIn("alice", answers(time.Second, "sdp"))
		v := b.dial(ordersNumber)
		b.pass(10 * time.Second)
		b.heardOn(b.agentSound(1), "long.wav")
		b.pass(2 * time.Second)
		b.heardOn(b.agentSound(1), "the other")
		v.hangsUp()
		v.over()
	})
}

func TestAWhisperThatCannotBePlayedKeepsNobodyWaiting(t *testing.T) {
	inBubble(t, func(b *bench) {
		whispers(b, "lost.wav")
		b.change(func(p *call.Plan) { p.Prompts = recordings{missing: map[string]bool{"lost.wav": true}} })
		v := talk(b)
		b.heardOn(b.agentSound(1), "the other")
		v.hangsUp()
		v.over()
	})
}

func TestAnAgentWhoHoldsDuringTheWhisperHearsTheCallerOnceHeResumes(t *testing.T) {
	inBubble(t, func(b *bench) {
		v := pickedUp(b)
		offer := func(sdp string) {
			b.legOf("alice-1").says(sip.Reoffer{SDP: []byte(sdp), Answer: func([]byte) {}, Refuse: func(int) {}})
			b.pass(0)
		}
		offer("hold")
		b.heardOn(b.callerSound(1), "jazz.wav")
		b.pass(3 * time.Second)
		b.heardOn(b.callerSound(1), "jazz.wav")
		offer("sdp")
		b.heardOn(b.callerSound(1), "the other")
		v.hangsUp()
		v.over()
	})
}

func TestKeysDuringTheWhisperReachNobody(t *testing.T) {
	inBubble(t, func(b *bench) {
		v := pickedUp(b)
		v.says(sip.Digit{Digit: '5', Duration: 100 * time.Millisecond})
		b.legOf("alice-1").says(sip.Digit{Digit: '6', Duration: 100 * time.Millisecond})
		b.pass(0)
		if to, from := b.agentSound(1).digits, b.callerSound(1).digits; to != "" || from != "" {
			t.Errorf("the agent got %q, the caller %q", to, from)
		}
		v.hangsUp()
		v.over()
	})
}

func TestAColleagueWhoIsDialledHearsNoWhisper(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.change(func(p *call.Plan) {
			conversation := *p.Conversation
			conversation.Waiting = map[string]ivr.Waiting{"": {Whisper: "orders.wav"}, "orders": {Whisper: "orders.wav"}}
			p.Conversation = &conversation
		})
		b.signIn("alice", phone(rings), "bob", answers(time.Second, "sdp"))
		v := b.agentDials("alice", "bob")
		b.pass(2 * time.Second)
		b.heardOn(b.agentSound(1), "the other")
		v.hangsUp()
		v.over()
	})
}
