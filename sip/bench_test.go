package sip

import (
	"context"
	"net/netip"
	"testing"
	"time"
)

// BenchmarkCall is a whole call over loopback, INVITE to the answer of the BYE, with a server at either end.
func BenchmarkCall(b *testing.B) {
	answering := serving(b, staff{}, "udp4")
	calling := serving(b, staff{}, "udp4")
	at := answering.Addresses()[0].Address
	target := Binding{
		Agent: "alice", Contact: "sip:alice@" + at.String(), Transport: UDP, Source: at,
		Local: calling.Addresses()[0].Address, Expires: time.Now().Add(time.Hour),
	}
	b.ReportAllocs()
	for b.Loop() {
		leg, err := calling.Dial(context.Background(), Invite{Binding: target, SDP: []byte(offerSDP)})
		if err != nil {
			b.Fatal(err)
		}
		for e := range leg.Events() {
			switch e := e.(type) {
			case Answered:
				leg.Hangup()
			case Ended:
				if e.By != ByUs {
					b.Fatalf("%+v", e)
				}
			}
		}
	}
}

// BenchmarkStranger is a message that is refused without a trace: what a flood costs each time.
func BenchmarkStranger(b *testing.B) {
	s, err := assemble(Options{Realm: testRealm, Handler: staff{}})
	if err != nil {
		b.Fatal(err)
	}
	s.SetDirectory(testDirectory())
	message := []byte("INVITE sip:900@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 203.0.113.66;branch=z9hG4bKx;rport\r\n" +
		"From: <sip:100@192.0.2.1>;tag=x\r\nTo: <sip:900@192.0.2.1>\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\n" +
		"Contact: <sip:100@203.0.113.66>\r\nContent-Length: 0\r\n\r\n")
	nowhere := quietWire{newMemoryWire(UDP)}
	from := strangerAddress.Addr()
	b.ReportAllocs()
	for b.Loop() {
		s.receive(flow{nowhere, netip.AddrPortFrom(from, 5060)}, message)
		from = from.Next()
	}
}

// quietWire throws away what is sent.
type quietWire struct{ *memoryWire }

func (quietWire) send(netip.AddrPort, []byte) error { return nil }
