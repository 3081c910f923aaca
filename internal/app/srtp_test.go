package app

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spillway-voice/spillway/internal/phone"
	"github.com/spillway-voice/spillway/internal/phone/baresip"
)

// This file holds the protection of sound to baresip, whose SRTP is not ours, and to what somebody sees and sends on the wire.

// protects sets the protection of the trunk that callers come from, and of alice's phone.
func protects(trunk, alice string) func(dir string) {
	return func(dir string) {
		replace(dir, "centre.yaml", "caller_id: +61280000000", "srtp: "+trunk+"\n    caller_id: +61280000000")
		replace(dir, "centre.yaml", "alice:    {", "alice:    {srtp: "+alice+", ")
	}
}

// isProtected checks what a softphone says of its call's sound.
func isProtected(t *testing.T, p *baresip.Process, who string, want bool) {
	t.Helper()
	if got := strings.Contains(p.Log(), "SRTP is Enabled"); got != want {
		t.Errorf("the sound of the %s is protected: %v, want %v", who, got, want)
	}
}

// TestSoundIsProtectedOnEachLegByItself has every protection at both ends against phones that have and have not, also in
// different codecs. The key in the menu is a telephone event, which is protected like the sound.
func TestSoundIsProtectedOnEachLegByItself(t *testing.T) {
	for _, c := range []struct {
		trunk, alice  string
		caller, agent baresip.SRTP
		secure        [2]bool // the caller's leg, the agent's
	}{
		{"required", "off", baresip.SRTPOptional, "", [2]bool{true, false}},
		{"required", "off", baresip.SRTPMandatory, "", [2]bool{true, false}},
		{"required", "off", baresip.SRTPFeedback, "", [2]bool{true, false}},
		{"off", "required", "", baresip.SRTPMandatory, [2]bool{false, true}},
		{"required", "required", baresip.SRTPMandatory, baresip.SRTPMandatory, [2]bool{true, true}},
		{"optional", "optional", baresip.SRTPMandatory, "", [2]bool{true, false}},
		{"optional", "optional", "", baresip.SRTPOptional, [2]bool{false, true}},
		{"optional", "optional", baresip.SRTPOptional, baresip.SRTPOptional, [2]bool{true, true}},
		{"off", "required", "", baresip.SRTPOptional, [2]bool{false, true}},
		{"off", "off", baresip.SRTPOptional, baresip.SRTPOptional, [2]bool{false, false}},
	} {
		t.Run(fmt.Sprintf("trunk %s, agent %s, %q to %q", c.trunk, c.alice, c.caller, c.agent), func(t *testing.T) {
			t.Parallel()
			f := start(t, open, shorter, wide, protects(c.trunk, c.alice))
			caller, agent := f.converses(peer{codec: baresip.PCMU, srtp: c.caller, tone: callerTone}, peer{codec: baresip.G722, srtp: c.agent, tone: agentTone})
			isProtected(t, caller, "caller", c.secure[0])
			isProtected(t, agent, "agent", c.secure[1])
			f.hangsUp(caller)
			f.tells(agent, "CALL_CLOSED")
			f.endsAs(callerNumber, "answered/caller")
			f.nothingLeft()
		})
	}
}

// secureSound is that of a phone that has protected sound only, in PCMU.
var secureSound = phone.Sound{Secure: true, Codecs: []phone.Codec{phone.PCMU}}

// wire keeps what somebody on the wire could make of a call's sound: each packet's bytes after the header of RTP taken for PCMU.
type wire struct {
	mu      sync.Mutex
	payload []byte
}

func (w *wire) tap(packet []byte) {
	const header, tag = 12, 10
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(packet) > header+tag {
		w.payload = append(w.payload, packet[header:len(packet)-tag]...)
	}
}

// pcm is what was kept as linear sound.
func (w *wire) pcm() []int16 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return phone.PCMU.Decode(w.payload)
}

