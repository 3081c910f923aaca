package media

import (
	"crypto/sha256"
	"errors"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spillway-voice/spillway/media/codec"
)

// record writes a recording into a folder.
func record(t *testing.T, dir, name string, hz float64) []byte {
	t.Helper()
	file := wav(8000, 1, sine(hz, 8000, 200*time.Millisecond))
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, file, 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

func openLibrary(t *testing.T, dir string) *Library {
	t.Helper()
	library, err := OpenLibrary(dir, LibraryOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return library
}

func TestTheCentresRecordingsComeBeforeTheBuiltInOnes(t *testing.T) {
	dir := t.TempDir()
	file := record(t, dir, "welcome.wav", 500)
	library := openLibrary(t, dir)
	own, err := library.Prompt("welcome.wav")
	if err != nil {
		t.Fatal(err)
	}
	if own.SHA256() != sha256.Sum256(file) || own.Duration() != 200*time.Millisecond {
		t.Errorf("welcome.wav lasts %v, want the centre's own", own.Duration())
	}
	builtIn, err := library.Prompt("closed.wav")
	if err != nil || builtIn.Duration() < time.Second {
		t.Errorf("closed.wav: %v", err)
	}
}

func TestEveryBuiltInRecordingCanBePlayed(t *testing.T) {
	library := openLibrary(t, "")
	for _, name := range strings.Fields(`welcome closed sorry not-understood hold apology please-hold returning draining
		all-agents-busy paused resumed beep position-number position-queue position-next position-many number-0
		number-hundred number-thousand number-and`) {
		prompt, err := library.Prompt(name + ".wav")
		if err != nil {
			t.Error(err)
			continue
		}
		peak := int16(0)
		for _, sample := range prompt.pcm {
			peak = max(peak, sample)
		}
		if peak < 2000 {
			t.Errorf("%s can hardly be heard: its peak is %d", name, peak)
		}
	}
	if hold, err := library.Prompt("hold.wav"); err != nil || hold.Duration() < 20*time.Second || hold.samples%FrameSize != 0 {
		t.Errorf("hold.wav lasts %v, want 20 s or more in whole frames: %v", hold.Duration(), err)
	}
}

func TestNamesThatLeadElsewhereAreRefused(t *testing.T) {
	dir := t.TempDir()
	record(t, dir, "outside.wav", 500)
	inside := filepath.Join(dir, "prompts")
	record(t, inside, "fine/one.wav", 500)
	for _, link := range []struct{ to, name string }{{"../outside.wav", "relative.wav"}, {filepath.Join(dir, "outside.wav"), "absolute.wav"}} {
		if err := os.Symlink(link.to, filepath.Join(inside, link.name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(inside, "folder.wav"), 0o755); err != nil {
		t.Fatal(err)
	}
	library := openLibrary(t, inside)
	if err := library.Check("fine/one.wav"); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"", "../outside.wav", "/etc/passwd", "fine/../fine/one.wav", "fine//one.wav", `fine\one.wav`,
		"One.wav", "one.mp3", "one.wav\x00", ".wav", "a b.wav", "./one.wav", strings.Repeat("a", 300) + ".wav"} {
		if err := library.Check(name); !errors.Is(err, ErrBadName) {
			t.Errorf("%q: %v, want ErrBadName", name, err)
		}
	}
	for _, name := range []string{"relative.wav", "absolute.wav", "folder.wav"} {
		if err := library.Check(name); err == nil {
			t.Errorf("%q was taken", name)
		}
	}
}

func TestWhatIsWrongWithARecordingIsSaid(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "broken.wav"), []byte("not sound"), 0o644); err != nil {
		t.Fatal(err)
	}
	library := openLibrary(t, dir)
	if err := library.Check("missing.wav"); !errors.Is(err, ErrNoRecording) || !strings.Contains(err.Error(), dir) {
		t.Errorf("missing: %v", err)
	}
	if err := library.Check("broken.wav"); err == nil || !strings.Contains(err.Error(), "not a WAV file") {
		t.Errorf("broken: %v", err)
	}
	if err := openLibrary(t, filepath.Join(dir, "nowhere")).Check("welcome.wav"); err != nil {
		t.Errorf("a folder that does not exist: %v", err)
	}
	if _, err := OpenLibrary(filepath.Join(dir, "broken.wav"), LibraryOptions{}); err == nil {
		t.Error("a file was opened as a folder")
	}
}

func TestALibraryIsAPictureAndTheNextOneSharesWhatDidNotChange(t *testing.T) {
	dir := t.TempDir()
	record(t, dir, "same.wav", 500)
	before := record(t, dir, "changed.wav", 500)
	first := openLibrary(t, dir)
	same, err := first.Prompt("same.wav")
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Check("changed.wav"); err != nil {
		t.Fatal(err)
	}
	after := record(t, dir, "changed.wav", 900)
	later := time.Now().Add(time.Minute)
	if err := os.Chtimes(filepath.Join(dir, "changed.wav"), later, later); err != nil {
		t.Fatal(err)
	}
	second := openLibrary(t, dir)
	again, err := second.Prompt("same.wav")
	if err != nil || again != same {
		t.Errorf("same.wav was decoded again: %v", err)
	}
	for _, tt := range []struct {
		library *Library
		want    []byte
	}{{first, before}, {second, after}} {
		prompt, err := tt.library.Prompt("changed.wav")
		if err != nil || prompt.SHA256() != sha256.Sum256(tt.want) {
			t.Errorf("changed.wav is not as it was when its library was asked first: %v", err)
		}
	}
}

func TestAFolderThatIsSwappedIsNotTakenForTheOldOne(t *testing.T) {
	dir := t.TempDir()
	link, when := filepath.Join(dir, "current"), time.Unix(1, 0) // images often give every file one time
	var sums [][sha256.Size]byte
	for i, hz := range []float64{500, 900} {
		version := filepath.Join(dir, string(rune('a'+i)))
		record(t, version, "same.wav", hz)
		if err := os.Chtimes(filepath.Join(version, "same.wav"), when, when); err != nil {
			t.Fatal(err)
		}
		next := filepath.Join(dir, "next")
		if err := os.Symlink(version, next); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(next, link); err != nil {
			t.Fatal(err)
		}
		library := openLibrary(t, link)
		prompt, err := library.Prompt("same.wav")
		if err != nil {
			t.Fatal(err)
		}
		sums = append(sums, prompt.SHA256())
	}
	if sums[0] == sums[1] {
		t.Error("the recording of the old folder is still played")
	}
}

func TestWhatALibraryHoldsInMemoryIsBounded(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"one.wav", "two.wav", "three.wav"} {
		record(t, dir, name, 500) // 200 ms: 6400 bytes
	}
	library, err := OpenLibrary(dir, LibraryOptions{Memory: 2 * 6400})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"one.wav", "two.wav", "one.wav"} {
		if err := library.Check(name); err != nil {
			t.Error(err)
		}
	}
	if err := library.Check("three.wav"); !errors.Is(err, ErrMemory) || !strings.Contains(err.Error(), `"three.wav"`) {
		t.Errorf("the third recording: %v, want one that names it and says that there is no room", err)
	}
	if err := library.Check("one.wav"); err != nil {
		t.Errorf("what is in memory already: %v", err)
	}
}

