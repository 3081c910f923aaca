package main

import (
	"context"
	"sync"
	"time"

	"github.com/spillway-voice/spillway/internal/phone"
)

const (
	// listenEvery is how often the ears are looked at: several times in each packet's time.
	listenEvery = 5 * time.Millisecond
	// packetTime is the sound in one packet.
	packetTime = 20 * time.Millisecond
)

// gap is a stretch in which an ear heard nothing.
type gap struct {
	began  time.Time
	lasted time.Duration
}

// listener measures the largest gap in what one call hears, from its first packet on.
type listener struct {
	mu      sync.Mutex
	ear     *phone.Ear
	last    time.Time
	packets uint64
	largest gap
}

// listeners look at all ears. They are safe for concurrent use.
type listeners struct {
	mu  sync.Mutex
	all map[*listener]struct{}
}

// run looks at the ears until the context ends.
func (l *listeners) run(ctx context.Context) {
	tick := time.NewTicker(listenEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		l.mu.Lock()
		for one := range l.all {
			one.look()
		}
		l.mu.Unlock()
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// add begins to measure what a call hears.
func (l *listeners) add(c *phone.Call) *listener {
	one := &listener{ear: c.Ear()}
	one.look()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all[one] = struct{}{}
	return one
}

// remove ends it, and returns the largest gap; the present silence counts.
func (l *listeners) remove(one *listener) gap {
	l.mu.Lock()
	delete(l.all, one)
	l.mu.Unlock()
	one.look()
	one.mu.Lock()
	defer one.mu.Unlock()
	if now := time.Now(); !one.last.IsZero() {
		one.note(one.last, now.Sub(one.last)-packetTime)
	}
	return one.largest
}

// look notes what came since the last look. Several packets may have: then the gap among them is what is longer than their sound.
func (o *listener) look() {
	o.mu.Lock()
	defer o.mu.Unlock()
	packets, last := o.ear.Packets(), o.ear.LastPacketAt()
	if packets > o.packets && !o.last.IsZero() {
		o.note(o.last, last.Sub(o.last)-time.Duration(packets-o.packets)*packetTime)
	}
	o.packets, o.last = packets, last
}

// note keeps the gap if it is larger than those before. It is called with the lock held.
func (o *listener) note(began time.Time, lasted time.Duration) {
	if lasted > o.largest.lasted {
		o.largest = gap{began, lasted}
	}
}
