package phone

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"
	"go.uber.org/zap"
)

const (
	// retryRegister is the pause before a refresh that failed is tried again.
	retryRegister = 2 * time.Second

	// refreshWait bounds how long one refresh waits for its response: 64·T1 (RFC 3261 section 17.1.2.2).
	refreshWait = 32 * time.Second
)

// registration is the phone's binding at its registrar: one Call-ID with a growing sequence, and one goroutine that
// refreshes it.
type registration struct {
	turn chan struct{} // holds one token while a REGISTER is under way: one at a time (RFC 3261 section 10.2)

	mu       sync.Mutex
	callID   string
	sequence uint32
	cancel   context.CancelFunc // ends the goroutine that refreshes; nil: none
	done     chan struct{}      // closed when it has ended
}

// next returns the Call-ID and takes a sequence number.
func (r *registration) next() (string, uint32) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.callID == "" {
		r.callID = sip.GenerateTagN(24)
	}
	r.sequence++
	return r.callID, r.sequence
}

// used notes the last sequence number that was sent.
func (r *registration) used(sequence uint32) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sequence = max(r.sequence, sequence)
}

// stop ends refreshing and waits until it has.
func (r *registration) stop() {
	r.mu.Lock()
	cancel, done := r.cancel, r.done
	r.cancel, r.done = nil, nil
	r.mu.Unlock()
	if cancel != nil {
		cancel()
		<-done
	}
}

// Register binds the phone's address at its server for the given time, which the server may shorten, and keeps it bound
// until Unregister, Vanish or Close. A refusal is a *RefusedError.
func (p *Phone) Register(ctx context.Context, expires time.Duration) error {
	p.registration.stop()
	granted, err := p.register(ctx, expires)
	if err != nil {
		return err
	}
	r := &p.registration
	refreshing, cancel := context.WithCancel(p.closing)
	done := make(chan struct{})
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cancel != nil {
		r.cancel() // another Register was faster: its refreshing gives way
	}
	r.cancel, r.done = cancel, done
	go func() {
		defer close(done)
		p.refresh(refreshing, expires, granted)
	}()
	return nil
}

// Unregister ends refreshing and removes the binding.
func (p *Phone) Unregister(ctx context.Context) error {
	p.registration.stop()
	_, err := p.register(ctx, 0)
	return err
}

// refresh renews the binding at half of its time.
func (p *Phone) refresh(ctx context.Context, expires, granted time.Duration) {
	for {
		pause := max(granted/2, time.Second)
		if granted == 0 {
			pause = retryRegister
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		once, cancel := context.WithTimeout(ctx, refreshWait)
		var err error
		granted, err = p.register(once, expires)
		cancel()
		if err != nil {
			p.log.Warn("registration not refreshed", zap.Error(err))
		}
	}
}

// register sends one REGISTER and returns for how long the binding was granted.
func (p *Phone) register(ctx context.Context, expires time.Duration) (time.Duration, error) {
	select {
	case p.registration.turn <- struct{}{}:
		defer func() { <-p.registration.turn }()
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	for {
		callID, sequence := p.registration.next()
		o := p.registerOutline(callID, sequence, expires)
		response, err := p.exchange(ctx, &o)
		if err != nil {
			return 0, err
		}
		p.registration.used(o.sequence)
		if response.StatusCode == sip.StatusIntervalToBrief {
			if least, ok := seconds(response.GetHeader("Min-Expires")); ok && least > expires {
				expires = least
				continue
			}
		}
		if !response.IsSuccess() {
			return 0, fmt.Errorf("register %s: %w", p.options.User, refusal(response))
		}
		return p.granted(response, expires), nil
	}
}

func (p *Phone) registerOutline(callID string, sequence uint32, expires time.Duration) outline {
	host, port := p.domain()
	address := sip.Uri{Scheme: "sip", User: p.options.User, Host: host, Port: port}
	from := &sip.FromHeader{DisplayName: p.options.Display, Address: address, Params: sip.NewParams()}
	from.Params.Add("tag", sip.GenerateTagN(16))
	lasts := sip.ExpiresHeader(expires / time.Second)
	return outline{
		method: sip.REGISTER, uri: sip.Uri{Scheme: "sip", Host: host, Port: port},
		from: from, to: &sip.ToHeader{Address: address, Params: sip.NewParams()},
		callID: callID, sequence: sequence, toServer: true, headers: []sip.Header{&lasts},
	}
}

// granted reads how long our binding lasts: the parameter of our own contact, else the header, else what we asked for.
func (p *Phone) granted(r *sip.Response, asked time.Duration) time.Duration {
	for _, h := range r.GetHeaders("Contact") {
		contact, ok := h.(*sip.ContactHeader)
		if !ok || contact.Address.Host != p.local.Addr().String() || contact.Address.Port != int(p.local.Port()) {
			continue
		}
		if value, ok := contact.Params.Get("expires"); ok {
			if n, err := strconv.ParseUint(value, 10, 31); err == nil {
				return time.Duration(n) * time.Second
			}
		}
	}
	if lasts, ok := seconds(r.GetHeader("Expires")); ok {
		return lasts
	}
	return asked
}

// seconds reads a header that is a number of seconds.
func seconds(h sip.Header) (time.Duration, bool) {
	if h == nil {
		return 0, false
	}
	n, err := strconv.ParseUint(h.Value(), 10, 31)
	return time.Duration(n) * time.Second, err == nil
}
