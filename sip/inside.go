package sip

import (
	"crypto/rand"
	"encoding/binary"
	"net/netip"
	"slices"
	"strings"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// maxForwards is what requests of ours begin with (RFC 3261 section 8.1.1.6).
const maxForwards = 70

// firstSeq is where the CSeq numbers of a dialog begin: below 2^31 with room to grow (RFC 3261 section 8.1.1.5).
func firstSeq() uint32 {
	var raw [4]byte
	rand.Read(raw[:])
	return binary.BigEndian.Uint32(raw[:])>>8 + 1
}

// routes is the route set that a message makes: its Record-Routes in their order, reversed for the caller (RFC 3261
// section 12.1).
func routes(m sipgo.Message, reversed bool) []string {
	var all []string
	for _, h := range m.GetHeaders("Record-Route") {
		if rr, ok := h.(*sipgo.RecordRouteHeader); ok {
			all = append(all, rr.Address.String())
		}
	}
	if reversed {
		slices.Reverse(all)
	}
	return all
}

// uri parses what was printed from a parsed URI before.
func uri(text string) sipgo.Uri {
	var u sipgo.Uri
	_ = sipgo.ParseUri(text, &u)
	return u
}

// loose tells whether a route is one of RFC 3261, and not the strict one of its predecessor.
func loose(route sipgo.Uri) bool {
	_, ok := param(route.UriParams, "lr")
	return ok
}

// way is the Request-URI and the Route headers of a request in the dialog (RFC 3261 section 12.2.1.1).
func (st *DialogState) way() (sipgo.Uri, []sipgo.Uri) {
	target := uri(st.RemoteTarget)
	var set []sipgo.Uri
	for _, r := range st.RouteSet {
		set = append(set, uri(r))
	}
	if len(set) > 0 && !loose(set[0]) {
		return set[0], append(set[1:], target)
	}
	return target, set
}

// request builds a request of the dialog, complete but for what a method adds.
func (st *DialogState) request(method sipgo.RequestMethod, seq uint32, w wire) *sipgo.Request {
	target, set := st.way()
	req := sipgo.NewRequest(method, target)
	at := w.advertised()
	req.AppendHeader(&sipgo.ViaHeader{
		ProtocolName: "SIP", ProtocolVersion: "2.0", Transport: string(w.transport()),
		Host: at.Addr().String(), Port: int(at.Port()),
		Params: sipgo.HeaderParams{{K: "branch", V: cookie + token(branchBytes)}, {K: "rport"}},
	})
	for _, r := range set {
		req.AppendHeader(&sipgo.RouteHeader{Address: r})
	}
	hops := sipgo.MaxForwardsHeader(maxForwards)
	req.AppendHeader(&hops)
	req.AppendHeader(&sipgo.FromHeader{
		DisplayName: quote(st.LocalName), Address: uri(st.LocalURI), Params: sipgo.HeaderParams{{K: "tag", V: st.LocalTag}},
	})
	to := &sipgo.ToHeader{Address: uri(st.RemoteURI)}
	if st.RemoteTag != "" {
		to.Params = sipgo.HeaderParams{{K: "tag", V: st.RemoteTag}}
	}
	req.AppendHeader(to)
	id := sipgo.CallIDHeader(st.CallID)
	req.AppendHeader(&id)
	req.AppendHeader(&sipgo.CSeqHeader{SeqNo: seq, MethodName: method})
	req.AppendHeader(sipgo.NewHeader("User-Agent", product))
	req.SetBody(nil)
	return req
}

// contact is where the far end reaches us within this dialog.
func (d *dialog) contact() sipgo.Header {
	return &sipgo.ContactHeader{Address: contact(d.flow.wire)}
}

// path is where requests of the dialog go: over TCP the connection, or another one when that was cut, to agents the address that they came from (what
// they believe to be their own address may lie behind a NAT), to a trunk the next hop, if it is given as a number.
func (d *dialog) path(st *DialogState) flow {
	d.mend(st)
	if d.flow.wire.transport() == TCP || d.peer.Kind == PeerAgent {
		return d.flow
	}
	if to, ok := st.nextHop(); ok {
		return flow{d.flow.wire, to}
	}
	return d.flow
}

// nextHop is where requests go first, if that is given as a number.
func (st *DialogState) nextHop() (netip.AddrPort, bool) {
	next := uri(st.RemoteTarget)
	if len(st.RouteSet) > 0 {
		next = uri(st.RouteSet[0])
	}
	return literal(&next)
}

// take answers a request of the far end. Numbers must rise (RFC 3261 section 12.2.2).
func (d *dialog) take(in *incoming) {
	req := in.req
	if d.early() && !in.held {
		d.hold(in)
		return
	}
	if d.state.Phase == PhaseOver || tagOf(req.From().Params) != d.state.RemoteTag {
		in.reply(481, "")
		return
	}
	seq := req.CSeq().SeqNo
	if d.counted && seq <= d.state.RemoteSeq {
		in.reply(500, "CSeq Out Of Order")
		return
	}
	d.counted, d.state.RemoteSeq = true, seq
	d.follow(in.flow)
	switch req.Method {
	case sipgo.BYE:
		d.hungUp(in)
	case sipgo.INVITE:
		d.reinvited(in)
	case sipgo.INFO:
		d.informed(in)
	case sipgo.OPTIONS:
		in.reply(200, "")
	case sipgo.SUBSCRIBE:
		in.reply(489, "")
	default:
		in.reply(405, "")
	}
}

// early tells whether a call of ours is not answered, as far as we have heard.
func (d *dialog) early() bool {
	return d.state.Phase == PhaseCalling || d.state.Phase == PhaseRinging
}

// hold looks at a request again when an answer that it has overtaken has had time to come.
func (d *dialog) hold(in *incoming) {
	in.held = true
	time.AfterFunc(d.server.timers.Overtaken, func() {
		if !d.box.post(func(d *dialog) { d.take(in) }) {
			in.reply(481, "")
		}
	})
}

// hungUp takes the far end's BYE, at whatever time it comes.
func (d *dialog) hungUp(in *incoming) {
	in.reply(200, "")
	if d.state.Phase == PhaseProceeding {
		d.invite.reply(487, "") // a BYE may end what is not answered yet (RFC 3261 section 15.1.2)
	}
	d.refuse(d.pending, 487)
	d.settle()
	d.end(Ended{By: ByFarEnd, Code: 200, Cause: "hung up"})
	d.finished, d.state.Phase = true, PhaseOver
}

// hangup ends the call from our side, in the way that its phase allows. Doing it twice changes nothing.
func (d *dialog) hangup(e Ended) {
	switch d.state.Phase {
	case PhaseCalling, PhaseRinging:
		d.withdraw(e)
	case PhaseProceeding:
		d.decline(480, "", e)
	case PhaseAccepted:
		d.leave = true // a callee must not send BYE before the ACK (RFC 3261 section 15)
		d.end(e)
	case PhaseConfirmed:
		d.bye()
		d.end(e)
	}
}

// bye sends our BYE; the dialog is over when it is answered, in whatever way, or when patience ends.
func (d *dialog) bye() {
	d.refuse(d.pending, 487)
	d.settle()
	d.finished, d.state.Phase = true, PhaseClosing
	d.state.LocalSeq++
	way := d.path(&d.state)
	req := d.state.request(sipgo.BYE, d.state.LocalSeq, way.wire)
	_, err := d.server.request(way, req, func(res *sipgo.Response) {
		if res == nil || res.StatusCode >= 200 {
			d.box.post(func(d *dialog) { d.state.Phase = PhaseOver })
		}
	})
	if err != nil {
		d.state.Phase = PhaseOver
	}
}

// ping asks the far end whether it still knows the dialog, and tells the result once.
func (d *dialog) ping(result chan<- error) {
	if d.ended || d.state.RemoteTag == "" {
		result <- ErrState
		return
	}
	d.state.LocalSeq++
	way := d.path(&d.state)
	req := d.state.request(sipgo.OPTIONS, d.state.LocalSeq, way.wire)
	_, err := d.server.request(way, req, func(res *sipgo.Response) {
		switch {
		case res == nil:
			result <- ErrGone
		case res.StatusCode == 481 || res.StatusCode == 408:
			result <- ErrGone
		case res.StatusCode >= 200:
			result <- nil
		}
	})
	if err != nil {
		result <- ErrGone
	}
}

// informed takes a key press (application/dtmf-relay or application/dtmf).
func (d *dialog) informed(in *incoming) {
	kind := mediaType(in.req)
	if kind == "" && len(in.req.Body()) == 0 {
		in.reply(200, "") // RFC 2976: an empty INFO asks for nothing
		return
	}
	digit, ok := Digit{}, false
	switch kind {
	case "application/dtmf-relay":
		digit, ok = relayedDigit(string(in.req.Body()))
	case "application/dtmf":
		digit.Digit, ok = signal(string(in.req.Body()))
	default:
		in.reply(415, "", sipgo.NewHeader("Accept", "application/dtmf-relay, application/dtmf"))
		return
	}
	if !ok {
		in.reply(400, "Bad Digit")
		return
	}
	in.reply(200, "")
	d.emit(digit)
}

// longestDigit bounds what a far end may claim, in milliseconds.
const longestDigit = 10_000

// relayedDigit reads `Signal=5` and `Duration=160` (milliseconds).
func relayedDigit(body string) (Digit, bool) {
	var digit Digit
	found := false
	for line := range strings.Lines(body) {
		name, value, _ := strings.Cut(line, "=")
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "signal":
			if digit.Digit, found = signal(value); !found {
				return Digit{}, false
			}
		case "duration":
			if ms, ok := seconds(value); ok {
				digit.Duration = time.Duration(min(ms, longestDigit)) * time.Millisecond
			}
		}
	}
	return digit, found
}

// signal reads one key, by its face or by its event number (10 is *, 11 is #: RFC 4733 section 3.2).
func signal(text string) (byte, bool) {
	switch text = strings.ToUpper(strings.TrimSpace(text)); text {
	case "10":
		return '*', true
	case "11":
		return '#', true
	}
	if len(text) != 1 || !strings.Contains("0123456789*#ABCD", text) {
		return 0, false
	}
	return text[0], true
}
