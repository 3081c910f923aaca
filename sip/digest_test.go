package sip

import (
	"strings"
	"testing"
	"time"

	"github.com/icholy/digest"
)

func TestCredentialsOfAnIndependentClientAreProved(t *testing.T) {
	for _, a := range []Algorithm{MD5, SHA256} {
		c, err := digest.ParseChallenge(challenge(`kettle "works"`, a, "abc", false))
		if err != nil {
			t.Fatal(err)
		}
		cred, err := digest.Digest(c, digest.Options{Method: "REGISTER", URI: "sip:a", Username: "alice", Password: "s:e\"c", Count: 9})
		if err != nil {
			t.Fatal(err)
		}
		got, err := parseCredentials(cred.String())
		if err != nil {
			t.Fatalf("%s: %v", cred, err)
		}
		if got.nc != 9 || got.realm != `kettle "works"` || got.user != "alice" || got.algorithm != a {
			t.Errorf("read %+v from %s", got, cred)
		}
		if !got.proves("s:e\"c", "REGISTER") || got.proves("s:e\"c", "INVITE") || got.proves("other", "REGISTER") {
			t.Errorf("%s: proved wrongly", a)
		}
	}
}

// The example of RFC 7616 section 3.9.1, with the method and both algorithms.
func TestRFC7616_3_9_1_Example(t *testing.T) {
	const head = `Digest username="Mufasa", realm="http-auth@example.org", uri="/dir/index.html", ` +
		`nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", nc=00000001, ` +
		`cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", qop=auth, `
	for _, tail := range []string{
		`algorithm=MD5, response="8ca523f5e9506fed4657c9700eebdbec"`,
		`algorithm=SHA-256, response="753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"`,
	} {
		c, err := parseCredentials(head + tail)
		if err != nil || !c.proves("Circle of Life", "GET") {
			t.Errorf("%s: %v", tail, err)
		}
	}
}

func TestCredentialsThatMakeNoSense(t *testing.T) {
	const good = `Digest username="a", realm="r", nonce="n", uri="u", response="x", cnonce="c", nc=00000001, qop=auth`
	if _, err := parseCredentials(good); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		"", "Digest", "Basic YTpi", "Digest a", `Digest a="`, `Digest a="\`, "Digest =,", good + `, nonce="m"`,
		strings.Replace(good, "auth", "auth-int", 1), strings.Replace(good, ", qop=auth", "", 1),
		strings.Replace(good, "00000001", "1", 1), strings.Replace(good, "00000001", "0000000g", 1),
		good + ", algorithm=MD5-sess", good + strings.Repeat(" ", maxCredentials),
	} {
		if c, err := parseCredentials(text); err == nil {
			t.Errorf("%q was read as %+v", text, c)
		}
	}
}

func TestCredentialsForAnotherRealmAreNotOurs(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h, _ := handed()
		w := newWorld(t, UDP, h)
		p := w.from(carrierAddress)
		p.invite(`Authorization: Digest username="x", realm="elsewhere", nonce="n", uri="u", response="x", cnonce="c", nc=00000001, qop=auth`)
		p.expect(100) // the trunk's address counts
		q := w.from(carrierAddress)
		q.invite(`Authorization: Digest username="x", realm="` + testRealm + `", nonce="n"`)
		q.expect(403)
	})
}

func TestChallengesComeInTheConfiguredOrder(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, UDP, staff{})
		w.server.options.Digest = []Algorithm{SHA256, MD5}
		p := w.from(strangerAddress)
		p.invite()
		all := p.expect(401).GetHeaders("WWW-Authenticate")
		if len(all) != 2 || !strings.Contains(all[0].Value(), "algorithm=SHA-256") || !strings.Contains(all[1].Value(), "algorithm=MD5") {
			t.Errorf("%v", all)
		}
	})
}

func TestForgedNoncesAreWorthless(t *testing.T) {
	bubble(t, func(t *testing.T) {
		n := newNonces(time.Minute)
		f := flow{newMemoryWire(UDP), phoneAddress}
		good := n.issue(f, time.Now())
		for _, nonce := range []string{"", "x", "====", good[:len(good)-1], "A" + good[1:], newNonces(time.Minute).issue(f, time.Now())} {
			if n.use(f, nonce, 1, time.Now()) {
				t.Errorf("%q was taken", nonce)
			}
		}
		if n.use(f, good, 0, time.Now()) || !n.use(f, good, 1, time.Now()) || n.use(f, good, 1, time.Now()) {
			t.Error("counts are not judged")
		}
		time.Sleep(2 * time.Minute)
		n.forget(time.Now())
		if len(n.used) != 0 {
			t.Error("an old nonce is remembered")
		}
	})
}

func TestMemoryOfGuessersIsBounded(t *testing.T) {
	g := newGuesses()
	now := time.Now()
	for i := range maxGuessers + 100 {
		g.failed(guesser{phoneAddress.Addr(), strings.Repeat("x", i%100) + string(rune(i)), true}, now)
	}
	if len(g.count) > maxGuessers {
		t.Errorf("%d remembered", len(g.count))
	}
	g.forget(now.Add(silence))
	if len(g.count) != 0 {
		t.Error("old failures are remembered")
	}
}

func FuzzParseCredentials(f *testing.F) {
	f.Add(`Digest username="a", realm="r", nonce="n", uri="u", response="x", cnonce="c", nc=00000001, qop=auth`)
	f.Add(`digest username="a\"b" ,, realm=r,algorithm=SHA-256`)
	f.Add("Digest \x00=\xff")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := parseCredentials(text)
		if err == nil && (c.nonce == "" || c.qop != "auth" || len(c.ncText) != 8) {
			t.Errorf("%q was read as %+v", text, c)
		}
	})
}
