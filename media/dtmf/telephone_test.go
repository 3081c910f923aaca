package dtmf_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"os/exec"
	"testing"
	"time"

	"github.com/spillway-voice/spillway/media/codec"
	"github.com/spillway-voice/spillway/media/dtmf"
)

// hear returns the digits in some sound.
func hear(rate int, pcm []int16) string {
	d := dtmf.NewDetector(rate)
	var got []byte
	for len(pcm) > 0 {
		n := min(len(pcm), rate/50)
		if digit, pressed := d.Hear(pcm[:n]); pressed {
			got = append(got, digit)
		}
		pcm = pcm[n:]
	}
	return string(got)
}

// ffmpegLevel is the level of each tone that ffmpeg makes, where 1 is full scale.
const ffmpegLevel = 0.4

// ffmpegTones returns all keys, each of two tones for 50 ms with 50 ms behind it, made by a program that knows nothing of
// us.
func ffmpegTones(t *testing.T, rate int) []int16 {
	t.Helper()
	program, err := exec.LookPath("ffmpeg")
	if err != nil {
		t.Fatal("the program ffmpeg, which makes tones for this test, is missing: install `ffmpeg`")
	}
	low := map[byte]int{}
	high := map[byte]int{}
	for row, keys := range []string{"123A", "456B", "789C", "*0#D"} {
		for column := range len(keys) {
			low[keys[column]] = []int{697, 770, 852, 941}[row]
			high[keys[column]] = []int{1209, 1336, 1477, 1633}[column]
		}
	}
	expression := "0"
	for i := range len(dtmf.Keys) {
		from := float64(i) * 0.1
		expression += fmt.Sprintf("+between(t,%.3f,%.3f)*%g*(sin(2*PI*%d*t)+sin(2*PI*%d*t))", from+0.013, from+0.063, ffmpegLevel,
			low[dtmf.Keys[i]], high[dtmf.Keys[i]])
	}
	command := exec.Command(program, "-hide_banner", "-loglevel", "error", "-f", "lavfi", "-i",
		fmt.Sprintf("aevalsrc='%s':s=%d:d=2", expression, rate), "-f", "s16le", "-")
	var complaint bytes.Buffer
	command.Stderr = &complaint
	out, err := command.Output()
	if err != nil {
		t.Fatalf("ffmpeg: %v: %s", err, complaint.String())
	}
	pcm := make([]int16, len(out)/2)
	for i := range pcm {
		pcm[i] = int16(binary.LittleEndian.Uint16(out[2*i:]))
	}
	return pcm
}

// scaled returns tones of ffmpeg at another level, clipped where they no longer fit.
func scaled(pcm []int16, level float64) []int16 {
	out := make([]int16, len(pcm))
	for i, x := range pcm {
		out[i] = int16(max(min(float64(x)*level/ffmpegLevel, math.MaxInt16), math.MinInt16))
	}
	return out
}

func TestTonesOfAnotherProgramAreHeard(t *testing.T) {
	for _, rate := range []int{8000, 16000} {
		pcm := ffmpegTones(t, rate)
		for _, level := range []float64{ffmpegLevel, 0.1, 0.02} {
			if got := hear(rate, scaled(pcm, level)); got != dtmf.Keys {
				t.Errorf("%d Hz, level %v: heard %q", rate, level, got)
			}
		}
	}
}

// 0.0123 of full scale is -35 dBm0, 0.69 is 0 dBm0, where two tones clip.
func TestTonesAreHeardThroughBothLawsOfG711(t *testing.T) {
	tones := ffmpegTones(t, 8000)
	for _, law := range []codec.Codec{codec.PCMU, codec.PCMA} {
		for _, level := range []float64{0.69, ffmpegLevel, 0.1, 0.03, 0.0123} {
			pcm := scaled(tones, level)
			coded, err := law.NewEncoder().Encode(make([]byte, len(pcm)), pcm)
			if err != nil {
				t.Fatal(err)
			}
			line, err := law.NewDecoder().Decode(pcm, coded)
			if err != nil {
				t.Fatal(err)
			}
			if got := hear(8000, line); got != dtmf.Keys {
				t.Errorf("%v, level %v: heard %q", law, level, got)
			}
		}
	}
}

func TestNothingIsAllocatedForAFrameOrAPacket(t *testing.T) {
	var stream dtmf.Stream
	var sender dtmf.Sender
	receiver := dtmf.NewReceiver(8000)
	stamp, at, digits := uint32(0), time.Duration(0), 0
	count := func(pressed bool) {
		if pressed {
			digits++
		}
	}
	steps := map[string]func(){
		"events": func() {
			if !sender.Active() {
				if err := sender.Add('7', 0); err != nil {
					t.Fatal(err)
				}
			}
			stamp += 160
			if e, begun, marker, ok := sender.Next(stamp, 8000); ok {
				_, pressed := receiver.Receive(begun, marker, e)
				count(pressed)
			}
		},
		"stream": func() {
			at += 100 * time.Millisecond
			count(stream.Press('7', dtmf.ByEvent, at))
		},
	}
	for _, rate := range []int{8000, 16000} {
		frame := make([]int16, rate/50)
		detector := dtmf.NewDetector(rate)
		tone, err := dtmf.NewTone('7', rate, 0)
		if err != nil {
			t.Fatal(err)
		}
		first := *tone
		steps[fmt.Sprintf("sound at %d Hz", rate)] = func() {
			if !tone.Next(frame) {
				*tone = first
				clear(frame)
			}
			_, pressed := detector.Hear(frame)
			count(pressed)
		}
	}
	for name, step := range steps {
		digits = 0
		if n := testing.AllocsPerRun(1000, step); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
		if digits < 50 {
			t.Errorf("%s: only %d digits were heard meanwhile", name, digits)
		}
	}
}
