package app

import (
	"strings"
	"testing"
	"time"

	"github.com/spillway-voice/spillway/internal/ops"
	"github.com/spillway-voice/spillway/internal/phone"
	"github.com/spillway-voice/spillway/internal/phone/baresip"
)

// This file holds the node to every codec that the configuration accepts but Opus, which needs another build, against
// baresip at both ends.

// wideRate is that of G.722 and L16 in samples a second, and so of what is said over them.
const wideRate = 16000

// highTone is a tone that only wide-band sound carries, in Hz: G.711 ends at 3400.
const highTone = 5000

// wide configures every codec of a build without Opus; the wide ones are preferred.
func wide(dir string) {
	replace(dir, "spillway.yaml", "codecs: [pcmu, pcma]", "codecs: [g722, l16, pcmu, pcma]")
}

// peer is a softphone that speaks one codec only and says a tone.
type peer struct {
	codec baresip.Codec
	srtp  baresip.SRTP
	tone  float64
}

// options are those of the program; what it says may be wide-band.
func (p peer) options() baresip.Options {
	return baresip.Options{Codecs: []baresip.Codec{p.codec}, SRTP: p.srtp, Say: phone.ToneAt(p.tone, talk, wideRate), SayRate: wideRate}
}

// parts has one of two programs hang up; the other is told, and the call ends so.
func (f *fixture) parts(caller, agent *baresip.Process, by string) {
	f.t.Helper()
	leaves, stays := caller, agent
	if by == "agent" {
		leaves, stays = agent, caller
	}
	f.hangsUp(leaves)
	f.tells(stays, "CALL_CLOSED")
	f.endsAs(callerNumber, "answered/"+by)
}

// converses has one softphone call another through the menu, and returns when each has heard the other's tone.
func (f *fixture) converses(from, at peer) (caller, agent *baresip.Process) {
	f.t.Helper()
	options := at.options()
	options.User, options.Secret, options.Server = "alice", secret, f.at("")
	agent = f.baresip(options)
	f.agentIs("alice", "ready")
	options = from.options()
	options.User = callerNumber
	caller = f.baresip(options)
	f.calls(caller, mainNumber)
	f.tells(caller, "CALL_ESTABLISHED")
	f.recognises(caller, "the caller", "the welcome", f.recording("welcome.wav"))
	f.presses(caller, "1")
	f.tells(agent, "CALL_ESTABLISHED")
	f.hearTone(caller, "the caller", at.tone)
	f.hearTone(agent, "the agent", from.tone)
	return caller, agent
}

// soundIsGood checks what the API tells of a call's sound: the codecs by their names, and no complaint. Programs that share
// two processors with a dozen others send late, which costs a little.
func (f *fixture) soundIsGood(from string, caller, agent baresip.Codec) {
	f.t.Helper()
	atCaller, atAgent := f.soundOf(from)
	for _, leg := range []struct {
		who   string
		sound ops.LegSound
		codec baresip.Codec
	}{{"caller", atCaller, caller}, {"agent", atAgent, agent}} {
		name, _, _ := strings.Cut(string(leg.codec), "/")
		if !strings.EqualFold(leg.sound.Codec, name) || *leg.sound.MOS < 3.6 || *leg.sound.MOS > 4.41 || *leg.sound.Loss > 0.02 {
			f.t.Errorf("the %s's leg: %s with a MOS of %.2f and a loss of %.3f, want good %s", leg.who, leg.sound.Codec, *leg.sound.MOS, *leg.sound.Loss, name)
		}
	}
}

func TestBothHearEachOtherInEveryCodec(t *testing.T) {
	for _, codec := range []baresip.Codec{baresip.PCMU, baresip.PCMA, baresip.G722, baresip.L16} {
		t.Run(string(codec), func(t *testing.T) {
			t.Parallel()
			f := start(t, open, shorter, wide)
			caller, agent := f.converses(peer{codec: codec, tone: callerTone}, peer{codec: codec, tone: agentTone})
			f.hangsUp(agent)
			f.tells(caller, "CALL_CLOSED")
			f.endsAs(callerNumber, "answered/agent")
			f.soundIsGood(callerNumber, codec, codec)
			f.nothingLeft()
		})
	}
}