func TestARecordingHoldsThirtyTwoKilobytesASecond(t *testing.T) {
	file := wav(48000, 1, sine(500, 48000, time.Second))
	for _, wide := range []bool{false, true} {
		prompt, err := ParseWAV(file, PromptOptions{Codecs: codecsFor(wide)})
		if err != nil {
			t.Fatal(err)
		}
		want := int64(32000)
		if wide {
			want += 2 * 32000 // the wide-band sound, and L16 of it
		}
		held := 2 * int64(cap(prompt.pcm)+cap(prompt.wide))
		for _, track := range prompt.tracks {
			if track != nil {
				held += int64(cap(track.data))
			}
		}
		if prompt.Size() != want || held > want+want/8 {
			t.Errorf("wide %v: %d bytes, of which it tells %d, want %d", wide, held, prompt.Size(), want)
		}
	}
}

func TestARecordingIsAtBothRatesTheSame(t *testing.T) {
	for _, rate := range []int{8000, 16000, 22050, 44100, 48000} {
		prompt, err := ParseWAV(wav(rate, 1, sine(1000, rate, 510*time.Millisecond)), PromptOptions{Level: DefaultLevel, Codecs: codecsFor(true)})
		if err != nil {
			t.Fatal(err)
		}
		wide := prompt.WidePCM()
		if len(wide) != 2*len(prompt.pcm) || len(wide)%(2*FrameSize) != 0 {
			t.Errorf("%d Hz: %d samples beside %d", rate, len(wide), len(prompt.pcm))
		}
		if share := toneShare(wide[:len(wide)-640], 1000.0/2); share < 0.98 { // toneShare counts at 8 kHz
			t.Errorf("%d Hz: the tone has %.3f of the wide-band sound", rate, share)
		}
		narrow, _ := activeLevel(prompt.PCM(), SampleRate)
		if level, _ := activeLevel(wide[:2*prompt.samples], WideRate); math.Abs(level-narrow) > 0.1 {
			t.Errorf("%d Hz: %.2f dBFS at 16 kHz, %.2f at 8", rate, level, narrow)
		}
	}
}

