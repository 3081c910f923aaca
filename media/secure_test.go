package media

import (
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"github.com/spillway-voice/spillway/media/codec"
	"github.com/spillway-voice/spillway/media/sdp"
	"github.com/spillway-voice/spillway/media/srtp"
)

// secured opens a session whose sound is protected, or may be.
func (w *wire) secured(security sdp.Security) *Session {
	w.t.Helper()
	s, err := w.engine.Open(SessionOptions{Signalling: farAway, Security: security})
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

// crypto is an a=crypto line with a new key.
func crypto(t *testing.T, suite sdp.Suite) (key sdp.Crypto, line string) {
	t.Helper()
	key, err := srtp.NewKey(suite)
	if err != nil {
		t.Fatal(err)
	}
	master, salt := key.Master()
	return key, fmt.Sprintf("a=crypto:1 %s inline:%s\r\n", suite, base64.StdEncoding.EncodeToString(append(master, salt...)))
}

var cryptoLine = regexp.MustCompile(`a=crypto:\d+ (\S+) inline:(\S+)`)

// keyIn is the key of an answer.
func keyIn(t *testing.T, answer string) sdp.Crypto {
	t.Helper()
	found := cryptoLine.FindStringSubmatch(answer)
	if found == nil {
		t.Fatalf("no key in\n%s", answer)
	}
	secret, err := base64.StdEncoding.DecodeString(found[2])
	if err != nil {
		t.Fatal(err)
	}
	suite, _ := sdp.ParseSuite(found[1])
	key, err := sdp.NewCrypto(suite, secret)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// protect agrees on a protected session by a new key of the talker's, or the same as before.
func (p *talker) protect(s *Session, suite sdp.Suite) string {
	p.w.t.Helper()
	key, line := crypto(p.w.t, suite)
	p.more = line
	answer := p.agree(s)
	p.mu.Lock()
	defer p.mu.Unlock()
	secure, err := p.secure.Rekey(key, keyIn(p.w.t, answer))
	if err != nil {
		p.w.t.Fatal(err)
	}
	p.secure = secure
	return answer
}

var everySuite = []sdp.Suite{sdp.AESCM128HMACSHA80, sdp.AESCM128HMACSHA32, sdp.AEADAES128GCM}

func TestProtectedSoundCrossesABridgeToProtectedAndPlainSound(t *testing.T) {
	for _, suite := range everySuite {
		for _, codecs := range []pair{{codec.PCMU, codec.PCMU}, {codec.PCMU, codec.PCMA}, {codec.PCMU, codec.G722}} {
			for _, both := range []bool{true, false} {
				t.Run(fmt.Sprint(suite, " ", codecs, " ", both), func(t *testing.T) {
					onWire(t, allCodecs, func(w *wire) {
						a, b := w.talker(4000, codecs.a), w.talker(5000, codecs.b)
						b.hz = 600
						one, other := w.secured(sdp.Required), w.secured(sdp.Optional)
						a.protect(one, suite)
						if both {
							b.protect(other, suite)
						} else {
							b.agree(other)
						}
						one.Background(Tone(800, -9, 0))
						time.Sleep(300 * time.Millisecond)
						assertTone(t, "who waits", listened(a.codec, a.heard())[a.codec.SampleRate()/25:], 800, a.codec.SampleRate(), 20, 30)
						if err := Bridge(one, other); err != nil {
							t.Fatal(err)
						}
						talkAll(300*time.Millisecond, a, b)
						a.heard()
						b.heard()
						talkAll(time.Second, a, b)
						toA, toB := a.heard(), b.heard()
						assertStream(t, a.codec, toA, true)
						assertStream(t, b.codec, toB, true)
						assertTone(t, "a", listened(a.codec, toA)[a.codec.SampleRate()/10:], 600, a.codec.SampleRate(), 15, 25)
						assertTone(t, "b", listened(b.codec, toB)[b.codec.SampleRate()/10:], 1000, b.codec.SampleRate(), 15, 25)
						a.pressKey('8', 100*time.Millisecond)
						if keys := eventKeys(t, b.heard(), b.events); keys != "8" {
							t.Errorf("b hears keys %q", keys)
						}
						if stats := one.Stats(); stats.Invalid+stats.Unsent > 0 {
							t.Errorf("stats %+v", stats)
						}
					})
				})
			}
		}
	}
}

func TestReportsOfAProtectedSessionAreProtectedAndHeard(t *testing.T) {
	for _, suite := range everySuite {
		onWire(t, nil, func(w *wire) {
			p, s := w.talker(4000, codec.PCMU), w.secured(sdp.Required)
			p.protect(s, suite)
			for range 4 {
				p.talk(5 * time.Second)
				block := rtcp.ReceptionReport{SSRC: s.out.stream(), FractionLost: 10, TotalLost: 7, Jitter: 80}
				raw, err := (&rtcp.ReceiverReport{SSRC: p.header.SSRC, Reports: []rtcp.ReceptionReport{block}}).Marshal()
				if err != nil {
					t.Fatal(err)
				}
				p.report(raw)
			}
			synctest.Wait()
			senders := 0
			for _, packet := range p.reported() {
				if _, ok := packet.(*rtcp.SenderReport); ok {
					senders++
				}
			}
			if q := s.Quality(); senders < 2 || q.Sent.Lost != 7 || q.Sent.Jitter != 10*time.Millisecond {
				t.Errorf("%v: %d reports came, and theirs told of %+v", suite, senders, q.Sent)
			}
			before := s.Stats().Invalid
			plain, err := (&rtcp.ReceiverReport{SSRC: p.header.SSRC}).Marshal()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := p.reporter.WriteToUDPAddrPort(plain, above(p.to)); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if n := s.Stats().Invalid - before; n != 1 {
				t.Errorf("a report in the clear counts %d times as invalid", n)
			}
		})
	}
}

func TestAProtectedStreamOutlivesOtherAgreements(t *testing.T) {
	for _, suite := range everySuite {
		onWire(t, allCodecs, func(w *wire) {
			a, b := w.talker(4000, codec.PCMU), w.talker(5000, codec.PCMU)
			one, other := w.secured(sdp.Required), w.open()
			keys := map[string]bool{cryptoLine.FindStringSubmatch(a.protect(one, suite))[2]: true}
			b.agree(other)
			if err := Bridge(one, other); err != nil {
				t.Fatal(err)
			}
			check := func(what string) {
				t.Helper()
				talkAll(500*time.Millisecond, a, b)
				toA, toB := a.heard(), b.heard()
				if len(toA) < 24 || len(toB) < 24 {
					t.Errorf("%v, %s: %d and %d packets in half a second", suite, what, len(toA), len(toB))
				}
				assertStream(t, a.codec, toA, false)
				assertTone(t, "a, "+what, listened(a.codec, toA)[a.codec.SampleRate()/5:], 1000, a.codec.SampleRate(), 10, 25)
				assertTone(t, "b, "+what, listened(b.codec, toB)[b.codec.SampleRate()/5:], 1000, b.codec.SampleRate(), 10, 25)
			}
			check("at first")
			a.agree(one) // the same keys
			check("after a session refresh")
			hold := a.more
			a.more = hold + "a=sendonly\r\n"
			a.agree(one)
			talkAll(200*time.Millisecond, a, b)
			a.more = hold
			a.agree(one)
			a.heard()
			b.heard()
			check("after a hold")
			a.protect(one, suite)
			check("after a new key of theirs")
			var suites []sdp.Suite
			for _, another := range everySuite {
				if another != suite {
					suites = append(suites, another)
				}
			}
			for _, another := range append(suites, suite) {
				answer := a.protect(one, another)
				check("after another suite")
				if found := cryptoLine.FindStringSubmatch(answer)[2]; keys[found] {
					t.Error("a key of ours came again")
				} else {
					keys[found] = true
				}
			}
			a.speak(codec.G722)
			a.agree(one)
			check("after another codec")
			if stats := one.Stats(); stats.Invalid > 2 {
				t.Errorf("stats %+v", stats)
			}
		})
	}
}

func TestAProtectedSessionStaysSo(t *testing.T) {
	onWire(t, nil, func(w *wire) {
		p, s := w.talker(4000, codec.PCMU), w.secured(sdp.Optional)
		p.protect(s, sdp.AEADAES128GCM)
		p.talk(200 * time.Millisecond)
		p.heard()
		more := p.more
		p.more = ""
		var refusal *Refusal
		if _, err := s.Answer(p.describe()); !errors.As(err, &refusal) || refusal.Code != 488 {
			t.Fatalf("without keys: %v, want a 488", err)
		}
		p.more = more
		p.talk(200 * time.Millisecond)
		if got := p.heard(); len(got) != 10 {
			t.Errorf("%d packets that open after the refusal, want 10", len(got))
		}
	})
}

func TestWhatIsRequiredAndWhatIsOptional(t *testing.T) {
	for _, c := range []struct {
		security sdp.Security
		offered  bool
		secure   bool
		refused  bool
	}{
		{sdp.Required, false, false, true},
		{sdp.Required, true, true, false},
		{sdp.Optional, false, false, false},
		{sdp.Optional, true, true, false},
		{sdp.Off, true, false, true},
		{sdp.Off, false, false, false},
	} {
		onWire(t, nil, func(w *wire) {
			p, s := w.talker(4000, codec.PCMU), w.secured(c.security)
			var key sdp.Crypto
			if c.offered {
				key, p.more = crypto(t, sdp.AESCM128HMACSHA80)
			}
			answer, err := s.Answer(p.describe())
			var refusal *Refusal
			if refused := errors.As(err, &refusal) && refusal.Code == 488; refused != c.refused || (err != nil) != refused {
				t.Errorf("%v, offered %v: %v", c.security, c.offered, err)
			}
			if secure := strings.Contains(string(answer), "a=crypto"); secure != c.secure {
				t.Errorf("%v, offered %v: secured %v", c.security, c.offered, secure)
			} else if secure {
				p.mu.Lock()
				defer p.mu.Unlock()
				if p.secure, err = srtp.New(key, keyIn(t, string(answer))); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// TestForgedPacketsAreDroppedAndCounted has the far end's own address send what is not protected by its key.
func TestForgedPacketsAreDroppedAndCounted(t *testing.T) {
	for _, suite := range everySuite {
		onWire(t, nil, func(w *wire) {
			a, b := w.talker(4000, codec.PCMU), w.talker(5000, codec.PCMU)
			one, other := w.secured(sdp.Required), w.open()
			a.protect(one, suite)
			b.agree(other)
			if err := Bridge(one, other); err != nil {
				t.Fatal(err)
			}
			a.talk(200 * time.Millisecond)
			b.heard()
			forger, err := srtp.New(newKey(t, suite), newKey(t, suite))
			if err != nil {
				t.Fatal(err)
			}
			for i := range 50 {
				packet := rtp.Packet{Header: a.header, Payload: make([]byte, FrameSize)}
				packet.SequenceNumber += uint16(i)
				raw, err := packet.Marshal()
				if err != nil {
					t.Fatal(err)
				}
				if _, err := a.sound.WriteToUDPAddrPort(raw, a.to); err != nil { // in the clear
					t.Fatal(err)
				}
				forged, err := forger.Protect(nil, raw)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := a.sound.WriteToUDPAddrPort(forged, a.to); err != nil {
					t.Fatal(err)
				}
			}
			synctest.Wait()
			if stats, got := one.Stats(), len(b.heard()); stats.Invalid != 100 || got != 0 {
				t.Errorf("stats %+v, and %d packets went through", stats, got)
			}
			a.talk(200 * time.Millisecond)
			if got := len(b.heard()); got != 10 {
				t.Errorf("%d packets after that, want 10", got)
			}
		})
	}
}

// newKey makes a key.
func newKey(t *testing.T, suite sdp.Suite) sdp.Crypto {
	t.Helper()
	key, err := srtp.NewKey(suite)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// TestTheNumbersOfAProtectedStreamWrapAround runs a bridge on which those of both sides begin shortly before their end.
func TestTheNumbersOfAProtectedStreamWrapAround(t *testing.T) {
	onWire(t, nil, func(w *wire) {
		a, b := w.talker(4000, codec.PCMU), w.talker(5000, codec.PCMU)
		one, other := w.secured(sdp.Required), w.secured(sdp.Required)
		a.packet, a.more = 60*time.Millisecond, ""
		a.protect(one, sdp.AEADAES128GCM)
		b.protect(other, sdp.AESCM128HMACSHA80)
		other.out.mu.Lock()
		other.out.sequence = 65000
		other.out.mu.Unlock()
		a.header.SequenceNumber = 64000
		if err := Bridge(one, other); err != nil {
			t.Fatal(err)
		}
		lost := 0
		for range 30 {
			a.talk(100 * a.packet)
			if got := b.heard(); len(got) < 100 {
				lost += 100 - len(got)
			}
		}
		if stats := one.Stats(); lost > 0 || stats.Invalid > 0 || stats.Lost > 0 {
			t.Errorf("%d packets did not come, stats %+v", lost, stats)
		}
	})
}

// TestTwoOfOursAgreeOnProtectedSound has one session of ours call another, with an offer that says what it would like.
func TestTwoOfOursAgreeOnProtectedSound(t *testing.T) {
	for _, c := range []struct {
		one, other sdp.Security
		secured    bool
	}{{sdp.Optional, sdp.Optional, true}, {sdp.Required, sdp.Required, true}, {sdp.Required, sdp.Optional, true}, {sdp.Optional, sdp.Off, false}} {
		onWire(t, allCodecs, func(w *wire) {
			one, other := w.secured(c.one), w.secured(c.other)
			for _, s := range []*Session{one, other} {
				s.SetSignalling(ours)
			}
			offer, err := one.Offer()
			if err != nil {
				t.Fatal(err)
			}
			answer, err := other.Answer(offer)
			if err != nil {
				t.Fatal(err)
			}
			if err := one.Accept(answer); err != nil {
				t.Fatal(err)
			}
			if secured := one.far.Load().secure != nil && other.far.Load().secure != nil; secured != c.secured {
				t.Errorf("%v and %v: secured %v", c.one, c.other, secured)
			}
			ears := [2]*ear{{}, {}}
			for i, s := range []*Session{one, other} {
				s.Background(Tone([]float64{600, 900}[i], -9, 0))
				defer s.Tap(ears[1-i])()
			}
			time.Sleep(2 * time.Second)
			synctest.Wait()
			for i, e := range ears {
				var pcm []int16
				for _, sound := range e.sounds[10:] {
					pcm = append(pcm, sound.PCM...)
				}
				assertTone(t, fmt.Sprint("ear ", i), pcm, []float64{600, 900}[i], e.sounds[10].Rate, 15, 25)
			}
			if stats := w.engine.Stats(); stats.Invalid+stats.Unsent+stats.Strangers > 0 {
				t.Errorf("%v and %v: stats %+v", c.one, c.other, stats)
			}
		})
	}
}
