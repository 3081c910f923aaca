package app

import (
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/spillway-voice/spillway/internal/phone"
)

// recorded writes a recording of a tone at a level, in dBFS, into the centre's folder.
func recorded(dir, name string, frequency, level float64, d time.Duration) {
	pcm := make([]int16, int(d.Seconds()*phone.SampleRate))
	amplitude := 32768 * math.Sqrt2 * math.Pow(10, level/20)
	for i := range pcm {
		pcm[i] = int16(math.Round(amplitude * math.Sin(2*math.Pi*frequency*float64(i)/phone.SampleRate)))
	}
	path := filepath.Join(dir, "prompts", name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		panic(err)
	}
	if err := phone.WriteWAV(path+".new", pcm); err != nil {
		panic(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		panic(err)
	}
}

// toneLevel waits until a call has heard a tone for half a second and returns its root mean square, in dBFS.
func (f *fixture) toneLevel(c *phone.Call, frequency float64) (level float64) {
	f.t.Helper()
	const window = phone.SampleRate / 2
	f.eventually("the tone is heard for half a second", func() bool {
		heard := c.Ear().Heard()
		for from := 0; from+window <= len(heard); from += window / 10 {
			part := heard[from : from+window]
			if !phone.HasTone(part, frequency) || !phone.HasTone(part[:window/10], frequency) || !phone.HasTone(part[window*9/10:], frequency) {
				continue
			}
			var sum float64
			for _, sample := range part {
				sum += float64(sample) * float64(sample)
			}
			level = 10 * math.Log10(sum/window/(32768*32768))
			return true
		}
		return false
	})
	return level
}

func TestAQuietRecordingIsHeardAtTheCentresLevelOrAsItWasRecorded(t *testing.T) {
	t.Parallel()
	f := start(t, open, func(dir string) { recorded(dir, "welcome.wav", 700, -38, 3*time.Second) })
	if level := f.toneLevel(f.dial(callerNumber, mainNumber), 700); math.Abs(level+19) > 0.5 {
		t.Errorf("recorded at -38 dBFS it is heard at %.1f, want -19", level)
	}
	for _, told := range []struct {
		text string
		want float64
	}{{"as-recorded", -38}, {"-25", -25}} {
		before := f.app.node.Config().Version
		replace(f.dir, "centre.yaml", "prompts: prompts", "prompt_level: "+told.text+"\nprompts: prompts")
		f.eventually("the level is applied", func() bool { return f.app.node.Config().Version != before })
		if level := f.toneLevel(f.dial(callerNumber, mainNumber), 700); math.Abs(level-told.want) > 0.5 {
			t.Errorf("with prompt_level %s it is heard at %.1f dBFS, want %.0f", told.text, level, told.want)
		}
		replace(f.dir, "centre.yaml", "prompt_level: "+told.text+"\n", "")
		f.eventually("the level is as before", func() bool { return f.app.node.Config().Version == before })
	}
}

func TestTheMessageOfAnIncidentIsHeardAtTheCentresLevel(t *testing.T) {
	t.Parallel()
	f := start(t, open, func(dir string) { recorded(dir, "kettle-recall.wav", 900, -38, 3*time.Second) })
	f.flip(true)
	f.eventually("the incident is active", func() bool { return f.recall().Active })
	if level := f.toneLevel(f.dial("+61491570031", mainNumber), 900); math.Abs(level+19) > 0.5 {
		t.Errorf("recorded at -38 dBFS it is heard at %.1f, want -19", level)
	}
	revision, before := f.recall().Revision, f.app.node.Config().Version
	replace(f.dir, "centre.yaml", "prompts: prompts", "prompt_level: as-recorded\nprompts: prompts")
	f.eventually("the level is applied", func() bool { return f.app.node.Config().Version != before })
	if level := f.toneLevel(f.dial("+61491570032", mainNumber), 900); math.Abs(level+38) > 0.5 {
		t.Errorf("as recorded it is heard at %.1f dBFS, want -38", level)
	}
	if now := f.recall().Revision; now != revision {
		t.Errorf("the level made revision %d of %d", now, revision)
	}
}
