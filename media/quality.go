package media

import (
	"time"

	"github.com/spillway-voice/spillway/media/quality"
)

// What the E-model is told of what cannot be measured here.
const (
	// longestBuffer bounds what a listener is thought to keep back: beyond it he would rather lose packets.
	longestBuffer = 500 * time.Millisecond
	// bufferJitters is how many mean deviations a listener keeps back: as many as RFC 6298 section 2 waits for an answer, for the same reason.
	bufferJitters = 4
)

// Quality is how good the sound of a leg has been from its beginning, both ways.
type Quality struct {
	Codec     string        // encoding name of RFC 3551, agreed last; "" when none was
	RoundTrip time.Duration // by RTCP (RFC 3550 section 6.4.1), smoothed; 0: not known
	Heard     Direction     // what we hear of the far end
	Sent      Direction     // what the far end hears of us, by its own reports
}

// Direction is how good one direction was. It is the zero value when nothing is known of it.
type Direction struct {
	Packets uint64        // that were due: of what is heard, those that came and those that were lost; of what is sent, all
	Lost    uint64        // of them
	Loss    float64       // share of them, 0 to 1
	Jitter  time.Duration // mean over the leg of RFC 3550's: the difference in transit between one packet and the next
	R       float64       // ITU-T G.107, 0 to 93.2; 0 for a codec that cannot be rated
	MOS     float64       // the same as a mean opinion score, 1 to 4.41; 0 for a codec that cannot be rated
}

// Known reports whether anything is known of the direction.
func (d Direction) Known() bool { return d.Packets > 0 }

// Quality returns how good the sound has been so far; also after Close. See package quality for what the score means. While what is
// heard is decoded here, packets that came too late to be heard count in its score as lost ones do, and so does the delay that there is
// rather than one that the jitter would ask for.
func (s *Session) Quality() Quality {
	current := s.far.Load()
	if current == nil {
		return Quality{}
	}
	q := Quality{Codec: current.codec.String(), RoundTrip: s.reporting.trip()}
	a := &s.in.arrivals
	if received, lost := a.total(); received > 0 {
		d := Direction{Packets: received + lost, Lost: lost, Jitter: a.meanJitter()}
		d.Loss = float64(lost) / float64(d.Packets)
		delay, missed, decoded := s.hearing.figures()
		if !decoded {
			delay = d.buffer()
		}
		missing := float64(min(lost+missed, d.Packets)) / float64(d.Packets)
		q.Heard = q.rate(d, missing, a.burst(d.Loss), delay)
	}
	s.out.mu.Lock()
	ssrc, sequence, packets := s.out.ssrc, s.out.sequence, s.out.packets
	s.out.mu.Unlock()
	s.reporting.reach(ssrc, sequence, packets)
	if due, lost, jitter, told := s.reporting.farHeard(); told {
		d := Direction{Packets: due, Lost: lost, Jitter: jitter}
		d.Loss = float64(lost) / float64(due)
		q.Sent = q.rate(d, d.Loss, 1, d.buffer()) // reports tell nothing of bursts
	}
	return q
}

// buffer is what a listener of whom nothing is known is thought to keep back: as much as the jitter asks for.
func (d Direction) buffer() time.Duration {
	return min(FrameDuration+bufferJitters*d.Jitter, longestBuffer)
}

// rate rates a direction, of which a share was missing when it was due. A listener is thought to conceal that.
func (q *Quality) rate(d Direction, missing, burst float64, buffer time.Duration) Direction {
	codec, known := quality.CodecOf(q.Codec)
	if !known {
		return d
	}
	rating := quality.Rate(codec, quality.Path{
		Delay:  q.RoundTrip / 2,
		Packet: FrameDuration,
		Buffer: buffer,
		Loss:   missing,
		Burst:  burst,
	})
	d.R, d.MOS = rating.R, rating.MOS
	return d
}
