package sip

import (
	"net/netip"
	"sync"
	"time"
)

// What an address that is neither a trunk's nor a registered phone's may send.
const (
	// strangerRate is in messages a second: enough for a site of phones behind one address to register within
	// seconds, and little to answer.
	strangerRate = 200
	// strangerBurst is how many messages may come at once: that site after a power cut.
	strangerBurst = 1000
	// maxStrangers is how many addresses are counted at a time.
	maxStrangers = 50_000
)

// strangers limits what each unknown source may make us read. It counts in time, not in tokens: each message costs
// its share of a second, and a source is out of credit when its costs reach beyond the burst. Safe for concurrent use.
type strangers struct {
	mu   sync.Mutex
	paid map[netip.Addr]time.Time // until when a source's messages are accounted for
}

func newStrangers() *strangers { return &strangers{paid: map[netip.Addr]time.Time{}} }

// admit counts a message, and tells whether it is read. When too many sources are counted, new ones are not: those
// that are known are never here.
func (s *strangers) admit(source netip.Addr, now time.Time) bool {
	const cost, credit = time.Second / strangerRate, strangerBurst * time.Second / strangerRate
	s.mu.Lock()
	defer s.mu.Unlock()
	paid, counted := s.paid[source]
	if !counted && len(s.paid) >= maxStrangers {
		return false
	}
	if paid.Before(now) {
		paid = now
	}
	paid = paid.Add(cost)
	if paid.After(now.Add(credit)) {
		return false
	}
	s.paid[source] = paid
	return true
}

// forget drops the sources that owe nothing.
func (s *strangers) forget(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for source, paid := range s.paid {
		if paid.Before(now) {
			delete(s.paid, source)
		}
	}
}
