package media

import (
	"sync/atomic"
	"time"

	"github.com/pion/rtp"

	"github.com/spillway-voice/spillway/media/socket"
)

// arrivals keeps the figures of a receiver report (RFC 3550 section 6.4.1 and appendix A), and those of all streams of a leg
// together. One goroutine writes them, others read.
type arrivals struct {
	// Of the stream that is received.
	ssrc     atomic.Uint32
	first    atomic.Uint32 // extended sequence number
	highest  atomic.Uint32 // extended sequence number
	received atomic.Uint32
	jitter   atomic.Uint32 // in sixteenths of a timestamp

	// Of the leg.
	earlier  atomic.Uint64 // lost of streams before this one
	before   atomic.Uint64 // received of streams before this one
	gaps     atomic.Uint64 // in the numbers; those that late packets close count, too
	skipped  atomic.Uint64 // numbers in them
	unsteady atomic.Uint64 // sum of the differences in transit between one packet and the next, in nanoseconds
	compared atomic.Uint64 // how many those are

	// The writer's own.
	transit int32  // of the last packet of sound, in timestamps
	rate    uint32 // timestamps a second; 0: transit is not known
}

// count takes in one packet that arrived at a time since some epoch, and returns how many it stands for: more than one when those
// before it were dropped by the kernel because nobody heard them (thinned). Of each socket.Sample of those one came here, if it came at
// all. The rate is that of its timestamps. Only packets of sound tell of jitter: those of a key all have the time at which it was
// pressed (RFC 4733 section 2.2.1).
func (a *arrivals) count(header *rtp.Header, at time.Duration, rate uint32, sound, thinned bool) (packets uint32) {
	seq := uint32(header.SequenceNumber)
	packets = 1
	highest := a.highest.Load()
	step := int16(header.SequenceNumber - uint16(highest))
	switch {
	case header.SSRC != a.ssrc.Load() || a.received.Load() == 0:
		a.restart(header.SSRC, seq)
	case step > 3000 || step < -100: // RFC 3550 appendix A.1: MAX_DROPOUT, MAX_MISORDER
		a.restart(header.SSRC, seq)
	case step > 0 && thinned:
		packets += uint32(step-1) % socket.Sample
		a.highest.Store(highest + uint32(step))
		a.received.Add(packets)
	case step > 0:
		a.highest.Store(highest + uint32(step))
		a.received.Add(1)
		if step > 1 {
			a.gaps.Add(1)
			a.skipped.Add(uint64(step - 1))
		}
	default:
		a.received.Add(1)
	}
	if sound {
		a.compare(header.Timestamp, timestamps(at, rate), rate)
	}
	return packets
}

// compare compares a packet's transit with that of the one before. A difference of a second and more is no jitter: the far end's
// timestamps went on elsewhere.
func (a *arrivals) compare(stamp, arrived, rate uint32) {
	transit := int32(arrived - stamp)
	difference, known := transit-a.transit, rate == a.rate
	a.transit, a.rate = transit, rate
	if difference < 0 {
		difference = -difference
	}
	if !known || uint32(difference) >= rate {
		return
	}
	jitter := a.jitter.Load()
	a.jitter.Store(jitter + uint32(difference) - (jitter+8)>>4)
	a.unsteady.Add(uint64(difference) * uint64(time.Second) / uint64(rate))
	a.compared.Add(1)
}

// restart begins to count another stream, with its first packet.
func (a *arrivals) restart(ssrc, seq uint32) {
	a.earlier.Add(a.lost())
	a.before.Add(uint64(a.received.Load()))
	a.ssrc.Store(ssrc)
	a.first.Store(seq)
	a.highest.Store(seq)
	a.received.Store(1)
	a.jitter.Store(0)
	a.rate = 0
}

// stream returns how many packets of the stream were due and how many came, copies included.
func (a *arrivals) stream() (expected, received uint32) {
	highest := a.highest.Load() // first, so that what comes meanwhile does not look lost
	received = a.received.Load()
	if received == 0 {
		return 0, 0
	}
	return highest - a.first.Load() + 1, received
}

// lost returns how many packets of the stream have not arrived.
func (a *arrivals) lost() uint64 {
	expected, received := a.stream()
	if expected <= received { // copies count as received
		return 0
	}
	return uint64(expected - received)
}

// total returns how many packets of all streams came, and how many were lost.
func (a *arrivals) total() (received, lost uint64) {
	return a.before.Load() + uint64(a.received.Load()), a.earlier.Load() + a.lost()
}

// meanJitter is the mean difference in transit between one packet of sound and the next, over the whole leg.
func (a *arrivals) meanJitter() time.Duration {
	return time.Duration(a.unsteady.Load() / max(a.compared.Load(), 1))
}

// burst is how much longer gaps are than those of random loss would be (BurstR of ITU-T G.107), with a share of lost packets.
func (a *arrivals) burst(lost float64) float64 {
	gaps := a.gaps.Load()
	if gaps == 0 {
		return 1
	}
	return max(1, float64(a.skipped.Load())/float64(gaps)*(1-lost)) // random gaps have 1/(1-lost) packets
}

// timestamps returns a time since an epoch on a scale of so many a second. It wraps around as timestamps do.
func timestamps(at time.Duration, rate uint32) uint32 {
	whole, rest := at/time.Second, at%time.Second
	return uint32(whole)*rate + uint32(rest*time.Duration(rate)/time.Second)
}
