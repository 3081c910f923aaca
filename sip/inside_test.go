package sip

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

func TestInDialogRequests(t *testing.T) {
	for _, c := range []struct {
		name, method, body string
		headers            []string
		code               int
	}{
		{"options", "OPTIONS", "", nil, 200},
		{"update is not built", "UPDATE", "", nil, 405},
		{"refer is not built", "REFER", "", []string{"Refer-To: <sip:bob@192.0.2.1>"}, 405},
		{"subscribe", "SUBSCRIBE", "", []string{"Event: presence"}, 489},
		{"unknown", "NEWMETHOD", "", nil, 405},
		{"info without body", "INFO", "", nil, 200},
		{"info of another kind", "INFO", "x", []string{"Content-Type: text/plain"}, 415},
		{"info with no digit", "INFO", "Signal=z\r\n", []string{"Content-Type: application/dtmf-relay"}, 400},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				_, p, leg := connected(t)
				p.request(c.method, p.inside(), c.body, c.headers...)
				p.expect(c.code)
				if leg.State().Phase != PhaseConfirmed {
					t.Error("the call did not survive")
				}
			})
		})
	}
}

func TestRFC3261_12_2_2_NumbersMustRise(t *testing.T) {
	bubble(t, func(t *testing.T) {
		_, p, _ := connected(t)
		p.request("OPTIONS", p.inside(), "")
		p.expect(200)
		p.send("OPTIONS", p.inside(), cookie+newTag(), 1, "")
		p.expect(500)
	})
}

func TestRequestWithAnotherTagIsOutsideOfTheDialog(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w, p, leg := connected(t)
		attacker := w.from(strangerAddress)
		attacker.id, attacker.theirs = p.id, "guessed"
		attacker.request("BYE", p.inside(), "")
		attacker.expect(481)
		attacker.theirs = p.theirs // sniffed, but not the caller's own
		attacker.request("BYE", p.inside(), "")
		attacker.expect(481)
		if leg.State().Phase != PhaseConfirmed {
			t.Error("the call was ended by a stranger")
		}
	})
}

func TestDigitsByInfo(t *testing.T) {
	bubble(t, func(t *testing.T) {
		_, p, leg := connected(t)
		p.request("INFO", p.inside(), "Signal=5\r\nDuration=160\r\n", "Content-Type: application/dtmf-relay")
		p.expect(200)
		if d := event[Digit](t, leg); d != (Digit{'5', 160 * time.Millisecond}) {
			t.Errorf("%+v", d)
		}
		p.again() // a copy is no second key
		p.expect(200)
		p.request("INFO", p.inside(), "#", "Content-Type: application/dtmf")
		p.expect(200)
		if d := event[Digit](t, leg); d != (Digit{Digit: '#'}) {
			t.Errorf("%+v", d)
		}
	})
}

func TestReaderWhoFallsBehindLosesDigitsNotTheEnd(t *testing.T) {
	bubble(t, func(t *testing.T) {
		_, p, leg := connected(t)
		for range 2 * eventBuffer {
			p.request("INFO", p.inside(), "1", "Content-Type: application/dtmf")
			p.expect(200)
		}
		p.request("BYE", p.inside(), "")
		p.expect(200)
		var last Event
		for e := range leg.Events() {
			last = e
		}
		if e, ok := last.(Ended); !ok || e.By != ByFarEnd {
			t.Errorf("the last event is %#v", last)
		}
	})
}

func TestAckIsToldHoweverManyDigitsWait(t *testing.T) {
	bubble(t, func(t *testing.T) {
		_, p, leg := ringing(t)
		if err := leg.Answer([]byte(answerSDP)); err != nil {
			t.Fatal(err)
		}
		p.expect(200)
		for range 2 * eventBuffer {
			p.request("INFO", p.inside(), "1", "Content-Type: application/dtmf")
			p.expect(200)
		}
		p.send("ACK", p.inside(), cookie+newTag(), 1, "")
		synctest.Wait()
		for len(leg.Events()) > 0 {
			if _, confirmed := (<-leg.Events()).(Confirmed); confirmed {
				return
			}
		}
		t.Error("the ACK was not told")
	})
}

func TestCancelIsHeardHoweverMuchElseIsSent(t *testing.T) {
	bubble(t, func(t *testing.T) {
		_, p, leg := ringing(t)
		busy := make(chan struct{})
		leg.d.box.post(func(*dialog) { <-busy })
		synctest.Wait()
		for leg.d.box.offer(func(*dialog) {}) {
		}
		for range 3 {
			p.send("CANCEL", "sip:+61280000001@192.0.2.1", p.branch, 1, "")
			p.expect(200)
			p.theirs = ""
		}
		close(busy)
		p.expect(487)
		finished(t, leg, ByFarEnd, 487)
	})
}

func TestPing(t *testing.T) {
	for _, c := range []struct {
		code int
		want error
	}{{200, nil}, {405, nil}, {481, ErrGone}, {408, ErrGone}, {0, ErrGone}} {
		bubble(t, func(t *testing.T) {
			_, p, leg := connected(t)
			result := make(chan error)
			go func() { result <- leg.Ping(t.Context()) }()
			req := p.expectRequest("OPTIONS")
			if c.code != 0 {
				p.reply(req, c.code, "", "")
			}
			if err := <-result; err != c.want {
				t.Errorf("after %d: %v, want %v", c.code, err, c.want)
			}
		})
	}
}

