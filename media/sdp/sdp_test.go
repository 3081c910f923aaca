package sdp

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// local is who answers in these tests.
var local = Local{Session: 42, Version: 1, Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.9")}, Port: 10000,
	Codecs: codecs("PCMU", "PCMA")}

// codecs finds codecs by their names.
func codecs(names ...string) []Codec {
	var found []Codec
	for _, name := range names {
		codec, ok := Known(name)
		if !ok {
			panic("no codec " + name)
		}
		found = append(found, codec)
	}
	return found
}

// lines joins the lines of a description.
func lines(all ...string) []byte { return []byte(strings.Join(all, "\r\n") + "\r\n") }

// plain is an ordinary telephone's offer with other lines behind it.
func plain(more ...string) []byte {
	return lines(append([]string{"v=0", "o=- 7 1 IN IP4 192.0.2.1", "s=-", "c=IN IP4 192.0.2.1", "t=0 0",
		"m=audio 4000 RTP/AVP 8 0 101", "a=rtpmap:101 telephone-event/8000"}, more...)...)
}

func answer(t *testing.T, offer []byte) (Agreement, string) {
	t.Helper()
	agreed, body, err := answerAs(offer, local)
	if err != nil {
		t.Fatal(err)
	}
	return agreed, body
}

// answerAs reads and answers an offer.
func answerAs(offer []byte, local Local) (Agreement, string, error) {
	description, err := Parse(offer, local)
	if err != nil {
		return Agreement{}, "", err
	}
	agreed, body, err := Answer(description, local)
	return agreed, string(body), err
}

// acceptAs reads and accepts an answer.
func acceptAs(answer []byte, local Local) (Agreement, error) {
	description, err := Parse(answer, local)
	if err != nil {
		return Agreement{}, err
	}
	return Accept(description, local)
}

// offerAs makes an offer.
func offerAs(t *testing.T, local Local) string {
	t.Helper()
	offer, err := Offer(local)
	if err != nil {
		t.Fatal(err)
	}
	return string(offer)
}

// assertRefused checks that an error is a 488 that gives a reason.
func assertRefused(t *testing.T, err error, why string) {
	t.Helper()
	var refusal *Refusal
	if !errors.As(err, &refusal) || refusal.Code != 488 || !strings.Contains(refusal.Reason, why) {
		t.Errorf("error %v, want a 488 with %q", err, why)
	}
}

func TestAnAnswerIsWhatWasAgreed(t *testing.T) {
	agreed, body := answer(t, plain("a=ptime:30"))
	want := string(lines("v=0", "o=- 42 1 IN IP4 192.0.2.9", "s=spillway", "c=IN IP4 192.0.2.9", "t=0 0",
		"m=audio 10000 RTP/AVP 0 101", "a=rtpmap:0 PCMU/8000", "a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-15",
		"a=ptime:20", "a=maxptime:60", "a=sendrecv"))
	if body != want {
		t.Errorf("answer:\n%s\nwant:\n%s", body, want)
	}
	wanted := Agreement{Codec: codecs("PCMU")[0], HasEvent: true, Event: 101, ReceiveEvent: 101, EventClock: 8000,
		PacketTime: 30 * time.Millisecond, LongestPacket: 60 * time.Millisecond, Direction: SendRecv,
		Remote: netip.MustParseAddrPort("192.0.2.1:4000"), RTCP: netip.MustParseAddrPort("192.0.2.1:4001")}
	if agreed != wanted {
		t.Errorf("agreed %+v, want %+v", agreed, wanted)
	}
}

func TestTheCodecIsTheFirstOfOursThatWasOffered(t *testing.T) {
	tests := []struct {
		name, formats string
		maps          []string
		ours          []string
		want          string
		kind          uint8
	}{
		{"ours first", "8 0", nil, []string{"PCMU", "PCMA"}, "PCMU", 0},
		{"ours turned round", "0 8", nil, []string{"PCMA", "PCMU"}, "PCMA", 8},
		{"only the other", "18 8", nil, []string{"PCMU", "PCMA"}, "PCMA", 8},
		{"a dynamic type", "9 96", []string{"a=rtpmap:96 pcmu/8000/1"}, []string{"PCMU"}, "PCMU", 96},
		{"a fixed type with another meaning", "0 8", []string{"a=rtpmap:0 G729/8000"}, []string{"PCMU", "PCMA"}, "PCMA", 8},
		{"wide-band of the same name", "97 8", []string{"a=rtpmap:97 PCMU/16000"}, []string{"PCMU", "PCMA"}, "PCMA", 8},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			offer := lines(append([]string{"v=0", "o=- 7 1 IN IP4 192.0.2.1", "s=-", "c=IN IP4 192.0.2.1", "t=0 0",
				"m=audio 4000 RTP/AVP " + tt.formats}, tt.maps...)...)
			us := local
			us.Codecs = codecs(tt.ours...)
			agreed, _, err := answerAs(offer, us)
			if err != nil {
				t.Fatal(err)
			}
			if agreed.Codec.Name != tt.want || agreed.Type != tt.kind || agreed.HasEvent {
				t.Errorf("agreed on %s as %d (events: %v), want %s as %d", agreed.Codec.Name, agreed.Type, agreed.HasEvent, tt.want, tt.kind)
			}
		})
	}
}