func TestWhoSeesProtectedPacketsHearsNothing(t *testing.T) {
	t.Parallel()
	f := start(t, open, shorter, protects("required", "off"))
	var seen wire
	sound := secureSound
	sound.Tap = seen.tap
	caller, err := f.phone(phone.Options{User: callerNumber}).Dial(f.within(patience), mainNumber, phone.CallOptions{Sound: sound})
	if err != nil {
		t.Fatal(err)
	}
	welcome := f.recording("welcome.wav")
	if _, err := caller.Ear().WaitFor(f.within(patience), welcome); err != nil {
		t.Fatalf("who has the key does not hear the welcome: %v", err)
	}
	eavesdropped := seen.pcm()
	if len(eavesdropped) < phone.SampleRate {
		t.Fatalf("only %d samples were seen", len(eavesdropped))
	}
	if m := phone.Correlate(eavesdropped, welcome); m.Matched > 200*time.Millisecond {
		t.Errorf("%v of the welcome are heard without the key", m.Matched)
	}
	// Keystream and sound together are as good as noise: all bytes are as frequent. Of 256 that differ by chance no more than
	// seven deviations do once in many years.
	counts := make([]int, 256)
	seen.mu.Lock()
	for _, b := range seen.payload {
		counts[b]++
	}
	mean := float64(len(seen.payload)) / 256
	seen.mu.Unlock()
	if most := float64(slices.Max(counts)); (most-mean)*(most-mean) > 49*mean {
		t.Errorf("a byte is there %.0f times, the mean is %.0f", most, mean)
	}
	if err := caller.Hangup(f.within(patience)); err != nil {
		t.Fatal(err)
	}
	f.nothingLeft()
}

func TestAPlainPacketToAProtectedLegIsNotHeard(t *testing.T) {
	t.Parallel()
	f := start(t, open, shorter, protects("required", "off"))
	alice := f.agent("alice", phone.Reply{})
	f.agentIs("alice", "ready")
	caller, err := f.phone(phone.Options{User: callerNumber}).Dial(f.within(patience), mainNumber, phone.CallOptions{Sound: secureSound})
	if err != nil {
		t.Fatal(err)
	}
	if err := caller.SendDigits("1"); err != nil {
		t.Fatal(err)
	}
	atAgent := f.picksUp(alice)
	f.talk(caller, atAgent)
	atAgent.Ear().Forget()
	const forgedTone = 1500
	forge(t, caller, phone.Tone(forgedTone, 2*time.Second))
	f.hears(atAgent, callerTone) // it goes on all the while
	heard := atAgent.Ear().Heard()
	for ; len(heard) >= 320; heard = heard[320:] {
		if p := phone.Goertzel(heard[:320], forgedTone); p.Level > -45 {
			t.Fatalf("the forged tone is heard at %.0f dB", p.Level)
		}
	}
	if gaps := atAgent.Ear().Gaps(); gaps > 10 {
		t.Errorf("the forged packets tore the sound in %d places", gaps)
	}
	if err := atAgent.Hangup(f.within(patience)); err != nil {
		t.Fatal(err)
	}
	if ended := f.ends(caller); ended != "answered/agent" {
		t.Errorf("the call ended as %s", ended)
	}
	f.nothingLeft()
}

