package sip

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

func phoneBinding() Binding {
	return Binding{
		Agent: "alice", Contact: "sip:alice@10.0.0.5:5062;ob", Transport: UDP, Source: phoneAddress,
		Expires: time.Now().Add(time.Hour),
	}
}

func invitation() Invite {
	return Invite{
		Binding: phoneBinding(), From: Party{"+61400111222", `Kim "K" Jensen`}, SDP: []byte(offerSDP),
		Headers: map[string]string{"X-Spillway-Call": "019ab"},
	}
}

// dialled is a call to a phone that has our INVITE and has not said anything.
func dialled(t *testing.T) (*world, *peer, *Leg, *sipgo.Request) {
	t.Helper()
	w := newWorld(t, UDP, staff{})
	leg, err := w.server.Dial(context.Background(), invitation())
	if err != nil {
		t.Fatal(err)
	}
	invite := w.expectRequest("INVITE")
	p := w.from(phoneAddress)
	p.id, p.theirs = string(*invite.CallID()), tagOf(invite.From().Params)
	p.target = invite.Contact().Address.String()
	return w, p, leg, invite
}

const phoneContact = "Contact: <sip:alice@10.0.0.5:5062>"

// answeredByPhone is a call to a phone that is up.
func answeredByPhone(t *testing.T) (*world, *peer, *Leg) {
	t.Helper()
	w, p, leg, invite := dialled(t)
	p.reply(invite, 200, p.tag, answerSDP, phoneContact)
	w.expectRequest("ACK")
	event[Answered](t, leg)
	return w, p, leg
}

func TestACallOfOursWithoutAnEndIsTold(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w, _, leg, _ := dialled(t)
		w.leaves = true
		leg.d.box.post(func(*dialog) { panic("kettle boiled over") }) // nothing was heard yet: no CANCEL may be sent
		finished(t, leg, ByUs, 500)
		<-leg.d.done
		if n := w.unfinished.Load(); n != 1 {
			t.Errorf("told %d times", n)
		}
	})
}

func TestDialledPhoneRingsAndAnswers(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w, p, leg, invite := dialled(t)
		if invite.Recipient.String() != "sip:alice@10.0.0.5:5062;ob" || string(description(invite)) != offerSDP ||
			invite.GetHeader("X-Spillway-Call").Value() != "019ab" || invite.From().DisplayName != `Kim \"K\" Jensen` {
			t.Fatalf("INVITE:\n%s", invite)
		}
		p.reply(invite, 100, "", "")
		for range 15 { // any number of provisional answers
			p.reply(invite, 180, p.tag, "")
			if e := event[Ringing](t, leg); e.Code != 180 {
				t.Fatalf("%+v", e)
			}
		}
		p.reply(invite, 200, p.tag, answerSDP, phoneContact)
		m, sent := p.next()
		ack := m.(*sipgo.Request)
		if ack.Method != "ACK" || sent.to != phoneAddress || ack.CSeq().SeqNo != invite.CSeq().SeqNo ||
			branchOf(ack) == branchOf(invite) || ack.Recipient.String() != "sip:alice@10.0.0.5:5062" {
			t.Fatalf("ACK to %s:\n%s", sent.to, sent.text)
		}
		if e := event[Answered](t, leg); string(e.SDP) != answerSDP {
			t.Fatalf("answer %q", e.SDP)
		}
		p.reply(invite, 200, p.tag, answerSDP, phoneContact) // our ACK was lost
		if again := w.expectRequest("ACK"); branchOf(again) != branchOf(ack) {
			t.Error("a copy of the 200 got another ACK")
		}
		leg.Hangup()
		bye := w.expectRequest("BYE")
		if bye.CSeq().SeqNo != invite.CSeq().SeqNo+1 {
			t.Errorf("CSeq of BYE %d after %d", bye.CSeq().SeqNo, invite.CSeq().SeqNo)
		}
		p.reply(bye, 200, "", "")
		finished(t, leg, ByUs, 200)
		w.quiet(time.Minute)
	})
}