func TestHoldAndResumeAreMirrored(t *testing.T) {
	tests := []struct {
		name, connection, attribute string
		want                        Direction
	}{
		{"talking", "192.0.2.1", "a=sendrecv", SendRecv},
		{"nothing said", "192.0.2.1", "a=x", SendRecv},
		{"on hold with music", "192.0.2.1", "a=sendonly", RecvOnly},
		{"on hold", "192.0.2.1", "a=inactive", Inactive},
		{"listens only", "192.0.2.1", "a=recvonly", SendOnly},
		{"on hold in the old way", "0.0.0.0", "a=sendrecv", RecvOnly},
		{"on hold in both ways", "0.0.0.0", "a=sendonly", RecvOnly},
		{"listens nowhere", "0.0.0.0", "a=recvonly", Inactive},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			agreed, body := answer(t, plain("c=IN IP4 "+tt.connection, tt.attribute))
			if agreed.Direction != tt.want || !strings.Contains(body, "a="+tt.want.String()+"\r\n") {
				t.Errorf("direction %v, want %v; answer:\n%s", agreed.Direction, tt.want, body)
			}
		})
	}
}

func TestTheDirectionOfTheSessionHoldsForTheStream(t *testing.T) {
	offer := lines("v=0", "o=- 7 1 IN IP4 192.0.2.1", "s=-", "c=IN IP4 192.0.2.1", "t=0 0", "a=inactive",
		"m=audio 4000 RTP/AVP 0")
	if agreed, _ := answer(t, offer); agreed.Direction != Inactive {
		t.Errorf("direction %v, want inactive", agreed.Direction)
	}
}

func TestOtherStreamsAreRefusedInTheirPlace(t *testing.T) {
	offer := lines("v=0", "o=- 7 1 IN IP4 192.0.2.1", "s=-", "t=0 0",
		"m=video 5000 RTP/AVP 96 97", "c=IN IP4 192.0.2.1", "a=rtpmap:96 H264/90000",
		"m=audio 0 RTP/AVP 0",
		"m=audio 4000 RTP/AVP 0", "c=IN IP4 192.0.2.2",
		"m=audio 4010 RTP/AVP 8", "c=IN IP4 192.0.2.2",
		"m=image 5002 udptl t38", "c=IN IP4 192.0.2.1")
	agreed, body := answer(t, offer)
	var streams []string
	for line := range strings.Lines(body) {
		if strings.HasPrefix(line, "m=") {
			streams = append(streams, strings.TrimSpace(line))
		}
	}
	want := "m=video 0 RTP/AVP 96 97|m=audio 0 RTP/AVP 0|m=audio 10000 RTP/AVP 0|m=audio 0 RTP/AVP 8|m=image 0 udptl t38"
	if got := strings.Join(streams, "|"); got != want {
		t.Errorf("streams %s\nwant    %s", got, want)
	}
	if agreed.Remote != netip.MustParseAddrPort("192.0.2.2:4000") {
		t.Errorf("sound goes to %v, want the address of the stream's own c= line", agreed.Remote)
	}
}

func TestReportsGoWhereTheFarEndSaysOnItsOwnAddress(t *testing.T) {
	for _, tt := range []struct{ attribute, want string }{
		{"a=rtcp:4555", "192.0.2.1:4555"},
		{"a=rtcp:4555 IN IP4 198.51.100.7", "192.0.2.1:4555"},
		{"a=rtcp:none", "192.0.2.1:4001"},
		{"a=rtcp:0", "192.0.2.1:4001"},
	} {
		if agreed, _ := answer(t, plain(tt.attribute)); agreed.RTCP.String() != tt.want {
			t.Errorf("%s: reports go to %v, want %s", tt.attribute, agreed.RTCP, tt.want)
		}
	}
}