// forge sends sound in the clear as if it were the call's own: from its address, in its codec, in its pace.
func forge(t *testing.T, c *phone.Call, pcm []int16) {
	t.Helper()
	const frame = phone.SampleRate / 50
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for i := 0; (i+1)*frame <= len(pcm); i++ {
		<-tick.C
		packet := []byte{0x80, 0}
		packet = binary.BigEndian.AppendUint16(packet, uint16(1000+i))
		packet = binary.BigEndian.AppendUint32(packet, uint32(i*frame))
		packet = binary.BigEndian.AppendUint32(packet, 0x1badcafe)
		packet = append(packet, phone.PCMU.Encode(pcm[i*frame:(i+1)*frame])...)
		if err := c.SendRaw(packet); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTheControlOfTheForgeryIsHeardOnAPlainLeg(t *testing.T) {
	t.Parallel()
	f := start(t, open, shorter)
	alice := f.agent("alice", phone.Reply{})
	f.agentIs("alice", "ready")
	caller := f.waitsFor(callerNumber, "1")
	atAgent := f.picksUp(alice)
	caller.Mute(true)
	forge(t, caller, phone.Tone(1500, time.Second)) // the same packets
	if heard := atAgent.Ear().Heard(); phone.Goertzel(heard[max(0, len(heard)-phone.SampleRate/2):], 1500).Purity < 0.5 {
		t.Error("plain packets to a plain leg are not heard, so the test of forged ones proves nothing")
	}
	if err := caller.Hangup(f.within(patience)); err != nil {
		t.Fatal(err)
	}
	f.nothingLeft()
}

func TestSoundThatIsNotAsConfiguredIsRefused(t *testing.T) {
	for _, c := range []struct {
		trunk string
		sound phone.Sound
	}{{"required", phone.Sound{}}, {"off", secureSound}} {
		t.Run("a trunk with srtp "+c.trunk, func(t *testing.T) {
			t.Parallel()
			f := start(t, open, shorter, protects(c.trunk, "off"))
			_, err := f.phone(phone.Options{User: callerNumber}).Dial(f.within(patience), mainNumber, phone.CallOptions{Sound: c.sound})
			var refused *phone.RefusedError
			if !errors.As(err, &refused) || refused.Code != 488 {
				t.Errorf("%v, want a refusal with 488", err)
			}
			f.nothingLeft()
		})
	}
}

// TestAnAgentWhosePhoneHasNotTheProtectionIsPassedOver has a caller go on to the next agent when the first one's phone
// refuses what is required, or takes it.
func TestAnAgentWhosePhoneHasNotTheProtectionIsPassedOver(t *testing.T) {
	t.Parallel()
	f := start(t, open, shorter, protects("off", "required"))
	plain := f.desk("alice", baresip.Options{})
	f.agentIs("alice", "ready")
	bob := f.agent("bob", phone.Reply{})
	caller := f.waitsFor(callerNumber, "1")
	atBob := f.picksUp(bob)
	caller.PlayTone(callerTone)
	atBob.PlayTone(agentTone)
	f.hears(atBob, callerTone)
	f.hears(caller, agentTone)
	if strings.Contains(plain.Log(), "Call established") {
		t.Error("a phone without SRTP was connected where it is required")
	}
	if err := caller.Hangup(f.within(patience)); err != nil {
		t.Fatal(err)
	}
	f.nothingLeft()
}

// TestAProtectedCallIsHeldAndGoesOnProtected has the agent's phone change the session twice, with the keys as they were.
func TestAProtectedCallIsHeldAndGoesOnProtected(t *testing.T) {
	t.Parallel()
	f := start(t, open, shorter, wide, protects("required", "required"))
	agent := f.desk("alice", baresip.Options{SRTP: baresip.SRTPMandatory, Codecs: []baresip.Codec{baresip.L16}})
	f.agentIs("alice", "ready")
	caller := f.dials(callerNumber, secureSound)
	if err := caller.SendDigits("1"); err != nil {
		t.Fatal(err)
	}
	f.tells(agent, "CALL_ESTABLISHED")
	caller.PlayTone(callerTone)
	f.hears(caller, agentTone)
	f.hearTone(agent, "the agent", callerTone)
	f.holdsAndResumes(agent, caller)
	if err := caller.Hold(f.within(patience)); err != nil {
		t.Fatal(err)
	}
	if err := caller.Resume(f.within(patience)); err != nil {
		t.Fatal(err)
	}
	caller.Ear().Forget()
	f.hears(caller, agentTone)
	f.hangsUp(agent)
	if ended := f.ends(caller); ended != "answered/agent" {
		t.Errorf("the call ended as %s", ended)
	}
	f.nothingLeft()
}
