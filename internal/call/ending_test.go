package call_test

import (
	"errors"
	"testing"
	"time"

	"github.com/spillway-voice/spillway/incident"
	"github.com/spillway-voice/spillway/internal/call"
	"github.com/spillway-voice/spillway/media"
	"github.com/spillway-voice/spillway/sip"
)

// way is one way in which a call can end.
type way struct {
	name string
	play func(b *bench) *visit // until the end is certain
	want string                // result/reason
}

// talk brings a caller of orders into a conversation with alice.
func talk(b *bench) *visit {
	b.t.Helper()
	b.signIn("alice", answers(3*time.Second, "sdp"))
	v := b.dial(ordersNumber)
	b.pass(10 * time.Second)
	v.is(call.Talking)
	return v
}

// wait lets a caller of orders wait with everybody at lunch.
func wait(b *bench, d time.Duration) *visit {
	b.t.Helper()
	b.signIn("alice", phone(rings))
	if err := b.queue.Dispatcher.Pause(b.ctx, "alice", "lunch"); err != nil {
		b.t.Fatal(err)
	}
	b.pass(0)
	v := b.dial(ordersNumber)
	b.pass(d)
	v.is(call.Waiting)
	return v
}

var recall = incident.Effects{Message: "recall.wav", Then: incident.HangUp}

var lineLost = sip.Ended{By: sip.ByNobody, Code: 408}

