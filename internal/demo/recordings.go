package demo

import (
	"context"
	"fmt"
	"io/fs"
	"math"
	"time"

	"github.com/spillway-voice/spillway/internal/phone"
	"github.com/spillway-voice/spillway/internal/sample"
	"github.com/spillway-voice/spillway/media/prompts"
)

// recording is a piece of sound that people in the story may hear.
type recording struct {
	name string
	pcm  []int16 // linear, phone.SampleRate
}

// length is how long it lasts.
func (r recording) length() time.Duration { return lasting(len(r.pcm)) }

// ending is its last stretch, which tells that it was heard to the end.
func (r recording) ending(d time.Duration) recording {
	n := int(d * phone.SampleRate / time.Second)
	return recording{"the end of " + r.name, r.pcm[max(0, len(r.pcm)-n):]}
}

// repertoire is what can be recognised. It is read from the program itself, not from the node's folder: what a node plays
// is compared with what it should play.
type repertoire struct {
	welcome, menu, recall, music recording
	all                          []recording // also those that are heard only when something goes wrong
}

func readRepertoire() (repertoire, error) {
	var r repertoire
	for _, source := range []struct {
		files fs.FS
		dir   string
		names []string
	}{
		{sample.Files(), "prompts/", []string{"welcome.wav", "choose.wav", "closed.wav", sample.RecallMessage}},
		{prompts.English(), "", []string{"hold.wav", "sorry.wav", "apology.wav"}},
	} {
		for _, name := range source.names {
			content, err := fs.ReadFile(source.files, source.dir+name)
			if err != nil {
				return r, fmt.Errorf("read the recordings: %w", err)
			}
			pcm, err := phone.ParseWAV(content)
			if err != nil {
				return r, fmt.Errorf("read the recording %s: %w", name, err)
			}
			r.all = append(r.all, recording{name, pcm})
		}
	}
	for _, one := range r.all {
		switch one.name {
		case "welcome.wav":
			r.welcome = one
		case "choose.wav":
			r.menu = one
		case sample.RecallMessage:
			r.recall = one
		case "hold.wav":
			r.music = one
		}
	}
	return r, nil
}

// lately is how much of what was heard last is looked at to say what it was.
const lately = 3 * time.Second

// quiet is the root mean square under which sound is silence: about -54 dBFS.
const quiet = 64

// whatIsIn names what an ear has heard lately. Recordings are looked for until the context ends.
func (r repertoire) whatIsIn(ctx context.Context, ear *phone.Ear, tones []int) string {
	pcm := ear.Since(time.Now().Add(-lately))
	if ear.Packets() == 0 {
		return "nothing at all: no packet has come"
	}
	if len(pcm) == 0 {
		return fmt.Sprintf("nothing for %v", time.Since(ear.LastPacketAt()).Round(time.Millisecond))
	}
	if level(pcm) < quiet {
		return "silence"
	}
	for _, frequency := range tones {
		if ear.HasTone(float64(frequency), lately/6) {
			return fmt.Sprintf("a tone of %d Hz", frequency)
		}
	}
	for _, one := range r.all {
		if ctx.Err() == nil && phone.Correlate(pcm, one.pcm).Sure(one.length()) {
			return one.name
		}
	}
	return "something that is in no recording"
}

// level is the root mean square of a stretch of sound.
func level(pcm []int16) float64 {
	var sum float64
	for _, s := range pcm {
		sum += float64(s) * float64(s)
	}
	return math.Sqrt(sum / float64(len(pcm)))
}
