package sdp

import (
	"fmt"
	"strings"
	"testing"
)

// secured is us with keys of all suites: 0x11, 0x12 and 0x13 throughout.
func secured(security Security) Local {
	us := local
	us.Security = security
	us.Keys = []Crypto{key(AEADAES128GCM, 0x11), key(AESCM128HMACSHA80, 0x12), key(AESCM128HMACSHA32, 0x13)}
	return us
}

// onProfile is an offer or answer on a profile with lines behind it.
func onProfile(profile string, more ...string) []byte {
	return []byte(strings.Replace(string(plain(more...)), "RTP/AVP", profile, 1))
}

// Lines of keys, of 0x01 throughout.
const (
	line80  = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 " + inline30
	line32  = "a=crypto:2 AES_CM_128_HMAC_SHA1_32 " + inline30
	lineGCM = "a=crypto:7 AEAD_AES_128_GCM " + inline28
)

// Our keys as they appear in our descriptions.
const (
	ours80  = "AES_CM_128_HMAC_SHA1_80 inline:EhISEhISEhISEhISEhISEhISEhISEhISEhISEhIS\r\n"
	ours32  = "AES_CM_128_HMAC_SHA1_32 inline:ExMTExMTExMTExMTExMTExMTExMTExMTExMTExMT\r\n"
	oursGCM = "AEAD_AES_128_GCM inline:EREREREREREREREREREREREREREREREREREREQ==\r\n"
)

