package media

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spillway-voice/spillway/media/codec"
	"github.com/spillway-voice/spillway/media/dtmf"
)

// allCodecs has the engine speak all that there is.
func allCodecs(o *Options) {
	o.Codecs = []codec.Codec{codec.L16, codec.G722, codec.PCMU, codec.PCMA}
	if codec.Opus.Available() {
		o.Codecs = append(o.Codecs, codec.Opus)
	}
}

// kindOf are the payload types of the talkers.
var kindOf = [codec.Count]uint8{codec.PCMU: 0, codec.PCMA: 8, codec.G722: 9, codec.L16: 112, codec.Opus: 111}

// talker is a far end that says a sine in any codec and keeps what it hears.
type talker struct {
	*remote
	codec   codec.Codec
	events  int           // clock of its telephone-events; 0: none
	comfort bool          // it lists comfort noise
	packet  time.Duration // of sound in what it sends
	more    string        // lines of its description
	hz, amp float64

	encoder codec.Encoder
	phase   float64
}

// talker starts a far end that says 1 kHz in packets of 20 ms.
func (w *wire) talker(port uint16, c codec.Codec) *talker {
	w.t.Helper()
	p := &talker{remote: w.remote(farAway, port), codec: c, events: c.ClockRate(), packet: FrameDuration, hz: 1000, amp: 12000}
	p.encoder = c.NewEncoder()
	p.header.SSRC += uint32(port)
	return p
}

// speak has it speak another codec from the next description on.
func (p *talker) speak(c codec.Codec) {
	p.codec, p.encoder = c, c.NewEncoder()
	p.events = min(p.events, 1) * c.ClockRate()
}

// describe is its description.
func (p *talker) describe() []byte {
	formats, lines := fmt.Sprint(kindOf[p.codec]), ""
	channels := ""
	if p.codec == codec.Opus {
		channels = "/2"
	}
	lines += fmt.Sprintf("a=rtpmap:%d %s/%d%s\r\n", kindOf[p.codec], p.codec, p.codec.ClockRate(), channels)
	if p.comfort {
		formats += " 13"
	}
	if p.events > 0 {
		formats += " 101"
		lines += fmt.Sprintf("a=rtpmap:101 telephone-event/%d\r\n", p.events)
	}
	profile := "AVP"
	if strings.Contains(p.more, "a=crypto") && !strings.Contains(p.more, "a=optional") {
		profile = "SAVP"
	}
	at := p.sound.AddrPort()
	return fmt.Appendf(nil, "v=0\r\no=- 1 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio %d RTP/%s %s\r\n%s%s",
		at.Addr(), at.Addr(), at.Port(), profile, formats, lines, p.more)
}

// agree agrees on a session, first or again, and returns the answer.
func (p *talker) agree(s *Session) string {
	p.w.t.Helper()
	answer, err := s.Answer(p.describe())
	if err != nil {
		p.w.t.Fatal(err)
	}
	p.to = s.Local()
	return string(answer)
}

// next returns so much of its sine.
func (p *talker) next(d time.Duration) []int16 {
	pcm := make([]int16, int(d*time.Duration(p.codec.SampleRate())/time.Second))
	for i := range pcm {
		pcm[i] = int16(math.Round(p.amp * math.Sin(p.phase)))
		p.phase = math.Mod(p.phase+2*math.Pi*p.hz/float64(p.codec.SampleRate()), 2*math.Pi)
	}
	return pcm
}

// step is how far a packet of hers moves the timestamps on.
func (p *talker) step() uint32 {
	return uint32(p.packet * time.Duration(p.codec.ClockRate()) / time.Second)
}

// utter sends the next packet.
func (p *talker) utter() {
	p.w.t.Helper()
	payload, err := p.encoder.Encode(make([]byte, 4096), p.next(p.packet))
	if err != nil {
		p.w.t.Fatal(err)
	}
	p.send(kindOf[p.codec], payload, p.step())
}

// talk says so much, packet by packet.
func (p *talker) talk(d time.Duration) {
	for ; d > 0; d -= p.packet {
		p.utter()
		time.Sleep(p.packet)
	}
}

