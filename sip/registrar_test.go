package sip

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
	"github.com/icholy/digest"
)

// roll notes what the handler is told about agents.
type roll struct {
	mu   sync.Mutex
	said []string
}

func (r *roll) staff() staff {
	return staff{registered: func(agent string, live []Binding) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.said = append(r.said, fmt.Sprintf("%s %d", agent, len(live)))
	}}
}

func (r *roll) take() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	text := strings.Join(r.said, ", ")
	r.said = nil
	return text
}

// authorization answers a challenge.
func authorization(t *testing.T, res *sipgo.Response, method, uri, user, secret string, count int) string {
	t.Helper()
	c, err := digest.ParseChallenge(res.GetHeader("WWW-Authenticate").Value())
	if err != nil {
		t.Fatal(err)
	}
	cred, err := digest.Digest(c, digest.Options{Method: method, URI: uri, Username: user, Password: secret, Count: count})
	if err != nil {
		t.Fatal(err)
	}
	return "Authorization: " + cred.String()
}

const registrarURI = "sip:calls.kettle.example"

// register sends a REGISTER for an account, and again with credentials, and returns the answer to that.
func (p *peer) register(user, secret string, code int, headers ...string) *sipgo.Response {
	p.t.Helper()
	p.registerRaw(user, headers...)
	challenged := p.expect(401)
	proof := authorization(p.t, challenged, "REGISTER", registrarURI, user, secret, 1)
	p.registerRaw(user, append(slices.Clone(headers), proof)...)
	return p.expect(code)
}

func (p *peer) registerRaw(user string, headers ...string) {
	text := fmt.Sprintf("REGISTER %s SIP/2.0\nVia: SIP/2.0/%s %s;branch=%s;rport\nFrom: <sip:%s@calls.kettle.example>;tag=%s\n"+
		"To: <sip:%s@calls.kettle.example>\nCall-ID: %s\nCSeq: %d REGISTER\n",
		registrarURI, p.wire.kind, p.at, cookie+newTag(), user, p.tag, user, p.id, p.seq)
	p.seq++
	for _, h := range headers {
		text += h + "\n"
	}
	p.raw(text + "Content-Length: 0\n\n")
}

const aliceContact = "Contact: <sip:alice@10.0.0.5:5062>"

func TestPhoneRegistersAndIsDialledWhereItCameFrom(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var r roll
		w := newWorld(t, UDP, r.staff())
		p := w.from(phoneAddress)
		res := p.register("alice", "alice-has-a-secret", 200, aliceContact, "Expires: 60")
		if got := res.GetHeaders("Contact")[0].Value(); got != "<sip:alice@10.0.0.5:5062>;expires=60" {
			t.Errorf("contact %q", got)
		}
		synctest.Wait()
		if said := r.take(); said != "alice 1" {
			t.Errorf("told %q", said)
		}
		live := w.server.Bindings("alice")
		if len(live) != 1 || live[0].Source != phoneAddress || live[0].Contact != "sip:alice@10.0.0.5:5062" {
			t.Fatalf("bindings %+v", live)
		}
		if _, err := w.server.Dial(context.Background(), Invite{Binding: live[0]}); err != nil {
			t.Fatal(err)
		}
		if _, sent := w.next(); sent.to != phoneAddress {
			t.Errorf("dialled at %s", sent.to)
		}
	})
}

func TestRegistrationExpiresAndIsNotDialledAfterwards(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var r roll
		w := newWorld(t, UDP, r.staff())
		p := w.from(phoneAddress)
		p.register("alice", "alice-has-a-secret", 200, aliceContact, "Expires: 60")
		old := w.server.Bindings("alice")[0]
		time.Sleep(60 * time.Second)
		if live := w.server.Bindings("alice"); len(live) != 0 {
			t.Errorf("bindings %+v", live)
		}
		if _, err := w.server.Dial(context.Background(), Invite{Binding: old}); err != ErrExpired {
			t.Errorf("Dial: %v", err)
		}
		time.Sleep(2 * sweepInterval)
		if said := r.take(); said != "alice 1, alice 0" {
			t.Errorf("told %q", said)
		}
	})
}