var ways = []way{
	{"the caller hangs up on the agent", func(b *bench) *visit {
		v := talk(b)
		v.hangsUp()
		return v
	}, "answered/caller"},
	{"the agent hangs up", func(b *bench) *visit {
		v := talk(b)
		b.legOf("alice-1").hangsUp()
		return v
	}, "answered/agent"},
	{"the caller's line is lost in a conversation", func(b *bench) *visit {
		v := talk(b)
		v.ends(lineLost)
		return v
	}, "answered/carrier"},
	{"the caller's phone is silent in a conversation and does not answer", func(b *bench) *visit {
		v := talk(b)
		v.vanishes()
		b.callerSound(1).reports(media.Silent{})
		return v
	}, "answered/no_media"},
	{"a conversation lasts too long", func(b *bench) *visit {
		b.house.Duration = time.Hour / 2
		return talk(b)
	}, "answered/timeout"},
	{"a conversation outlasts the time for finishing", func(b *bench) *visit {
		v := talk(b)
		close(b.closes)
		return v
	}, "answered/drain"},
	{"the front door closes in a conversation", func(b *bench) *visit {
		v := talk(b)
		v.ends(sip.Ended{By: sip.ByUs, Code: 503})
		return v
	}, "answered/drain"},
	{"the front door closes on the agent first", func(b *bench) *visit {
		v := talk(b)
		b.legOf("alice-1").ends(sip.Ended{By: sip.ByUs, Code: 503})
		return v
	}, "answered/drain"},
	{"a caller whose agent vanished hangs up in the queue", func(b *bench) *visit {
		v := talk(b)
		b.setPhones("alice", rings)
		b.legOf("alice-1").ends(lineLost)
		b.pass(time.Second)
		v.is(call.Waiting)
		v.hangsUp()
		return v
	}, "answered/caller"},
	{"the caller hangs up in a menu", func(b *bench) *visit {
		v := b.dial(mainNumber)
		b.pass(3 * time.Second)
		v.hangsUp()
		return v
	}, "abandoned/caller"},
	{"the caller hangs up after a minute in the queue", func(b *bench) *visit {
		v := wait(b, time.Minute)
		v.hangsUp()
		return v
	}, "abandoned/caller"},
	{"the caller hangs up after 4 s in the queue", func(b *bench) *visit {
		v := wait(b, 4*time.Second)
		v.hangsUp()
		return v
	}, "abandoned/short"},
	{"the caller hangs up while an agent rings", func(b *bench) *visit {
		b.signIn("alice", phone(rings))
		v := b.dial(ordersNumber)
		b.pass(10 * time.Second)
		v.is(call.Ringing)
		v.hangsUp()
		return v
	}, "abandoned/caller"},
	{"the caller is gone before the answer", func(b *bench) *visit {
		l := b.callerLeg(mainNumber)
		l.ends(sip.Ended{By: sip.ByFarEnd, Code: 487})
		return b.take(l)
	}, "abandoned/caller"},
	{"an agent gives up dialling a colleague", func(b *bench) *visit {
		b.signIn("alice", phone(rings), "bob", phone(rings))
		v := b.agentDials("alice", "bob")
		b.pass(time.Second)
		v.ends(sip.Ended{By: sip.ByFarEnd, Code: 487})
		return v
	}, "abandoned/caller"},
	{"an incident's message is all there is to hear", func(b *bench) *visit {
		b.incident("kettle-recall", recall)
		return b.dial(mainNumber)
	}, "message/incident"},
	{"an incident's message meets the caller at the queue", func(b *bench) *visit {
		effects := recall
		effects.Queues = []string{"orders"}
		b.incident("kettle-recall", effects)
		return b.dial(ordersNumber)
	}, "message/incident"},
	{"the caller hangs up during an incident's message", func(b *bench) *visit {
		b.incident("kettle-recall", recall)
		v := b.dial(mainNumber)
		b.pass(time.Second)
		v.hangsUp()
		return v
	}, "message/caller"},
	{"the caller chooses a recording", func(b *bench) *visit {
		v := b.dial(mainNumber)
		b.pass(3 * time.Second)
		b.presses(1, '7')
		return v
	}, "routed_out/key"},
	{"the caller presses nothing", func(b *bench) *visit { return b.dial(mainNumber) }, "routed_out/timeout"},
	{"the flow is a recording", func(b *bench) *visit { return b.dial(noticeNumber) }, "routed_out/timeout"},
	{"an agent pauses by phone", func(b *bench) *visit { return b.agentDials("alice", call.PauseNumber) }, "routed_out/key"},
	{"nobody dials that number", func(b *bench) *visit { return b.dial("+61299999999") }, "refused/closed"},
	{"an agent dials nobody", func(b *bench) *visit { return b.agentDials("alice", "zoe") }, "refused/closed"},
	{"the flow is engaged", func(b *bench) *visit { return b.dial(engagedNumber) }, "refused/closed"},
	{"the flow declines", func(b *bench) *visit { return b.dial(declinedNumber) }, "refused/closed"},
	{"the centre is closed", func(b *bench) *visit { return b.dial(closedNumber) }, "refused/closed"},
	{"the queue is full", func(b *bench) *visit {
		wait(b, time.Second).later(10 * time.Second)
		for range 2 {
			b.dial(ordersNumber).later(10 * time.Second)
		}
		return b.dial(ordersNumber)
	}, "refused/full"},
	{"nobody is signed in", func(b *bench) *visit { return b.dial(ordersNumber) }, "refused/unstaffed"},
	{"nobody answers in all the time a queue allows", func(b *bench) *visit { return wait(b, time.Second) }, "refused/timeout"},
	{"a colleague does not answer", func(b *bench) *visit {
		b.signIn("bob", phone(rings))
		return b.agentDials("alice", "bob")
	}, "refused/timeout"},
	{"a colleague is busy", func(b *bench) *visit {
		b.signIn("bob", refuses(time.Second, 486))
		return b.agentDials("alice", "bob")
	}, "refused/agent"},
	{"a colleague declines", func(b *bench) *visit {
		b.signIn("bob", refuses(time.Second, 603))
		return b.agentDials("alice", "bob")
	}, "refused/agent"},
	{"a colleague is not there", func(b *bench) *visit { return b.agentDials("alice", "bob") }, "refused/unstaffed"},
	{"the time for finishing ends in the menu", func(b *bench) *visit {
		v := b.dial(mainNumber)
		b.pass(3 * time.Second)
		close(b.closes)
		return v
	}, "refused/drain"},
	{"no port is free", func(b *bench) *visit {
		b.outOfPorts()
		return b.dial(mainNumber)
	}, "refused/overload"},
	{"no codec is common", func(b *bench) *visit {
		b.refusing = true
		return b.dial(mainNumber)
	}, "refused/no_media"},
	{"the caller's phone is silent in the queue and does not answer", func(b *bench) *visit {
		v := wait(b, time.Second)
		v.vanishes()
		b.callerSound(1).reports(media.Silent{})
		return v
	}, "failed/no_media"},
	{"an INVITE without an offer is acknowledged without an answer", func(b *bench) *visit {
		v := wait(b, 0)
		v.hangsUp()
		v.over()
		l := b.callerLeg(ordersNumber)
		l.offer = nil
		v = b.take(l)
		l.says(sip.Confirmed{})
		return v
	}, "failed/no_media"},
	{"nobody acknowledges our answer", func(b *bench) *visit {
		v := wait(b, 32*time.Second)
		v.ends(lineLost)
		return v
	}, "failed/carrier"},
	{"a call lasts too long without an agent", func(b *bench) *visit {
		b.house.Duration = time.Minute
		return wait(b, time.Second)
	}, "failed/timeout"},
	{"the flow leads nowhere", func(b *bench) *visit { return b.dial(lostNumber) }, "failed/internal"},
	{"the front door fails", func(b *bench) *visit {
		v := wait(b, 7*time.Second)
		v.ends(sip.Ended{By: sip.ByUs, Code: 500})
		return v
	}, "failed/internal"},
	{"the sound fails", func(b *bench) *visit {
		v := wait(b, 7*time.Second)
		b.callerSound(1).Close()
		return v
	}, "failed/internal"},
	{"a pause is not kept", func(b *bench) *visit {
		b.queue.disturb("pause", errors.New("the store is away"), 0)
		return b.agentDials("alice", call.PauseNumber)
	}, "failed/internal"},
}

// later hangs a caller up after a while.
func (v *visit) later(d time.Duration) { time.AfterFunc(d, v.hangsUp) }

// TestEveryWayToEnd has one row for each way in which a call can end. That nothing is left afterwards is checked by inBubble.
func TestEveryWayToEnd(t *testing.T) {
	for _, w := range ways {
		t.Run(w.name, func(t *testing.T) {
			inBubble(t, func(b *bench) {
				if got := w.play(b).over(); got != w.want {
					t.Errorf("the call ended as %s, not %s", got, w.want)
				}
			})
		})
	}
}
