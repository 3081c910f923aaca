package sip

import (
	"fmt"
	"net/netip"
	"testing"
	"time"
)

func TestRule(t *testing.T) {
	alice := Peer{PeerAgent, "alice"}
	carrier := Peer{PeerTrunk, "carrier"}
	for _, c := range []struct {
		name string
		plea plea
		want ruling
	}{
		{"a stranger is asked", plea{}, ruling{refused: 401, challenge: true}},
		{"a trunk by its address", plea{trunk: "carrier"}, ruling{peer: carrier}},
		{"a registered phone is asked, even at a trunk's address", plea{registered: true, trunk: "carrier"}, ruling{refused: 401, challenge: true}},
		{"a registered phone proves itself", plea{registered: true, trunk: "carrier", claim: claimGood, account: alice}, ruling{peer: alice}},
		{"credentials count before the address", plea{trunk: "carrier", claim: claimGood, account: alice}, ruling{peer: alice}},
		{"bad credentials are no stranger's", plea{trunk: "carrier", claim: claimBad}, ruling{refused: 403}},
		{"stale credentials are asked again", plea{claim: claimStale}, ruling{refused: 401, challenge: true, stale: true}},
		{"a guesser hears nothing", plea{trunk: "carrier", claim: claimSilent}, ruling{silent: true}},
	} {
		if got := rule(c.plea); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

// proven sends an INVITE without credentials, and again with.
func (p *peer) proven(user, secret string, code int) {
	p.t.Helper()
	p.invite()
	challenged := p.expect(401)
	p.theirs = ""
	p.send("ACK", "sip:+61280000001@192.0.2.1", p.branch, p.seq-1, "")
	p.invite(authorization(p.t, challenged, "INVITE", "sip:+61280000001@192.0.2.1", user, secret, 1))
	p.expect(code)
}

func TestWhoIsCalling(t *testing.T) {
	t.Run("an agent from anywhere", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h, legs := handed()
			w := newWorld(t, UDP, h)
			w.from(strangerAddress).proven("alice", "alice-has-a-secret", 100)
			if leg := <-legs; leg.Peer() != (Peer{PeerAgent, "alice"}) {
				t.Errorf("taken for %v", leg.Peer())
			}
		})
	})
	t.Run("a trunk with a password", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			h, legs := handed()
			w := newWorld(t, UDP, h)
			w.from(strangerAddress).proven("trunk-2", "a-trunk-with-a-password", 100)
			if leg := <-legs; leg.Peer() != (Peer{PeerTrunk, "carrier-2"}) {
				t.Errorf("taken for %v", leg.Peer())
			}
		})
	})
	t.Run("a wrong password", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			w := newWorld(t, UDP, staff{})
			w.from(strangerAddress).proven("alice", "wrong", 403)
		})
	})
	t.Run("a registered phone at a trunk's address is asked", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			w := newWorld(t, UDP, staff{})
			phone := w.from(netip.AddrPortFrom(carrierAddress.Addr(), 6060))
			phone.register("alice", "alice-has-a-secret", 200, "Contact: <sip:alice@192.0.2.9:6060>")
			call := w.from(phone.at)
			call.invite()
			call.expect(401)
			other := w.from(carrierAddress) // the trunk itself is not
			other.invite()
			other.expect(100)
		})
	})
	t.Run("a directory that changes counts at once", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			w := newWorld(t, UDP, staff{})
			w.server.SetDirectory(&Directory{})
			p := w.from(carrierAddress)
			p.invite()
			p.expect(401)
		})
	})
}

func TestLimitsRefuseBeforeAnyWork(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h, legs := handed()
		w := newWorld(t, UDP, h)
		w.server.SetLimits(Limits{Calls: 2})
		p, q, r := w.from(carrierAddress), w.from(carrierAddress), w.from(carrierAddress)
		p.invite()
		p.expect(100)
		q.invite()
		q.expect(100)
		r.invite()
		if res := r.expect(503); res.GetHeader("Retry-After") == nil {
			t.Error("no Retry-After")
		}
		(<-legs).Hangup()
		w.expectRefusal(480)
		r.theirs = ""
		r.invite()
		r.expect(100)
	})
}

func TestLegsToAgentsTakeNoCallsPlace(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w, _, leg, _ := dialled(t)
		w.server.SetLimits(Limits{Calls: 1})
		p := w.from(carrierAddress)
		p.invite()
		p.expect(200)
		q := w.from(carrierAddress)
		q.invite()
		q.expect(503)
		if n := w.server.Calls(); n != 2 {
			t.Errorf("%d legs are alive, want 2", n)
		}
		leg.Hangup()
	})
}

// expectRefusal is the next response to anyone.
func (w *world) expectRefusal(code int) {
	w.t.Helper()
	w.from(carrierAddress).expect(code)
}

func TestRateOfCallsIsLimited(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h, _ := handed()
		w := newWorld(t, UDP, h)
		w.server.SetLimits(Limits{CallsPerSecond: 3})
		taken := 0
		for i := range 10 {
			p := w.from(carrierAddress)
			p.invite()
			m, _ := w.next()
			if i < 3 != (m.(interface{ IsProvisional() bool }).IsProvisional()) {
				t.Errorf("call %d: %s", i, m)
			} else if i < 3 {
				taken++
			}
		}
		time.Sleep(time.Second)
		p := w.from(carrierAddress)
		p.invite()
		p.expect(100)
		if taken != 3 {
			t.Errorf("%d taken", taken)
		}
	})
}

func TestDrainingRefusesWhatIsNewAndKeepsWhatIsThere(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w, p, leg := connected(t)
		q := w.from(carrierAddress)
		q.request("OPTIONS", "sip:192.0.2.1", "")
		q.expect(200)
		w.server.Drain()
		for _, method := range []string{"INVITE", "OPTIONS", "REGISTER"} {
			q := w.from(carrierAddress)
			q.request(method, "sip:+61280000001@192.0.2.1", "")
			if res := q.expect(503); res.GetHeader("Retry-After") == nil {
				t.Errorf("no Retry-After for %s", method)
			}
		}
		p.request("OPTIONS", p.inside(), "")
		p.expect(200)
		leg.Hangup()
		p.reply(p.expectRequest("BYE"), 200, "", "")
	})
}

func TestAnsweredRequestsAreCounted(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w, p, _ := connected(t)
		p.request("BYE", p.inside(), "")
		p.expect(200)
		q := w.from(strangerAddress)
		q.invite()
		q.expect(401)
		q = w.from(strangerAddress)
		q.request("BREW", "sip:192.0.2.1", "")
		q.expect(405)
		w.mu.Lock()
		defer w.mu.Unlock()
		if got := fmt.Sprint(w.counted); got != "map[BYE 200:1 INVITE 200:1 INVITE 401:1 other 405:1]" {
			t.Error(got)
		}
	})
}