func TestAnOfferIsAnsweredAsSafelyAsBothEndsCan(t *testing.T) {
	held := secured(Off)
	held.Secured = true
	few := secured(Required)
	few.Keys = few.Keys[2:]
	none := secured(Optional)
	none.Keys = nil
	mirror := "a=crypto:1 " + strings.TrimSpace(ours80)
	tests := []struct {
		name  string
		us    Local
		offer []byte
		want  string // the answer's a=crypto, "": plain; "488 …": refused
	}{
		{"SAVP, off", secured(Off), onProfile("RTP/SAVP", line80), "488 SRTP is off"},
		{"SAVP, optional", secured(Optional), onProfile("RTP/SAVP", line80), "1 " + ours80},
		{"SAVP, required", secured(Required), onProfile("RTP/SAVP", line80), "1 " + ours80},
		{"SAVP, secured", held, onProfile("RTP/SAVP", line80), "1 " + ours80},
		{"SAVPF", secured(Optional), onProfile("RTP/SAVPF", line32), "2 " + ours32},
		{"AES-GCM", secured(Optional), onProfile("RTP/SAVP", lineGCM), "7 " + oursGCM},
		{"the offer's order counts", secured(Required), onProfile("RTP/SAVP", line32, line80, lineGCM), "2 " + ours32},
		{"what we have not is passed over", few, onProfile("RTP/SAVP", lineGCM, line80, line32), "2 " + ours32},
		{"what we cannot read is passed over", secured(Required), onProfile("RTP/SAVP", "a=crypto:1 F8_128_HMAC_SHA1_80 "+inline30, line32), "2 " + ours32},
		{"an identifier is passed over", secured(Required), onProfile("RTP/SAVP", line80+"|1:4", line32), "2 " + ours32},
		{"nothing in common", few, onProfile("RTP/SAVP", line80), "488 no a=crypto line that we can use"},
		{"no keys of ours", none, onProfile("RTP/SAVP", line80), "488 no a=crypto line that we can use"},
		{"our own key shown to us", secured(Required), onProfile("RTP/SAVP", mirror), "488 no a=crypto line that we can use"},
		{"SAVP without keys, off", secured(Off), onProfile("RTP/SAVP"), "488 RTP/SAVP"},
		{"SAVP without keys, optional", secured(Optional), onProfile("RTP/SAVP"), "488 no a=crypto line that we can use"},
		{"SAVP without keys, required", secured(Required), onProfile("RTP/SAVP"), "488 no a=crypto line that we can use"},
		{"SAVP with DTLS", secured(Optional), onProfile("RTP/SAVPF", "a=fingerprint:sha-256 00"), "488 no a=crypto line"},
		{"keys of the session, which there are none of", secured(Optional),
			[]byte(strings.Replace(string(onProfile("RTP/SAVP")), "m=", line80+"\r\nm=", 1)), "488 no a=crypto line"},
		{"AVP with keys, off", secured(Off), onProfile("RTP/AVP", line80), ""},
		{"AVP with keys, optional", secured(Optional), onProfile("RTP/AVP", line80), "1 " + ours80},
		{"AVP with keys, required", secured(Required), onProfile("RTP/AVP", line80), "1 " + ours80},
		{"AVP with keys, secured", held, onProfile("RTP/AVP", line80), "1 " + ours80},
		{"AVPF with keys", secured(Optional), onProfile("RTP/AVPF", line80), "1 " + ours80},
		{"AVPF with keys and DTLS", secured(Optional), onProfile("RTP/AVPF", line80, "a=fingerprint:sha-256 00"), "1 " + ours80},
		{"AVP with keys that we cannot use, optional", none, onProfile("RTP/AVP", line80), ""},
		{"AVP with keys that we cannot use, required", few, onProfile("RTP/AVP", line80), "488 SRTP is required"},
		{"AVP, off", secured(Off), onProfile("RTP/AVP"), ""},
		{"AVP, optional", secured(Optional), onProfile("RTP/AVP"), ""},
		{"AVP, required", secured(Required), onProfile("RTP/AVP"), "488 SRTP is required"},
		{"AVP, secured", held, onProfile("RTP/AVP"), "488 SRTP is required"},
		{"AVPF, required", secured(Required), onProfile("RTP/AVPF"), "488 SRTP is required"},
		{"DTLS", secured(Optional), onProfile("UDP/TLS/RTP/SAVP", line80), "488 UDP/TLS/RTP/SAVP"},
		{"DTLS of a browser", secured(Required), onProfile("UDP/TLS/RTP/SAVPF", "a=fingerprint:sha-256 00"), "488 UDP/TLS/RTP/SAVPF"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			agreed, body, err := answerAs(tt.offer, tt.us)
			if why, refused := strings.CutPrefix(tt.want, "488 "); refused {
				assertRefused(t, err, why)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			_, got, found := strings.Cut(body, "a=crypto:")
			if got != tt.want || found != (tt.want != "") {
				t.Errorf("answered by the key %q, want %q", got, tt.want)
			}
			if line := strings.Fields(string(tt.offer[strings.Index(string(tt.offer), "m="):]))[2]; !strings.Contains(body, " "+line+" ") {
				t.Errorf("the answer is not on %s:\n%s", line, body)
			}
			if agreed.Secure != found || agreed.Local.Valid() != found || agreed.Far.Valid() != found {
				t.Errorf("agreed %+v", agreed)
			}
			if found && (!agreed.Far.Same(key(agreed.Far.Suite, 1)) || agreed.Local.Suite != agreed.Far.Suite || agreed.Local.Tag != agreed.Far.Tag) {
				t.Errorf("agreed on %v and %v", agreed.Local, agreed.Far)
			}
		})
	}
}

func TestOfSeveralStreamsTheSafestThatWeMayHaveIsTaken(t *testing.T) {
	both := func(first, second string) []byte {
		return lines("v=0", "o=- 7 1 IN IP4 192.0.2.1", "s=-", "c=IN IP4 192.0.2.1", "t=0 0", first, second)
	}
	plainThenSecure := both("m=audio 4000 RTP/AVP 0", "m=audio 4002 RTP/SAVP 0\r\n"+line80)
	secureThenPlain := both("m=audio 4002 RTP/SAVP 0\r\n"+line80, "m=audio 4000 RTP/AVP 0")
	for _, tt := range []struct {
		name  string
		us    Local
		offer []byte
		port  uint16
		want  string
	}{
		{"off", secured(Off), secureThenPlain, 4000, "m=audio 0 RTP/SAVP 0|m=audio 10000 RTP/AVP 0"},
		{"optional", secured(Optional), plainThenSecure, 4002, "m=audio 0 RTP/AVP 0|m=audio 10000 RTP/SAVP 0"},
		{"required", secured(Required), plainThenSecure, 4002, "m=audio 0 RTP/AVP 0|m=audio 10000 RTP/SAVP 0"},
		{"optional, secure first", secured(Optional), secureThenPlain, 4002, "m=audio 10000 RTP/SAVP 0|m=audio 0 RTP/AVP 0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			agreed, body, err := answerAs(tt.offer, tt.us)
			if err != nil {
				t.Fatal(err)
			}
			var streams []string
			for line := range strings.Lines(body) {
				if strings.HasPrefix(line, "m=") {
					streams = append(streams, strings.TrimSpace(line))
				}
			}
			if got := strings.Join(streams, "|"); got != tt.want || agreed.Remote.Port() != tt.port {
				t.Errorf("streams %s to port %d, want %s to %d", got, agreed.Remote.Port(), tt.want, tt.port)
			}
		})
	}
}