func TestWhatCannotBeHadIsRefusedWith488(t *testing.T) {
	head := []string{"v=0", "o=- 7 1 IN IP4 192.0.2.1", "s=-", "c=IN IP4 192.0.2.1", "t=0 0"}
	with := func(more ...string) []byte { return lines(append(head[:5:5], more...)...) }
	tests := []struct {
		name  string
		offer []byte
		why   string
	}{
		{"nothing", nil, "no description"},
		{"no SDP", []byte("hello"), "line 1"},
		{"too big", []byte("v=0\r\n" + strings.Repeat("a=x\r\n", MaxSize)), "over 16384 bytes"},
		{"no stream", with(), "no audio stream"},
		{"video alone", with("m=video 4000 RTP/AVP 96"), "no audio stream"},
		{"audio turned down", with("m=audio 0 RTP/AVP 0"), "no audio stream"},
		{"SAVP without keys", with("m=audio 4000 RTP/SAVP 0"), "RTP/SAVP"},
		{"SAVP with keys", with("m=audio 4000 RTP/SAVP 0", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x"), "RTP/SAVP"},
		{"a browser's", with("m=audio 4000 UDP/TLS/RTP/SAVPF 0"), "UDP/TLS/RTP/SAVPF"},
		{"AVPF with keys", with("m=audio 4000 RTP/AVPF 0", "a=fingerprint:sha-256 00"), "RTP/AVPF"},
		{"no codec in common", with("m=audio 4000 RTP/AVP 18 9"), "no codec in common"},
		{"no address", lines("v=0", "o=- 7 1 IN IP4 192.0.2.1", "s=-", "t=0 0", "m=audio 4000 RTP/AVP 0"), "no c= line"},
		{"IPv6, which we have not", with("m=audio 4000 RTP/AVP 0", "c=IN IP6 2001:db8::1"), "no IP6 address"},
		{"another network", with("m=audio 4000 RTP/AVP 0", "c=ATM NSAP 47.0091"), "not supported"},
		{"IPv6 said to be IPv4", with("m=audio 4000 RTP/AVP 0", "c=IN IP4 2001:db8::1"), "not an IPv4 address"},
		{"a link", with("m=audio 4000 RTP/AVP 0", "c=IN IP4 169.254.169.254"), "not sent to"},
		{"a payload type of RTCP", with("m=audio 4000 RTP/AVP 72", "a=rtpmap:72 PCMU/8000"), "no codec in common"},
		{"a host name", with("m=audio 4000 RTP/AVP 0", "c=IN IP4 phone.kettle.example"), "not an IPv4 address"},
		{"multicast", with("m=audio 4000 RTP/AVP 0", "c=IN IP4 224.2.1.1/127"), "not sent to"},
		{"broadcast", with("m=audio 4000 RTP/AVP 0", "c=IN IP4 255.255.255.255"), "not sent to"},
		{"a payload type of more than 7 bits", with("m=audio 4000 RTP/AVP 300"), "payload type"},
		{"a flood of streams", with(strings.Split(strings.Repeat("m=audio 4000 RTP/AVP 0|", 17), "|")[:17]...), "streams"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := answerAs(tt.offer, local)
			assertRefused(t, err, tt.why)
		})
	}
}

func TestAMissingLastLineEndIsForgiven(t *testing.T) {
	for _, end := range []string{"", "\r\n", "\n", "\r\n\r\n", "\x00"} {
		offer := strings.TrimRight(string(plain()), "\r\n") + end
		if _, err := Parse([]byte(offer), local); err != nil {
			t.Errorf("ending in %q: %v", end, err)
		}
	}
}

func TestOurOfferIsUnderstoodByOurselves(t *testing.T) {
	agreed, body := answer(t, []byte(offerAs(t, local)))
	if agreed.Codec.Name != "PCMU" || !agreed.HasEvent || agreed.Event != 101 {
		t.Errorf("agreed %+v", agreed)
	}
	accepted, err := acceptAs([]byte(body), local)
	if err != nil || accepted.Codec.Name != "PCMU" || accepted.Direction != SendRecv {
		t.Errorf("accepted %+v, %v", accepted, err)
	}
}

func TestTheAnswerersOrderOfCodecsCounts(t *testing.T) {
	accepted, err := acceptAs(plain(), local) // lists PCMA first
	if err != nil || accepted.Codec.Name != "PCMA" {
		t.Errorf("accepted %+v, %v; want PCMA", accepted, err)
	}
}

// FuzzAnswer looks for an offer that breaks the parser, or whose answer cannot be read, has other streams than the offer,
// or is less safe than it or than we want.
func FuzzAnswer(f *testing.F) {
	f.Add(plain())
	f.Add(plain("a=sendonly", "a=ptime:60", "a=rtcp:9"))
	f.Add(lines("v=0", "o=- 7 1 IN IP4 192.0.2.1", "s=-", "c=IN IP4 0.0.0.0", "t=1 2",
		"m=video 5000/2 RTP/AVP 96", "m=audio 4000 RTP/AVPF 96 0", "a=rtpmap:96 opus/48000/2", "a=inactive"))
	f.Add([]byte("v=0\no=- 1 1 IN IP4 1.1.1.1\ns=-\nc=IN IP4 1.1.1.1\nt=0 0\nm=audio 1 RTP/AVP 0"))
	f.Add(onProfile("RTP/SAVP", line32+"|2^20 WSH=64", lineGCM))
	f.Add(onProfile("RTP/SAVPF", line80))
	f.Add(plain(line80, "a=maxptime:30"))
	f.Add(plain("m=audio 4002 RTP/SAVP 0", line80))
	f.Add(from("IN IP6 2001:db8::1"))
	f.Add(offering("96 13 97", "a=rtpmap:96 opus/48000/2", "a=fmtp:96 stereo=1", "a=rtpmap:97 telephone-event/48000"))
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, security := range []Security{Off, Optional, Required} {
			for _, already := range []bool{false, true} {
				us := secured(security)
				us.Addresses, us.Codecs, us.Secured = []netip.Addr{ours4, ours6}, wide().Codecs, already
				checkAnswer(t, body, us)
			}
		}
	})
}

