package app

import (
	"net/netip"
	"testing"
	"time"

	"github.com/spillway-voice/spillway/internal/phone"
)

// bothFamilies gives the node an address for sound over IPv6 besides.
func bothFamilies(dir string) {
	replace(dir, "spillway.yaml", "  advertise: 127.0.0.1\n  codecs", "  advertise: [127.0.0.1, \"::1\"]\n  codecs")
}

func TestAPhoneHearsInThePacketsThatItAsksFor(t *testing.T) {
	for _, packet := range []time.Duration{10 * time.Millisecond, 30 * time.Millisecond, 40 * time.Millisecond, 60 * time.Millisecond} {
		t.Run(packet.String(), func(t *testing.T) {
			t.Parallel()
			f := start(t, open, shorter)
			alice := f.agent("alice", phone.Reply{})
			f.agentIs("alice", "ready")
			caller := f.dials(callerNumber, phone.Sound{Packet: packet})
			if got := caller.Ear().PacketTime(); got != packet {
				t.Errorf("the menu comes in packets of %v", got)
			}
			if gaps := caller.Ear().Gaps(); gaps > 5 { // a machine that stands still for 200 ms leaves some out
				t.Errorf("%d gaps in the menu", gaps)
			}
			if err := caller.SendDigits("1"); err != nil {
				t.Fatal(err)
			}
			atAgent := f.picksUp(alice)
			f.talk(caller, atAgent)
			if err := caller.Hangup(f.within(patience)); err != nil {
				t.Fatal(err)
			}
			f.nothingLeft()
		})
	}
}

// TestAnOfferWithIPv6IsAnsweredInItAndHeardBothWays has a caller, then an agent, whose sound is over IPv6, with signalling
// over IPv4 as ever; the other side has IPv4.
func TestAnOfferWithIPv6IsAnsweredInItAndHeardBothWays(t *testing.T) {
	t.Parallel()
	f := start(t, open, shorter, bothFamilies)
	alice := f.agent("alice", phone.Reply{})
	f.agentIs("alice", "ready")
	caller := f.dials(callerNumber, phone.Sound{Bind: netip.IPv6Loopback()})
	if err := caller.SendDigits("1"); err != nil {
		t.Fatal(err)
	}
	atAgent := f.picksUp(alice)
	f.talk(caller, atAgent)
	if err := atAgent.Hangup(f.within(patience)); err != nil {
		t.Fatal(err)
	}
	if ended := f.ends(caller); ended != "answered/agent" {
		t.Errorf("the call ended as %s", ended)
	}
	f.nothingLeft()
}

func TestAnOfferWithIPv6IsRefusedWhereThereIsNone(t *testing.T) {
	t.Parallel()
	f := start(t, open, shorter)
	_, err := f.phone(phone.Options{User: callerNumber}).Dial(f.within(patience), mainNumber, phone.CallOptions{Sound: phone.Sound{Bind: netip.IPv6Loopback()}})
	if err == nil {
		t.Error("it was taken")
	}
	f.nothingLeft()
}
