package sip

import (
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// silent is what sipgo's transactions log to: what matters of their troubles reaches us as errors.
var silent = slog.New(slog.DiscardHandler)

// transactionKey identifies the server transaction of a request by RFC 3261 section 17.2.3, and by its transport;
// method is that of the transaction looked for, which for ACK and CANCEL is INVITE.
func transactionKey(req *sipgo.Request, method sipgo.RequestMethod) string {
	via := req.Via()
	branch, _ := param(via.Params, "branch")
	if len(branch) > len(cookie) && strings.HasPrefix(branch, cookie) {
		return req.Transport() + "|" + branch + "|" + via.Host + ":" + strconv.Itoa(via.Port) + "|" + string(method)
	}
	// A client of RFC 2543 has no branch worth the name.
	var b strings.Builder
	b.WriteString(req.Transport())
	if id := req.CallID(); id != nil {
		b.WriteString("|" + string(*id))
	}
	if from := req.From(); from != nil {
		b.WriteString("|" + tagOf(from.Params))
	}
	if cseq := req.CSeq(); cseq != nil {
		b.WriteString("|" + strconv.FormatUint(uint64(cseq.SeqNo), 10))
	}
	b.WriteString("|" + via.Value() + "|" + string(method))
	return b.String()
}

// transactions are those under way, in both directions. Safe for concurrent use; its lock is never held while a
// message is sent.
type transactions struct {
	mu       sync.Mutex
	incoming map[string]*incoming
	outgoing map[string]*outgoing
	leaving  departures
	closed   bool
}

// leaving says when something may be forgotten.
type leaving struct {
	at  time.Time
	key string
}

// departures are what may be forgotten, in the order of time.
type departures []leaving

// over takes out those whose time is over.
func (d *departures) over(now time.Time) []leaving {
	n := 0
	for n < len(*d) && !now.Before((*d)[n].at) {
		n++
	}
	gone := (*d)[:n]
	*d = append(departures(nil), (*d)[n:]...)
	return gone
}

func newTransactions() *transactions {
	return &transactions{incoming: map[string]*incoming{}, outgoing: map[string]*outgoing{}}
}

// forget drops the outgoing transactions whose time is over.
func (t *transactions) forget(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, l := range t.leaving.over(now) {
		delete(t.outgoing, l.key)
	}
}

// close ends all transactions without a word.
func (t *transactions) close() {
	t.mu.Lock()
	t.closed = true
	var all []interface{ Terminate() }
	for _, in := range t.incoming {
		all = append(all, in.tx)
	}
	for _, out := range t.outgoing {
		all = append(all, out.tx)
	}
	t.mu.Unlock()
	for _, tx := range all {
		tx.Terminate()
	}
}

// incoming is a request that we answer, with sipgo's state machine that repeats the answer.
type incoming struct {
	tx     *sipgo.ServerTx
	server *Server
	req    *sipgo.Request
	flow   flow   // that the request came by
	tag    string // our To tag in every answer but 100
	final  atomic.Int32
	// dialog is whose request this is, nil outside of dialogs.
	dialog    *dialog
	cancelled atomic.Bool // a CANCEL has come
	held      bool        // it came before the answer that makes its dialog; for the owner of the dialog alone
}

// open starts the server transaction of a request. It returns nil if there is one already, which then deals with
// the copy, or if the server is closing.
func (s *Server) open(f flow, req *sipgo.Request, tag string, d *dialog) *incoming {
	key := transactionKey(req, req.Method)
	in := &incoming{server: s, req: req, flow: f, tag: tag, dialog: d}
	way := link{flow: f.back(req)}
	if d != nil {
		way.revive = s.revival(f, req)
	}
	in.tx = sipgo.NewServerTx(key, req, way, silent)
	if err := in.tx.Init(); err != nil {
		return nil
	}
	t := s.transactions
	t.mu.Lock()
	_, exists := t.incoming[key]
	if !exists && !t.closed {
		t.incoming[key] = in
		t.mu.Unlock()
		in.tx.OnTerminate(func(key string, _ error) { t.drop(key, in) })
		return in
	}
	t.mu.Unlock()
	in.tx.Terminate()
	return nil
}

func (t *transactions) drop(key string, in *incoming) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.incoming[key] == in {
		delete(t.incoming, key)
	}
}

// find returns the server transaction that a request belongs to: itself, or for ACK and CANCEL that of the INVITE.
func (t *transactions) find(req *sipgo.Request, method sipgo.RequestMethod) *incoming {
	key := transactionKey(req, method)
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.incoming[key]
}

// answer sends a response by the transaction. Only the first final response of each is sent; whoever comes second
// learns it from false: sipgo's machine would keep repeating the later one.
func (in *incoming) answer(res *sipgo.Response) bool {
	if res.StatusCode >= 200 {
		if !in.final.CompareAndSwap(0, int32(res.StatusCode)) {
			return false
		}
		in.server.answered(in.req.Method, res.StatusCode)
	} else if in.final.Load() != 0 {
		return false
	}
	if err := in.tx.Respond(res); err != nil {
		in.server.noisy.Debug("answer not sent", methodField(in.req.Method), errorField(err))
	}
	return true
}

// reply answers with a code and nothing else but the headers given.
func (in *incoming) reply(code int, reason string, headers ...sipgo.Header) bool {
	res := response(in.req, code, reason, in.tag)
	for _, h := range headers {
		res.AppendHeader(h)
	}
	return in.answer(res)
}

