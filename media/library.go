package media

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
	"weak"

	"github.com/spillway-voice/spillway/media/prompts"
)

// promptName is the grammar of a recording's name, within its folder.
var promptName = regexp.MustCompile(`^([a-z0-9_-]+/)*[a-z0-9_-]+\.wav$`)

// maxNameLength bounds a recording's name, in bytes.
const maxNameLength = 255

// ErrNoRecording is in the error of a name that neither the centre's folder nor the built-in recordings have.
var ErrNoRecording = errors.New("there is no such recording")

// ErrBadName is in the error of a name that cannot be a recording's.
var ErrBadName = errors.New("a recording's name is of a-z, 0-9, _ and -, in folders of the same, and ends in .wav")

// ErrMemory is in the error of a recording for which there is no room in memory.
var ErrMemory = errors.New("there is no room in memory for it")

// LibraryMemory is how much memory the recordings of a library may hold together, in bytes, unless it is told otherwise:
// four and a half hours of sound (half of that with the wide-band sound), far more than centres record, and what a small
// machine can spare.
const LibraryMemory = 512 << 20

// LibraryOptions say how a library makes its recordings ready.
type LibraryOptions struct {
	PromptOptions
	Memory int64 // bytes that its recordings may hold together; 0: LibraryMemory
}

// A Library is the recordings of a centre: those in its folder, and behind them the built-in ones in English. A name
// that was asked for once keeps its recording for the life of the library, whatever becomes of the file, so a library
// is a picture of the folder, like a compiled configuration; to see changes, make another (Renewed) or open one. A
// recording whose file did not change is shared between libraries, so that costs little. It is safe for concurrent use.
type Library struct {
	dir     string // "": the built-in recordings alone
	options LibraryOptions

	mu     sync.Mutex
	known  map[string]*Prompt
	held   int64            // bytes, by all that are known
	there  bool             // the folder is there, or was when an older library was opened
	old    *Library         // whose recordings serve where a file cannot be played; nil: none
	spoilt map[string]error // why names that were asked for could not be loaded, also where an old recording serves
}

// OpenLibrary returns the recordings in dir with the built-in ones behind them; "" is the built-in ones alone, and so
// is a folder that does not exist, as a centre need not record anything. It fails when dir is something else than a
// folder, or cannot be looked at.
func OpenLibrary(dir string, o LibraryOptions) (*Library, error) {
	there := false
	if dir != "" {
		info, err := os.Stat(dir)
		there = err == nil
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return nil, fmt.Errorf("open prompts folder: %w", err)
		case !info.IsDir():
			return nil, fmt.Errorf("open prompts folder: %s is not a folder", dir)
		}
	}
	if o.Memory == 0 {
		o.Memory = LibraryMemory
	}
	return &Library{dir: dir, there: there, options: o, known: map[string]*Prompt{}, spoilt: map[string]error{}}, nil
}

// Check returns nil when a recording can be played, else why it cannot: errors.Is(err, ErrNoRecording) when there is
// none, ErrBadName when there can be none, ErrMemory when there is no room for it, else what is wrong with the file.
func (l *Library) Check(name string) error {
	_, err := l.Prompt(name)
	return err
}