// checkAnswer answers an offer and checks what FuzzAnswer looks for.
func checkAnswer(t *testing.T, offer []byte, us Local) {
	description, err := Parse(offer, us)
	if err != nil {
		return
	}
	agreed, text, err := Answer(description, us)
	if err != nil {
		return
	}
	far := us // who made the offer: other keys, so that ours are not taken for an echo
	far.Keys = []Crypto{key(AEADAES128GCM, 0x31), key(AESCM128HMACSHA80, 0x32), key(AESCM128HMACSHA32, 0x33)}
	back, err := Parse(text, far)
	if err != nil {
		t.Fatalf("our answer cannot be read: %v\n%s", err, text)
	}
	if len(back.session.streams) != len(description.session.streams) || back.Audio != description.Audio {
		t.Fatalf("%d streams answered by %d", len(description.session.streams), len(back.session.streams))
	}
	for i, answered := range back.session.streams {
		if offered := description.session.streams[i]; answered.profile != offered.profile || answered.media != offered.media {
			t.Fatalf("%s on %s answered by %s on %s", offered.media, offered.profile, answered.media, answered.profile)
		}
	}
	if back.cryptoLines > 1 || agreed.Secure != (back.cryptoLines == 1) {
		t.Fatalf("secured: %v, by %d keys", agreed.Secure, back.cryptoLines)
	}
	if !agreed.Secure && (isSecure(back.profile()) || us.Secured || us.Security == Required) {
		t.Fatalf("plain on %s, with SRTP %v, secured already: %v", back.profile(), us.Security, us.Secured)
	}
	if agreed.Secure && !back.cryptos[0].Same(agreed.Local) {
		t.Fatalf("the answer shows another key than what we send by")
	}
	if agreed.PacketTime < shortestPacket || agreed.PacketTime > agreed.LongestPacket || agreed.LongestPacket > longestPacket {
		t.Fatalf("packets of %v, %v at most", agreed.PacketTime, agreed.LongestPacket)
	}
}

// FuzzAccept looks for an answer that breaks the parser, or is taken although it is less safe than our offer.
func FuzzAccept(f *testing.F) {
	f.Add(plain())
	f.Add(plain("a=crypto:2 AES_CM_128_HMAC_SHA1_80 " + inline30))
	f.Add(onProfile("RTP/SAVP", "a=crypto:1 AEAD_AES_128_GCM "+inline28))
	f.Add(offering("96 97", "a=rtpmap:96 opus/48000/2", "a=rtpmap:97 telephone-event/48000"))
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, security := range []Security{Off, Optional, Required} {
			us := secured(security)
			us.Codecs = wide().Codecs
			agreed, err := acceptAs(body, us)
			if err != nil {
				continue
			}
			if agreed.Secure != agreed.Far.Valid() || agreed.Secure != agreed.Local.Valid() || agreed.Secure == (security == Off) && security != Optional {
				t.Fatalf("agreed %+v with SRTP %v", agreed, security)
			}
		}
	})
}
