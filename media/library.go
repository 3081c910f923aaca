package media

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"runtime"
	"sync"
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
// is a picture of the folder, like a compiled configuration; to see changes, open another. A recording whose file did
// not change is shared between libraries, so that costs little. It is safe for concurrent use.
type Library struct {
	dir     string // "": the built-in recordings alone
	options LibraryOptions

	mu    sync.Mutex
	known map[string]*Prompt
	held  int64 // bytes, by all that are known
}

// OpenLibrary returns the recordings in dir with the built-in ones behind them; "" is the built-in ones alone, and so
// is a folder that does not exist, as a centre need not record anything. It fails when dir is something else than a
// folder, or cannot be looked at.
func OpenLibrary(dir string, o LibraryOptions) (*Library, error) {
	if dir != "" {
		info, err := os.Stat(dir)
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
	return &Library{dir: dir, options: o, known: map[string]*Prompt{}}, nil
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
		return nil, fmt.Errorf("recording %q: %w", name, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if known := l.known[name]; known != nil { // somebody else was as fast
		return known, nil
	}
	if l.held+prompt.Size() > l.options.Memory {
		return nil, fmt.Errorf("recording %q of %d MiB: %w: all recordings together may have %d MiB, and %d MiB are taken", name,
			mebibytes(prompt.Size()), ErrMemory, l.options.Memory>>20, mebibytes(l.held))
	}
	l.known[name] = prompt
	l.held += prompt.Size()
	return prompt, nil
}

// mebibytes rounds a number of bytes up.
func mebibytes(n int64) int64 { return (n + 1<<20 - 1) >> 20 }

// Options returns how the library makes its recordings ready.
func (l *Library) Options() LibraryOptions { return l.options }

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
	return decoded.get(place{dir + "/" + name, o}, info, func() (*Prompt, error) { return readPrompt(file, info.Size(), o) })
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