func TestRefusalIsAcknowledgedAndReported(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w, p, leg, invite := dialled(t)
		p.reply(invite, 486, p.tag, "")
		ack := w.expectRequest("ACK")
		if branchOf(ack) != branchOf(invite) || tagOf(ack.To().Params) != p.tag {
			t.Errorf("ACK:\n%s", ack)
		}
		finished(t, leg, ByFarEnd, 486)
		for range 3 {
			p.reply(invite, 486, p.tag, "") // our ACK was lost
			if again := w.expectRequest("ACK"); branchOf(again) != branchOf(invite) || tagOf(again.To().Params) != p.tag {
				t.Errorf("ACK of a copy:\n%s", again)
			}
		}
	})
}

func TestPhoneThatSaysNothingIsGivenUp(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w, p, leg, invite := dialled(t)
		start := time.Now()
		finished(t, leg, ByNobody, 408)
		if waited := time.Since(start); waited != 4*time.Second {
			t.Errorf("gave up after %v", waited)
		}
		for len(w.wire.sent) > 0 {
			w.expectRequest("INVITE") // copies sent before
		}
		w.quiet(10 * time.Second)
		p.reply(invite, 180, p.tag, "") // it wakes up
		cancel := w.expectRequest("CANCEL")
		if branchOf(cancel) != branchOf(invite) {
			t.Error("CANCEL of another branch")
		}
		p.reply(cancel, 200, "", "")
		p.reply(invite, 487, p.tag, "")
		w.expectRequest("ACK")
	})
}

func TestPhoneThatAnswersAfterWeLeftIsAcknowledgedAndHungUp(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w, p, leg, invite := dialled(t)
		finished(t, leg, ByNobody, 408)
		for len(w.wire.sent) > 0 {
			w.expectRequest("INVITE")
		}
		p.reply(invite, 200, p.tag, answerSDP, phoneContact)
		w.expectRequest("ACK")
		p.reply(w.expectRequest("BYE"), 200, "", "")
		w.quiet(time.Minute)
	})
}

func TestRFC3261_9_1_CancelOnlyAfterAProvisional(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w, p, leg, invite := dialled(t)
		leg.Hangup()
		finished(t, leg, ByUs, 200)
		w.quiet(10 * time.Second) // neither a CANCEL nor another INVITE
		p.reply(invite, 100, "", "")
		p.reply(w.expectRequest("CANCEL"), 200, "", "")
		p.reply(invite, 487, p.tag, "")
		w.expectRequest("ACK")
		w.quiet(time.Minute)
	})
}

func TestCancelOfARingingPhone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w, p, leg, invite := dialled(t)
		p.reply(invite, 180, p.tag, "")
		event[Ringing](t, leg)
		leg.Hangup()
		leg.Hangup()
		cancel := w.expectRequest("CANCEL")
		if branchOf(cancel) != branchOf(invite) || cancel.CSeq().SeqNo != invite.CSeq().SeqNo || tagOf(cancel.To().Params) != "" {
			t.Errorf("CANCEL:\n%s", cancel)
		}
		p.reply(cancel, 200, "", "")
		p.reply(invite, 487, p.tag, "")
		w.expectRequest("ACK")
		finished(t, leg, ByUs, 200)
		w.quiet(time.Minute)
	})
}

func TestAnswerThatCrossesOurCancelIsAcknowledgedAndHungUp(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w, p, leg, invite := dialled(t)
		p.reply(invite, 180, p.tag, "")
		event[Ringing](t, leg)
		leg.Hangup()
		cancel := w.expectRequest("CANCEL")
		p.reply(invite, 200, p.tag, answerSDP, phoneContact)
		w.expectRequest("ACK")
		bye := w.expectRequest("BYE")
		p.reply(cancel, 481, "", "")
		p.reply(bye, 200, "", "")
		finished(t, leg, ByUs, 200)
		w.quiet(time.Minute)
	})
}

