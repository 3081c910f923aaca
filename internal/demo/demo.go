package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spillway-voice/spillway/internal/sample"
)

// limit is the longest that the story may take; with laying out and tidying up the demo ends within 60 s.
const limit = 55 * time.Second

// Options say how the demo is told.
type Options struct {
	Out    io.Writer // the story
	Colour bool      // for a terminal
	Stay   bool      // keep the node up after the story, until the context ends
	Log    io.Writer // the node's log; nil: it is kept beside the node's files, and its warnings are told if the story fails
}

// Run plays the demo. It returns nil only if everything that the story promises has happened. With Stay it returns when the
// context ends; without, within a minute.
func Run(ctx context.Context, o Options) error {
	return production{Options: o, flip: sample.Switch}.run(ctx)
}

// production is one performance: what the demo is made of, which a test may make badly.
type production struct {
	Options
	flip func(dir string, on bool) error // saves incidents.yaml with the recall on or off
	edit func(dir string) error          // a last change to the copy; nil: none
}

func (p production) run(ctx context.Context) (err error) {
	dir, err := os.MkdirTemp("", "spillway-demo-")
	if err != nil {
		return fmt.Errorf("make the demo's folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	began := time.Now()
	secrets, err := layOut(dir)
	if err != nil {
		return err
	}
	if p.edit != nil {
		if err := p.edit(dir); err != nil {
			return err
		}
	}
	log := p.Log
	if log == nil {
		file, err := os.Create(filepath.Join(dir, "node.log"))
		if err != nil {
			return fmt.Errorf("open the node's log: %w", err)
		}
		defer file.Close()
		log = file
	}
	st, err := openStage(dir, secrets, log)
	if err != nil {
		return err
	}
	defer st.close()
	tell := &narrator{out: p.Out, colour: p.Colour, began: began}
	s := newStory(st, tell, p.flip)
	err = s.play(ctx)
	if p.Stay && ctx.Err() == nil {
		s.stay(ctx)
	}
	return errors.Join(err, tell.broken)
}