func TestOurOfferIsAsSafeAsItHasToBe(t *testing.T) {
	held := secured(Optional)
	held.Secured = true
	all := "a=crypto:1 " + oursGCM + "a=crypto:2 " + ours80 + "a=crypto:3 " + ours32
	for _, tt := range []struct {
		name, profile, keys string
		us                  Local
	}{
		{"off", " RTP/AVP ", "", secured(Off)},
		{"optional", " RTP/AVP ", all, secured(Optional)},
		{"required", " RTP/SAVP ", all, secured(Required)},
		{"secured", " RTP/SAVP ", all, held},
	} {
		offer := offerAs(t, tt.us)
		_, keys, _ := strings.Cut(offer, "a=sendrecv\r\n")
		if keys != tt.keys || !strings.Contains(offer, tt.profile) {
			t.Errorf("%s: the offer is\n%s", tt.name, offer)
		}
	}
	bare := secured(Required)
	bare.Keys = nil
	_, err := Offer(bare)
	assertRefused(t, err, "no key to offer")
}

func TestAnAnswerThatIsNotOneToOurOfferIsRefused(t *testing.T) {
	held := secured(Optional)
	held.Secured = true
	theirs := func(tag int, suite Suite) string {
		crypto := key(suite, 1)
		crypto.Tag = uint32(tag)
		return "a=crypto:" + crypto.line()
	}
	tests := []struct {
		name   string
		us     Local
		answer []byte
		want   string // the keys' tag and suite, "": plain; "488 …": refused
	}{
		{"off", secured(Off), onProfile("RTP/AVP"), ""},
		{"off, with a key that nobody asked for", secured(Off), onProfile("RTP/AVP", theirs(1, AESCM128HMACSHA80)), ""},
		{"off, on SAVP", secured(Off), onProfile("RTP/SAVP", theirs(1, AESCM128HMACSHA80)), "488 SRTP is off"},
		{"off, with feedback", secured(Off), onProfile("RTP/AVPF"), "488 on \"RTP/AVPF\", the offer was on \"RTP/AVP\""},
		{"optional, plain", secured(Optional), onProfile("RTP/AVP"), ""},
		{"optional, secured", secured(Optional), onProfile("RTP/AVP", theirs(2, AESCM128HMACSHA80)), "2 AES_CM_128_HMAC_SHA1_80"},
		{"optional, on SAVP", secured(Optional), onProfile("RTP/SAVP", theirs(2, AESCM128HMACSHA80)), "488 the offer was on"},
		{"optional, with a key that we cannot read", secured(Optional), onProfile("RTP/AVP", "a=crypto:1 F8 inline:x"), "488 not one a=crypto line"},
		{"required", secured(Required), onProfile("RTP/SAVP", theirs(1, AEADAES128GCM)), "1 AEAD_AES_128_GCM"},
		{"required, the last", secured(Required), onProfile("RTP/SAVP", theirs(3, AESCM128HMACSHA32)), "3 AES_CM_128_HMAC_SHA1_32"},
		{"required, without a key", secured(Required), onProfile("RTP/SAVP"), "488 no a=crypto line"},
		{"required, plain", secured(Required), onProfile("RTP/AVP"), "488 SRTP is required"},
		{"required, on AVP with a key", secured(Required), onProfile("RTP/AVP", theirs(1, AEADAES128GCM)), "488 the offer was on"},
		{"required, with feedback", secured(Required), onProfile("RTP/SAVPF", theirs(1, AEADAES128GCM)), "488 the offer was on"},
		{"secured, plain", held, onProfile("RTP/AVP"), "488 SRTP is required"},
		{"a tag that was not offered", secured(Required), onProfile("RTP/SAVP", theirs(4, AEADAES128GCM)), "488 was not offered"},
		{"a tag of another suite", secured(Required), onProfile("RTP/SAVP", theirs(2, AEADAES128GCM)), "488 was not offered"},
		{"two keys", secured(Required), onProfile("RTP/SAVP", theirs(1, AEADAES128GCM), theirs(2, AESCM128HMACSHA80)), "488 not one a=crypto line"},
		{"a key and a line that we cannot read", secured(Required), onProfile("RTP/SAVP", theirs(1, AEADAES128GCM), "a=crypto:x"), "488 not one a=crypto line"},
		{"our own key", secured(Required), onProfile("RTP/SAVP", "a=crypto:1 "+strings.TrimSpace(oursGCM)), "488 no a=crypto line"},
		{"another stream", secured(Off), lines("v=0", "o=- 7 1 IN IP4 192.0.2.1", "s=-", "c=IN IP4 192.0.2.1", "t=0 0",
			"m=audio 0 RTP/AVP 0", "m=audio 4000 RTP/AVP 0"), "488 turns our stream down"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			agreed, err := acceptAs(tt.answer, tt.us)
			if why, refused := strings.CutPrefix(tt.want, "488 "); refused {
				assertRefused(t, err, why)
				if err != nil && strings.Contains(err.Error(), "AQEB") {
					t.Errorf("the error shows the key: %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if agreed.Secure != (tt.want != "") {
				t.Fatalf("agreed %+v", agreed)
			}
			if agreed.Secure && (agreed.Local.String() != tt.want || agreed.Far.String() != tt.want || !agreed.Far.Same(key(agreed.Far.Suite, 1))) {
				t.Errorf("keys %v and %v, want %s", agreed.Local, agreed.Far, tt.want)
			}
		})
	}
}

func TestBothEndsOfASecuredCallHaveTheSameKeys(t *testing.T) {
	for _, security := range []Security{Optional, Required} {
		caller, callee := secured(security), secured(security)
		callee.Keys = []Crypto{key(AESCM128HMACSHA80, 0x21), key(AESCM128HMACSHA32, 0x22)}
		atCallee, body, err := answerAs([]byte(offerAs(t, caller)), callee)
		if err != nil {
			t.Fatal(err)
		}
		atCaller, err := acceptAs([]byte(body), caller)
		if err != nil {
			t.Fatal(err)
		}
		if !atCaller.Secure || !atCaller.Local.Same(atCallee.Far) || !atCaller.Far.Same(atCallee.Local) || !atCaller.Local.Same(caller.Keys[1]) {
			t.Errorf("%v: %v and %v, %v and %v", security, atCaller.Local, atCaller.Far, atCallee.Local, atCallee.Far)
		}
	}
}

func TestNoErrorShowsAKey(t *testing.T) {
	for _, offer := range [][]byte{
		onProfile("RTP/SAVP", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 "+inline28),
		onProfile("RTP/SAVP", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 "+inline30+" X"),
		onProfile("RTP/SAVP", "crypto:1 AES_CM_128_HMAC_SHA1_80 "+inline30),
		onProfile("RTP/SAVP 300", line80),
		[]byte(strings.Replace(string(onProfile("RTP/SAVP", line80)), "IN IP4", "IN IP5", 2)),
	} {
		for _, security := range []Security{Off, Optional, Required} {
			_, _, err := answerAs(offer, secured(security))
			assertRefused(t, err, "")
			if strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), "AQEB") {
				t.Errorf("%v shows the key", err)
			}
		}
	}
}
