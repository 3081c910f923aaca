package phone

import (
	"context"
	"slices"

	"github.com/emiago/sipgo/sip"
)

// dialog is the state of a dialog (RFC 3261 section 12). It belongs to its call, under the call's lock.
type dialog struct {
	from      *sip.FromHeader // us, with our tag
	to        *sip.ToHeader   // the far end, with its tag once known
	remoteTag string
	target    sip.Uri   // the far end's Contact
	routes    []sip.Uri // the route set, in the order of our requests
	sequence  uint32    // the last that we used
	heard     uint32    // the last that the far end used; 0: none
	flow      string    // over TCP: where the far end's connection comes from; "" follows route and target
}

// placed begins a dialog with a response to our INVITE: a 2xx, or a provisional one with a tag.
func (d *dialog) placed(invite *sip.Request, r *sip.Response) {
	d.from = sip.HeaderClone(invite.From()).(*sip.FromHeader)
	d.to = sip.HeaderClone(r.To()).(*sip.ToHeader)
	d.remoteTag, _ = d.to.Params.Get("tag")
	d.sequence = max(d.sequence, invite.CSeq().SeqNo)
	d.routes = routes(r.GetHeaders("Record-Route"))
	slices.Reverse(d.routes)
	d.target = invite.Recipient
	d.refresh(r.Contact())
}

// taken begins a dialog with an INVITE that was received.
func (d *dialog) taken(invite *sip.Request) {
	from, to := invite.To().AsFrom(), invite.From().AsTo()
	d.from, d.to = sip.HeaderClone(&from).(*sip.FromHeader), sip.HeaderClone(&to).(*sip.ToHeader)
	d.remoteTag, _ = d.to.Params.Get("tag")
	d.heard = invite.CSeq().SeqNo
	d.routes = routes(invite.GetHeaders("Record-Route"))
	d.target = invite.From().Address
	d.refresh(invite.Contact())
	if sip.IsReliable(invite.Transport()) {
		d.flow = invite.Source()
	}
}

// refresh takes a new remote target (RFC 3261 section 12.2).
func (d *dialog) refresh(contact *sip.ContactHeader) {
	if contact != nil && contact.Address.Host != "" {
		d.target = *contact.Address.Clone()
	}
}

// accept judges the sequence number of a request of the far end: false for an old one (RFC 3261 section 12.2.2).
func (d *dialog) accept(sequence uint32) bool {
	if sequence <= d.heard && d.heard != 0 {
		return false
	}
	d.heard = sequence
	return true
}

// routes reads Record-Route headers.
func routes(headers []sip.Header) []sip.Uri {
	var found []sip.Uri
	for _, h := range headers {
		if r, ok := h.(*sip.RecordRouteHeader); ok {
			found = append(found, *r.Address.Clone())
		}
	}
	return found
}

// outline makes the next request of the call's dialog; false when there is no dialog or it is over.
func (c *Call) outline(method sip.RequestMethod, body []byte, bodyType string) (outline, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state == over || c.dialog.from == nil {
		return outline{}, false
	}
	c.dialog.sequence++
	return c.outlineAt(method, c.dialog.sequence, body, bodyType), true
}

// outlineAt makes a request with the given sequence number. It is called with the lock held.
func (c *Call) outlineAt(method sip.RequestMethod, sequence uint32, body []byte, bodyType string) outline {
	d := &c.dialog
	return outline{
		method: method, uri: d.target, from: d.from, to: d.to, callID: c.key.callID, sequence: sequence,
		routes: slices.Clone(d.routes), via: d.flow, body: body, bodyType: bodyType,
	}
}

// ask sends a request within the dialog and waits for its final response. A far end that knows nothing of the call any
// more ends it (RFC 3261 section 12.2.1.2).
func (c *Call) ask(ctx context.Context, method sip.RequestMethod, body []byte, bodyType string) (*sip.Response, error) {
	o, ok := c.outline(method, body, bodyType)
	if !ok {
		return nil, ErrNotTalking
	}
	response, err := c.phone.exchange(ctx, &o)
	c.mu.Lock()
	c.dialog.sequence = max(c.dialog.sequence, o.sequence)
	c.mu.Unlock()
	if err != nil {
		return nil, err
	}
	c.lost(response)
	return response, nil
}

// lost ends the call when a response says that the far end has no such dialog.
func (c *Call) lost(r *sip.Response) {
	if r.StatusCode == sip.StatusCallTransactionDoesNotExists || r.StatusCode == sip.StatusRequestTimeout {
		c.end(Ending{By: Remote, Code: r.StatusCode, Reason: r.Reason})
	}
}