func TestWideBandSoundStaysWideThroughABridge(t *testing.T) {
	for _, pair := range [][2]baresip.Codec{{baresip.G722, baresip.G722}, {baresip.L16, baresip.G722}} {
		t.Run(string(pair[0])+" to "+string(pair[1]), func(t *testing.T) {
			t.Parallel()
			f := start(t, open, shorter, wide)
			caller, agent := f.converses(peer{codec: pair[0], tone: highTone}, peer{codec: pair[1], tone: highTone + 700})
			f.hangsUp(caller)
			f.tells(agent, "CALL_CLOSED")
			f.endsAs(callerNumber, "answered/caller")
			f.nothingLeft()
		})
	}
}

func TestWhatANarrowLegHearsOfAWideOneHasNoHighTone(t *testing.T) {
	t.Parallel()
	f := start(t, open, shorter, wide)
	options := peer{codec: baresip.PCMA, tone: agentTone}.options()
	options.User, options.Secret, options.Server = "alice", secret, f.at("")
	agent := f.baresip(options)
	f.agentIs("alice", "ready")
	options = peer{codec: baresip.G722}.options()
	options.User, options.Say = callerNumber, mixed(phone.ToneAt(callerTone, talk, wideRate), phone.ToneAt(highTone, talk, wideRate))
	caller := f.baresip(options)
	f.calls(caller, mainNumber)
	f.tells(caller, "CALL_ESTABLISHED")
	f.presses(caller, "1")
	f.tells(agent, "CALL_ESTABLISHED")
	f.hearTone(agent, "the agent", callerTone)
	heard, rate, err := agent.HeardAsItIs()
	if err != nil || rate != phone.SampleRate || len(heard) < rate/2 {
		t.Fatalf("heard are %d samples at %d a second, %v", len(heard), rate, err)
	}
	// 5 kHz folded at 8 kHz would be 3 kHz.
	if folded := phone.Goertzel(heard[len(heard)-rate/2:], phone.SampleRate-highTone); folded.Level > -50 {
		t.Errorf("the high tone is heard folded down, at %.0f dB", folded.Level)
	}
	f.hangsUp(caller)
	f.tells(agent, "CALL_CLOSED")
	f.nothingLeft()
}

// mixed is the sum of two sounds.
func mixed(one, other []int16) []int16 {
	sum := make([]int16, len(one))
	for i := range sum {
		sum[i] = one[i] + other[i]
	}
	return sum
}

func TestLegsOfDifferentCodecsAreTranscodedUntilEitherSideHangsUp(t *testing.T) {
	for _, c := range []struct {
		caller, agent baresip.Codec
		by            string
	}{
		{baresip.G722, baresip.PCMA, "caller"},
		{baresip.G722, baresip.PCMA, "agent"},
		{baresip.L16, baresip.G722, "caller"},
		{baresip.L16, baresip.G722, "agent"},
		{baresip.PCMU, baresip.L16, "agent"},
		{baresip.PCMU, baresip.PCMA, "caller"},
	} {
		t.Run(string(c.caller)+" to "+string(c.agent)+", the "+c.by+" hangs up", func(t *testing.T) {
			t.Parallel()
			f := start(t, open, shorter, wide)
			caller, agent := f.converses(peer{codec: c.caller, tone: callerTone}, peer{codec: c.agent, tone: agentTone})
			f.parts(caller, agent, c.by)
			f.soundIsGood(callerNumber, c.caller, c.agent)
			f.nothingLeft()
		})
	}
}

func TestACallerHoldsAndResumesInG722(t *testing.T) {
	t.Parallel()
	f := start(t, open, shorter, wide)
	caller, agent := f.converses(peer{codec: baresip.G722, tone: callerTone}, peer{codec: baresip.G722, tone: agentTone})
	if err := agent.Hold(f.within(patience)); err != nil {
		t.Fatal(err)
	}
	if err := caller.WaitHeard(f.within(patience), func(pcm []int16) bool {
		return phone.Correlate(pcm, f.builtIn("hold.wav")).Sure(time.Minute)
	}); err != nil {
		t.Fatalf("the caller heard no music while he was held: %v", err)
	}
	if err := agent.Resume(f.within(patience)); err != nil {
		t.Fatal(err)
	}
	f.hearTone(caller, "the caller", agentTone)
	f.hangsUp(caller)
	f.tells(agent, "CALL_CLOSED")
	f.nothingLeft()
}