// again sends a 2xx once more (RFC 6026 section 7.1: the transaction itself does not).
func (in *incoming) again(res *sipgo.Response) { _ = in.tx.Respond(res) }

// outgoing is a request of ours. sipgo's state machine repeats it until it is answered; what comes after the final
// answer is dealt with here, so that no repeated answer can hold up whoever reads the wire.
type outgoing struct {
	tx     *sipgo.ClientTx
	req    *sipgo.Request
	flow   flow
	server *Server
	heard  func(*sipgo.Response)

	mu        sync.Mutex
	final     int
	abandoned bool
}

// request sends a request of ours, which must be complete. Each response is handed to heard, on one goroutine or
// another, and must not be kept waiting; nil is heard when no answer can come any more. For an INVITE, copies of a 2xx
// are heard too.
func (s *Server) request(f flow, req *sipgo.Request, heard func(*sipgo.Response)) (*outgoing, error) {
	req.SetTransport(string(f.wire.transport()))
	key, err := sipgo.ClientTxKeyMake(req)
	if err != nil {
		return nil, err
	}
	out := &outgoing{req: req, flow: f, server: s, heard: heard}
	out.tx = sipgo.NewClientTx(key, req, link{flow: f}, silent)
	t := s.transactions
	t.mu.Lock()
	if t.closed {
		t.mu.Unlock()
		return nil, ErrClosed
	}
	t.outgoing[key] = out
	t.mu.Unlock()
	if err := out.tx.Init(); err != nil {
		out.tx.Terminate()
		t.release(key)
		return nil, err
	}
	go out.listen(key)
	return out, nil
}

// release forgets a transaction that nothing can be heard of any more.
func (t *transactions) release(key string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.outgoing, key)
}

// linger keeps a transaction for the copies of its answer that may come, and forgets it then.
func (t *transactions) linger(key string, until time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.leaving = append(t.leaving, leaving{until, key})
}

// listen passes on what sipgo's state machine lets through, until the final answer or the end of patience.
func (out *outgoing) listen(key string) {
	defer out.server.survive("response")
	defer out.retire(key)
	for {
		select {
		case res := <-out.tx.Responses():
			out.heard(res)
			if res.StatusCode >= 200 {
				return
			}
		case <-out.tx.Done():
			if !out.left() {
				out.heard(nil)
			}
			return
		}
	}
}

// retire ends sipgo's part. An INVITE may still hear copies of its answer, any other request needs none.
func (out *outgoing) retire(key string) {
	out.tx.Terminate()
	if out.req.Method == sipgo.INVITE {
		out.server.transactions.linger(key, time.Now().Add(out.server.timers.patience()))
		return
	}
	out.server.transactions.release(key)
}

// abandon stops repeating an INVITE that is not wanted any more. What still answers it is heard.
func (out *outgoing) abandon() {
	out.mu.Lock()
	out.abandoned = true
	out.mu.Unlock()
	out.tx.Terminate()
}

func (out *outgoing) left() bool {
	out.mu.Lock()
	defer out.mu.Unlock()
	return out.abandoned
}

// respond takes a response from the wire.
func (s *Server) respond(f flow, res *sipgo.Response) {
	if res.SipVersion != "SIP/2.0" || res.CSeq() == nil || len(res.GetHeaders("Via")) != 1 ||
		res.From() == nil || res.To() == nil || res.CallID() == nil || res.StatusCode < 100 || res.StatusCode > 699 {
		return
	}
	res.CSeq().MethodName = sipgo.RequestMethod(strings.TrimSpace(string(res.CSeq().MethodName)))
	key, err := sipgo.ClientTxKeyMake(res)
	if err != nil {
		return
	}
	s.transactions.mu.Lock()
	out := s.transactions.outgoing[key]
	s.transactions.mu.Unlock()
	if out == nil || *res.CallID() != *out.req.CallID() {
		return // a stray is not worth an answer
	}
	out.take(res)
}

func (out *outgoing) take(res *sipgo.Response) {
	out.mu.Lock()
	before, abandoned := out.final, out.abandoned
	if before == 0 && res.StatusCode >= 200 {
		out.final = res.StatusCode
	}
	out.mu.Unlock()
	invite := out.req.Method == sipgo.INVITE
	switch {
	case before == 0 && !abandoned:
		out.tx.Receive(res)
	case invite && res.StatusCode >= 300:
		out.acknowledge(res)
		if before == 0 {
			out.heard(res)
		}
	case invite && (res.StatusCode >= 200 || before == 0):
		out.heard(res)
	}
}

// acknowledge answers a copy of a refusal with the ACK that the far end seems to have missed, built as RFC 3261
// section 17.1.1.3 says.
func (out *outgoing) acknowledge(res *sipgo.Response) {
	ack := sipgo.NewRequest(sipgo.ACK, out.req.Recipient)
	ack.AppendHeader(out.req.Via().Clone())
	sipgo.CopyHeaders("Route", out.req, ack)
	hops := sipgo.MaxForwardsHeader(maxForwards)
	ack.AppendHeader(&hops)
	ack.AppendHeader(sipgo.HeaderClone(out.req.From()))
	ack.AppendHeader(sipgo.HeaderClone(res.To()))
	ack.AppendHeader(sipgo.HeaderClone(out.req.CallID()))
	ack.AppendHeader(&sipgo.CSeqHeader{SeqNo: out.req.CSeq().SeqNo, MethodName: sipgo.ACK})
	ack.SetBody(nil)
	_ = out.flow.write(ack)
}
