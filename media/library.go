package media

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
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

// A Library is the recordings of a centre: those in its folder, and behind them the built-in ones in English. A name
// that was asked for once keeps its recording for the life of the library, whatever becomes of the file, so a library
// is a picture of the folder, like a compiled configuration; to see changes, open another. A recording whose file did
// not change is shared between libraries, so that costs little. It is safe for concurrent use.
type Library struct {
	dir string // "": the built-in recordings alone

	mu    sync.Mutex
	known map[string]*Prompt
}

// OpenLibrary returns the recordings in dir with the built-in ones behind them; "" is the built-in ones alone, and so
// is a folder that does not exist, as a centre need not record anything. It fails when dir is something else than a
// folder, or cannot be looked at.
func OpenLibrary(dir string) (*Library, error) {
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
	return &Library{dir: dir, known: map[string]*Prompt{}}, nil
}

// Check returns nil when a recording can be played, else why it cannot: errors.Is(err, ErrNoRecording) when there is
// none, ErrBadName when there can be none, else what is wrong with the file.
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
	l.known[name] = prompt
	return prompt, nil
}

// load finds a recording in the folder, else among the built-in ones.
func (l *Library) load(name string) (*Prompt, error) {
	if len(name) > maxNameLength || !promptName.MatchString(name) {
		return nil, ErrBadName
	}
	if l.dir != "" {
		prompt, err := loadFrom(l.dir, name)
		if !errors.Is(err, fs.ErrNotExist) {
			return prompt, err
		}
	}
	prompt, err := loadBuiltIn(name)
	if errors.Is(err, fs.ErrNotExist) {
		if l.dir == "" {
			return nil, ErrNoRecording
		}
		return nil, fmt.Errorf("%w in %s", ErrNoRecording, l.dir)
	}
	return prompt, err
}

// loadFrom reads a recording below a folder; links that lead out of it are not followed.
func loadFrom(dir, name string) (*Prompt, error) {
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
	return decoded.get(dir+"/"+name, info, func() (*Prompt, error) { return readPrompt(file) })
}

// loadBuiltIn reads a built-in recording.
func loadBuiltIn(name string) (*Prompt, error) {
	file, err := prompts.English().Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return decoded.get("builtin:"+name, nil, func() (*Prompt, error) { return readPrompt(file) })
}

// readPrompt decodes a file of bounded size.
func readPrompt(file io.Reader) (*Prompt, error) {
	content, err := io.ReadAll(io.LimitReader(file, MaxRecordingSize+1))
	if err != nil {
		return nil, err
	}
	pcm, err := decodeWAV(content)
	if err != nil {
		return nil, err
	}
	return newPrompt(pcm, sha256.Sum256(content)), nil
}

// shelf shares decoded recordings between libraries for as long as anybody uses them; it keeps none alive itself.
type shelf struct {
	mu      sync.Mutex
	prompts map[string]shelved // by path
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
var decoded = shelf{prompts: map[string]shelved{}}

// get returns the recording of a file, or decodes it. Two who ask at one time may both decode; one result stays.
func (s *shelf) get(path string, info fs.FileInfo, decode func() (*Prompt, error)) (*Prompt, error) {
	if prompt := s.look(path, info); prompt != nil {
		return prompt, nil
	}
	prompt, err := decode()
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if there := s.prompts[path]; there.from(info) {
		if other := there.prompt.Value(); other != nil {
			return other, nil
		}
	}
	pointer := weak.Make(prompt)
	s.prompts[path] = shelved{info, pointer}
	runtime.AddCleanup(prompt, func(path string) { s.forget(path, pointer) }, path)
	return prompt, nil
}

func (s *shelf) look(path string, info fs.FileInfo) *Prompt {
	s.mu.Lock()
	defer s.mu.Unlock()
	if there, ok := s.prompts[path]; ok && there.from(info) {
		return there.prompt.Value()
	}
	return nil
}

// forget removes an entry whose recording is gone, unless another has taken its place.
func (s *shelf) forget(path string, pointer weak.Pointer[Prompt]) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.prompts[path].prompt == pointer {
		delete(s.prompts, path)
	}
}
