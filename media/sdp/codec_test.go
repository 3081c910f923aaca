package sdp

import (
	"strings"
	"testing"
	"time"
)

// wide is us with all codecs.
func wide() Local {
	us := local
	us.Codecs = codecs("OPUS", "G722", "L16", "PCMU", "PCMA")
	us.Codecs[0].Parameters = "useinbandfec=1"
	return us
}

// offering is an offer of formats.
func offering(formats string, more ...string) []byte {
	return lines(append([]string{"v=0", "o=- 7 1 IN IP4 192.0.2.1", "s=-", "c=IN IP4 192.0.2.1", "t=0 0",
		"m=audio 4000 RTP/AVP " + formats}, more...)...)
}

// sentAndReceived is the part of an agreement that is about payload types.
type sentAndReceived struct {
	codec            string
	send, receive    uint8
	clock            uint32 // of events; 0: none
	events, received uint8
}

func payloads(a Agreement) sentAndReceived {
	return sentAndReceived{a.Codec.Name, a.Type, a.ReceiveType, a.EventClock, a.Event, a.ReceiveEvent}
}

func TestEventsAreOnTheClockOfTheSound(t *testing.T) {
	opus, l16 := "a=rtpmap:96 opus/48000/2", "a=rtpmap:97 L16/16000"
	e8, e16, e48 := "a=rtpmap:101 telephone-event/8000", "a=rtpmap:102 telephone-event/16000", "a=rtpmap:103 telephone-event/48000"
	tests := []struct {
		name  string
		offer []byte
		want  sentAndReceived
	}{
		{"Opus", offering("96 101 103", opus, e8, e48), sentAndReceived{"OPUS", 96, 96, 48000, 103, 103}},
		{"Opus with events of telephony", offering("96 101", opus, e8), sentAndReceived{"OPUS", 96, 96, 8000, 101, 101}},
		{"Opus with events of another clock", offering("96 102", opus, e16), sentAndReceived{"OPUS", 96, 96, 0, 0, 0}},
		{"L16", offering("97 101 102 103", l16, e8, e16, e48), sentAndReceived{"L16", 97, 97, 16000, 102, 102}},
		{"G.722, whose clock is 8 kHz", offering("9 102 101", e8, e16), sentAndReceived{"G722", 9, 9, 8000, 101, 101}},
		{"G.711", offering("8 0 103 101", e8, e48), sentAndReceived{"PCMU", 0, 0, 8000, 101, 101}},
		{"G.711 with events of another clock", offering("0 103", e48), sentAndReceived{"PCMU", 0, 0, 0, 0, 0}},
		{"Opus of one channel is none", offering("96 0", "a=rtpmap:96 opus/48000"), sentAndReceived{"PCMU", 0, 0, 0, 0, 0}},
		{"L16 of two channels is not ours", offering("97 0", l16+"/2"), sentAndReceived{"PCMU", 0, 0, 0, 0, 0}},
		{"L16 at 44.1 kHz is not ours", offering("11 0"), sentAndReceived{"PCMU", 0, 0, 0, 0, 0}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			agreed, _, err := answerAs(tt.offer, wide())
			if err != nil || payloads(agreed) != tt.want || agreed.HasEvent != (tt.want.clock != 0) {
				t.Errorf("agreed %+v, %v; want %+v", payloads(agreed), err, tt.want)
			}
		})
	}
}

func TestAnAnswerListsTheCodecWithItsParameters(t *testing.T) {
	agreed, body, err := answerAs(offering("0 96 103", "a=rtpmap:96 opus/48000/2", "a=fmtp:96 maxaveragebitrate=24000; stereo=0",
		"a=rtpmap:103 telephone-event/48000"), wide())
	if err != nil {
		t.Fatal(err)
	}
	want := "m=audio 10000 RTP/AVP 96 103\r\na=rtpmap:96 opus/48000/2\r\na=fmtp:96 useinbandfec=1\r\n" +
		"a=rtpmap:103 telephone-event/48000\r\na=fmtp:103 0-15\r\na=ptime:20\r\n"
	if !strings.Contains(body, want) || agreed.Parameters != "maxaveragebitrate=24000; stereo=0" {
		t.Errorf("the far end's parameters are %q; answer:\n%s", agreed.Parameters, body)
	}
}

