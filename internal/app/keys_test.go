package app

import (
	"strings"
	"testing"
	"time"

	"github.com/spillway-voice/spillway/internal/phone"
	"github.com/spillway-voice/spillway/internal/phone/baresip"
)

// This file holds the node to every way in which phones send keys: telephone events (RFC 4733), INFO, and tones in the sound.

// eventless is the sound of a phone that neither sends nor takes telephone events.
var eventless = phone.Sound{Eventless: true}

// dials calls the main number with a sound of its own and waits until the menu asks.
func (f *fixture) dials(from string, sound phone.Sound) *phone.Call {
	f.t.Helper()
	c, err := f.phone(phone.Options{User: from}).Dial(f.within(patience), mainNumber, phone.CallOptions{Sound: sound})
	if err != nil {
		f.t.Fatal(err)
	}
	if _, err := c.Ear().WaitFor(f.within(patience), f.recording("choose.wav")); err != nil {
		f.t.Fatalf("%s never heard the menu: %v", from, err)
	}
	return c
}

// hearsKeys waits until tones of keys are heard.
func (f *fixture) hearsKeys(c *phone.Call, keys string) {
	f.t.Helper()
	f.eventually("the keys "+keys+" are heard", func() bool { return strings.Contains(phone.HeardKeys(c.Ear().Heard()), keys) })
}

// digit waits for a key that comes by an event or INFO.
func (f *fixture) digit(c *phone.Call) byte {
	f.t.Helper()
	select {
	case d := <-c.Digits():
		return d
	case <-time.After(patience):
		f.t.Fatal("no key came")
		return 0
	}
}

func TestAKeyInTheMenuMayComeByAnyWay(t *testing.T) {
	for _, c := range []struct {
		name  string
		sound phone.Sound
		press func(f *fixture, c *phone.Call) error
	}{
		{"telephone event", phone.Sound{}, func(f *fixture, c *phone.Call) error { return c.SendDigits("2") }},
		{"INFO", phone.Sound{}, func(f *fixture, c *phone.Call) error { return c.SendInfoDigit(f.within(patience), '2') }},
		{"INFO without telephone events", eventless, func(f *fixture, c *phone.Call) error { return c.SendInfoDigit(f.within(patience), '2') }},
		{"tones in PCMU", phone.Sound{Eventless: true, Codecs: []phone.Codec{phone.PCMU}}, pressesTones},
		{"tones in PCMA", phone.Sound{Eventless: true, Codecs: []phone.Codec{phone.PCMA}}, pressesTones},
		{"tones in protected sound", phone.Sound{Eventless: true, Secure: true}, pressesTones},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := start(t, open, shorter, protects("optional", "off"))
			carol := f.agent("carol", phone.Reply{})
			f.agentIs("carol", "ready")
			caller := f.dials(callerNumber, c.sound)
			if err := c.press(f, caller); err != nil {
				t.Fatal(err)
			}
			f.queued(callerNumber)
			atAgent := f.picksUp(carol)
			if queue := f.callNow(callerNumber).Queue; queue != "billing" {
				t.Errorf("the key led to %s", queue)
			}
			f.talk(caller, atAgent)
			if err := caller.Hangup(f.within(patience)); err != nil {
				t.Fatal(err)
			}
			f.nothingLeft()
		})
	}
}

// pressesTones says the tones of the key.
func pressesTones(_ *fixture, c *phone.Call) error {
	c.Play(phone.KeyTones("2"), false)
	return nil
}

func TestAKeyByBaresipIsOneKey(t *testing.T) {
	t.Parallel()
	f := start(t, open, shorter)
	agent := f.agent("alice", phone.Reply{})
	f.agentIs("alice", "ready")
	caller := f.outside(callerNumber, mainNumber, baresip.Options{})
	f.recognises(caller, "the caller", "the menu", f.recording("choose.wav"))
	f.presses(caller, "1")
	atAgent := f.picksUp(agent)
	f.hears(atAgent, callerTone)
	f.presses(caller, "42")
	if one, two := f.digit(atAgent), f.digit(atAgent); one != '4' || two != '2' {
		t.Errorf("the agent's phone is sent %c and %c", one, two)
	}
	if err := atAgent.SendDigits("7"); err != nil {
		t.Fatal(err)
	}
	if e := f.tells(caller, "CALL_DTMF_START"); e.Param != "7" {
		t.Errorf("the caller's phone is sent %s", e.Param)
	}
	f.hangsUp(caller)
	select {
	case again := <-atAgent.Digits():
		t.Errorf("a key more: %c", again)
	case <-atAgent.Done():
	case <-time.After(patience):
		t.Error("the agent's leg outlived the caller's")
	}
	f.nothingLeft()
}

// TestKeysCrossToAPhoneThatTakesNoEvents has both directions of a conversation between a phone with events and one without.
func TestKeysCrossToAPhoneThatTakesNoEvents(t *testing.T) {
	for _, codec := range []phone.Codec{phone.PCMU, phone.PCMA} {
		t.Run(codec.String(), func(t *testing.T) {
			t.Parallel()
			f := start(t, open, shorter)
			alice := f.agent("alice", phone.Reply{})
			f.agentIs("alice", "ready")
			caller := f.dials(callerNumber, phone.Sound{Eventless: true, Codecs: []phone.Codec{codec}})
			caller.Play(phone.KeyTones("1"), false)
			atAgent := f.picksUp(alice)
			atAgent.PlayTone(agentTone)
			f.hears(caller, agentTone)
			caller.Ear().Forget()
			if err := atAgent.SendDigits("58"); err != nil {
				t.Fatal(err)
			}
			f.hearsKeys(caller, "58")
			caller.Ear().Forget()
			f.hears(caller, agentTone) // the sound goes on behind them
			caller.Play(phone.KeyTones("6"), false)
			f.hearsKeys(atAgent, "6") // as they are
			if err := atAgent.Hangup(f.within(patience)); err != nil {
				t.Fatal(err)
			}
			if ended := f.ends(caller); ended != "answered/agent" {
				t.Errorf("the call ended as %s", ended)
			}
			f.nothingLeft()
		})
	}
}