// Prompt returns a recording by its name. The first time it reads and decodes the file.
func (l *Library) Prompt(name string) (*Prompt, error) {
	l.mu.Lock()
	known := l.known[name]
	l.mu.Unlock()
	if known != nil {
		return known, nil
	}
	prompt, err := l.load(name)
	if err != nil {
		err = fmt.Errorf("recording %q: %w", name, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if known := l.known[name]; known != nil { // somebody else was as fast
		return known, nil
	}
	if err == nil {
		err = l.room(name, prompt)
	}
	delete(l.spoilt, name)
	if err != nil {
		if len(l.spoilt) < maxSpoilt {
			l.spoilt[name] = err
		}
		if prompt = l.former(name); prompt == nil {
			return nil, err
		}
	}
	l.known[name] = prompt
	l.held += prompt.Size()
	return prompt, nil
}

// maxSpoilt bounds how many names that could not be loaded are remembered.
const maxSpoilt = 1000

// room returns an error when a recording does not fit any more. The lock is held.
func (l *Library) room(name string, prompt *Prompt) error {
	if l.held+prompt.Size() <= l.options.Memory {
		return nil
	}
	return fmt.Errorf("recording %q of %d MiB: %w: all recordings together may have %d MiB, and %d MiB are taken", name,
		mebibytes(prompt.Size()), ErrMemory, l.options.Memory>>20, mebibytes(l.held))
}

// former returns the recording of a name as the library before had it, or nil.
func (l *Library) former(name string) *Prompt {
	if l.old == nil {
		return nil
	}
	return l.old.Loaded(name)
}

// mebibytes rounds a number of bytes up.
func mebibytes(n int64) int64 { return (n + 1<<20 - 1) >> 20 }

// Options returns how the library makes its recordings ready.
func (l *Library) Options() LibraryOptions { return l.options }

// Dir returns the folder of the recordings, "" for the built-in ones alone.
func (l *Library) Dir() string { return l.dir }

// After lets a recording that cannot be loaded be heard as old has it, until Settle: a file that was spoilt takes no sound
// away. It is called before the first recording is asked for, with an old library that has settled, or nil.
func (l *Library) After(old *Library) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.old = old
	l.there = l.there || old != nil && old.there
}

// Settle ends what After began: what was loaded so far stays, and the old library can be forgotten.
func (l *Library) Settle() { l.After(nil) }

// Renewed returns the recordings that were asked for as their files are now, loaded: those of files that did not change
// are shared, and those that cannot be loaded stay as they are here.
func (l *Library) Renewed() (*Library, error) {
	next, err := OpenLibrary(l.dir, l.options)
	if err != nil {
		return nil, err
	}
	next.After(l)
	defer next.Settle()
	for _, name := range l.asked() {
		_ = next.Check(name) // what cannot be loaded is in Spoilt
	}
	return next, nil
}

// Changed returns the names whose recordings are others than in an old library, in alphabetical order.
func (l *Library) Changed(old *Library) []string {
	var names []string
	for _, name := range l.asked() {
		if l.Loaded(name) != old.Loaded(name) {
			names = append(names, name)
		}
	}
	return names
}

// Spoilt returns why recordings that were asked for cannot be loaded, by name, whether or not an old one serves.
func (l *Library) Spoilt() map[string]error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.spoilt)
}

// Loaded returns a recording if it was loaded already, else nil.
func (l *Library) Loaded(name string) *Prompt {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.known[name]
}

// asked returns the names that were asked for and may be recordings, in alphabetical order.
func (l *Library) asked() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	names := slices.Collect(maps.Keys(l.known))
	for name, err := range l.spoilt {
		if l.known[name] == nil && !errors.Is(err, ErrBadName) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Folders returns the folders of the recordings that were asked for, below Dir.
func (l *Library) Folders() []string {
	folders := map[string]bool{}
	for _, name := range l.asked() {
		folders[path.Dir(name)] = true
	}
	return slices.Sorted(maps.Keys(folders))
}

// State describes the files of the recordings that were asked for, as they are on the disk now: sizes, times and identity.
// While it is the same, they are.
func (l *Library) State() string {
	if l.dir == "" {
		return ""
	}
	root, err := os.OpenRoot(l.dir)
	if err != nil {
		return err.Error()
	}
	defer root.Close()
	var state strings.Builder
	for _, name := range l.asked() {
		info, err := root.Stat(name)
		if err != nil {
			fmt.Fprintf(&state, "%s -\n", name)
			continue
		}
		fmt.Fprintf(&state, "%s %d %d %s %s\n", name, info.Size(), info.ModTime().UnixNano(), info.Mode(), identity(info))
	}
	return state.String()
}

// identity returns what tells a file from another of the same name, as far as the system says.
func identity(info fs.FileInfo) string {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return fmt.Sprintf("%d:%d", s.Dev, s.Ino)
	}
	return ""
}

// load finds a recording in the folder, else among the built-in ones.
func (l *Library) load(name string) (*Prompt, error) {
	if len(name) > maxNameLength || !promptName.MatchString(name) {
		return nil, ErrBadName
	}
	if l.dir != "" {
		prompt, err := loadFrom(l.dir, name, l.options.PromptOptions)
		if !errors.Is(err, fs.ErrNotExist) {
			return prompt, err
		}
		if err := l.vanished(); err != nil {
			return nil, err
		}
	}
	prompt, err := loadBuiltIn(name, l.options.PromptOptions)
	if errors.Is(err, fs.ErrNotExist) {
		if l.dir == "" {
			return nil, ErrNoRecording
		}
		return nil, fmt.Errorf("%w in %s", ErrNoRecording, l.dir)
	}
	return prompt, err
}

// vanished returns an error when the folder itself was there and is not any more, as when a mount is lost: nobody meant the built-in
// recordings to take the place of the centre's.
func (l *Library) vanished() error {
	if _, err := os.Stat(l.dir); l.there && errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("the prompts folder %s is gone", l.dir)
	}
	return nil
}