func TestRFC3261_13_2_2_4_AnswersOfOtherForksAreHungUp(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w, p, leg, invite := dialled(t)
		p.reply(invite, 200, "first", answerSDP, phoneContact)
		w.expectRequest("ACK")
		event[Answered](t, leg)
		p.reply(invite, 200, "second", answerSDP, "Contact: <sip:alice@10.0.0.6>")
		ack := w.expectRequest("ACK")
		bye := w.expectRequest("BYE")
		if tagOf(ack.To().Params) != "second" || tagOf(bye.To().Params) != "second" || bye.Recipient.Host != "10.0.0.6" {
			t.Errorf("ACK and BYE for another fork:\n%s\n%s", ack, bye)
		}
		p.reply(bye, 200, "", "")
		if st := leg.State(); st.Phase != PhaseConfirmed || st.RemoteTag != "first" {
			t.Errorf("state %+v", st)
		}
	})
}

func TestAnswerWithoutContactIsHungUp(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w, p, leg, invite := dialled(t)
		p.reply(invite, 200, p.tag, answerSDP)
		w.expectRequest("ACK")
		w.expectRequest("BYE")
		finished(t, leg, ByFarEnd, 500)
	})
}

func TestRouteSetOfAnOutboundCallIsReversed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w, p, _, invite := dialled(t)
		p.reply(invite, 200, p.tag, answerSDP, phoneContact, "Record-Route: <sip:a.example;lr>, <sip:b.example;lr>")
		ack := w.expectRequest("ACK")
		var set []string
		for _, r := range ack.GetHeaders("Route") {
			set = append(set, r.Value())
		}
		if strings.Join(set, " ") != "<sip:b.example;lr> <sip:a.example;lr>" {
			t.Errorf("route %v", set)
		}
	})
}

func TestByeOfThePhoneEndsAnOutboundCall(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w, p, leg := answeredByPhone(t)
		p.request("BYE", p.inside(), "")
		p.expect(200)
		finished(t, leg, ByFarEnd, 200)
		w.quiet(time.Minute)
	})
}

func TestRequestThatOvertakesItsAnswerIsHeld(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w, p, leg, invite := dialled(t)
		p.reply(invite, 180, p.tag, "")
		event[Ringing](t, leg)
		p.request("INFO", p.target, "Signal=5\r\n", "Content-Type: application/dtmf-relay")
		w.quiet(50 * time.Millisecond)
		p.reply(invite, 200, p.tag, answerSDP, phoneContact)
		w.expectRequest("ACK")
		event[Answered](t, leg)
		p.expect(200)
		if d := event[Digit](t, leg); d.Digit != '5' {
			t.Errorf("digit %q", d.Digit)
		}
	})
}

func TestRequestOfAnEarlyDialogThatIsNotAnsweredIsRefused(t *testing.T) {
	bubble(t, func(t *testing.T) {
		_, p, leg, invite := dialled(t)
		p.reply(invite, 180, p.tag, "")
		event[Ringing](t, leg)
		p.request("INFO", p.target, "Signal=5\r\n", "Content-Type: application/dtmf-relay")
		p.expect(481)
	})
}

func TestRefusalIsHeardHoweverMuchElseIsSent(t *testing.T) {
	bubble(t, func(t *testing.T) {
		_, p, leg, invite := dialled(t)
		busy := make(chan struct{})
		leg.d.box.post(func(*dialog) { <-busy })
		synctest.Wait()
		for leg.d.box.offer(func(*dialog) {}) {
		}
		p.reply(invite, 486, p.tag, "")
		synctest.Wait()
		close(busy)
		finished(t, leg, ByFarEnd, 486)
	})
}

