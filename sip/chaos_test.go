package sip

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// disorder is how many calls of each direction are driven in random order, and with how many steps.
const (
	disorderedCalls = 200
	disorderedSteps = 14
)

// remains says what a server still remembers of calls, "" when nothing.
func (s *Server) remains() string {
	s.transactions.mu.Lock()
	defer s.transactions.mu.Unlock()
	s.dialogs.mu.Lock()
	defer s.dialogs.mu.Unlock()
	dialogs := len(s.dialogs.byTag) + len(s.dialogs.origins) + len(s.dialogs.leaving)
	transactions := len(s.transactions.incoming) + len(s.transactions.outgoing) + len(s.transactions.leaving)
	if s.Calls() == 0 && dialogs == 0 && transactions == 0 {
		return ""
	}
	return fmt.Sprintf("%d calls, %d dialogs or origins, %d transactions", s.Calls(), dialogs, transactions)
}

// settled checks what holds for a call after whatever happened to it: one Ended, at the end, and nothing left. ends
// are those seen before.
func settled(t *testing.T, w *world, leg *Leg, ends int) {
	t.Helper()
	leg.Hangup()
	time.Sleep(10 * time.Minute)
	for e := range leg.Events() {
		if ends > 0 {
			t.Errorf("%#v after the end", e)
		}
		if _, ok := e.(Ended); ok {
			ends++
		}
	}
	if ends != 1 {
		t.Errorf("%d ends", ends)
	}
	if left := w.server.remains(); left != "" {
		t.Errorf("left behind: %s", left)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.panics != 0 {
		t.Error("panic")
	}
}

// heed reads what the server sent, learns our tag from it, and counts 200s to the INVITE with that number.
func (p *peer) heed() (requests []*sipgo.Request) {
	synctest.Wait()
	for {
		select {
		case sent := <-p.wire.sent:
			m, err := sipgo.ParseMessage([]byte(sent.text))
			if err != nil {
				p.t.Fatalf("%v\n%s", err, sent.text)
			}
			switch m := m.(type) {
			case *sipgo.Response:
				if tag := tagOf(m.To().Params); tag != "" && m.StatusCode < 300 {
					p.theirs = tag
				}
			case *sipgo.Request:
				requests = append(requests, m)
			}
		default:
			return requests
		}
	}
}

func TestInboundCallsInDisorder(t *testing.T) {
	for seed := range uint64(disorderedCalls) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				random := rand.New(rand.NewPCG(seed, 1))
				h, legs := handed()
				w := newWorld(t, UDP, h)
				p := w.from(carrierAddress)
				p.invite()
				leg := <-legs
				ends := 0
				for range disorderedSteps {
					for _, req := range p.heed() {
						if random.IntN(2) == 0 && req.Method != sipgo.ACK {
							p.reply(req, []int{200, 481, 180}[random.IntN(3)], "", "")
						}
					}
					if inboundStep(p, leg, random) {
						ends++
					}
				}
				settled(t, w, leg, ends)
			})
		})
	}
}

// inboundStep does one thing, wise or not, to an inbound call, and tells whether it saw the leg end.
func inboundStep(p *peer, leg *Leg, random *rand.Rand) bool {
	switch random.IntN(13) {
	case 0:
		_ = leg.Ring()
	case 1, 2:
		_ = leg.Answer([]byte(answerSDP))
	case 3, 4:
		p.ack("")
	case 5:
		p.request("BYE", p.inside(), "")
	case 6:
		p.send("CANCEL", p.inside(), p.branch, p.seq-1, "")
	case 7:
		p.reinvite(holdSDP)
	case 8:
		p.again()
	case 9:
		p.request("INFO", p.inside(), "1", "Content-Type: application/dtmf")
	case 10:
		if random.IntN(4) == 0 {
			leg.Hangup()
		}
	case 11:
		select {
		case e := <-leg.d.events:
			if r, ok := e.(Reoffer); ok && random.IntN(3) > 0 {
				r.Answer([]byte(answerSDP))
				r.Refuse(488)
			}
			_, ended := e.(Ended)
			return ended
		default:
		}
	case 12:
		time.Sleep(time.Duration(random.IntN(40_000)) * time.Millisecond)
	}
	return false
}

func TestOutboundCallsInDisorder(t *testing.T) {
	for seed := range uint64(disorderedCalls) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				random := rand.New(rand.NewPCG(seed, 2))
				w := newWorld(t, UDP, staff{})
				leg, err := w.server.Dial(context.Background(), invitation())
				if err != nil {
					t.Fatal(err)
				}
				invite := w.expectRequest("INVITE")
				p := w.from(phoneAddress)
				p.id, p.theirs = string(*invite.CallID()), tagOf(invite.From().Params)
				p.target = invite.Contact().Address.String()
				for range disorderedSteps {
					p.heed()
					outboundStep(p, leg, invite, random)
				}
				settled(t, w, leg, 0)
			})
		})
	}
}

// outboundStep does one thing, wise or not, to an outbound call.
func outboundStep(p *peer, leg *Leg, invite *sipgo.Request, random *rand.Rand) {
	tag := []string{p.tag, p.tag, p.tag, "another"}[random.IntN(4)]
	switch random.IntN(9) {
	case 0:
		p.reply(invite, 100, "", "")
	case 1, 2:
		p.reply(invite, 180, tag, "")
	case 3, 4:
		p.reply(invite, 200, tag, answerSDP, phoneContact)
	case 5:
		p.reply(invite, []int{302, 401, 486, 487, 603}[random.IntN(5)], tag, "")
	case 6:
		p.request("BYE", p.inside(), "")
	case 7:
		if random.IntN(3) == 0 {
			leg.Hangup()
		}
	case 8:
		time.Sleep(time.Duration(random.IntN(40_000)) * time.Millisecond)
	}
}