func TestAnOfferListsAllCodecsAndEventsOfEachClock(t *testing.T) {
	want := "m=audio 10000 RTP/AVP 111 9 112 0 8 101 102 103\r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 useinbandfec=1\r\n" +
		"a=rtpmap:9 G722/8000\r\na=rtpmap:112 L16/16000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n" +
		"a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=rtpmap:102 telephone-event/48000\r\na=fmtp:102 0-15\r\n" +
		"a=rtpmap:103 telephone-event/16000\r\na=fmtp:103 0-15\r\na=ptime:20\r\na=maxptime:60\r\na=sendrecv\r\n"
	if offer := offerAs(t, wide()); !strings.HasSuffix(offer, want) {
		t.Errorf("offer\n%s\nwant\n%s", offer, want)
	}
	taken := wide()
	taken.Codecs = taken.Codecs[:3]
	taken.Codecs[0].Type, taken.Codecs[2].Type = 101, 103
	if offer := offerAs(t, taken); !strings.Contains(offer, "RTP/AVP 101 9 103 102 104 105\r\n") {
		t.Errorf("numbers that codecs have are given to events:\n%s", offer)
	}
}

func TestEachSideSendsWithTheNumbersOfTheReceiver(t *testing.T) {
	tests := []struct {
		name   string
		answer []byte
		want   sentAndReceived
	}{
		{"the same numbers", offering("111 102", "a=rtpmap:111 opus/48000/2", "a=rtpmap:102 telephone-event/48000"),
			sentAndReceived{"OPUS", 111, 111, 48000, 102, 102}},
		{"other numbers", offering("96 97", "a=rtpmap:96 opus/48000/2", "a=rtpmap:97 telephone-event/48000"),
			sentAndReceived{"OPUS", 96, 111, 48000, 97, 102}},
		{"our numbers for something else", offering("112 111", "a=rtpmap:112 opus/48000/2", "a=rtpmap:111 telephone-event/8000"),
			sentAndReceived{"OPUS", 112, 111, 8000, 111, 101}},
		{"telephony", offering("8 96", "a=rtpmap:96 telephone-event/8000"), sentAndReceived{"PCMA", 8, 8, 8000, 96, 101}},
		{"the answer's order counts", offering("96 8 0", "a=rtpmap:96 L16/16000"), sentAndReceived{"L16", 96, 112, 0, 0, 0}},
		{"what was not offered is passed over", offering("18 3 0"), sentAndReceived{"PCMU", 0, 0, 0, 0, 0}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			agreed, err := acceptAs(tt.answer, wide())
			if err != nil || payloads(agreed) != tt.want {
				t.Errorf("agreed %+v, %v; want %+v", payloads(agreed), err, tt.want)
			}
		})
	}
	only := wide()
	only.Codecs = only.Codecs[:1] // Opus: events at 8 kHz are not offered
	agreed, err := acceptAs(offering("96 97", "a=rtpmap:96 opus/48000/2", "a=rtpmap:97 telephone-event/8000"), only)
	if want := (sentAndReceived{"OPUS", 96, 111, 0, 0, 0}); err != nil || payloads(agreed) != want || agreed.HasEvent {
		t.Errorf("agreed %+v, %v; want %+v", payloads(agreed), err, want)
	}
}

