package app

import (
	"fmt"
	"io/fs"
	"sync"

	"github.com/spillway-voice/spillway/config"
	"github.com/spillway-voice/spillway/incident"
	"github.com/spillway-voice/spillway/ivr"
	"github.com/spillway-voice/spillway/media"
	"github.com/spillway-voice/spillway/media/prompts"
)

// recordings is call.Prompts: what calls of one plan play. It is safe for concurrent use.
type recordings struct {
	library  *media.Library
	messages map[string]*media.Prompt // of the board's revisions, by SHA-256; immutable
	music    *sync.Map                // name to *media.Music: one running stream for all who wait
}

// openLibrary opens the recordings of a centre at its level, for a node's codecs.
func openLibrary(c config.Centre, codecs media.Codecs) (*media.Library, error) {
	return media.OpenLibrary(c.PromptsDir, media.LibraryOptions{PromptOptions: media.PromptOptions{Level: media.Level(c.PromptLevel), Codecs: codecs}})
}

// prepare decodes what calls will play, so that no call waits for it: one that has just entered a queue must take an offer at
// once. What cannot be played is told when a call needs it.
//
// The messages of incidents that are off are among them: whoever switches one on should not wait for it.
func prepare(library *media.Library, played *ivr.Plan, incidents []incident.Definition) {
	names, err := fs.Glob(prompts.English(), "*.wav")
	if err != nil {
		panic("app: a pattern of recordings: " + err.Error())
	}
	for _, flow := range played.Flows {
		for _, step := range flow.Steps {
			names = append(names, step.Play)
			if step.Menu != nil {
				names = append(names, step.Menu.Prompt, step.Menu.Invalid)
			}
		}
	}
	for _, w := range played.Waiting {
		names = append(names, w.Music, w.Whisper)
	}
	for _, i := range incidents {
		names = append(names, i.Effects.Message)
	}
	for _, name := range names {
		if name == "" {
			continue
		}
		_ = library.Check(name) // one that cannot be played was told when the folder was judged
	}
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
