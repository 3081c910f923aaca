package main

import (
	"slices"
	"time"
)

// What packets are judged by.
const (
	packetTime = 20 * time.Millisecond // of sound in each packet
	packetTick = 160                   // the same in timestamps (RFC 3551: 8000 a second)
	inTime     = 25 * time.Millisecond // how late a packet may be
)

// delivery is what came of packets that were due.
type delivery struct {
	due, came, timely int
	worst             time.Duration // how late the latest was
}

func (d *delivery) add(other delivery) {
	d.due, d.came, d.timely = d.due+other.due, d.came+other.came, d.timely+other.timely
	d.worst = max(d.worst, other.worst)
}

// share is the percentage of the packets due that came in their time.
func (d delivery) share() float64 {
	if d.due == 0 {
		return 0
	}
	return 100 * float64(d.timely) / float64(d.due)
}

func (d delivery) lost() int { return d.due - d.came }

// lateness judges a stream by itself: its packet with the least delay is on time, and the time of any other is as much later as its
// timestamp is. Packets that would have had their time in between and did not come, or were not even sent, are lost.
type lateness struct {
	firstStamp, lastStamp uint32
	firstAt               time.Time
	delays                []time.Duration // behind the first packet's
}

// hear takes in a packet.
func (h *lateness) hear(stamp uint32, at time.Time) {
	if len(h.delays) == 0 {
		h.firstStamp, h.lastStamp, h.firstAt = stamp, stamp, at
	}
	if int32(stamp-h.lastStamp) > 0 {
		h.lastStamp = stamp
	}
	after := time.Duration(int32(stamp-h.firstStamp)) * time.Second / 8000
	h.delays = append(h.delays, at.Sub(h.firstAt)-after)
}

// judge tells what came in a window of so long: at least all the packets of that time but one are due.
func (h *lateness) judge(window time.Duration) delivery {
	due := int(window/packetTime) - 1
	if len(h.delays) == 0 {
		return delivery{due: due}
	}
	due = max(due, int(h.lastStamp-h.firstStamp)/packetTick+1, len(h.delays))
	return late(due, h.delays, slices.Min(h.delays))
}

// late judges delays, of which the least is none.
func late(due int, delays []time.Duration, least time.Duration) delivery {
	d := delivery{due: due, came: len(delays)}
	for _, delay := range delays {
		behind := delay - least
		if behind <= inTime {
			d.timely++
		}
		d.worst = max(d.worst, behind)
	}
	return d
}

// passage judges what comes out of a bridge by when it went in. Only packets from the first number on count.
type passage struct {
	first    uint16
	transits []time.Duration // of each number from first on; missing where none came
}

const missing = time.Duration(-1 << 62)

func newPassage(first uint16) *passage { return &passage{first: first} }

// pass takes in a packet that came through; a copy counts once.
func (p *passage) pass(number uint16, transit time.Duration) {
	place := int(number - p.first)
	if place >= 1<<15 {
		return // from before
	}
	for len(p.transits) <= place {
		p.transits = append(p.transits, missing)
	}
	if p.transits[place] == missing {
		p.transits[place] = transit
	}
}

// judge tells what came of the packets before the number after.
func (p *passage) judge(after uint16) delivery {
	due := int(after - p.first)
	came := slices.DeleteFunc(slices.Clone(p.transits[:min(due, len(p.transits))]), func(d time.Duration) bool { return d == missing })
	return late(due, came, 0)
}
