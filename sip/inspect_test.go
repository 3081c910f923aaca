package sip

import (
	"strings"
	"testing"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

func TestFaultsAreAnsweredAsTheContractSays(t *testing.T) {
	const to = "sip:+61280000001@192.0.2.1"
	for _, c := range []struct {
		name, method, to, body string
		headers                []string
		code                   int
		with, value            string // a header of the answer
	}{
		{"unknown Require", "INVITE", to, offerSDP, []string{"Require: 100rel, gruu"}, 420, "Unsupported", "100rel, gruu"},
		{"scheme sips", "INVITE", "sips:a@192.0.2.1", offerSDP, nil, 416, "", ""},
		{"scheme tel", "INVITE", "tel:+61280000001", offerSDP, nil, 416, "", ""},
		{"type", "INVITE", to, "x", []string{"Content-Type: text/plain"}, 415, "Accept", typeSDP},
		{"type in capitals", "INVITE", to, offerSDP, []string{"Content-Type: Application/SDP;charset=utf-8"}, 100, "", ""},
		{"encoding", "INVITE", to, offerSDP, []string{"Content-Encoding: gzip"}, 415, "Accept-Encoding", "identity"},
		{"compact encoding", "INVITE", to, offerSDP, []string{"e: gzip"}, 415, "Accept-Encoding", "identity"},
		{"session interval", "INVITE", to, offerSDP, []string{"Session-Expires: 60;refresher=uac"}, 422, "Min-SE", "90"},
		{"compact session interval", "INVITE", to, offerSDP, []string{"x: 60"}, 422, "Min-SE", "90"},
		{"long session interval", "INVITE", to, offerSDP, []string{"Session-Expires: 1800"}, 100, "", ""},
		{"two contacts", "INVITE", to, offerSDP, []string{"Contact: <sip:a@b>, <sip:c@d>"}, 400, "", ""},
		{"wildcard contact", "INVITE", to, offerSDP, []string{"Contact: *"}, 400, "", ""},
		{"Replaces", "INVITE", to, offerSDP, []string{"Replaces: a;to-tag=b;from-tag=c"}, 481, "", ""},
		{"Replaces, required", "INVITE", to, offerSDP, []string{"Replaces: a;to-tag=b;from-tag=c", "Require: replaces"}, 481, "", ""},
		{"required without Replaces", "INVITE", to, offerSDP, []string{"Require: replaces"}, 420, "Unsupported", "replaces"},
		{"second To", "INVITE", to, offerSDP, []string{"To: <sip:other@192.0.2.1>"}, 400, "", ""},
		{"REFER outside", "REFER", to, "", []string{"Refer-To: <sip:b@c>"}, 403, "", ""},
		{"SUBSCRIBE", "SUBSCRIBE", to, "", []string{"Event: presence"}, 489, "", ""},
		{"MESSAGE", "MESSAGE", to, "", nil, 405, "Allow", allow},
		{"unknown method", "BREW", to, "", nil, 405, "Allow", allow},
		{"PUBLISH", "PUBLISH", to, "", nil, 405, "Allow", allow},
		{"BYE of nothing", "BYE", to, "", nil, 481, "", ""},
		{"INFO of nothing", "INFO", to, "", nil, 481, "", ""},
		{"UPDATE of nothing", "UPDATE", to, "", nil, 481, "", ""},
		{"OPTIONS", "OPTIONS", "sip:192.0.2.1", "", nil, 200, "Allow", allow},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				h, _ := handed()
				w := newWorld(t, UDP, h)
				p := w.from(carrierAddress)
				p.request(c.method, c.to, c.body, c.headers...)
				res := p.expect(c.code)
				if c.with != "" && (res.GetHeader(c.with) == nil || res.GetHeader(c.with).Value() != c.value) {
					t.Errorf("%s: %v", c.with, res.GetHeader(c.with))
				}
				if h := res.GetHeader("Server"); h == nil || h.Value() != "Spillway" {
					t.Errorf("Server: %v", h)
				}
			})
		})
	}
}

func TestRFC3261_17_1_1_3_AckIsNeverAnswered(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, UDP, staff{})
		p := w.from(carrierAddress)
		p.request("ACK", "sip:+61280000001@192.0.2.1", "")
		p.request("ACK", "sips:x@192.0.2.1", "", "To: <sip:second@x>")
		p.theirs = "nobody"
		p.request("ACK", "sip:+61280000001@192.0.2.1", "")
		w.quiet(time.Minute)
	})
}

func TestRFC3261_8_2_7_StatelessAnswersHaveTheSameTagForEachCopy(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, UDP, staff{})
		p := w.from(strangerAddress)
		p.invite()
		first := tagOf(p.expect(401).To().Params)
		p.again()
		if second := tagOf(p.expect(401).To().Params); second != first || len(first) < 16 {
			t.Errorf("tags %q and %q", first, second)
		}
		if n := len(w.server.transactions.incoming); n != 0 {
			t.Errorf("a stranger costs %d transactions", n)
		}
	})
}

func TestRFC3581_AnswersGoWhereTheRequestCameFrom(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, UDP, staff{})
		p := w.from(strangerAddress)
		text := func(via string) string {
			return "OPTIONS sip:192.0.2.1 SIP/2.0\nVia: SIP/2.0/UDP " + via + "\nFrom: <sip:a@b>;tag=1\nTo: <sip:c@d>\n" +
				"Call-ID: x\nCSeq: 1 OPTIONS\nContent-Length: 0\n\n"
		}
		for via, to := range map[string]string{
			"10.1.1.1:5099;branch=z9hG4bKa;rport":                    "203.0.113.66:5060",
			"10.1.1.1:5099;branch=z9hG4bKd;received=8.8.8.8":         "203.0.113.66:5099",
			"10.1.1.1:5099;branch=z9hG4bKe;rport=9;received=8.8.8.8": "203.0.113.66:5060",
			"10.1.1.1:5099;branch=z9hG4bKb":                          "203.0.113.66:5099",
			"victim.example;maddr=8.8.8.8;branch=z9hG4bKc":           "203.0.113.66:5060",
		} {
			p.raw(text(via))
			m, sent := w.next()
			if sent.to.String() != to {
				t.Errorf("%s: answered to %s", via, sent.to)
			}
			if got, _ := param(m.(*sipgo.Response).Via().Params, "received"); got != "203.0.113.66" {
				t.Errorf("%s: received %q", via, got)
			}
		}
	})
}

func TestWhatIsNotSIPIsDropped(t *testing.T) {
	good := "OPTIONS sip:a SIP/2.0\r\nVia: b\r\n\r\nbody\x00"
	if !plausible([]byte(good)) {
		t.Fatal("a good message is dropped")
	}
	for _, text := range []string{
		"", "\r\n", "\r\n\r\n", "\x00\x00\x00\x00", "GET / HTTP/1.1\r\n\r\n", strings.TrimSuffix(good, "\r\n\r\nbody\x00"),
		strings.Replace(good, "Via: b", "Via: b\nFrom: c", 1), strings.Replace(good, "Via: b", "Via: b\rFrom: c", 1),
		strings.Replace(good, "Via: b", "Via: b\x00", 1), strings.Replace(good, "sip:a", "sip:\x7fa", 1),
	} {
		if plausible([]byte(text)) {
			t.Errorf("%q is taken", text)
		}
	}
}
