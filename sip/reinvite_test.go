package sip

import (
	"testing"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

const holdSDP = "v=0\r\no=- 1 2 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\na=sendonly\r\n"

// reinvite sends a re-INVITE.
func (p *peer) reinvite(body string, headers ...string) {
	p.branch = p.request("INVITE", p.inside(), body, headers...)
}

func TestReinviteIsAnsweredByWhoeverServesTheCall(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w, p, leg := connected(t)
		p.reinvite(holdSDP, "Contact: <sip:kim@192.0.2.90:5070>")
		p.expect(100)
		e := event[Reoffer](t, leg)
		if string(e.SDP) != holdSDP {
			t.Fatalf("offer %q", e.SDP)
		}
		e.Answer([]byte(answerSDP))
		if ok := p.expect(200); string(description(ok)) != answerSDP {
			t.Errorf("answer:\n%s", ok)
		}
		p.expect(200) // no ACK yet
		p.ack("")
		w.quiet(10 * time.Second)
		leg.Hangup()
		m, sent := p.next()
		if m.(*sipgo.Request).Recipient.String() != "sip:kim@192.0.2.90:5070" || sent.to.String() != "192.0.2.90:5070" {
			t.Errorf("the new target is not used: %s", sent.text)
		}
	})
}

func TestRFC3261_14_1_FailedReinviteLeavesTheSessionAsItWas(t *testing.T) {
	bubble(t, func(t *testing.T) {
		_, p, leg := connected(t)
		before := leg.State().RemoteTarget
		p.reinvite(holdSDP, "Contact: <sip:kim@192.0.2.90:5070>")
		e := event[Reoffer](t, leg)
		e.Refuse(488)
		e.Answer([]byte(answerSDP)) // too late
		p.expect(488)
		p.send("ACK", p.inside(), p.branch, p.seq-1, "")
		if st := leg.State(); st.Phase != PhaseConfirmed || st.RemoteTarget != before {
			t.Errorf("state %+v", st)
		}
	})
}

func TestRFC3261_14_2_SecondReinviteWhileOneIsPending(t *testing.T) {
	bubble(t, func(t *testing.T) {
		_, p, leg := connected(t)
		p.reinvite(holdSDP)
		e := event[Reoffer](t, leg)
		p.reinvite(offerSDP)
		if res := p.expect(500); res.GetHeader("Retry-After") == nil {
			t.Error("no Retry-After")
		}
		e.Answer([]byte(answerSDP))
		p.expect(200)
	})
}

func TestReinviteNobodyDecidesIsRefused(t *testing.T) {
	bubble(t, func(t *testing.T) {
		_, p, leg := connected(t)
		p.reinvite(holdSDP)
		event[Reoffer](t, leg)
		p.expect(500)
		if leg.State().Phase != PhaseConfirmed {
			t.Error("the call did not survive")
		}
	})
}

func TestCancelOfAReinviteLeavesTheCall(t *testing.T) {
	bubble(t, func(t *testing.T) {
		_, p, leg := connected(t)
		p.reinvite(holdSDP)
		event[Reoffer](t, leg)
		p.send("CANCEL", p.inside(), p.branch, p.seq-1, "")
		p.expect(200)
		p.expect(487)
		if leg.State().Phase != PhaseConfirmed {
			t.Error("the call did not survive")
		}
	})
}

func TestByeEndsAPendingReinvite(t *testing.T) {
	bubble(t, func(t *testing.T) {
		_, p, leg := connected(t)
		p.reinvite(holdSDP)
		event[Reoffer](t, leg)
		p.request("BYE", p.inside(), "")
		p.expect(200)
		p.expect(487)
		finished(t, leg, ByFarEnd, 200)
	})
}

func TestOfferlessReinviteBringsTheAnswerInTheAck(t *testing.T) {
	bubble(t, func(t *testing.T) {
		_, p, leg := connected(t)
		p.reinvite("")
		e := event[Reoffer](t, leg)
		if e.SDP != nil {
			t.Fatalf("offer %q", e.SDP)
		}
		e.Answer([]byte(offerSDP))
		p.expect(200)
		p.ack(answerSDP)
		if c := event[Confirmed](t, leg); string(c.SDP) != answerSDP {
			t.Errorf("answer %q", c.SDP)
		}
	})
}

func TestUnacknowledgedReinviteEndsTheCall(t *testing.T) {
	bubble(t, func(t *testing.T) {
		_, p, leg := connected(t)
		p.reinvite(holdSDP)
		event[Reoffer](t, leg).Answer([]byte(answerSDP))
		for {
			m, _ := p.next()
			if req, ok := m.(*sipgo.Request); ok {
				p.reply(req, 200, "", "")
				break
			}
		}
		finished(t, leg, ByNobody, 408)
	})
}

func TestReinviteFromACalledPhone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		_, p, leg := answeredByPhone(t)
		p.reinvite(holdSDP)
		event[Reoffer](t, leg).Answer([]byte(answerSDP))
		p.expect(200)
		p.ack("")
		p.request("BYE", p.inside(), "")
		p.expect(200)
		finished(t, leg, ByFarEnd, 200)
	})
}
