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

// limit is the longest that the story may take, from laying out on. With its figures and with tidying up, the demo ends within
// 60 s whatever happens.
const limit = 50 * time.Second

// Options say how the demo is told.
type Options struct {
	Out    io.Writer // where it is told
	Colour bool      // for a terminal
	Stay   bool      // keep the node up after the story, until the context ends
}

// Run plays the demo. It returns nil only if everything that the story promises has happened. With Stay it returns when the
// context ends; without, within a minute. It leaves nothing behind.
func Run(ctx context.Context, o Options) error {
	return production{Options: o, flip: sample.Switch}.run(ctx)
}

// production is one performance: what the demo is made of, which a test may make badly.
type production struct {
	Options
	flip func(dir string, on bool) error // saves incidents.yaml with the recall on or off
	edit func(dir string) error          // a last change to the files; nil: none
}

// run plays the demo in a folder of its own.
func (p production) run(ctx context.Context) (err error) {
	tell := &narrator{out: p.Out, colour: p.Colour, began: time.Now()}
	dir, err := os.MkdirTemp("", "spillway-demo-")
	if err != nil {
		return fmt.Errorf("make the demo's folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	secrets, err := layOut(dir)
	if err != nil {
		return err
	}
	if p.edit != nil {
		if err := p.edit(dir); err != nil {
			return err
		}
	}
	log, err := os.Create(filepath.Join(dir, logFile))
	if err != nil {
		return fmt.Errorf("open the node's log: %w", err)
	}
	defer log.Close()
	st, err := openStage(dir, secrets, log)
	if err != nil {
		return err
	}
	defer st.close()
	return errors.Join(p.perform(ctx, &story{stage: st, tell: tell, flip: p.flip}), tell.broken)
}

// perform plays the story on an open stage, and stays if that is wanted.
func (p production) perform(ctx context.Context, s *story) error {
	if err := s.raiseCurtain(); err != nil {
		return err
	}
	err := s.play(ctx)
	if s.tell.failed > 0 {
		s.tell.warnings(filepath.Join(s.stage.dir, logFile))
	}
	if p.Stay && ctx.Err() == nil {
		err = errors.Join(err, s.stay(ctx))
	}
	return err
}
