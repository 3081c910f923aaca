package sip

import (
	"bytes"
	"strings"

	sipgo "github.com/emiago/sipgo/sip"
)

// unreadableURI stands for the Request-URI of a request that is refused unread; it is never looked at.
const unreadableURI = "sip:unreadable.invalid"

// misunderstood refuses a message that the parser cannot read, where it can be answered at all (RFC 3261 section
// 8.2).
func (s *Server) misunderstood(f flow, message []byte) {
	req := s.salvage(message)
	if req == nil {
		return
	}
	normalise(req)
	req.SetTransport(string(f.wire.transport()))
	req.SetSource(f.remote.String())
	wrong := &fault{code: 400}
	if foreignScheme(message) {
		wrong.code = 416
	}
	s.refuse(f, req, wrong)
}

// foreignScheme tells whether the Request-URI, which is the second word of a message, is of a scheme that we do not
// serve.
func foreignScheme(message []byte) bool {
	words := bytes.SplitN(message, []byte(" "), 3)
	if len(words) < 3 {
		return false
	}
	scheme, _, ok := strings.Cut(string(words[1]), ":")
	return ok && isToken(scheme) && !strings.EqualFold(scheme, "sip")
}

// salvage makes of a message that the parser cannot read as much of a request as a refusal takes: the method, Via,
// From, To, Call-ID and CSeq (RFC 3261 section 8.2.6). It returns nil when one of those cannot be read either, or
// when nothing is to be answered: a response, or an ACK.
func (s *Server) salvage(message []byte) *sipgo.Request {
	head, _, _ := bytes.Cut(message, []byte("\r\n\r\n"))
	first, rest, _ := bytes.Cut(head, []byte("\r\n"))
	words := strings.Fields(string(first))
	if len(words) < 2 || !isToken(words[0]) || !strings.HasPrefix(words[len(words)-1], "SIP/") {
		return nil
	}
	var kept strings.Builder
	kept.WriteString(words[0] + " " + unreadableURI + " SIP/2.0\r\n")
	keeping := false
	for line := range strings.SplitSeq(string(rest), "\r\n") {
		if !strings.HasPrefix(line, " ") && !strings.HasPrefix(line, "\t") { // else it goes on with the header before
			keeping = answerNeeds(line)
		}
		if keeping {
			kept.WriteString(line + "\r\n")
		}
	}
	kept.WriteString("\r\n")
	parsed, err := s.parser.ParseSIP([]byte(kept.String()))
	if err != nil {
		return nil
	}
	req, ok := parsed.(*sipgo.Request)
	if !ok || req.Method == sipgo.ACK || req.Via() == nil || req.From() == nil || req.To() == nil ||
		req.CallID() == nil || req.CSeq() == nil {
		return nil
	}
	return req
}

// answerNeeds tells whether a header line goes into the answer to a request.
func answerNeeds(line string) bool {
	name, _, _ := strings.Cut(line, ":")
	switch strings.ToLower(strings.TrimSpace(name)) {
	case "via", "v", "from", "f", "to", "t", "call-id", "i", "cseq":
		return true
	}
	return false
}

// isToken tells whether a text is a token (RFC 3261 section 25.1), as every method is.
func isToken(text string) bool {
	const others = "-.!%*_+`'~"
	for _, c := range []byte(text) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && strings.IndexByte(others, c) < 0 {
			return false
		}
	}
	return text != ""
}