func TestComfortNoiseIsKnownAndListedWhenWanted(t *testing.T) {
	us := wide()
	us.Comfort = true
	tests := []struct {
		name    string
		offer   []byte
		comfort bool
		answer  string
	}{
		{"offered", offering("0 13"), true, "RTP/AVP 0 13\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:13 CN/8000\r\n"},
		{"not offered", offering("0"), false, "RTP/AVP 0\r\n"},
		{"for G.722", offering("9 13"), true, "RTP/AVP 9 13\r\n"},
		{"not for Opus", offering("96 13", "a=rtpmap:96 opus/48000/2"), false, "RTP/AVP 96\r\n"},
		{"not of another clock", offering("0 98", "a=rtpmap:98 CN/16000"), false, "RTP/AVP 0\r\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			agreed, body, err := answerAs(tt.offer, us)
			if err != nil || agreed.HasComfort != tt.comfort || !strings.Contains(body, tt.answer) {
				t.Errorf("comfort noise: %v, %v; answer:\n%s", agreed.HasComfort, err, body)
			}
		})
	}
	if agreed, body := answer(t, offering("0 13")); !agreed.HasComfort || !strings.Contains(body, "RTP/AVP 0\r\n") {
		t.Errorf("comfort noise: %v; it is listed unasked:\n%s", agreed.HasComfort, body)
	}
	if offer := offerAs(t, us); !strings.Contains(offer, " 0 8 13 101 ") {
		t.Errorf("offer\n%s", offer)
	}
}

func TestPacketsAreAsLongAsTheFarEndWantsWithinBounds(t *testing.T) {
	const ms = time.Millisecond
	tests := []struct {
		lines         []string
		want, longest time.Duration
	}{
		{nil, 20 * ms, 60 * ms},
		{[]string{"a=ptime:10"}, 10 * ms, 60 * ms},
		{[]string{"a=ptime:30"}, 30 * ms, 60 * ms},
		{[]string{"a=ptime:60"}, 60 * ms, 60 * ms},
		{[]string{"a=ptime:5"}, 10 * ms, 60 * ms},
		{[]string{"a=ptime:25"}, 20 * ms, 60 * ms},
		{[]string{"a=ptime:120"}, 60 * ms, 60 * ms},
		{[]string{"a=ptime:60", "a=maxptime:40"}, 40 * ms, 40 * ms},
		{[]string{"a=maxptime:10"}, 10 * ms, 10 * ms},
		{[]string{"a=maxptime:5"}, 10 * ms, 10 * ms},
		{[]string{"a=maxptime:200", "a=ptime:40"}, 40 * ms, 60 * ms},
		{[]string{"a=ptime:0"}, 20 * ms, 60 * ms},
		{[]string{"a=ptime:x", "a=maxptime:-1"}, 20 * ms, 60 * ms},
		{[]string{"a=ptime:99999999999999999999"}, 20 * ms, 60 * ms},
		{[]string{"a=ptime: 30 "}, 30 * ms, 60 * ms},
	}
	for _, tt := range tests {
		agreed, _ := answer(t, plain(tt.lines...))
		accepted, err := acceptAs(plain(tt.lines...), local)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range []Agreement{agreed, accepted} {
			if a.PacketTime != tt.want || a.LongestPacket != tt.longest {
				t.Errorf("%v: packets of %v, %v at most; want %v, %v", tt.lines, a.PacketTime, a.LongestPacket, tt.want, tt.longest)
			}
		}
	}
}

func TestOnePortForSoundAndReportsIsNotAgreedOn(t *testing.T) {
	if _, body := answer(t, plain("a=rtcp-mux")); strings.Contains(body, "rtcp-mux") {
		t.Errorf("answer:\n%s", body)
	}
}

func TestAnOfferOfOursMayPutTheFarEndOnHold(t *testing.T) {
	us := local
	us.Direction = SendOnly
	if offer := offerAs(t, us); !strings.Contains(offer, "a=sendonly\r\n") {
		t.Errorf("offer\n%s", offer)
	}
	accepted, err := acceptAs(plain("a=recvonly"), us)
	if err != nil || accepted.Direction != SendOnly {
		t.Errorf("accepted %+v, %v", accepted, err)
	}
}
