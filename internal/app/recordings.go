package app

import (
	"fmt"
	"sync"

	"github.com/spillway-voice/spillway/media"
	"github.com/spillway-voice/spillway/media/prompts"
)

// recordings is call.Prompts: what calls of one plan play. It is safe for concurrent use.
type recordings struct {
	library  *media.Library
	messages map[string]*media.Prompt // of the board's revisions, by SHA-256; immutable
	music    *sync.Map                // name to *media.Music: one running stream for all who wait
}

// Prompt returns a recording by name.
func (r *recordings) Prompt(name string) (media.Source, error) {
	prompt, err := r.library.Prompt(name)
	if err != nil {
		return nil, err
	}
	return prompt.Source(), nil
}

// Music returns the running stream of a recording.
func (r *recordings) Music(name string) (media.Source, error) {
	if running, ok := r.music.Load(name); ok {
		return running.(*media.Music).Source(), nil
	}
	prompt, err := r.library.Prompt(name)
	if err != nil {
		return nil, err
	}
	running, _ := r.music.LoadOrStore(name, media.NewMusic(prompt))
	return running.(*media.Music).Source(), nil
}

// Message returns the recording of a revision.
func (r *recordings) Message(sound string) (media.Source, error) {
	prompt, ok := r.messages[sound]
	if !ok {
		return nil, fmt.Errorf("the sound %.12s of a message is not here", sound)
	}
	return prompt.Source(), nil
}

// Position returns the recordings that say a place in the queue.
func (r *recordings) Position(place int) []string { return prompts.Position(place) }
