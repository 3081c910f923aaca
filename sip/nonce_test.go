package sip

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// sharedKey is what the nodes of these tests sign with.
var sharedKey = []byte("a key of thirty-two random bytes")

// twoNodes are servers that take each other's nonces, and ask the same about what was used.
func twoNodes(t *testing.T, note NonceCount) (*world, *world) {
	t.Helper()
	a, b := newWorld(t, UDP, staff{}), newWorld(t, UDP, staff{})
	b.wire.at = netip.MustParseAddrPort("192.0.2.2:5060")
	a.server.ShareNonces(sharedKey, note)
	b.server.ShareNonces(sharedKey, note)
	return a, b
}

// to is the same phone, talking to another node.
func (p *peer) to(w *world) *peer {
	q := w.from(p.at)
	q.id, q.tag, q.seq = p.id, p.tag, p.seq
	return q
}

// challenged sends a REGISTER without credentials, and returns what makes answers to the challenge, each with a count.
func (p *peer) challenged() func(count int) string {
	p.t.Helper()
	p.registerRaw("alice", aliceContact)
	res := p.expect(401)
	return func(count int) string {
		return authorization(p.t, res, "REGISTER", registrarURI, "alice", "alice-has-a-secret", count)
	}
}

// expectStale is a challenge that says that the credentials were right but for their nonce.
func (p *peer) expectStale() {
	p.t.Helper()
	if h := p.expect(401).GetHeader("WWW-Authenticate"); !strings.Contains(h.Value(), "stale=true") {
		p.t.Errorf("the challenge is not for a stale nonce: %s", h.Value())
	}
}

func TestNonceOfOneNodeIsGoodAtAnother(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := twoNodes(t, nil)
		p := a.from(phoneAddress)
		proof := p.challenged()
		q := p.to(b)
		q.registerRaw("alice", aliceContact, proof(1))
		q.expect(200)
		q.registerRaw("alice", aliceContact, proof(1))
		q.expectStale() // replayed at the same node
		q.registerRaw("alice", aliceContact, proof(2))
		q.expect(200)

		elsewhere := b.from(netip.AddrPortFrom(phoneAddress.Addr(), phoneAddress.Port()+1))
		elsewhere.registerRaw("alice", aliceContact, proof(3))
		elsewhere.expectStale()
		time.Sleep(time.Minute)
		q.registerRaw("alice", aliceContact, proof(4))
		q.expectStale()
	})
}

func TestNonceOfAnotherKeyIsStale(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := twoNodes(t, nil)
		b.server.ShareNonces([]byte("quite another one"), nil)
		c := newWorld(t, UDP, staff{}) // shares nothing
		p := b.from(phoneAddress)
		proof := p.challenged()
		for _, w := range []*world{a, c} {
			q := p.to(w)
			q.registerRaw("alice", aliceContact, proof(1))
			q.expectStale()
		}
	})
}

func TestNoncesStayGoodWhenTheKeyIsReplaced(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, UDP, staff{})
		p := w.from(phoneAddress)
		proof := p.challenged()
		key := []byte("one key")
		w.server.ShareNonces(key, nil)
		copy(key, "another") // the caller's bytes are the caller's
		for range 3 {
			w.server.ShareNonces([]byte("one key"), nil) // the same again replaces nothing
			w.server.ShareNonces(nil, nil)
		}
		p.registerRaw("alice", aliceContact, proof(1))
		p.expect(200)
		p.registerRaw("alice", aliceContact, proof(1))
		p.expectStale()
		newer := p.challenged()
		w.server.ShareNonces([]byte("two keys"), nil)
		p.registerRaw("alice", aliceContact, newer(1))
		p.expect(200)
		p.registerRaw("alice", aliceContact, proof(2)) // two keys ago
		p.expectStale()
	})
}

func TestKeyIsReplacedWhileServing(t *testing.T) {
	n := newNonces(time.Minute)
	f := flow{newMemoryWire(UDP), phoneAddress}
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for range 100 {
				n.share([]byte{byte(i)}, nil)
				n.use(f, n.issue(f, time.Now()), 1, time.Now())
			}
		})
	}
	all.Wait()
}

// board is a store of counts that all nodes share.
type board struct {
	mu     sync.Mutex
	counts map[string]uint32
	asked  int
}

func (b *board) note(_ context.Context, nonce string, count uint32, life time.Duration) (bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked++
	fresh := count > b.counts[nonce] && life == time.Minute
	if fresh {
		b.counts[nonce] = count
	}
	return fresh, nil
}

func TestReplayAtAnotherNodeIsStaleWhereCountsAreShared(t *testing.T) {
	bubble(t, func(t *testing.T) {
		counts := &board{counts: map[string]uint32{}}
		a, b := twoNodes(t, counts.note)
		p := a.from(phoneAddress)
		proof := p.challenged()
		p.registerRaw("alice", aliceContact, proof(1))
		p.expect(200)
		p.again() // a copy by the same branch
		p.expect(200)
		q := p.to(b)
		q.registerRaw("alice", aliceContact, proof(1))
		q.expectStale()
		if live := b.server.Bindings("alice"); len(live) != 0 {
			t.Errorf("a replay made bindings: %+v", live)
		}
		q.registerRaw("alice", aliceContact, proof(2))
		q.expect(200)
		q.registerRaw("bob", aliceContact, proof(3)) // refused before anybody is asked
		q.expect(403)
		q.registerRaw("alice", aliceContact, proof(3))
		q.expectStale() // used at this node
		if counts.asked != 3 {
			t.Errorf("asked %d times", counts.asked)
		}
	})
}

