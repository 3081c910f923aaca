package sdp

import (
	"net/netip"
	"strings"
	"testing"
)

// Our addresses.
var (
	ours4 = netip.MustParseAddr("192.0.2.9")
	ours6 = netip.MustParseAddr("2001:db8::9")
)

// at is us with certain addresses.
func at(addresses ...netip.Addr) Local {
	us := local
	us.Addresses = addresses
	return us
}

// from is an offer with a connection line.
func from(connection string) []byte {
	return lines("v=0", "o=- 7 1 IN IP6 2001:db8::1", "s=-", "c="+connection, "t=0 0", "m=audio 4000 RTP/AVP 0")
}

func TestAnAnswerIsInTheFamilyOfTheOffer(t *testing.T) {
	tests := []struct {
		name, connection string
		us               Local
		want             string // of the answer; "488 …": refused
		direction        Direction
	}{
		{"IPv4", "IN IP4 192.0.2.1", at(ours6, ours4), "IN IP4 192.0.2.9", SendRecv},
		{"IPv6", "IN IP6 2001:db8::1", at(ours4, ours6), "IN IP6 2001:db8::9", SendRecv},
		{"IPv6 alone", "IN IP6 2001:DB8:0:0::1", at(ours6), "IN IP6 2001:db8::9", SendRecv},
		{"this machine", "IN IP6 ::1", at(ours6), "IN IP6 2001:db8::9", SendRecv},
		{"a private network", "IN IP6 fd00::1", at(ours6), "IN IP6 2001:db8::9", SendRecv},
		{"hold", "IN IP4 0.0.0.0", at(ours6, ours4), "IN IP4 192.0.2.9", RecvOnly},
		{"hold by ::", "IN IP6 ::", at(ours4, ours6), "IN IP6 2001:db8::9", RecvOnly},
		{"IPv6 that we have not", "IN IP6 2001:db8::1", at(ours4), "488 no IP6 address", 0},
		{"IPv4 that we have not", "IN IP4 192.0.2.1", at(ours6), "488 no IP4 address", 0},
		{"hold of a family that we have not", "IN IP6 ::", at(ours4), "488 no IP6 address", 0},
		{"no address at all", "IN IP6 2001:db8::1", at(), "488 no IP6 address", 0},
		{"a link", "IN IP6 fe80::1", at(ours6), "488 not sent to", 0},
		{"a link by name", "IN IP6 fe80::1%eth0", at(ours6), "488 not sent to", 0},
		{"a zone", "IN IP6 2001:db8::1%1", at(ours6), "488 not sent to", 0},
		{"multicast", "IN IP6 ff02::1/3", at(ours6), "488 not sent to", 0},
		{"IPv4 in its clothes", "IN IP6 ::ffff:192.0.2.1", at(ours4, ours6), "488 not sent to", 0},
		{"IPv4 said to be IPv6", "IN IP6 192.0.2.1", at(ours4, ours6), "488 not an IPv6 address", 0},
		{"a host name", "IN IP6 phone.kettle.example", at(ours6), "488 not an IPv6 address", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			agreed, body, err := answerAs(from(tt.connection), tt.us)
			if why, refused := strings.CutPrefix(tt.want, "488 "); refused {
				assertRefused(t, err, why)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(body, "\r\nc="+tt.want+"\r\n") || !strings.Contains(body, "\r\no=- 42 1 "+tt.want+"\r\n") || agreed.Direction != tt.direction {
				t.Errorf("direction %v, want %v; answer:\n%s", agreed.Direction, tt.direction, body)
			}
		})
	}
}

func TestAnOfferIsInTheFirstFamilyUnlessAnotherIsWanted(t *testing.T) {
	both := at(ours4, ours6)
	if offer := offerAs(t, both); !strings.Contains(offer, "\r\nc=IN IP4 192.0.2.9\r\n") {
		t.Errorf("offer\n%s", offer)
	}
	both.Family = IPv6
	if offer := offerAs(t, both); !strings.Contains(offer, "\r\nc=IN IP6 2001:db8::9\r\n") || !strings.Contains(offer, "o=- 42 1 IN IP6") {
		t.Errorf("offer\n%s", offer)
	}
	four := at(ours4)
	four.Family = IPv6
	_, err := Offer(four)
	assertRefused(t, err, "no IP6 address")
}

func TestAnAnswerInAnotherFamilyIsRefused(t *testing.T) {
	us := at(ours6, ours4)
	if _, err := acceptAs(from("IN IP6 2001:db8::1"), us); err != nil {
		t.Error(err)
	}
	_, err := acceptAs(from("IN IP4 192.0.2.1"), us)
	assertRefused(t, err, "the answer is in IP4, the offer was in IP6")
	if agreed, err := acceptAs(from("IN IP4 0.0.0.0"), us); err != nil || agreed.Direction != RecvOnly {
		t.Errorf("nowhere: %+v, %v", agreed, err)
	}
}