func TestRegistrationIsRefreshedAndGrantedWithinBounds(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var r roll
		w := newWorld(t, UDP, r.staff())
		p := w.from(phoneAddress)
		res := p.register("alice", "alice-has-a-secret", 200, aliceContact, "Expires: 7200")
		if got := res.GetHeaders("Contact")[0].Value(); !strings.HasSuffix(got, ";expires=120") {
			t.Errorf("granted %q", got)
		}
		made := w.server.Bindings("alice")[0].Registered
		time.Sleep(30 * time.Second)
		p.register("alice", "alice-has-a-secret", 200, aliceContact+";expires=30")
		b := w.server.Bindings("alice")[0]
		if !b.Registered.Equal(made) || time.Until(b.Expires) != 30*time.Second {
			t.Errorf("refreshed to %+v", b)
		}
		res = p.register("alice", "alice-has-a-secret", 423, aliceContact, "Expires: 29")
		if h := res.GetHeader("Min-Expires"); h == nil || h.Value() != "30" {
			t.Errorf("Min-Expires %v", h)
		}
		synctest.Wait()
		if said := r.take(); said != "alice 1, alice 1" {
			t.Errorf("told %q", said)
		}
	})
}

func TestSeveralContactsAndTheWildcard(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, UDP, staff{})
		p := w.from(phoneAddress)
		p.register("alice", "alice-has-a-secret", 200, aliceContact+", <sip:alice@10.0.0.6>")
		q := w.from(strangerAddress)
		q.register("alice", "alice-has-a-secret", 200, "Contact: <sip:alice@203.0.113.66>")
		res := p.register("alice", "alice-has-a-secret", 200) // a question
		if n := len(res.GetHeaders("Contact")); n != 3 {
			t.Errorf("%d contacts", n)
		}
		p.register("alice", "alice-has-a-secret", 200, "Contact: <sip:alice@10.0.0.6>;expires=0")
		if live := w.server.Bindings("alice"); len(live) != 2 {
			t.Errorf("bindings %+v", live)
		}
		p.register("alice", "alice-has-a-secret", 400, "Contact: *", "Expires: 60")
		p.register("alice", "alice-has-a-secret", 400, "Contact: *")
		p.register("alice", "alice-has-a-secret", 400, "Contact: *", aliceContact, "Expires: 0")
		if live := w.server.Bindings("alice"); len(live) != 2 {
			t.Errorf("a refused request changed the bindings: %+v", live)
		}
		p.register("alice", "alice-has-a-secret", 200, "Contact: *", "Expires: 0")
		if live := w.server.Bindings("alice"); len(live) != 0 {
			t.Errorf("bindings %+v", live)
		}
	})
}

func TestContactsAreBounded(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, UDP, staff{})
		p := w.from(phoneAddress)
		var many []string
		for i := range contactsPerAccount + 1 {
			many = append(many, fmt.Sprintf("<sip:alice@10.0.0.%d>", i))
		}
		p.register("alice", "alice-has-a-secret", 403, "Contact: "+strings.Join(many, ", "))
		p.register("alice", "alice-has-a-secret", 200, "Contact: "+strings.Join(many[1:], ", "))
		p.register("alice", "alice-has-a-secret", 400, "Contact: <sip:"+strings.Repeat("a", maxContact)+"@10.0.0.5>")
		p.register("alice", "alice-has-a-secret", 416, "Contact: <tel:+61280000001>")
	})
}

func TestRFC3261_10_3_OrderOfRegistrations(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, UDP, staff{})
		p := w.from(phoneAddress)
		p.seq = 10
		p.register("alice", "alice-has-a-secret", 200, aliceContact)
		p.seq = 5
		p.register("alice", "alice-has-a-secret", 500, aliceContact+";expires=0")
		if len(w.server.Bindings("alice")) != 1 {
			t.Error("an old request removed the binding")
		}
		p.id = "another-boot"
		p.seq = 1
		p.register("alice", "alice-has-a-secret", 200, aliceContact)
	})
}

func TestRegisterForSomebodyElseIsForbidden(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, UDP, staff{})
		p := w.from(phoneAddress)
		p.registerRaw("bob", aliceContact)
		proof := authorization(t, p.expect(401), "REGISTER", registrarURI, "alice", "alice-has-a-secret", 1)
		p.registerRaw("bob", aliceContact, proof)
		p.expect(403)
		p.register("trunk-2", "a-trunk-with-a-password", 403, aliceContact)
		if len(w.server.Bindings("bob"))+len(w.server.Bindings("trunk-2")) != 0 {
			t.Error("a binding was made")
		}
	})
}

func TestStrangersCannotTellWhichNamesExist(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, UDP, staff{})
		var answers []string
		for _, user := range []string{"alice", "nobody"} {
			p := w.from(phoneAddress)
			p.registerRaw(user, aliceContact)
			challenged := p.expect(401)
			proof := authorization(t, challenged, "REGISTER", registrarURI, user, "wrong", 1)
			p.registerRaw(user, aliceContact, proof)
			var names []string
			for _, h := range p.expect(403).Headers() {
				names = append(names, h.Name())
			}
			answers = append(answers, strings.Join(names, " "))
		}
		if answers[0] != answers[1] {
			t.Errorf("alice: %s\nnobody: %s", answers[0], answers[1])
		}
	})
}