func TestARecordingThatNobodyUsesIsForgotten(t *testing.T) {
	dir := t.TempDir()
	record(t, dir, "once.wav", 500)
	path := place{path: dir + "/once.wav"}
	if err := openLibrary(t, dir).Check("once.wav"); err != nil {
		t.Fatal(err)
	}
	known := func() bool {
		decoded.mu.Lock()
		defer decoded.mu.Unlock()
		_, ok := decoded.prompts[path]
		return ok
	}
	for limit := time.Now().Add(patience); known(); runtime.Gosched() {
		if time.Now().After(limit) {
			t.Fatal("the recording is still on the shelf")
		}
		runtime.GC()
	}
}

// codecsFor is a set with a wide-band codec or without one. L16 costs the least to encode.
func codecsFor(wide bool) Codecs {
	if wide {
		return CodecsOf(codec.L16)
	}
	return 0
}

// touch makes a file as old as it needs to be to count as written.
func touch(t *testing.T, path string, age time.Duration) {
	t.Helper()
	when := time.Now().Add(-age)
	if err := os.Chtimes(path, when, when); err != nil {
		t.Fatal(err)
	}
}

func TestARenewedLibraryHasWhatChangedAndKeepsWhatWasSpoilt(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"same.wav", "sub/changed.wav", "spoilt.wav", "deleted.wav", "welcome.wav"} {
		record(t, dir, name, 500)
	}
	first := openLibrary(t, dir)
	for _, name := range []string{"same.wav", "sub/changed.wav", "spoilt.wav", "deleted.wav", "welcome.wav", "closed.wav"} {
		if err := first.Check(name); err != nil {
			t.Fatal(err)
		}
	}
	if err := first.Check("late.wav"); !errors.Is(err, ErrNoRecording) {
		t.Fatal(err)
	}
	state := first.State()
	if again := first.State(); again != state {
		t.Error("the state changes by itself")
	}
	after := record(t, dir, "sub/changed.wav", 900)
	record(t, dir, "late.wav", 700)
	if err := os.WriteFile(filepath.Join(dir, "spoilt.wav"), []byte("not sound"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"deleted.wav", "welcome.wav"} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if first.State() == state {
		t.Error("the state does not tell that files changed")
	}
	second, err := first.Renewed()
	if err != nil {
		t.Fatal(err)
	}
	if changed := second.Changed(first); !slices.Equal(changed, []string{"late.wav", "sub/changed.wav", "welcome.wav"}) {
		t.Errorf("changed are %v", changed) // welcome.wav is the built-in one now
	}
	if prompt, err := second.Prompt("sub/changed.wav"); err != nil || prompt.SHA256() != sha256.Sum256(after) {
		t.Errorf("what changed is not what the file has now: %v", err)
	}
	spoilt := second.Spoilt()
	if len(spoilt) != 2 || !errors.Is(spoilt["deleted.wav"], ErrNoRecording) || !strings.Contains(spoilt["spoilt.wav"].Error(), "not a WAV file") {
		t.Errorf("spoilt are %v", spoilt)
	}
	third, err := second.Renewed() // and so on, for as long as it is spoilt
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"spoilt.wav", "deleted.wav"} {
		was, err := first.Prompt(name)
		if err != nil {
			t.Fatal(err)
		}
		if is, err := third.Prompt(name); err != nil || is != was {
			t.Errorf("%s is not as it was: %v", name, err)
		}
	}
}

func TestAFileThatIsHalfWrittenIsNotLoadedUntilItHasBeenQuiet(t *testing.T) {
	dir := t.TempDir()
	file := record(t, dir, "copied.wav", 500)
	path := filepath.Join(dir, "copied.wav")
	if err := os.WriteFile(path, file[:len(file)/2], 0o644); err != nil {
		t.Fatal(err)
	}
	library := openLibrary(t, dir)
	if err := library.Check("copied.wav"); !errors.Is(err, ErrUnfinished) {
		t.Errorf("half a file that was just written: %v, want ErrUnfinished", err)
	}
	touch(t, path, writing+time.Second)
	if err := library.Check("copied.wav"); err != nil {
		t.Errorf("half a file that has been quiet: %v", err)
	}
	if len(library.Spoilt()) != 0 {
		t.Errorf("spoilt are %v", library.Spoilt())
	}
}

func TestAFolderThatVanishesTakesNoRecordingAway(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "prompts")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	record(t, dir, "welcome.wav", 500) // there is a built-in one, too
	first := openLibrary(t, dir)
	ours, err := first.Prompt("welcome.wav")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(dir, dir+"-away"); err != nil {
		t.Fatal(err)
	}
	for range 2 { // also when it stays away
		next, err := first.Renewed()
		if err != nil {
			t.Fatal(err)
		}
		if next.Loaded("welcome.wav") != ours || next.Spoilt()["welcome.wav"] == nil {
			t.Errorf("loaded %p, want %p; spoilt %v", next.Loaded("welcome.wav"), ours, next.Spoilt())
		}
		first = next
	}
}