func TestCloseSaysGoodByeToEveryCall(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w, p, up := connected(t)
		q := w.from(carrierAddress)
		q.invite()
		q.expect(100)
		w.server.Close()
		seen := map[string]bool{}
		for range 2 {
			m, _ := p.next()
			switch m := m.(type) {
			case *sipgo.Request:
				seen[string(m.Method)] = true
			case *sipgo.Response:
				seen[phrase(m.StatusCode)] = true
			}
		}
		if !seen["BYE"] || !seen[phrase(480)] {
			t.Errorf("good-byes: %v", seen)
		}
		finished(t, up, ByUs, 503)
	})
}

func TestPanicOfADialogsOwnerEndsThatCallWithBye(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w, p, leg := connected(t)
		p.reinvite(holdSDP)
		event[Reoffer](t, leg)
		result := make(chan error, 1)
		leg.d.box.post(func(*dialog) {
			leg.d.box.post(func(d *dialog) { d.ping(result) }) // finds the dialog over
			panic("kettle boiled over")
		})
		p.expect(487) // the re-INVITE
		p.reply(p.expectRequest("BYE"), 200, "", "")
		finished(t, leg, ByUs, 500)
		if err := <-result; err != ErrState {
			t.Errorf("ping: %v", err)
		}
		if err := leg.Ring(); err != ErrEnded {
			t.Errorf("Ring: %v", err)
		}
		if leg.State().Phase != PhaseOver {
			t.Errorf("phase %s", leg.State().Phase)
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.panics != 1 {
			t.Errorf("%d panics counted", w.panics)
		}
	})
}

func TestLegRefusesWhatItsStateDoesNotAllow(t *testing.T) {
	bubble(t, func(t *testing.T) {
		_, p, leg := connected(t)
		if err := leg.Answer([]byte(answerSDP)); err != ErrState {
			t.Errorf("Answer: %v", err)
		}
		if err := leg.Ring(); err != ErrState {
			t.Errorf("Ring: %v", err)
		}
		leg.Reject(486, "")
		if leg.State().Phase != PhaseConfirmed {
			t.Error("Reject ended a call that was up")
		}
		p.request("BYE", p.inside(), "")
		p.expect(200)
		finished(t, leg, ByFarEnd, 200)
		if err := leg.Ping(t.Context()); err != ErrEnded {
			t.Errorf("Ping: %v", err)
		}
	})
}

func TestMailboxIsBoundedForTheNetworkAlone(t *testing.T) {
	box := newMailbox()
	for range maxInputs {
		if !box.offer(func(*dialog) {}) {
			t.Fatal("refused too early")
		}
	}
	if box.offer(func(*dialog) {}) || !box.post(func(*dialog) {}) {
		t.Error("the bound is not kept, or kept for our own")
	}
	if n := len(box.close()); n != maxInputs+1 {
		t.Errorf("%d inputs were waiting", n)
	}
	if box.post(func(*dialog) {}) || box.next() != nil {
		t.Error("a closed mailbox takes inputs")
	}
}

func TestSignal(t *testing.T) {
	for text, want := range map[string]byte{"5": '5', " 0\r\n": '0', "10": '*', "11": '#', "*": '*', "d": 'D', "12": 0, "": 0, "x": 0} {
		if got, ok := signal(text); got != want || ok != (want != 0) {
			t.Errorf("signal(%q) = %q, %v", text, got, ok)
		}
	}
}

func FuzzDigitsByInfo(f *testing.F) {
	for _, body := range []string{"Signal=5\r\nDuration=160\r\n", "signal = 11\nduration=99999999999", "Signal=\r\n", "Duration=-1", "=\n=", "Signal=5\nSignal=x"} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		digit, ok := relayedDigit(body)
		if ok != (digit.Digit != 0) || ok && !strings.ContainsRune("0123456789*#ABCD", rune(digit.Digit)) {
			t.Errorf("%q is the key %q, %v", body, digit.Digit, ok)
		}
		if digit.Duration < 0 || digit.Duration > longestDigit*time.Millisecond {
			t.Errorf("%q lasts %v", body, digit.Duration)
		}
	})
}

func TestStateAndBindingAreValuesThatAStoreCanHold(t *testing.T) {
	bubble(t, func(t *testing.T) {
		_, _, leg := connected(t)
		state := leg.State()
		var backState DialogState
		roundTrip(t, state, &backState)
		if !reflect.DeepEqual(state, backState) {
			t.Errorf("%+v became %+v", state, backState)
		}
		binding := phoneBinding()
		var backBinding Binding
		roundTrip(t, binding, &backBinding)
		if !backBinding.Expires.Equal(binding.Expires) || backBinding.Source != binding.Source || backBinding.Contact != binding.Contact {
			t.Errorf("%+v became %+v", binding, backBinding)
		}
	})
}

func roundTrip(t *testing.T, value, back any) {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, back); err != nil {
		t.Fatal(err)
	}
}

func TestStrictRouteTakesThePlaceOfTheTarget(t *testing.T) {
	st := DialogState{RemoteTarget: "sip:kim@192.0.2.9", RouteSet: []string{"sip:strict.example", "sip:192.0.2.78;lr"}}
	req := st.request("BYE", 1, newMemoryWire(UDP))
	var set []string
	for _, r := range req.GetHeaders("Route") {
		set = append(set, r.Value())
	}
	if req.Recipient.String() != "sip:strict.example" || strings.Join(set, " ") != "<sip:192.0.2.78;lr> <sip:kim@192.0.2.9>" {
		t.Errorf("%s\n%v", req.Recipient.String(), set)
	}
}