func TestGuessingIsAnsweredWithSilence(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, UDP, staff{})
		p := w.from(phoneAddress)
		for range guessesAllowed {
			p.register("alice", "wrong", 403, aliceContact)
		}
		p.registerRaw("alice", aliceContact)
		proof := authorization(t, p.expect(401), "REGISTER", registrarURI, "alice", "alice-has-a-secret", 1)
		p.registerRaw("alice", aliceContact, proof)
		w.quiet(50 * time.Second)
		q := w.from(strangerAddress) // the real alice, elsewhere, is not locked out
		q.register("alice", "alice-has-a-secret", 200, aliceContact)
		time.Sleep(15 * time.Second)
		p.register("alice", "alice-has-a-secret", 200, "Contact: <sip:alice@10.0.0.6>")
	})
}

// forged sends a REGISTER with credentials for a nonce that we never issued.
func (p *peer) forged(user string) {
	p.registerRaw(user, aliceContact, `Authorization: Digest username="`+user+`", realm="`+testRealm+
		`", nonce="made-up", uri="`+registrarURI+`", response="00", cnonce="c", nc=00000001, qop=auth, algorithm=MD5`)
}

func TestForgedSourceSilencesNobody(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, UDP, staff{})
		forger := w.from(netip.AddrPortFrom(phoneAddress.Addr(), 9))
		for range guessesAllowed {
			forger.forged("alice")
			forger.expect(403)
			forger.theirs = ""
		}
		forger.forged("alice")
		w.quiet(10 * time.Second)
		w.from(phoneAddress).register("alice", "alice-has-a-secret", 200, aliceContact)
	})
}

func TestBadCredentialsLeaveNothingBehind(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, UDP, staff{})
		source := netip.MustParseAddr("203.0.113.1")
		for range 100 {
			p := w.from(netip.AddrPortFrom(source, 5060))
			p.forged("alice")
			p.expect(403)
			source = source.Next()
		}
		w.server.transactions.mu.Lock()
		defer w.server.transactions.mu.Unlock()
		if n := len(w.server.transactions.incoming); n != 0 {
			t.Errorf("%d transactions are remembered", n)
		}
	})
}

func TestNonceIsGoodForOneFlowOneMinuteAndEachCountOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, UDP, staff{})
		p := w.from(phoneAddress)
		p.registerRaw("alice", aliceContact)
		challenged := p.expect(401)
		proof := func(count int) string {
			return authorization(t, challenged, "REGISTER", registrarURI, "alice", "alice-has-a-secret", count)
		}
		stale := func(why string) {
			t.Helper()
			if h := p.expect(401).GetHeader("WWW-Authenticate"); !strings.Contains(h.Value(), "stale=true") {
				t.Errorf("%s: %s", why, h.Value())
			}
		}
		first := proof(1)
		p.registerRaw("alice", aliceContact, first)
		p.expect(200)
		p.again() // a copy by the same branch is answered by the transaction
		p.expect(200)
		p.registerRaw("alice", aliceContact, first)
		stale("replayed")
		p.registerRaw("alice", aliceContact, proof(2))
		p.expect(200)
		p.at = netip.AddrPortFrom(p.at.Addr(), p.at.Port()+1)
		p.registerRaw("alice", aliceContact, proof(3))
		stale("another flow")
		p.at = phoneAddress
		time.Sleep(time.Minute)
		p.registerRaw("alice", aliceContact, proof(4))
		stale("too old")
	})
}

func TestClosedConnectionTakesItsBindings(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var r roll
		w := newWorld(t, TCP, r.staff())
		p := w.from(phoneAddress)
		p.register("alice", "alice-has-a-secret", 200, aliceContact)
		w.server.registrar.gone(w.wire.number + 1) // somebody else's
		w.server.registrar.gone(w.wire.number)
		synctest.Wait()
		if said := r.take(); said != "alice 1, alice 0" {
			t.Errorf("told %q", said)
		}
		if w.server.registrar.registered(flow{w.wire, phoneAddress}) {
			t.Error("the flow still counts as registered")
		}
	})
}

func TestPanicInTheHandlerDoesNotStopTheRegistrar(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, UDP, staff{registered: func(string, []Binding) { panic("no seat") }})
		p := w.from(phoneAddress)
		p.register("alice", "alice-has-a-secret", 200, aliceContact)
		p.register("alice", "alice-has-a-secret", 200, aliceContact)
		synctest.Wait()
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.panics != 2 {
			t.Errorf("%d panics counted", w.panics)
		}
	})
}
