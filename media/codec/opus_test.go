//go:build opus

package codec

import (
	"bytes"
	"errors"
	"math"
	"runtime"
	"slices"
	"testing"
)

// toneShare returns how much of the power of some sound at 16 kHz is in one frequency, 0 to 1 (Goertzel's algorithm).
func toneShare(pcm []int16, hz float64) float64 {
	var total, s1, s2 float64
	coefficient := 2 * math.Cos(2*math.Pi*hz/16000)
	for _, sample := range pcm {
		x := float64(sample)
		total += x * x
		s1, s2 = x+coefficient*s1-s2, s1
	}
	if total == 0 {
		return 0
	}
	power := s1*s1 + s2*s2 - coefficient*s1*s2
	return 2 * power / (total * float64(len(pcm)))
}

// loud returns the mean amplitude of some sound, in dB of the full scale.
func loud(pcm []int16) float64 {
	var total float64
	for _, sample := range pcm {
		total += float64(sample) * float64(sample)
	}
	return 10 * math.Log10(max(total/float64(len(pcm)), 1e-9)/(1<<30))
}

// opusPackets encodes frame by frame.
func opusPackets(t *testing.T, pcm []int16, samples int) [][]byte {
	t.Helper()
	encoder, buffer := Opus.NewEncoder(), make([]byte, Opus.FrameBytes())
	var packets [][]byte
	for frame := range slices.Chunk(pcm[:len(pcm)/samples*samples], samples) {
		packet, err := encoder.Encode(buffer, frame)
		if err != nil {
			t.Fatal(err)
		}
		packets = append(packets, slices.Clone(packet))
	}
	return packets
}

// opusHeard decodes packets of so many samples each.
func opusHeard(t *testing.T, decoder Decoder, packets [][]byte, samples int) []int16 {
	t.Helper()
	var heard []int16
	buffer := make([]int16, samples)
	for _, packet := range packets {
		pcm, err := decoder.Decode(buffer, packet)
		if err != nil {
			t.Fatal(err)
		}
		heard = append(heard, pcm...)
	}
	return heard
}

func TestOpusCarriesATone(t *testing.T) {
	for _, samples := range codable(Opus) {
		for _, hz := range []float64{440, 1000, 3700, 6000} {
			sound := tone(16000, hz, 16000)
			heard := opusHeard(t, Opus.NewDecoder(), opusPackets(t, sound, samples), samples)
			settled := heard[8000:]
			if share := toneShare(settled, hz); share < 0.99 {
				t.Errorf("%.0f Hz in frames of %d: %.3f of what is heard is the tone", hz, samples, share)
			}
			if change := loud(settled) - loud(sound); math.Abs(change) > 1 {
				t.Errorf("%.0f Hz in frames of %d: %.1f dB louder", hz, samples, change)
			}
		}
	}
}

func TestOpusKeepsToItsBitrate(t *testing.T) {
	for name, sound := range map[string][]int16{
		"speech": prompt(t, "welcome.wav"), "noise": noise(32000), "extremes": extremes(), "silence": make([]int16, 32000),
	} {
		packets, total := opusPackets(t, sound, 320), 0
		for i, packet := range packets {
			total += len(packet)
			if len(packet) <= 2 {
				t.Errorf("%s: packet %d of %d bytes is a pause", name, i, len(packet))
			}
		}
		if rate := total * 8 * 50 / len(packets); rate > opusBitrate*11/10 {
			t.Errorf("%s: %d bit/s, want %d", name, rate, opusBitrate)
		}
	}
}

func TestOpusSendsACopyOfSpeechWithTheNextPacket(t *testing.T) {
	packets, copies := opusPackets(t, prompt(t, "welcome.wav"), 320), 0
	for _, packet := range packets {
		// In a packet of one SILK frame of 20 ms the second bit after the TOC says so (RFC 6716 section 4.2.3).
		if packet[0]>>3 == 9 && packet[1]&0x40 != 0 {
			copies++
		}
	}
	if copies < len(packets)/2 {
		t.Errorf("%d of %d packets bring a copy of the one before", copies, len(packets))
	}
}

func TestALostPacketOfOpusIsMadeUp(t *testing.T) {
	decoder, sound := Opus.NewDecoder(), tone(16000, 440, 16000)
	opusHeard(t, decoder, opusPackets(t, sound, 320), 320)
	concealer, ok := decoder.(Concealer)
	if !ok {
		t.Fatal("Opus does not conceal")
	}
	lost := make([]int16, 320)
	if got := concealer.Conceal(lost); len(got) != 320 || loud(got) < loud(sound)-12 || toneShare(got, 440) < 0.5 {
		t.Errorf("a lost frame of a tone is %d samples of %.1f dB, %.2f of it the tone", len(got), loud(got), toneShare(got, 440))
	}
	for range 10 {
		concealer.Conceal(lost)
	}
	if got := concealer.Conceal(lost); loud(got) > -60 {
		t.Errorf("after twelve lost frames there are still %.1f dB", loud(got))
	}
}

func TestWhatOpusCannotMakeUpIsLeft(t *testing.T) {
	concealer, ok := Opus.NewDecoder().(Concealer)
	if !ok {
		t.Fatal("Opus does not conceal")
	}
	for _, samples := range []int{0, 1, 319} {
		if got := concealer.Conceal(make([]int16, samples)); len(got) != 0 {
			t.Errorf("%d of %d samples are made up", len(got), samples)
		}
	}
}

func TestOpusHasNoFramesOfThirtyMilliseconds(t *testing.T) {
	encoder := Opus.NewEncoder()
	for _, samples := range []int{80, 319, 480, 800, 1280} {
		if _, err := encoder.Encode(make([]byte, Opus.FrameBytes()), make([]int16, samples)); !errors.Is(err, ErrLength) {
			t.Errorf("%d samples are encoded: %v", samples, err)
		}
	}
}

func TestOpusLivesThroughTheGarbageCollection(t *testing.T) {
	sound := prompt(t, "welcome.wav")[:32000]
	want := opusPackets(t, sound, 320)
	wantHeard := opusHeard(t, Opus.NewDecoder(), want, 320)
	encoder, decoder := Opus.NewEncoder(), Opus.NewDecoder()
	buffer, heard := make([]byte, Opus.FrameBytes()), make([]int16, 320)
	for i := range want {
		packet, err := encoder.Encode(buffer, sound[320*i:320*i+320])
		if err != nil || !bytes.Equal(packet, want[i]) {
			t.Fatalf("packet %d is another than without collections: %v", i, err)
		}
		pcm, err := decoder.Decode(heard, packet)
		if err != nil || !slices.Equal(pcm, wantHeard[320*i:320*i+320]) {
			t.Fatalf("packet %d is heard otherwise than without collections: %v", i, err)
		}
		runtime.GC()
	}
}
