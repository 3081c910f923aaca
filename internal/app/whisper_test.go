package app

import (
	"testing"
	"time"

	"github.com/spillway-voice/spillway/internal/phone"
)

// whispering gives the queue orders music and a whisper that are tones of their own.
func whispering(dir string) {
	recorded(dir, "hold.wav", 620, -19, 2*time.Second)
	recorded(dir, "whispers/orders.wav", 840, -19, 3*time.Second)
	replace(dir, "centre.yaml", "    music: hold.wav\n", "    music: hold.wav\n    whisper: whispers/orders.wav\n")
}

// answered lets a caller of orders come to alice's phone, which has just answered.
func (f *fixture) answered() (caller, agent *phone.Call) {
	f.t.Helper()
	alice := f.agent("alice", phone.Reply{})
	caller = f.waitsFor(callerNumber, "1")
	caller.PlayTone(440)
	return caller, f.picksUp(alice)
}

func TestTheAgentHearsTheWhisperAndThenTheCallerWhoHearsMusicMeanwhile(t *testing.T) {
	t.Parallel()
	f := start(t, open, whispering)
	caller, agent := f.answered()
	agent.PlayTone(1100)
	f.hears(agent, 840)
	if agent.Ear().HasTone(440, 5*time.Second) {
		t.Error("the agent heard the caller before the whisper was over")
	}
	f.hears(caller, 620)
	f.hears(agent, 440)
	f.hears(caller, 1100)
	if heard := caller.Ear().Heard(); hasToneAnywhere(heard, 840) {
		t.Error("the caller heard the whisper")
	}
	if err := caller.Hangup(f.within(patience)); err != nil {
		t.Fatal(err)
	}
	if ended := f.ends(caller); ended != "answered/caller" {
		t.Errorf("the call ended as %s", ended)
	}
	f.nothingLeft()
}

func TestAnAgentWhoHangsUpDuringTheWhisperLeavesTheCallerWithHisMusic(t *testing.T) {
	t.Parallel()
	f := start(t, open, shorter, whispering)
	caller, agent := f.answered()
	f.hears(agent, 840)
	if err := agent.Hangup(f.within(patience)); err != nil {
		t.Fatal(err)
	}
	f.callIs(callerNumber, "waiting")
	caller.Ear().Forget()
	f.hears(caller, 620)
	bob := f.agent("bob", phone.Reply{})
	f.hears(f.picksUp(bob), 840) // another agent hears it anew
	if err := caller.Hangup(f.within(patience)); err != nil {
		t.Fatal(err)
	}
	f.ends(caller)
	f.nothingLeft()
}

func TestACallerWhoHangsUpDuringTheWhisperLetsTheAgentGo(t *testing.T) {
	t.Parallel()
	f := start(t, open, func(dir string) { whispering(dir); recorded(dir, "whispers/orders.wav", 840, -19, 9*time.Second) })
	caller, agent := f.answered()
	f.hears(agent, 840)
	if err := caller.Hangup(f.within(patience)); err != nil {
		t.Fatal(err)
	}
	if ended := f.ends(caller); ended != "abandoned/caller" {
		t.Errorf("the call ended as %s", ended)
	}
	select {
	case <-agent.Done():
	case <-time.After(patience):
		t.Error("the agent's leg outlived the caller's")
	}
	f.nothingLeft()
}

// hasToneAnywhere reports whether a tone is in a tenth of a second of some sound.
func hasToneAnywhere(pcm []int16, frequency float64) bool {
	const window = phone.SampleRate / 10
	for from := 0; from+window <= len(pcm); from += window / 2 {
		if phone.HasTone(pcm[from:from+window], frequency) {
			return true
		}
	}
	return false
}
