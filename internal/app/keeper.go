package app

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spillway-voice/spillway/incident"
	"github.com/spillway-voice/spillway/internal/store"
	"github.com/spillway-voice/spillway/media"
	"github.com/spillway-voice/spillway/media/prompts"
	"github.com/spillway-voice/spillway/routing/memq"
)

// keeper keeps in node.data what must outlive the process while the queues are in memory: the board of incidents with the sounds
// of its messages, what this node's file last said, who heard what, and the pauses. Each file is replaced whole, by a rename, and has
// one goroutine that writes it; the sounds are the centre's owner's.
type keeper struct {
	dir    string
	sounds map[string]*media.Prompt // decoded, by SHA-256
	// options are how recordings are made ready now: those of the library in force.
	options media.PromptOptions
}

// The files below node.data.
const (
	boardFile  = "board.json"
	pausesFile = "pauses.json"
	heardFile  = "heard.json"
	soundsDir  = "sounds"
)

// kept is the content of boardFile.
type kept struct {
	Board incident.Board           `json:"board"`
	Said  map[string]incident.Said `json:"said"`
}

// openKeeper makes the folder and checks that what it holds can be read: to start without the board would be to forget an incident.
func openKeeper(dir string) (*keeper, error) {
	if err := os.MkdirAll(filepath.Join(dir, soundsDir), 0o700); err != nil {
		return nil, fmt.Errorf("node.data: %w", err)
	}
	k := &keeper{dir: dir, sounds: make(map[string]*media.Prompt)}
	if err := k.read(boardFile, new(kept)); err != nil {
		return nil, err
	}
	return k, k.read(pausesFile, new(map[string]memq.Pause))
}

