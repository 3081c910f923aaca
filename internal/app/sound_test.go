package app

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/spillway-voice/spillway/internal/call"
	"github.com/spillway-voice/spillway/internal/ops"
	"github.com/spillway-voice/spillway/internal/phone"
	"github.com/spillway-voice/spillway/internal/phone/baresip"
	"github.com/spillway-voice/spillway/media"
)

// listens waits until a call has heard so much more sound.
func (f *fixture) listens(c *phone.Call, more time.Duration) {
	f.t.Helper()
	enough := c.Ear().Packets() + uint64(more/(20*time.Millisecond))
	f.eventually(fmt.Sprintf("%s has heard %v more", c.From(), more), func() bool { return c.Ear().Packets() >= enough })
}

// dialsBadly calls a number over a line that loses one packet in so many, and is in a queue.
func (f *fixture) dialsBadly(from, number string, loses int) *phone.Call {
	f.t.Helper()
	c, err := f.phone(phone.Options{User: from}).Dial(f.within(patience), number, phone.CallOptions{Sound: phone.Sound{Loses: loses}})
	if err != nil {
		f.t.Fatal(err)
	}
	if err := c.SendDigits("1"); err != nil {
		f.t.Fatal(err)
	}
	f.queued(from)
	return c
}

// soundOf is what the API tells of the sound of a caller's call that has ended.
func (f *fixture) soundOf(from string) (caller, agent ops.LegSound) {
	f.t.Helper()
	f.callIs(from, "ended")
	s := f.callNow(from).Sound
	if s == nil || s.Caller == nil || s.Agent == nil || s.Caller.MOS == nil || s.Agent.MOS == nil {
		f.t.Fatalf("of the sound is told %+v", s)
	}
	return *s.Caller, *s.Agent
}

// counts checks a line of the metrics.
func (f *fixture) counts(line string) {
	f.t.Helper()
	if _, metrics := f.get("/metrics"); !strings.Contains(metrics, line+"\n") {
		f.t.Errorf("the metrics have no line %s", line)
	}
}

func TestTheSoundOfACleanCallIsToldAsGood(t *testing.T) {
	t.Parallel()
	f := start(t, open)
	alice := f.agent("alice", phone.Reply{})
	f.agentIs("alice", "ready")
	caller := f.waitsFor(callerNumber, "1")
	atAgent := f.picksUp(alice)
	caller.PlayTone(callerTone)
	atAgent.PlayTone(agentTone)
	f.listens(caller, 4*time.Second)
	if err := caller.Hangup(f.within(patience)); err != nil {
		t.Fatal(err)
	}
	heard, spoke := f.soundOf(callerNumber)
	for side, s := range map[string]ops.LegSound{"caller": heard, "agent": spoke} {
		if s.Codec == "" || *s.MOS < 4.2 || *s.MOS > 4.41 || *s.Loss > 0.01 || time.Duration(*s.Jitter) > 20*time.Millisecond {
			t.Errorf("the %s: codec %s, MOS %.2f, loss %.4f, jitter %v", side, s.Codec, *s.MOS, *s.Loss, time.Duration(*s.Jitter))
		}
		if s.FarMOS != nil || s.RoundTrip != nil {
			t.Errorf("the %s never reported, and yet is told of: %v, %v", side, s.FarMOS, s.RoundTrip)
		}
		f.counts(fmt.Sprintf(`spillway_call_mos_count{direction="heard",leg=%q} 1`, side))
		f.counts(fmt.Sprintf(`spillway_call_mos_bucket{direction="heard",leg=%q,le="4.2"} 0`, side))
		f.counts(fmt.Sprintf(`spillway_call_mos_count{direction="sent",leg=%q} 0`, side))
	}
	if log := f.logged(); !strings.Contains(log, `"sound":{"caller":{"codec":"PCM`) {
		t.Error("the log's line of the end tells nothing of the sound")
	}
	f.nothingLeft()
}

func TestALineThatLosesPacketsIsToldOfBothEnds(t *testing.T) {
	t.Parallel()
	f := start(t, open)
	f.desk("alice", baresip.Options{})
	f.agentIs("alice", "ready")
	caller := f.dialsBadly(callerNumber, mainNumber, 10)
	f.callIs(callerNumber, "talking")
	caller.PlayTone(callerTone)
	f.listens(caller, 17*time.Second) // two reports each way, 2.5 to 7.5 s apart (RFC 3550 section 6.2)
	if err := caller.Hangup(f.within(patience)); err != nil {
		t.Fatal(err)
	}
	heard, spoke := f.soundOf(callerNumber)
	if *heard.Loss < 0.08 || *heard.Loss > 0.12 || *heard.MOS < 2.9 || *heard.MOS > 3.7 {
		t.Errorf("the caller: loss %.3f, MOS %.2f; one packet in ten was lost", *heard.Loss, *heard.MOS)
	}
	if *spoke.Loss > 0.02 || *spoke.MOS < 4.1 {
		t.Errorf("the agent: loss %.3f, MOS %.2f; nothing was lost", *spoke.Loss, *spoke.MOS)
	}
	switch {
	case spoke.RoundTrip == nil || spoke.FarMOS == nil || spoke.FarLoss == nil:
		t.Fatalf("the agent's phone reports, and yet nothing is told of it: %+v", spoke)
	case time.Duration(*spoke.RoundTrip) > 200*time.Millisecond:
		t.Errorf("a round trip of %v on one machine", time.Duration(*spoke.RoundTrip))
	case *spoke.FarLoss < 0.04 || *spoke.FarLoss > 0.15 || *spoke.FarMOS > 3.9: // what was lost before it came to us is missing there, too
		t.Errorf("the agent's phone: loss %.3f, MOS %.2f; one packet in ten never came to us", *spoke.FarLoss, *spoke.FarMOS)
	}
	f.counts(`spillway_call_mos_bucket{direction="heard",leg="caller",le="4.03"} 1`)
	f.nothingLeft()
}

func TestAMomentOfSoundIsToldButNotCounted(t *testing.T) {
	t.Parallel()
	f := start(t, open)
	figures := &figures{metrics: f.app.metrics}
	figures.measured(call.CallerLeg, media.Quality{Codec: "PCMU", Heard: media.Direction{Packets: 149, MOS: 4.4}, Sent: media.Direction{Packets: 150, MOS: 4.4}})
	f.counts(`spillway_call_mos_count{direction="heard",leg="caller"} 0`)
	f.counts(`spillway_call_mos_count{direction="sent",leg="caller"} 1`)
	s := soundOf(call.Info{CallerSound: &media.Quality{Codec: "PCMU", RoundTrip: 21 * time.Millisecond, Heard: media.Direction{Packets: 3, Lost: 1, Loss: 1.0 / 3, MOS: 2.349}}})
	if s.Agent != nil || *s.Caller.MOS != 2.35 || *s.Caller.Loss != 0.3333 || s.Caller.FarLoss != nil {
		t.Errorf("told is %+v", s.Caller)
	}
}