// loadFrom reads a recording below a folder; links that lead out of it are not followed.
func loadFrom(dir, name string, o PromptOptions) (*Prompt, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	// A look before the file is opened: opening a pipe would wait for somebody to write to it.
	info, err := root.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("not a file")
	}
	file, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if info, err = file.Stat(); err != nil { // of the file that was opened, whatever has its name by now
		return nil, err
	}
	return decoded.get(place{dir + "/" + name, o}, info, func() (*Prompt, error) { return readSettled(file, info, o) })
}

// ErrUnfinished is in the error of a file that seems to be written while it is read.
var ErrUnfinished = errors.New("the file is still being written")

// writing is how long after its last change a file that promises more sound than it has is taken for half written; later
// it is taken for one that was cut off, and what is there is played.
const writing = 5 * time.Second

// readSettled reads a recording of a file that nobody is writing.
func readSettled(file *os.File, info fs.FileInfo, o PromptOptions) (*Prompt, error) {
	wav, err := openWAV(file, info.Size())
	if err != nil {
		return nil, err
	}
	if wav.missing > 0 && time.Since(info.ModTime()) < writing {
		return nil, fmt.Errorf("%w: %d bytes are to come", ErrUnfinished, wav.missing)
	}
	prompt, err := readPrompt(file, info.Size(), o)
	if err != nil {
		return nil, err
	}
	if after, err := file.Stat(); err != nil || after.Size() != info.Size() || !after.ModTime().Equal(info.ModTime()) {
		return nil, ErrUnfinished
	}
	return prompt, nil
}

// loadBuiltIn reads a built-in recording.
func loadBuiltIn(name string, o PromptOptions) (*Prompt, error) {
	file, err := fs.ReadFile(prompts.English(), name)
	if err != nil {
		return nil, err
	}
	return decoded.get(place{"builtin:" + name, o}, nil, func() (*Prompt, error) {
		return readPrompt(bytes.NewReader(file), int64(len(file)), o)
	})
}

// shelf shares decoded recordings between libraries for as long as anybody uses them; it keeps none alive itself.
type shelf struct {
	mu      sync.Mutex
	prompts map[place]shelved
	// decoding bounds how many are decoded at one time, so that a core is left for calls, however many are loaded.
	decoding chan struct{}
}

// place is where a recording is found: its path, and how it was made ready.
type place struct {
	path    string
	options PromptOptions
}

// shelved is a recording and the file that it was decoded from; the built-in ones have none, as they never change.
type shelved struct {
	info   fs.FileInfo
	prompt weak.Pointer[Prompt]
}

// from reports whether the recording was decoded from this file, as it is now.
func (s shelved) from(info fs.FileInfo) bool {
	if s.info == nil || info == nil {
		return s.info == nil && info == nil
	}
	return os.SameFile(s.info, info) && s.info.Size() == info.Size() && s.info.ModTime().Equal(info.ModTime())
}

// decoded is the shelf of this process.
var decoded = shelf{prompts: map[place]shelved{}, decoding: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)-1))}

// get returns the recording of a file, or decodes it. Two who ask at one time may both decode; one result stays.
func (s *shelf) get(at place, info fs.FileInfo, decode func() (*Prompt, error)) (*Prompt, error) {
	if prompt := s.look(at, info); prompt != nil {
		return prompt, nil
	}
	prompt, err := s.inTurn(decode)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if there := s.prompts[at]; there.from(info) {
		if other := there.prompt.Value(); other != nil {
			return other, nil
		}
	}
	pointer := weak.Make(prompt)
	s.prompts[at] = shelved{info, pointer}
	runtime.AddCleanup(prompt, func(at place) { s.forget(at, pointer) }, at)
	return prompt, nil
}

// inTurn decodes when it is its turn.
func (s *shelf) inTurn(decode func() (*Prompt, error)) (*Prompt, error) {
	s.decoding <- struct{}{}
	defer func() { <-s.decoding }()
	return decode()
}

func (s *shelf) look(at place, info fs.FileInfo) *Prompt {
	s.mu.Lock()
	defer s.mu.Unlock()
	if there, ok := s.prompts[at]; ok && there.from(info) {
		return there.prompt.Value()
	}
	return nil
}

// forget removes an entry whose recording is gone, unless another has taken its place.
func (s *shelf) forget(at place, pointer weak.Pointer[Prompt]) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.prompts[at].prompt == pointer {
		delete(s.prompts, at)
	}
}
