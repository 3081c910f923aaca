package sip

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"strings"

	sipgo "github.com/emiago/sipgo/sip"
	"go.uber.org/zap"
)

// What our messages say about us.
const (
	// product is the name in Server and User-Agent; without a version, which would only help an attacker.
	product = "Spillway"
	// allow are the methods that we serve.
	allow = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, REGISTER"
	// cookie begins every branch made by RFC 3261 (section 8.1.1.7).
	cookie = "z9hG4bK"
)

// phrases are the reason phrases of the codes that we send.
var phrases = map[int]string{
	100: "Trying", 180: "Ringing", 183: "Session Progress", 200: "OK",
	400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
	406: "Not Acceptable", 408: "Request Timeout", 415: "Unsupported Media Type", 416: "Unsupported URI Scheme", 420: "Bad Extension",
	422: "Session Interval Too Small", 423: "Interval Too Brief", 480: "Temporarily Unavailable",
	481: "Call/Transaction Does Not Exist", 482: "Merged Request", 483: "Too Many Hops", 486: "Busy Here",
	487: "Request Terminated", 488: "Not Acceptable Here", 489: "Bad Event", 491: "Request Pending",
	500: "Server Internal Error", 503: "Service Unavailable", 505: "Version Not Supported",
	600: "Busy Everywhere", 603: "Decline", 606: "Not Acceptable",
}

func phrase(code int) string {
	if text, ok := phrases[code]; ok {
		return text
	}
	return "Refused"
}

// maxPhrase is the longest reason phrase sent, in bytes.
const maxPhrase = 64

// safePhrase is what may be said in a status line: printable ASCII, of bounded length.
func safePhrase(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, text)
	return text[:min(len(text), maxPhrase)]
}

// response builds an answer to a request, under our tag (which 100 goes without).
func response(req *sipgo.Request, code int, reason, tag string) *sipgo.Response {
	if reason = safePhrase(reason); reason == "" {
		reason = phrase(code)
	}
	res := sipgo.NewResponseFromRequest(req, code, reason, nil)
	res.SipVersion = "SIP/2.0"
	if to := res.To(); to != nil && code != 100 && tagOf(req.To().Params) == "" {
		to.Params.Add("tag", tag)
	}
	received(res, req)
	res.AppendHeader(sipgo.NewHeader("Server", product))
	if code == 405 || code == 200 && (req.Method == sipgo.INVITE || req.Method == sipgo.OPTIONS) {
		res.AppendHeader(sipgo.NewHeader("Allow", allow))
		res.AppendHeader(sipgo.NewHeader("Supported", ""))
	}
	return res
}

// received notes in the Via of an answer where the request really came from, if that is not what it says (RFC 3261
// section 18.2.1; with rport sipgo has done so).
func received(res *sipgo.Response, req *sipgo.Request) {
	via := res.Via()
	source, err := netip.ParseAddrPort(req.Source())
	if via == nil || err != nil || via.Host == source.Addr().String() {
		return
	}
	via.Params.Add("received", source.Addr().String()) // in place of what the sender may have written there
}

// describe puts a session description into a message.
func describe(m sipgo.Message, sdp []byte) {
	if len(sdp) == 0 {
		return
	}
	m.AppendHeader(sipgo.NewHeader("Content-Type", typeSDP))
	m.SetBody(sdp)
}

// description is the session description in a message, nil when there is none.
func description(m sipgo.Message) []byte {
	if len(m.Body()) == 0 || mediaType(m) != typeSDP {
		return nil
	}
	return m.Body()
}

// tagOf is the tag among the parameters of a From or To header.
func tagOf(params sipgo.HeaderParams) string {
	tag, _ := param(params, "tag")
	return tag
}

// token returns n random bytes in hexadecimal.
func token(n int) string {
	raw := make([]byte, n)
	rand.Read(raw) // never fails: crypto/rand ends the program rather
	return hex.EncodeToString(raw)
}

// Random bytes in what must not be guessed (RFC 3261 section 19.3 wants 32 bits of tags, and more is better).
const (
	tagBytes    = 10
	branchBytes = 12
	callIDBytes = 16
)

func newTag() string { return token(tagBytes) }

// tagger makes the To tags of stateless answers: the same for each copy of a request, as RFC 3261 section 8.2.7
// demands, and not to be guessed by others.
type tagger struct{ key []byte }

func newTagger() tagger {
	key := make([]byte, sha256.Size)
	rand.Read(key)
	return tagger{key}
}

func (t tagger) tag(req *sipgo.Request) string {
	mac := hmac.New(sha256.New, t.key)
	mac.Write([]byte(transactionKey(req, req.Method)))
	if id := req.CallID(); id != nil {
		mac.Write([]byte(*id))
	}
	return hex.EncodeToString(mac.Sum(nil)[:tagBytes])
}

// methodLabel keeps the metric's methods to a closed list.
func methodLabel(m sipgo.RequestMethod) string {
	switch m {
	case sipgo.INVITE, sipgo.ACK, sipgo.CANCEL, sipgo.BYE, sipgo.REGISTER, sipgo.OPTIONS, sipgo.SUBSCRIBE,
		sipgo.NOTIFY, sipgo.REFER, sipgo.INFO, sipgo.MESSAGE, sipgo.PRACK, sipgo.UPDATE, sipgo.PUBLISH:
		return string(m)
	}
	return "other"
}

func errorField(err error) zap.Field              { return zap.Error(err) }
func remoteField(a netip.AddrPort) zap.Field      { return zap.Stringer("remote", a) }
func methodField(m sipgo.RequestMethod) zap.Field { return zap.String("method", methodLabel(m)) }
