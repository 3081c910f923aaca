package sip

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	sipgo "github.com/emiago/sipgo/sip"
)

// Repetition of a probe that is not answered. RFC 3261 section 17.1.1.2 lets a closed network, as the nodes of one
// centre are, have a shorter T1 than its 500 ms, which would be too late for whoever waits a quarter of a second.
const (
	probeInterval = 80 * time.Millisecond
	probeCopies   = 2 // after the first; those of RFC 3261 follow
)

// Probe asks whether a SIP server lives at an address: it sends OPTIONS (RFC 3261 section 11) from our first UDP
// listener, and again 80 and 160 ms later, and returns nil as soon as anything answers, whatever it says: a node that
// drains lives, too. It says nothing about who answers: a program that was started anew at the same address does.
//
// Without an answer it returns the context's error, wrapped, when the context ends; ErrGone after 32 s (timer F of
// RFC 3261 section 17.1.2.2); ErrFlowGone when we have no UDP listener; ErrClosed when we are closed; else why it could
// not be sent.
func (s *Server) Probe(ctx context.Context, to netip.AddrPort) error {
	switch {
	case s.over():
		return ErrClosed
	case len(s.datagrams) == 0:
		return ErrFlowGone
	case !to.IsValid():
		return errors.New("sip: probe: no address")
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("sip: probe %s: %w", to, err)
	}
	f := flow{s.datagrams[0], to}
	req := probe(f)
	answered := make(chan bool, 1)
	out, err := s.request(f, req, func(res *sipgo.Response) {
		select {
		case answered <- res != nil:
		default: // the first one said all
		}
	})
	switch {
	case err != nil && s.over():
		return ErrClosed
	case err != nil:
		return fmt.Errorf("sip: probe %s: %w", to, err)
	}
	defer out.abandon()
	repeat := time.NewTicker(probeInterval)
	defer repeat.Stop()
	for copies := 0; ; {
		select {
		case alive := <-answered:
			switch {
			case alive:
				return nil
			case s.over():
				return ErrClosed
			}
			return ErrGone
		case <-repeat.C:
			if copies++; copies >= probeCopies {
				repeat.Stop()
			}
			_ = f.write(req)
		case <-ctx.Done():
			return fmt.Errorf("sip: probe %s: %w", to, ctx.Err())
		case <-s.closed:
			return ErrClosed
		}
	}
}

// over tells whether the server is closed.
func (s *Server) over() bool {
	select {
	case <-s.closed:
		return true
	default:
		return false
	}
}

// probe is an OPTIONS out of any dialog, from us to the server at the far end of a flow.
func probe(f flow) *sipgo.Request {
	us, them := contact(f.wire), sipgo.Uri{Scheme: "sip", Host: f.remote.Addr().String(), Port: int(f.remote.Port())}
	st := DialogState{
		CallID: token(callIDBytes), LocalTag: newTag(), LocalURI: us.String(),
		RemoteURI: them.String(), RemoteTarget: them.String(),
	}
	req := st.request(sipgo.OPTIONS, firstSeq(), f.wire)
	req.AppendHeader(&sipgo.ContactHeader{Address: us})
	req.AppendHeader(sipgo.NewHeader("Accept", typeSDP))
	return req
}
