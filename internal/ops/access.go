package ops

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// Token is a secret that lets its bearer use the API (RFC 6750).
type Token struct {
	Name   string // who it is in logs and revisions
	Secret string // never empty, never logged
	Read   bool   // may look
	Act    bool   // may change
}

// localUser is who acts where no tokens are set.
const localUser = "local"

// ErrNoTokens says that an API without tokens would be open to other machines.
var ErrNoTokens = errors.New("without http.tokens the API listens on a loopback address only")

// gate decides who may use the API. Without tokens it trusts this machine, and checks that a request was meant for it: a web
// page that makes its own name resolve to 127.0.0.1 sends that name as Host. With tokens a page is powerless, for a browser
// adds no token by itself, and the node may be called by any name. It is immutable.
type gate struct {
	tokens []hashedToken
}

// hashedToken is a token without its secret: digests have one length, so comparing them tells nothing about the secret's.
type hashedToken struct {
	name      string
	digest    [sha256.Size]byte
	read, act bool
}

func newGate(tokens []Token) gate {
	g := gate{}
	for _, t := range tokens {
		if t.Secret != "" { // nobody proves himself with nothing
			g.tokens = append(g.tokens, hashedToken{t.Name, sha256.Sum256([]byte(t.Secret)), t.Read, t.Act})
		}
	}
	return g
}

// open says whether anybody on this machine may do anything.
func (g gate) open() bool { return len(g.tokens) == 0 }

// host refuses a request that was meant for another name.
func (g gate) host(r *http.Request) error {
	if g.open() && !isLoopbackName(r.Host) {
		return refuse(http.StatusForbidden, "host_refused", "without tokens the API answers as localhost or a loopback address only")
	}
	return nil
}

// origin refuses a request that a browser sends for a page of another origin (RFC 6454), also one that hides where it is from.
func (g gate) origin(r *http.Request) error {
	refusal := refuse(http.StatusForbidden, "origin_refused", "a page of another origin may not use the API")
	for _, origin := range r.Header.Values("Origin") {
		u, err := url.Parse(origin)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || !strings.EqualFold(u.Host, r.Host) {
			return refusal
		}
	}
	if !isSafe(r.Method) {
		// Fetch metadata: none is the user himself, no header is no browser.
		if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" && site != "none" {
			return refusal
		}
	}
	return nil
}

// admit says who sends the request, if he may.
func (g gate) admit(r *http.Request) (who string, err error) {
	if g.open() {
		return localUser, nil
	}
	secret, err := bearer(r.Header.Values("Authorization"))
	if err != nil {
		return "", err
	}
	token := g.find(secret)
	switch {
	case token == nil:
		return "", unauthorized(`Bearer realm="spillway", error="invalid_token"`, "this token is not known")
	case isSafe(r.Method) && !token.read:
		return token.name, refuse(http.StatusForbidden, "forbidden", "this token may not read")
	case !isSafe(r.Method) && !token.act:
		return token.name, refuse(http.StatusForbidden, "forbidden", "this token may not act")
	}
	return token.name, nil
}

// find returns the token with a secret, or nil. It takes the same time wherever the token stands and whatever the secret is.
func (g gate) find(secret string) *hashedToken {
	digest := sha256.Sum256([]byte(secret))
	var found *hashedToken
	for i := range g.tokens {
		if subtle.ConstantTimeCompare(digest[:], g.tokens[i].digest[:]) == 1 {
			found = &g.tokens[i]
		}
	}
	return found
}

// bearer returns the secret of an Authorization header (RFC 6750 section 2.1).
func bearer(headers []string) (string, error) {
	if len(headers) == 0 {
		return "", unauthorized(`Bearer realm="spillway"`, "a token is needed: Authorization: Bearer ...")
	}
	scheme, secret, found := strings.Cut(headers[0], " ")
	secret = strings.TrimSpace(secret)
	if len(headers) > 1 || !found || !strings.EqualFold(scheme, "Bearer") || secret == "" {
		return "", unauthorized(`Bearer realm="spillway", error="invalid_request"`, "a token is needed: Authorization: Bearer ...")
	}
	return secret, nil
}

// unauthorized is a 401 with the challenge that it must carry (RFC 9110 section 11.6.1).
func unauthorized(challenge, message string) error {
	f := refuse(http.StatusUnauthorized, "unauthorized", message)
	f.header = http.Header{"Www-Authenticate": {challenge}}
	return f
}

// isSafe says whether a method only reads (RFC 9110 section 9.2.1).
func isSafe(method string) bool {
	return method == http.MethodGet || method == http.MethodHead
}

// isLoopbackName says whether a Host header names this machine in a way that no name server has a part in.
func isLoopbackName(hostport string) bool {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}