func TestDialRefusesWhatCannotBeSent(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, UDP, staff{})
		for name, c := range map[string]struct {
			change func(*Invite)
			want   error
		}{
			"expired":          {func(i *Invite) { i.Binding.Expires = time.Now() }, ErrExpired},
			"connection gone":  {func(i *Invite) { i.Binding.Transport, i.Binding.Flow = TCP, 9 }, ErrFlowGone},
			"no address":       {func(i *Invite) { i.Binding.Source = netip.AddrPort{} }, nil},
			"other scheme":     {func(i *Invite) { i.Binding.Contact = "tel:+61280000001" }, nil},
			"injected header":  {func(i *Invite) { i.Headers = map[string]string{"X-A": "b\r\nVia: c"} }, nil},
			"header of ours":   {func(i *Invite) { i.Headers = map[string]string{"Via": "c"} }, nil},
			"header with junk": {func(i *Invite) { i.Headers = map[string]string{"X-A\r\nVia": "c"} }, nil},
		} {
			inv := invitation()
			c.change(&inv)
			_, err := w.server.Dial(context.Background(), inv)
			if err == nil || c.want != nil && !errors.Is(err, c.want) {
				t.Errorf("%s: %v", name, err)
			}
		}
		w.quiet(time.Second)
	})
}

func TestPhoneOfAnotherNodeIsCalledFromOurOwnListener(t *testing.T) {
	bubble(t, func(t *testing.T) {
		there := newWorld(t, UDP, staff{})
		there.wire.at = netip.MustParseAddrPort("192.0.2.2:5070")
		phone := there.from(phoneAddress)
		phone.register("alice", "alice-has-a-secret", 200, "Contact: <sip:alice@198.51.100.7:5062>")
		binding := travelled(t, there.server.Bindings("alice")[0])
		if binding.Local != there.wire.at || !binding.Direct() {
			t.Fatalf("binding %+v", binding)
		}

		here := newWorld(t, UDP, staff{})
		leg, err := here.server.Dial(context.Background(), Invite{Binding: binding, SDP: []byte(offerSDP)})
		if err != nil {
			t.Fatal(err)
		}
		m, sent := here.next()
		invite := here.asRequest(m)
		via, contact := invite.Via(), invite.Contact().Address
		if sent.to != phoneAddress || invite.Recipient.String() != binding.Contact {
			t.Errorf("%s was called at %s", invite.Recipient.String(), sent.to)
		}
		if via.Host != "192.0.2.1" || via.Port != 5060 || contact.Host != "192.0.2.1" || contact.Port != 5060 ||
			invite.From().Address.Host == "192.0.2.2" {
			t.Errorf("INVITE:\n%s", sent.text)
		}
		p := here.from(phoneAddress)
		p.id, p.theirs, p.target = string(*invite.CallID()), tagOf(invite.From().Params), contact.String()
		p.reply(invite, 200, p.tag, answerSDP, "Contact: <sip:alice@198.51.100.7:5062>")
		if m, sent := here.next(); here.asRequest(m).Method != sipgo.ACK || sent.to != phoneAddress {
			t.Errorf("ACK to %s:\n%s", sent.to, sent.text)
		}
		event[Answered](t, leg)
		p.request("BYE", p.inside(), "")
		p.expect(200)
		finished(t, leg, ByFarEnd, 200)
		there.quiet(time.Second)
	})
}

func TestBindingOfAnotherNodeWithoutAWayIsNotCalled(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, TCP, staff{}) // without a UDP listener
		if _, err := w.server.Dial(context.Background(), invitation()); err != ErrFlowGone {
			t.Errorf("over UDP: %v", err)
		}
	})
}

func TestHostileCallerNameCannotInject(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, UDP, staff{})
		inv := invitation()
		inv.From = Party{"1\r\nX-Evil: 1>;tag=2", "a\"b\\\r\nX-Evil: 1\u202e" + strings.Repeat("x", 100)}
		if _, err := w.server.Dial(context.Background(), inv); err != nil {
			t.Fatal(err)
		}
		invite := w.expectRequest("INVITE")
		if invite.GetHeader("X-Evil") != nil || len(tagOf(invite.From().Params)) < 16 {
			t.Errorf("INVITE:\n%s", invite)
		}
		if name := unquote(invite.From().DisplayName); len([]rune(name)) > maxName || strings.ContainsRune(name, '\u202e') {
			t.Errorf("name %q", name)
		}
	})
}
