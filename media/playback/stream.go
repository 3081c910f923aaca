package playback

import "time"

// A Decoder makes linear PCM at its Format's SampleRate of payloads.
type Decoder interface {
	// Decode writes the sound of payload, which follows the one that it was given last, into dst and returns the part
	// written.
	Decode(dst []int16, payload []byte) ([]int16, error)
}

// A Concealer is a Decoder that makes up for lost packets itself. It is asked first.
type Concealer interface {
	// Conceal fills dst, 10 ms, in place of what is lost, and returns the part written: nothing if it cannot.
	Conceal(dst []int16) []int16
}

// A Format is how packets are to be read.
type Format struct {
	Decoder    Decoder
	SampleRate int                      // of the PCM, in Hz: 8000 or 16000
	ClockRate  int                      // of the timestamps, in Hz: 8000, 16000 or 48000
	Samples    func(payload []byte) int // of PCM in a payload, without decoding it; 0: malformed
}

// A Packet is one of the far end's.
type Packet struct {
	Sequence  uint16
	Timestamp uint32
	Marker    bool   // the first after a pause; nothing relies on it, as not all far ends set it
	Payload   []byte // copied by Put
	Comfort   bool   // the payload describes noise (RFC 3389)
}

// Kind says what a frame is made of.
type Kind uint8

// What a frame may be made of. One that is made of several is the first of Concealed, Sound and Noise that it has in it.
const (
	Nothing   Kind = iota // silence: the stream has not begun, or pauses and no noise is known
	Sound                 // as the far end sent it
	Concealed             // in part at least made up, as a packet is lost or not here in time
	Noise                 // comfort noise, at first under what fades into it
)

const (
	frameDuration = 20 * time.Millisecond // what Next gives
	framesASecond = int(time.Second / frameDuration)
	longestPacket = 120 * time.Millisecond // of sound in a packet: the most that Opus puts in one (RFC 6716 section 3.2)
	largestWire   = 1920                   // bytes of a payload: 60 ms of L16 at 16 kHz, the largest that we say we take
	shortestPause = 10 * time.Millisecond  // gaps of the timestamps below are a matter of rounding at the far end
)

// A Stream is the sound of one far end. It is not safe for concurrent use. What memory it has it takes in New.
type Stream struct {
	format    Format
	concealer Concealer // the format's decoder if it is one
	limits    Limits
	sample    time.Duration // of PCM
	now       time.Duration
	line      timeline
	stray     stray
	store     *store
	arrivals  arrivals
	queue     *queue
	filler    *filler
	floor     floor
	decoded   []int16 // room for a packet
	wire      []byte  // room for a payload
	made      []int16 // room for what fills a gap

	next     int64  // position of the sound that follows the queue's
	last     int64  // extended sequence number that was taken from the store last
	taken    uint64 // which of the 64 sequence numbers up to last were
	fresh    bool   // nothing was taken from the store yet
	borrowed int    // samples made up since next: the sound comes so much later, unless it is lost
	filling  bool   // the queue ends with sound that is made up
	paused   bool   // the far end said that it pauses
	hurrying bool   // until the delay is what it should be
	filled   [Noise + 1]int
	stats    Stats
}

// New returns a stream that has not begun. It panics if the format is not one of those that Format allows. With the default
// limits a stream takes 42 KB at 8 kHz and 54 KB at 16 kHz.
func New(f Format, limits Limits) *Stream {
	s := &Stream{limits: limits.checked()}
	s.use(f)
	s.Reset()
	s.filler.gain = 0 // nothing was heard that could fade
	s.stats = Stats{}
	return s
}

// use sets the format, and takes the memory that its rate needs.
func (s *Stream) use(f Format) {
	if f.SampleRate != 8000 && f.SampleRate != 16000 {
		panic("playback: the sample rate is neither 8000 nor 16000 Hz")
	}
	if f.ClockRate <= 0 || f.Decoder == nil || f.Samples == nil {
		panic("playback: the format is incomplete")
	}
	if f.SampleRate != s.format.SampleRate {
		s.sample = time.Second / time.Duration(f.SampleRate)
		s.store = newStore(s.limits)
		s.queue = newQueue(f.SampleRate)
		s.filler = newFiller(f.SampleRate)
		s.decoded = make([]int16, s.samples(longestPacket))
		s.made = make([]int16, s.samples(frameDuration))
		s.wire = make([]byte, largestWire)
	}
	s.format = f
	s.concealer, _ = f.Decoder.(Concealer)
}

// Reset forgets the far end: another stream begins with the next packet (a new SSRC). A decoder that remembers sound is for
// the caller to replace, with Change.
func (s *Stream) Reset() {
	s.store.clear()
	s.line = timeline{}
	s.stray.waiting = false
	s.arrivals = arrivals{}
	s.floor = newFloor()
	s.filler.noise.forget()
	s.fillGap()
	s.filler.hush()
	s.next, s.last, s.taken, s.borrowed = 0, 0, 0, 0
	s.fresh, s.paused, s.hurrying = true, true, false
	s.stats.Restarts++
}

// Change lets the packets from the next one on be read by another format. Those that wait undecoded are dropped, which a
// listener hears as one lost packet or two; what is decoded is played. A change of the SampleRate drops all and costs
// allocations: frames have another length from then on.
func (s *Stream) Change(f Format) {
	other := f.SampleRate != s.format.SampleRate
	s.use(f)
	if other {
		restarts := s.stats.Restarts
		s.Reset()
		s.stats.Restarts = restarts
		return
	}
	s.store.clear()
	s.stray.waiting = false
	s.line.unsettled = s.line.begun
}

// Next fills one frame, SampleRate/50 samples long. It is to be called every 20 ms; at is the time, on the same scale as Put's.
func (s *Stream) Next(frame []int16, at time.Duration) Kind {
	s.tick(at)
	s.filled = [Noise + 1]int{}
	s.drain()
	s.adjust()
	s.prepare(len(frame))
	if !s.filling {
		s.stats.Delay = max(s.lag()-s.arrivals.base, 0)
	}
	s.queue.read(frame)
	kind := s.kind(len(frame))
	switch kind {
	case Sound:
		s.floor.hear(frame)
	case Concealed:
		s.stats.Concealed++
	}
	return kind
}

// kind returns what the frame of so many samples is that was just prepared.
func (s *Stream) kind(frame int) Kind {
	switch {
	case s.filled[Concealed] > 0:
		return Concealed
	case s.filled[Noise]+s.filled[Nothing] < frame:
		return Sound
	case s.filled[Noise] > 0:
		return Noise
	}
	return Nothing
}

// tick takes in the time, which does not go back.
func (s *Stream) tick(at time.Duration) { s.now = max(s.now, at) }

// samples returns how many samples some time is.
func (s *Stream) samples(d time.Duration) int { return int(d / s.sample) }

// duration returns how long some samples are.
func (s *Stream) duration(samples int64) time.Duration { return time.Duration(samples) * s.sample }
