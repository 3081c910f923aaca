package sip

import (
	"crypto/md5"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// Algorithm is a digest algorithm (RFC 7616, RFC 8760).
type Algorithm string

// The algorithms served.
const (
	MD5    Algorithm = "MD5"
	SHA256 Algorithm = "SHA-256"
)

// sum is the hexadecimal digest of a text.
func (a Algorithm) sum(text string) string {
	if a == SHA256 {
		h := sha256.Sum256([]byte(text))
		return hex.EncodeToString(h[:])
	}
	h := md5.Sum([]byte(text))
	return hex.EncodeToString(h[:])
}

// challenge is the value of a WWW-Authenticate header.
func challenge(realm string, a Algorithm, nonce string, stale bool) string {
	text := fmt.Sprintf(`Digest realm="%s", nonce="%s", algorithm=%s, qop="auth"`, quote(realm), nonce, a)
	if stale {
		text += ", stale=true"
	}
	return text
}

// credentials are what an Authorization header says (RFC 7616 section 3.4).
type credentials struct {
	user, realm, nonce, uri, response, cnonce, qop string

	nc        uint32
	ncText    string
	algorithm Algorithm
}

// maxCredentials is the longest Authorization header read, in bytes; real ones have 300.
const maxCredentials = 2048

var errCredentials = errors.New("not digest credentials")

// parseCredentials reads the value of an Authorization header.
func parseCredentials(value string) (credentials, error) {
	scheme, rest, ok := strings.Cut(strings.TrimSpace(value), " ")
	if !ok || !strings.EqualFold(scheme, "digest") || len(value) > maxCredentials {
		return credentials{}, errCredentials
	}
	fields := map[string]string{}
	for rest = strings.TrimLeft(rest, " \t,"); rest != ""; rest = strings.TrimLeft(rest, " \t,") {
		name, after, ok := strings.Cut(rest, "=")
		if !ok {
			return credentials{}, errCredentials
		}
		name = strings.ToLower(strings.TrimSpace(name))
		if _, twice := fields[name]; twice {
			return credentials{}, errCredentials
		}
		if fields[name], rest, ok = fieldValue(strings.TrimLeft(after, " \t")); !ok {
			return credentials{}, errCredentials
		}
	}
	return fill(fields)
}

// fieldValue reads a token or a quoted string, and returns what comes after it.
func fieldValue(s string) (value, rest string, ok bool) {
	if !strings.HasPrefix(s, `"`) {
		end := strings.IndexAny(s, ", \t")
		if end < 0 {
			end = len(s)
		}
		return s[:end], s[end:], end > 0
	}
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return unquote(s[1:i]), s[i+1:], true
		}
	}
	return "", "", false
}

// fill checks the fields: we always ask for qop=auth, so nothing less is taken.
func fill(fields map[string]string) (credentials, error) {
	c := credentials{
		user: fields["username"], realm: fields["realm"], nonce: fields["nonce"], uri: fields["uri"],
		response: strings.ToLower(fields["response"]), cnonce: fields["cnonce"], qop: strings.ToLower(fields["qop"]),
		ncText: fields["nc"], algorithm: MD5,
	}
	switch strings.ToUpper(fields["algorithm"]) {
	case "", string(MD5):
	case string(SHA256):
		c.algorithm = SHA256
	default:
		return credentials{}, errCredentials
	}
	nc, err := strconv.ParseUint(c.ncText, 16, 32)
	if err != nil || len(c.ncText) != 8 || c.qop != "auth" || c.cnonce == "" || c.nonce == "" || c.uri == "" {
		return credentials{}, errCredentials
	}
	c.nc = uint32(nc)
	return c, nil
}

// proves tells whether the credentials were made with the secret, for a request of that method. The uri is taken as
// it was signed and not compared with the Request-URI, which proxies rewrite; a nonce counts once, so nothing signed
// can be used for another request.
func (c credentials) proves(secret, method string) bool {
	a := c.algorithm
	ha1 := a.sum(c.user + ":" + c.realm + ":" + secret)
	ha2 := a.sum(method + ":" + c.uri)
	want := a.sum(strings.Join([]string{ha1, c.nonce, c.ncText, c.cnonce, c.qop, ha2}, ":"))
	return subtle.ConstantTimeCompare([]byte(want), []byte(c.response)) == 1
}

// authenticate weighs the credentials for our realm that a request carries, if any, and returns them if they are good.
// The same work is done for names that nobody has.
func (s *Server) authenticate(f flow, req *sipgo.Request, d *Directory, now time.Time) (credentials, claim) {
	c, worth := s.credentialsIn(req)
	if worth != claimGood {
		return credentials{}, worth
	}
	_, answers := s.nonces.issued(f, c.nonce)
	suspect := guesser{f.remote.Addr(), c.user, answers}
	if s.guesses.silenced(suspect, now) {
		return credentials{}, claimSilent
	}
	account, known := d.Accounts[c.user]
	if !known {
		account.Secret = s.nonces.nobody
	}
	if !c.proves(account.Secret, string(req.Method)) || !known || account.Secret == "" {
		s.guesses.failed(suspect, now)
		return credentials{}, claimBad
	}
	s.guesses.right(suspect)
	if !s.nonces.use(f, c.nonce, c.nc, now) {
		return credentials{}, claimStale
	}
	return c, claimGood
}

// credentialsIn finds the credentials for our realm: claimGood when there are some that can be checked, claimBad
// when they are for our realm but make no sense.
func (s *Server) credentialsIn(req *sipgo.Request) (credentials, claim) {
	worth := claimNone
	for _, h := range req.GetHeaders("Authorization") {
		c, err := parseCredentials(h.Value())
		switch {
		case err != nil:
			if strings.Contains(h.Value(), `realm="`+quote(s.options.Realm)+`"`) {
				worth = claimBad
			}
		case c.realm == s.options.Realm:
			return c, claimGood
		}
	}
	return credentials{}, worth
}
