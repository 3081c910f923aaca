package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spillway-voice/spillway/media"
)

// greeted lets the sample's main number begin with a recording in a folder of its own.
func greeted(dir string) {
	recorded(dir, "greetings/hello.wav", 500, -19, 2*time.Second)
	replace(dir, "centre.yaml", "{play: welcome.wav, then: open}", "{play: greetings/hello.wav, then: open}")
}

// reloads waits until the node has a recording in another form than before.
func (f *fixture) reloads(name string, before *media.Prompt) {
	f.t.Helper()
	f.eventually(name+" is reloaded", func() bool { return f.loaded(name) != before })
}

func (f *fixture) loaded(name string) *media.Prompt {
	return f.app.centre.current().library.Loaded(name)
}

func TestARecordingThatIsReplacedIsHeardByTheNextCaller(t *testing.T) {
	t.Parallel()
	f := start(t, open, greeted)
	f.toneLevel(f.dial("+61491570041", mainNumber), 500)
	version, before := f.app.node.Config().Version, f.loaded("greetings/hello.wav")
	recorded(f.dir, "greetings/hello.wav", 900, -19, 2*time.Second)
	f.reloads("greetings/hello.wav", before)
	second := f.dial("+61491570042", mainNumber)
	f.toneLevel(second, 900)
	if second.Ear().HasTone(500, time.Second) {
		t.Error("the second caller heard the old recording")
	}
	if now := f.app.node.Config(); now.Version != version || now.Error != nil {
		t.Errorf("the configuration is %+v, want %s without an error", now, version)
	}
}

func TestARecordingThatIsSpoiltIsHeardAsItWasAndShown(t *testing.T) {
	t.Parallel()
	f := start(t, open, greeted)
	path := filepath.Join(f.dir, "prompts", "greetings", "hello.wav")
	if err := os.WriteFile(path, []byte("not sound"), 0o600); err != nil {
		t.Fatal(err)
	}
	f.eventually("the mistake is shown", func() bool { return f.app.node.Config().Error != nil })
	if shown := f.app.node.Config().Error; shown.File != "prompts/greetings/hello.wav" || !strings.Contains(shown.Message, "not a WAV file") {
		t.Errorf("shown is %+v", shown)
	}
	f.toneLevel(f.dial("+61491570043", mainNumber), 500)
	logged, err := os.ReadFile(filepath.Join(t.ArtifactDir(), "node.log"))
	if err != nil || !strings.Contains(string(logged), "what was played before goes on") {
		t.Errorf("the log does not tell it: %v", err)
	}
	f.flip(true) // a toggle reads the recordings again
	f.eventually("the incident is active", func() bool { return f.recall().Active })
	f.toneLevel(f.dial("+61491570044", mainNumber), 500)
	before := f.loaded("greetings/hello.wav")
	recorded(f.dir, "greetings/hello.wav", 900, -19, 2*time.Second)
	f.reloads("greetings/hello.wav", before)
	if shown := f.app.node.Config().Error; shown != nil {
		t.Errorf("mended, it is still shown: %+v", shown)
	}
	f.toneLevel(f.dial("+61491570045", mainNumber), 900)
}

func TestTenMinutesAreLoadedWithoutACallNoticing(t *testing.T) {
	t.Parallel()
	f := start(t, open, greeted)
	caller := f.dial("+61491570047", mainNumber)
	f.toneLevel(caller, 500)
	before := f.loaded("greetings/hello.wav")
	recorded(f.dir, "greetings/hello.wav", 900, -19, 10*time.Minute)
	f.reloads("greetings/hello.wav", before)
	if gaps := caller.Ear().Gaps(); gaps > 5 { // a machine that stands still for 200 ms leaves some out
		t.Errorf("the caller's sound has %d gaps", gaps)
	}
	asked := time.Now()
	next := f.dial("+61491570048", mainNumber)
	f.toneLevel(next, 900)
	if first := next.Ear().FirstPacketAt().Sub(asked); first > 2*time.Second {
		t.Errorf("the next caller heard nothing for %v", first)
	}
}