// read decodes a file; one that does not exist leaves the value as it is.
func (k *keeper) read(name string, into any) error {
	text, err := os.ReadFile(filepath.Join(k.dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("node.data: %w", err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("node.data: %s cannot be read (%w); move it away to start without it", name, err)
	}
	return nil
}

// write replaces a file, on the disk before it returns.
func (k *keeper) write(name string, content []byte) error {
	temporary, err := os.CreateTemp(k.dir, ".new-*")
	if err != nil {
		return fmt.Errorf("node.data: %w", err)
	}
	defer os.Remove(temporary.Name()) // gone already when all went well
	_, err = temporary.Write(content)
	err = errors.Join(err, temporary.Sync(), temporary.Close())
	if err == nil {
		err = os.Rename(temporary.Name(), filepath.Join(k.dir, name))
	}
	if err != nil {
		return fmt.Errorf("node.data: %w", err)
	}
	return nil
}

// board returns what was kept of the incidents.
func (k *keeper) board() (incident.Board, map[string]incident.Said) {
	var was kept
	if err := k.read(boardFile, &was); err != nil { // openKeeper has read it
		was = kept{}
	}
	return was.Board, was.Said
}

func (k *keeper) saveBoard(b incident.Board, said map[string]incident.Said) error {
	text, err := json.MarshalIndent(kept{b, said}, "", " ")
	if err != nil {
		return fmt.Errorf("node.data: %w", err)
	}
	return k.write(boardFile, text)
}

// heard returns who had heard what when it was last written down; without it, nobody anything.
func (k *keeper) heard() *incident.Heard {
	memory := incident.NewHeard(incident.HeardLimit)
	if err := k.read(heardFile, memory); err != nil { // to play a message twice is the smaller harm
		return incident.NewHeard(incident.HeardLimit)
	}
	return memory
}

// pauses returns who was paused when the process ended.
func (k *keeper) pauses() map[string]memq.Pause {
	var was map[string]memq.Pause
	if err := k.read(pausesFile, &was); err != nil { // openKeeper has read it
		return nil
	}
	return was
}

func (k *keeper) savePauses(p map[string]memq.Pause) error {
	text, err := json.MarshalIndent(p, "", " ")
	if err != nil {
		return fmt.Errorf("node.data: %w", err)
	}
	return k.write(pausesFile, text)
}

// soundOf returns what incident.File wants to know of a message: the content's SHA-256. The content is kept then, so
// that the revision plays the same whatever becomes of the file.
func (k *keeper) soundOf(library *media.Library, dir string) func(prompt string) (string, error) {
	return func(name string) (string, error) {
		prompt, err := library.Prompt(name)
		if err != nil {
			return "", err
		}
		sum := prompt.SHA256()
		sound := hex.EncodeToString(sum[:])
		if _, ok := k.sounds[sound]; ok {
			k.sounds[sound] = prompt // it may be at another level than before
			return sound, nil
		}
		content, err := readRecording(dir, name)
		if err != nil {
			return "", err
		}
		if len(content) > maxMessage {
			return "", fmt.Errorf("recording %q has over %d MiB, which is too much for the message of an incident", name, maxMessage>>20)
		}
		if sha256.Sum256(content) != sum {
			return "", fmt.Errorf("recording %q changed while it was read; save again", name)
		}
		if err := k.write(filepath.Join(soundsDir, sound+".wav"), content); err != nil {
			return "", err
		}
		k.sounds[sound] = prompt
		return sound, nil
	}
}

// maxMessage bounds the file of an incident's message, in bytes: it travels to all nodes (store.BlobLimit).
const maxMessage = store.BlobLimit

// readRecording reads the file of a recording: the centre's, or the built-in one.
func readRecording(dir, name string) ([]byte, error) {
	root, err := os.OpenRoot(dir)
	if err == nil {
		defer root.Close()
		content, err := root.ReadFile(name)
		if !errors.Is(err, fs.ErrNotExist) {
			return content, err
		}
	}
	return fs.ReadFile(prompts.English(), name)
}

// forgetSounds drops the recordings that no revision of the board plays any more, from memory and from the disk.
func (k *keeper) forgetSounds(b incident.Board) error {
	played := make(map[string]bool)
	for _, revision := range b.Revisions {
		played[revision.Sound] = true
	}
	maps.DeleteFunc(k.sounds, func(sum string, _ *media.Prompt) bool { return !played[sum] })
	files, err := os.ReadDir(filepath.Join(k.dir, soundsDir))
	for _, file := range files {
		sum, _ := strings.CutSuffix(file.Name(), ".wav")
		if soundName.MatchString(sum) && !played[sum] {
			err = errors.Join(err, os.Remove(filepath.Join(k.dir, soundsDir, file.Name())))
		}
	}
	if err != nil {
		return fmt.Errorf("node.data: %w", err)
	}
	return nil
}

// saveSound keeps a recording that came from another node. What cannot be written is kept in memory alone.
func (k *keeper) saveSound(s sound) error {
	k.sounds[s.sum] = s.prompt
	return k.write(filepath.Join(soundsDir, s.sum+".wav"), s.content)
}

// has reports whether a recording is here and can be played; "" is none and always is.
func (k *keeper) has(sum string) bool {
	if sum == "" {
		return true
	}
	_, err := k.sound(sum)
	return err == nil
}

// content returns the file of a kept recording, or nil when it is not here. Unlike the others it may be asked by anybody.
func (k *keeper) content(sum string) ([]byte, error) {
	if !soundName.MatchString(sum) {
		return nil, nil
	}
	content, err := os.ReadFile(filepath.Join(k.dir, soundsDir, sum+".wav"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("node.data: %w", err)
	}
	return content, nil
}

// soundName is a SHA-256 in hex.
var soundName = regexp.MustCompile(`^[0-9a-f]{64}$`)

// sound returns a kept recording at the level of now; one that cannot be read again stays at the level that it has.
func (k *keeper) sound(sum string) (*media.Prompt, error) {
	known, ok := k.sounds[sum]
	if ok && known.Options() == k.options {
		return known, nil
	}
	prompt, err := k.decode(sum)
	switch {
	case err == nil:
		k.sounds[sum] = prompt
	case ok:
		return known, nil
	}
	return prompt, err
}

// decode reads a kept recording from the disk.
func (k *keeper) decode(sum string) (*media.Prompt, error) {
	if !soundName.MatchString(sum) {
		return nil, fmt.Errorf("no SHA-256 in hex: %.64q", sum)
	}
	content, err := os.ReadFile(filepath.Join(k.dir, soundsDir, sum+".wav"))
	if err != nil {
		return nil, fmt.Errorf("node.data: %w", err)
	}
	prompt, err := media.ParseWAV(content, k.options)
	if err != nil {
		return nil, fmt.Errorf("node.data: sound %.12s: %w", sum, err)
	}
	return prompt, nil
}
