package sip

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	sipgo "github.com/emiago/sipgo/sip"
)

// plausible is the cheap look at a message before it costs a parse: it must have a first line with SIP/ in it, an
// end of its headers, and no control characters among them. Keep-alives (empty lines) fail it, too.
func plausible(message []byte) bool {
	head := bytes.Index(message, []byte("\r\n\r\n"))
	if head < 0 {
		return false
	}
	first, _, _ := bytes.Cut(message[:head], []byte("\r\n"))
	if !bytes.Contains(first, []byte("SIP/")) {
		return false
	}
	for i := 0; i < head; i++ {
		switch c := message[i]; {
		case c == '\r':
			if message[i+1] != '\n' {
				return false
			}
			i++
		case c < ' ' && c != '\t', c == 0x7f:
			return false
		}
	}
	return true
}

// A fault is what is wrong with a request, as it is answered.
type fault struct {
	code    int
	reason  string         // "" for the usual phrase
	headers []sipgo.Header // that go with the code
	tag     string         // our To tag, "" for a stateless one
}

// Limits of what is worth reading.
const (
	maxCallID  = 256 // bytes; the longest seen in the field are around 100
	maxHeaders = 128 // lines
	minSE      = 90  // seconds, RFC 4028 section 5
)

// normalise mends what sipgo's parser leaves as it came: blanks before the method of CSeq.
func normalise(req *sipgo.Request) {
	if cseq := req.CSeq(); cseq != nil {
		cseq.MethodName = sipgo.RequestMethod(strings.TrimSpace(string(cseq.MethodName)))
	}
}

// inspect finds what RFC 3261 wants refused whoever it comes from, in the order of section 8.2. The parser below
// accepts much of it.
func inspect(req *sipgo.Request) *fault {
	if req.SipVersion != "SIP/2.0" {
		return &fault{code: 505}
	}
	if f := inspectHeaders(req); f != nil {
		return f
	}
	if req.Method == sipgo.ACK || req.Method == sipgo.CANCEL {
		return nil // never refused for what follows (sections 8.2.2.3 and 9.1)
	}
	if req.Recipient.Scheme != "sip" {
		return &fault{code: 416}
	}
	if req.Recipient.Host == "" || len(req.Recipient.Headers) > 0 {
		return bad("Bad Request-URI")
	}
	if hops := req.MaxForwards(); hops != nil && hops.Val() == 0 {
		return &fault{code: 483}
	}
	if unknown := unknownExtensions(req); len(unknown) > 0 {
		unsupported := sipgo.NewHeader("Unsupported", strings.Join(unknown, ", "))
		return &fault{code: 420, headers: []sipgo.Header{unsupported}}
	}
	return inspectBody(req)
}

// unknownExtensions are those that a request requires and we do not have (RFC 3261 section 8.2.2.3). A phone that completes a
// transfer requires "replaces" and names the dialog; ours are never replaced, which is another answer (RFC 3891 section 3).
func unknownExtensions(req *sipgo.Request) []string {
	return slices.DeleteFunc(values(req, "require", ""), func(option string) bool {
		return strings.EqualFold(option, "replaces") && len(values(req, "replaces", "")) > 0
	})
}

func bad(reason string) *fault { return &fault{code: 400, reason: reason} }

// inspectHeaders checks what every request must have, and have once (RFC 3261 sections 8.1.1 and 7.3.1).
func inspectHeaders(req *sipgo.Request) *fault {
	if len(req.Headers()) > maxHeaders {
		return bad("Too Many Headers")
	}
	for _, name := range []string{"From", "To", "Call-ID", "CSeq"} {
		switch len(lines(req, name)) {
		case 0:
			return bad("Missing " + name)
		case 1:
		default:
			return bad("Multiple " + name)
		}
	}
	for _, name := range []string{"Max-Forwards", "Content-Length", "Content-Type", "Expires"} {
		if len(lines(req, name)) > 1 {
			return bad("Multiple " + name)
		}
	}
	if req.CSeq().MethodName != req.Method {
		return bad("CSeq Method Mismatch")
	}
	if len(*req.CallID()) > maxCallID {
		return bad("Call-ID Too Long")
	}
	if tagOf(req.From().Params) == "" {
		return bad("Missing From Tag")
	}
	if branch, _ := param(req.Via().Params, "branch"); branch == cookie {
		return bad("Empty Branch")
	}
	return nil
}

// inspectBody checks that a body is of a kind that the method takes.
func inspectBody(req *sipgo.Request) *fault {
	if len(req.Body()) > 0 {
		for _, encoding := range values(req, "content-encoding", "e") {
			if !strings.EqualFold(encoding, "identity") {
				return &fault{code: 415, headers: []sipgo.Header{sipgo.NewHeader("Accept-Encoding", "identity")}}
			}
		}
		if req.Method == sipgo.INVITE && mediaType(req) != typeSDP {
			return &fault{code: 415, headers: []sipgo.Header{sipgo.NewHeader("Accept", typeSDP)}}
		}
	}
	if req.Method != sipgo.INVITE {
		return nil
	}
	if !acceptsSDP(req) {
		return &fault{code: 406}
	}
	if interval, ok := sessionExpires(req); ok && interval < minSE {
		return &fault{code: 422, headers: []sipgo.Header{sipgo.NewHeader("Min-SE", strconv.Itoa(minSE))}}
	}
	if len(lines(req, "Contact")) != 1 || req.Contact().Address.Wildcard {
		return bad("One Contact Needed")
	}
	if scheme := req.Contact().Address.Scheme; scheme != "sip" || req.Contact().Address.Host == "" {
		return bad("Bad Contact")
	}
	return nil
}

// typeSDP is the one kind of body that describes a session.
const typeSDP = "application/sdp"

// mediaType is the Content-Type without parameters, in lower case.
func mediaType(m sipgo.Message) string {
	headers := m.GetHeaders("Content-Type")
	if len(headers) == 0 {
		headers = m.GetHeaders("c")
	}
	if len(headers) == 0 {
		return ""
	}
	kind, _, _ := strings.Cut(headers[0].Value(), ";")
	return strings.ToLower(strings.TrimSpace(kind))
}

// acceptsSDP tells whether the far end of an INVITE understands a session description; saying nothing means yes.
func acceptsSDP(req *sipgo.Request) bool {
	kinds := values(req, "accept", "")
	for _, kind := range kinds {
		kind, _, _ = strings.Cut(kind, ";")
		switch strings.ToLower(strings.TrimSpace(kind)) {
		case typeSDP, "application/*", "*/*":
			return true
		}
	}
	return len(kinds) == 0
}

func sessionExpires(req *sipgo.Request) (int, bool) {
	all := values(req, "session-expires", "x")
	if len(all) == 0 {
		return 0, false
	}
	interval, _, _ := strings.Cut(all[0], ";")
	return seconds(interval)
}

// lines are the headers of a name, or of its compact form where sipgo knows that as the same header.
func lines(req *sipgo.Request, name string) []sipgo.Header { return req.GetHeaders(name) }

// values are the comma-separated values of a header, under its name or its compact form.
func values(m sipgo.Message, name, compact string) []string {
	headers := m.GetHeaders(name)
	if compact != "" {
		headers = append(headers, m.GetHeaders(compact)...)
	}
	var all []string
	for _, h := range headers {
		for part := range strings.SplitSeq(h.Value(), ",") {
			if part = strings.TrimSpace(part); part != "" {
				all = append(all, part)
			}
		}
	}
	return all
}