// talkAll has several talk at one time.
func talkAll(d time.Duration, all ...*talker) {
	for t := time.Duration(0); t < d; t += 10 * time.Millisecond {
		for _, p := range all {
			if t%p.packet == 0 {
				p.utter()
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// pressKey sends the reports of a key that is held so long.
func (p *talker) pressKey(digit byte, held time.Duration) {
	p.w.t.Helper()
	var sender dtmf.Sender
	if err := sender.Add(digit, held); err != nil {
		p.w.t.Fatal(err)
	}
	begun := p.header.Timestamp
	for frame := uint32(0); sender.Active(); frame++ {
		now := begun + frame*uint32(p.codec.ClockRate()/framesPerSecond)
		event, stamp, marker, ok := sender.Next(now, p.events)
		if ok {
			var payload [dtmf.EventSize]byte
			event.Put(payload[:])
			p.header.Timestamp, p.header.Marker = stamp, marker
			p.send(101, payload[:], 0)
		}
		p.header.Timestamp = now + uint32(p.codec.ClockRate()/framesPerSecond)
		time.Sleep(FrameDuration)
	}
	p.header.Marker = false
}

// sing sends a key as two tones, by math.Sin alone.
func (p *talker) sing(digit byte, held time.Duration) {
	p.w.t.Helper()
	low, high := tonesOf(digit)
	at := 0.0
	for ; held > 0; held -= p.packet {
		pcm := make([]int16, int(p.packet*time.Duration(p.codec.SampleRate())/time.Second))
		for i := range pcm {
			pcm[i] = int16(7000 * (math.Sin(2*math.Pi*low*at) + math.Sin(2*math.Pi*high*at)))
			at += 1 / float64(p.codec.SampleRate())
		}
		payload, err := p.encoder.Encode(make([]byte, 4096), pcm)
		if err != nil {
			p.w.t.Fatal(err)
		}
		p.send(kindOf[p.codec], payload, p.step())
		time.Sleep(p.packet)
	}
}

// tonesOf returns the frequencies of a key (ITU-T Q.23).
func tonesOf(digit byte) (low, high float64) {
	i := strings.IndexByte("123A456B789C*0#D", digit)
	return []float64{697, 770, 852, 941}[i/4], []float64{1209, 1336, 1477, 1633}[i%4]
}

// sungKeys returns the keys that are in some sound as tones: of windows of 20 ms that are nearly all two of the tones, those that
// say the same until a window says something else are one.
func sungKeys(pcm []int16, rate int) string {
	keys, last := "", byte(0)
	for n := rate / 50; len(pcm) >= n; pcm = pcm[n:] {
		found := byte(0)
		for _, digit := range []byte("123A456B789C*0#D") {
			low, high := tonesOf(digit)
			a, b := share(pcm[:n], low, rate), share(pcm[:n], high, rate)
			if a > 0.12 && b > 0.12 && a+b > 0.7 && loudness(pcm[:n]) > 500 {
				found = digit
			}
		}
		if found != 0 && found != last {
			keys += string(found)
		}
		last = found
	}
	return keys
}

// share returns the share of a frequency in the power of some sound.
func share(pcm []int16, hz float64, rate int) float64 {
	total, re, im := 0.0, 0.0, 0.0
	for i, x := range pcm {
		at := 2 * math.Pi * hz * float64(i) / float64(rate)
		total += float64(x) * float64(x)
		re += float64(x) * math.Cos(at)
		im += float64(x) * math.Sin(at)
	}
	return 2 * (re*re + im*im) / max(total*float64(len(pcm)), 1)
}

// loudness returns the mean of the magnitudes.
func loudness(pcm []int16) int {
	sum := 0
	for _, x := range pcm {
		sum += max(int(x), -int(x))
	}
	return sum / max(len(pcm), 1)
}

// listened is what is heard of packets by one decoder, put in their order by their timestamps, without what is missing.
func listened(c codec.Codec, got []arrival) []int16 {
	ordered := soundIn(c, got)
	slices.SortStableFunc(ordered, func(a, b arrival) int { return int(int16(a.SequenceNumber - b.SequenceNumber)) })
	decoder, room := c.NewDecoder(), make([]int16, 8192)
	var all []int16
	for _, packet := range ordered {
		pcm, err := decoder.Decode(room, packet.Payload)
		if err == nil {
			all = append(all, pcm...)
		}
	}
	return all
}

// soundIn are the packets of a codec.
func soundIn(c codec.Codec, got []arrival) []arrival {
	return slices.DeleteFunc(slices.Clone(got), func(a arrival) bool { return a.PayloadType != kindOf[c] })
}

// toneToNoise returns the least and the median of the tone-to-noise ratios in dB of windows of 40 ms.
func toneToNoise(pcm []int16, hz float64, rate int) (least, median float64) {
	n := rate / 25
	var ratios []float64
	for ; len(pcm) >= n; pcm = pcm[n:] {
		s := min(share(pcm[:n], hz, rate), 1-1e-9)
		ratios = append(ratios, 10*math.Log10(max(s, 1e-9)/(1-s)))
	}
	if len(ratios) == 0 {
		return -99, -99
	}
	slices.Sort(ratios)
	return ratios[0], ratios[len(ratios)/2]
}

// greatestStep returns the greatest step from one sample to the next.
func greatestStep(pcm []int16) int {
	most := 0
	for i := 1; i < len(pcm); i++ {
		most = max(most, max(int(pcm[i])-int(pcm[i-1]), int(pcm[i-1])-int(pcm[i])))
	}
	return most
}

// sines is a recording of a loud sine, encoded in all codecs.
func sines(hz, amp float64, d time.Duration) *Prompt {
	make := func(rate int) []int16 {
		pcm := make([]int16, int(d*time.Duration(rate)/time.Second))
		for i := range pcm {
			pcm[i] = int16(amp * math.Sin(2*math.Pi*hz*float64(i)/float64(rate)))
		}
		return pcm
	}
	p := newPrompt(make(SampleRate), [32]byte{})
	p.wide = padded(make(WideRate), 2*len(p.pcm))
	set := CodecsOf(codec.G722, codec.L16)
	if codec.Opus.Available() {
		set |= CodecsOf(codec.Opus)
	}
	p.encode(set)
	return p
}

// assertStream checks that packets are one stream: one SSRC, numbers without a gap, times that follow on each other exactly
// when contiguous is asked for and never go back otherwise.
func assertStream(t *testing.T, c codec.Codec, got []arrival, contiguous bool) {
	t.Helper()
	if !contiguous { // two who send at one time may overtake each other on the way to the socket
		got = slices.Clone(got)
		slices.SortStableFunc(got, func(a, b arrival) int { return int(int16(a.SequenceNumber - b.SequenceNumber)) })
	}
	for i := 1; i < len(got); i++ {
		a, b := got[i-1], got[i]
		length := uint32(c.Samples(a.Payload) * c.ClockRate() / c.SampleRate())
		switch ahead := int32(b.Timestamp - a.Timestamp); {
		case b.SSRC != a.SSRC:
			t.Fatalf("packet %d: SSRC %#x after %#x", i, b.SSRC, a.SSRC)
		case b.SequenceNumber != a.SequenceNumber+1:
			t.Fatalf("packet %d: number %d after %d", i, b.SequenceNumber, a.SequenceNumber)
		case contiguous && (ahead != int32(length) || b.Marker):
			t.Fatalf("packet %d: %d timestamps after the last, which has %d; marker %v", i, ahead, length, b.Marker)
		case a.PayloadType == kindOf[c] && ahead < int32(length):
			t.Fatalf("packet %d: %d timestamps after the last, which has %d", i, ahead, length)
		}
	}
}

// bridge bridges two far ends that have agreed with sessions.
func (w *wire) bridge(a, b *talker) (one, other *Session) {
	w.t.Helper()
	one, other = w.open(), w.open()
	a.agree(one)
	b.agree(other)
	if err := Bridge(one, other); err != nil {
		w.t.Fatal(err)
	}
	return one, other
}

// digits are the keys among events.
func digits(events []Event) string {
	keys := ""
	for _, event := range events {
		if digit, ok := event.(Digit); ok {
			keys += string(digit.Digit)
		}
	}
	return keys
}

// eventKeys are the keys that come as telephone-events.
func eventKeys(t *testing.T, got []arrival, clock int) string {
	t.Helper()
	receiver, keys := dtmf.NewReceiver(clock), ""
	for _, packet := range got {
		if packet.PayloadType != 101 {
			continue
		}
		event, err := dtmf.ParseEvent(packet.Payload)
		if err != nil {
			t.Fatal(err)
		}
		if key, pressed := receiver.Receive(packet.Timestamp, packet.Marker, event); pressed {
			keys += string(key)
		}
	}
	return keys
}
