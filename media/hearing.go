package media

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/spillway-voice/spillway/media/codec"
	"github.com/spillway-voice/spillway/media/dtmf"
	"github.com/spillway-voice/spillway/media/playback"
	"github.com/spillway-voice/spillway/media/resample"
)

// hearing is the far end's sound, decoded: for sinks, for keys that come as tones, and for the other side of a bridge that
// cannot have the packets as they are. The receiving goroutine puts packets in, the playout goroutine takes an even stream
// of frames out. A session whose sound nobody needs decoded has no stream, and pays for none.
type hearing struct {
	active atomic.Bool // there is a stream

	mu      sync.Mutex // over what follows
	stream  *playback.Stream
	codec   codec.Codec
	ssrc    uint32
	crosses bool   // the other side of the bridge hears through here
	missed  uint64 // packets that came too late to be heard, of streams that were given up

	// The playout goroutine's.
	frame     []int16
	converted []int16
	converter *resample.Resampler
	rate      int // that the converter makes
	detector  *dtmf.Detector
}

// delays are the bounds of what a stream that is decoded waits for late packets: from the least that a frame needs to half
// of what ITU-T G.114 allows a connection.
var delays = playback.Limits{Shortest: 20 * time.Millisecond, Longest: 200 * time.Millisecond}

// put takes in a packet, if anybody needs it decoded.
func (h *hearing) put(s *Session, in heard, crosses bool, now time.Time) {
	if !crosses && !s.attends() && !h.active.Load() {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.crosses = crosses
	switch {
	case h.stream == nil:
		h.stream = playback.New(formatOf(in.codec), delays)
		h.codec, h.ssrc = in.codec, in.header.SSRC
		h.active.Store(true)
	case h.codec != in.codec && !in.comfort:
		h.stream.Change(formatOf(in.codec))
		h.codec = in.codec
	}
	if h.ssrc != in.header.SSRC {
		h.stream.Reset()
		h.stream.Change(formatOf(h.codec))
		h.ssrc = in.header.SSRC
	}
	h.stream.Put(playback.Packet{
		Sequence:  in.header.SequenceNumber,
		Timestamp: in.header.Timestamp,
		Marker:    in.header.Marker,
		Payload:   in.payload,
		Comfort:   in.comfort,
	}, now.Sub(s.engine.clock.epoch))
}

// formatOf says how the packets of a codec are read, from their beginning.
func formatOf(c codec.Codec) playback.Format {
	return playback.Format{Decoder: c.NewDecoder(), SampleRate: c.SampleRate(), ClockRate: c.ClockRate(), Samples: c.Samples}
}

// next returns the frame that is due, until the next call, and whether it goes to the other side of the bridge; nil when
// there is none.
func (h *hearing) next(at time.Duration) (frame []int16, kind playback.Kind, crosses bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.stream == nil {
		return nil, playback.Nothing, false
	}
	if n := h.codec.SampleRate() / framesPerSecond; len(h.frame) != n {
		h.frame = make([]int16, n)
		h.converter, h.detector = nil, nil
	}
	kind = h.stream.Next(h.frame, at)
	return h.frame, kind, h.crosses
}

// part forgets what was said to the other side of a bridge and has not been heard there: it is for nobody else.
func (h *hearing) part() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.stream == nil || !h.crosses {
		return
	}
	h.crosses = false
	h.stream.Reset()
	h.stream.Change(formatOf(h.codec))
}

// end gives up the stream.
func (h *hearing) end() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.active.Store(false)
	if h.stream != nil {
		h.missed += missedOf(h.stream.Stats())
	}
	h.stream, h.crosses = nil, false
	h.frame, h.converted, h.converter, h.detector = nil, nil, nil, nil
}

// missedOf counts the packets that came and were not played: their turn had passed, or they would have made the delay too long.
func missedOf(s playback.Stats) uint64 { return s.Late + s.Dropped }

// figures are what was decoded went through: how long it waits for late packets now, if anything is being decoded, and how many came
// for nothing so far.
func (h *hearing) figures() (delay time.Duration, missed uint64, decoded bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.stream == nil {
		return 0, h.missed, false
	}
	stats := h.stream.Stats()
	return stats.Delay, h.missed + missedOf(stats), true
}

// attends reports whether somebody here needs the far end's sound decoded: a sink, or the detector of keys.
func (s *Session) attends() bool {
	sinks, current := s.sinks.Load(), s.far.Load()
	return sinks != nil && len(*sinks) > 0 || current != nil && !current.hasEvent
}

// listen gives the frame that is due to whoever needs it. The playout goroutine calls it once a frame.
func (s *Session) listen(now time.Time, buffer []byte) {
	h := &s.hearing
	frame, kind, crosses := h.next(now.Sub(s.engine.clock.epoch))
	if frame == nil {
		return
	}
	attends := s.attends()
	if !attends && !crosses {
		h.end()
		return
	}
	if attends {
		s.attend(frame, now)
	}
	if !crosses {
		return
	}
	other := s.peer.Load()
	if other == nil {
		h.stopCrossing()
		return
	}
	if theirs := other.far.Load(); theirs != nil && kind != playback.Nothing { // nil: bridged anew, with one who has not agreed yet
		other.relayDecoded(h.at(frame, theirs.codec.SampleRate()), now, buffer)
	}
}

// stopCrossing notes that there is no bridge any more. The playout goroutine calls it.
func (h *hearing) stopCrossing() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.crosses = false
	if h.converter != nil {
		h.converter.Reset() // what it still holds is of this bridge
	}
}

// attend lets sinks and the detector of keys hear a frame.
func (s *Session) attend(frame []int16, now time.Time) {
	if sinks := s.sinks.Load(); sinks != nil {
		for _, sink := range *sinks {
			sink.Hear(Sound{PCM: frame, Rate: len(frame) * framesPerSecond, At: now})
		}
	}
	h := &s.hearing
	if s.far.Load().hasEvent {
		h.detector = nil
		return
	}
	if h.detector == nil {
		h.detector = dtmf.NewDetector(len(frame) * framesPerSecond)
	}
	if digit, pressed := h.detector.Hear(frame); pressed {
		s.told(digit, dtmf.ByTone, now)
	}
}

// at returns a frame at another rate.
func (h *hearing) at(frame []int16, rate int) []int16 {
	from := len(frame) * framesPerSecond
	if from == rate {
		return frame
	}
	if h.converter == nil || h.rate != rate {
		converter, err := resample.NewResampler(from, rate)
		if err != nil {
			panic("media: " + err.Error()) // codecs have two rates, of which one is twice the other
		}
		h.converter, h.rate = converter, rate
		h.converted = make([]int16, 0, rate/framesPerSecond)
	}
	h.converted = h.converter.Process(h.converted[:0], frame)
	return h.converted
}