func TestCallsDoNotWaitForCounts(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h, _ := handed()
		w := newWorld(t, UDP, h)
		w.server.ShareNonces(sharedKey, func(context.Context, string, uint32, time.Duration) (bool, error) {
			t.Error("asked for a call")
			return false, nil
		})
		start := time.Now()
		w.from(strangerAddress).proven("alice", "alice-has-a-secret", 100)
		if waited := time.Since(start); waited != 0 {
			t.Errorf("waited %v", waited)
		}
	})
}

// hanging is a store that never answers.
func hanging(ctx context.Context, _ string, _ uint32, _ time.Duration) (bool, error) {
	<-ctx.Done()
	return false, ctx.Err()
}

func TestRegistrationsAreTakenWhenTheStoreOfCountsHangs(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, UDP, staff{})
		w.server.ShareNonces(sharedKey, hanging)
		var phones []*peer
		for i := range uint16(20) {
			p := w.from(netip.AddrPortFrom(phoneAddress.Addr(), 6000+i))
			proof := p.challenged()
			p.registerRaw("alice", "Contact: <sip:alice@10.0.0.5>", proof(1))
			phones = append(phones, p)
		}
		start := time.Now()
		for range phones {
			m, sent := w.next()
			if res, ok := m.(*sipgo.Response); !ok || res.StatusCode != 200 {
				t.Errorf("answered:\n%s", sent.text)
			}
		}
		if waited := time.Since(start); waited != nonceCountTime {
			t.Errorf("all waited %v, want %v", waited, nonceCountTime)
		}
	})
}

func TestRegistrationIsTakenWhenTheStoreOfCountsFails(t *testing.T) {
	for name, note := range map[string]NonceCount{
		"error": func(context.Context, string, uint32, time.Duration) (bool, error) {
			return false, errors.New("no store")
		},
		"panic": func(context.Context, string, uint32, time.Duration) (bool, error) { panic("no store") },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := newWorld(t, UDP, staff{})
				w.server.ShareNonces(sharedKey, note)
				w.from(phoneAddress).register("alice", "alice-has-a-secret", 200, aliceContact)
			})
		})
	}
}

func TestRegistrationsOfOnePhoneKeepTheirOrderWhileCountsAreAsked(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var r roll
		w := newWorld(t, UDP, r.staff())
		slow := make(chan struct{})
		w.server.ShareNonces(sharedKey, func(_ context.Context, _ string, count uint32, _ time.Duration) (bool, error) {
			if count == 1 {
				<-slow
			}
			return true, nil
		})
		p := w.from(phoneAddress)
		proof := p.challenged()
		p.registerRaw("alice", aliceContact, proof(1))
		p.registerRaw("alice", aliceContact, "Expires: 0", proof(2))
		synctest.Wait()
		w.server.ShareNonces(nil, nil) // from now on nobody is asked
		p.registerRaw("alice", "Contact: <sip:alice@10.0.0.6>", proof(3))
		bob := w.from(carrierAddress)
		bob.register("bob", "bob-has-another-one", 200, aliceContact) // others are not behind it
		synctest.Wait()
		if said := r.take(); said != "bob 1" {
			t.Errorf("told %q", said)
		}
		close(slow)
		for range 3 {
			p.expect(200)
		}
		synctest.Wait()
		if said := r.take(); said != "alice 1, alice 0, alice 1" {
			t.Errorf("told %q", said)
		}
	})
}

func TestRegistrationsThatWaitForCountsAreBounded(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, UDP, staff{})
		w.wire.sent = make(chan packet, 2*registrarMailbox)
		w.server.ShareNonces(sharedKey, hanging)
		p := w.from(carrierAddress)
		proof := p.challenged()
		for i := range registrarMailbox {
			p.registerRaw("alice", aliceContact, proof(i+1))
			synctest.Wait()
		}
		if n := len(w.wire.sent); n != 0 {
			t.Errorf("%d answers before the store had its time", n)
		}
		p.registerRaw("alice", aliceContact, proof(registrarMailbox+1))
		if res := p.expect(503); res.GetHeader("Retry-After") == nil {
			t.Error("no Retry-After")
		}
		time.Sleep(nonceCountTime)
		for range registrarMailbox {
			p.expect(200)
		}
		p.register("alice", "alice-has-a-secret", 200, aliceContact)
		synctest.Wait()
		if r := w.server.registrar; r.waiting != 0 || len(r.lines) != 0 {
			t.Errorf("%d wait still, in %d lines", r.waiting, len(r.lines))
		}
	})
}

func TestClosingDoesNotWaitForAStoreOfCountsForLong(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, UDP, staff{})
		w.server.ShareNonces(sharedKey, hanging)
		p := w.from(phoneAddress)
		p.registerRaw("alice", aliceContact, p.challenged()(1))
		synctest.Wait()
		start := time.Now()
		w.server.Close()
		if waited := time.Since(start); waited > nonceCountTime {
			t.Errorf("waited %v", waited)
		}
	})
}