func TestAFileThatKeepsGrowingHoldsBackNoOther(t *testing.T) {
	t.Parallel()
	f := start(t, open, greeted)
	growing, err := os.Create(filepath.Join(f.dir, "prompts", "greetings", "upload.wav")) // which no flow plays
	if err != nil {
		t.Fatal(err)
	}
	over, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		pace := time.NewTicker(50 * time.Millisecond)
		defer pace.Stop()
		for {
			select {
			case <-over:
				return
			case <-pace.C:
				if _, err := growing.WriteString("more"); err != nil {
					t.Error(err)
					return
				}
			}
		}
	}()
	defer func() { close(over); <-ended; growing.Close() }()
	before := f.loaded("greetings/hello.wav")
	recorded(f.dir, "greetings/hello.wav", 900, -19, 2*time.Second)
	f.reloads("greetings/hello.wav", before)
	f.toneLevel(f.dial("+61491570046", mainNumber), 900)
}

func TestTheMessageOfARevisionStaysWhatItWas(t *testing.T) {
	t.Parallel()
	f := start(t, open, greeted, func(dir string) { recorded(dir, "kettle-recall.wav", 700, -19, 2*time.Second) })
	f.flip(true)
	f.eventually("the incident is active", func() bool { return f.recall().Active })
	waiting := f.waitsFor("+61491570046", "1")
	f.toneLevel(waiting, 700)
	revision, before := f.recall().Revision, f.loaded("kettle-recall.wav")
	recorded(f.dir, "kettle-recall.wav", 1100, -19, 2*time.Second)
	f.reloads("kettle-recall.wav", before)
	next := f.dial("+61491570047", mainNumber)
	f.toneLevel(next, 700)
	f.toneLevel(next, 500) // the message is over
	if waiting.Ear().HasTone(1100, time.Second) || next.Ear().HasTone(1100, time.Second) {
		t.Error("somebody heard a message that no revision has")
	}
	if now := f.recall().Revision; now != revision {
		t.Errorf("the file made revision %d of %d", now, revision)
	}
}

func TestMusicThatIsReplacedIsHeardByWhoComesToWait(t *testing.T) {
	t.Parallel()
	f := start(t, open, func(dir string) { recorded(dir, "hold.wav", 620, -19, 2*time.Second) })
	first := f.waitsFor("+61491570048", "1")
	f.toneLevel(first, 620)
	before := f.loaded("hold.wav")
	recorded(f.dir, "hold.wav", 840, -19, 2*time.Second)
	f.reloads("hold.wav", before)
	second := f.waitsFor("+61491570049", "1")
	f.toneLevel(second, 840)
	first.Ear().Forget()
	f.toneLevel(first, 620)
}

func TestACopyThatIsHalfWayIsNotHeardUntilItIsWhole(t *testing.T) {
	t.Parallel()
	f := start(t, open, greeted)
	recorded(f.dir, "next.wav", 900, -19, 2*time.Second)
	file, err := os.ReadFile(filepath.Join(f.dir, "prompts", "next.wav"))
	if err != nil {
		t.Fatal(err)
	}
	copied, err := os.Create(filepath.Join(f.dir, "prompts", "greetings", "hello.wav"))
	if err != nil {
		t.Fatal(err)
	}
	defer copied.Close()
	if _, err := copied.Write(file[:len(file)/2]); err != nil {
		t.Fatal(err)
	}
	before := f.loaded("greetings/hello.wav")
	f.eventually("the half of it was looked at", func() bool { return f.app.centre.current().library.Spoilt()["greetings/hello.wav"] != nil })
	if f.loaded("greetings/hello.wav") != before {
		t.Error("the half was loaded")
	}
	if shown := f.app.node.Config().Error; shown != nil {
		t.Errorf("a copy on its way is shown as a mistake: %+v", shown)
	}
	if _, err := copied.Write(file[len(file)/2:]); err != nil {
		t.Fatal(err)
	}
	f.reloads("greetings/hello.wav", before)
	if whole := f.loaded("greetings/hello.wav").Duration(); whole != 2*time.Second {
		t.Errorf("loaded are %v of 2s", whole)
	}
	f.toneLevel(f.dial("+61491570050", mainNumber), 900)
}
