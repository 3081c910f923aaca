package app

import (
	"context"
	"errors"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
	"go.uber.org/zap"

	"github.com/spillway-voice/spillway/config"
	"github.com/spillway-voice/spillway/media"
)

const (
	// recordingsSettle is how long the files of recordings must stay the same before they are read again: a copy is written
	// in pieces, milliseconds apart.
	recordingsSettle = 250 * time.Millisecond
	// recordingsPatience is how long one file that keeps changing can hold back what became of the others.
	recordingsPatience = 2 * time.Second
	// recordingsPoll is how often the files are looked at without any notice, as on network file systems.
	recordingsPoll = time.Second
)

// recordingsWatch notices that files of recordings changed and lets the centre play what they are now. All is done on its one
// goroutine but the exchange itself: however long a recording is, no call and no toggle waits for it to be decoded.
type recordingsWatch struct {
	centre  *centre
	log     *zap.Logger
	notices *fsnotify.Watcher // nil where there are none to be had

	library *media.Library // that was looked at
	read    string         // state of its files when they were read
	seen    string         // state at the last look
	again   bool           // a file was being written when it was read
}

// watchRecordings follows the prompts folder until the context ends.
func (a *App) watchRecordings(ctx context.Context) {
	w := &recordingsWatch{centre: a.centre, log: a.log.Named("recordings")}
	if notices, err := fsnotify.NewWatcher(); err == nil {
		w.notices = notices
		defer func() { _ = notices.Close() }() // inotify's descriptor; there is nothing to do about a failure
	}
	w.run(ctx)
}

func (w *recordingsWatch) run(ctx context.Context) {
	poll := time.NewTicker(recordingsPoll)
	defer poll.Stop()
	quiet := time.NewTimer(0)
	defer quiet.Stop()
	w.follow()
	var restless time.Time // since when there is something to read; zero: nothing is
	settle := func() {
		if restless.IsZero() {
			restless = time.Now()
		}
		quiet.Reset(min(recordingsSettle, time.Until(restless.Add(recordingsPatience))))
	}
	for {
		select {
		case <-ctx.Done():
			return
		case e := <-w.events():
			if strings.HasSuffix(e.Name, ".wav") || e.Has(fsnotify.Create) {
				settle()
			}
		case <-w.lost(): // the poll finds what was missed
		case <-poll.C:
			w.follow()
			if w.look() || w.again {
				settle()
			}
		case <-quiet.C:
			if w.look() && time.Since(restless) < recordingsPatience { // not yet
				settle()
				continue
			}
			restless = time.Time{}
			w.renew(ctx)
		}
	}
}

// events is where notices arrive; without any it is nil and nothing does.
func (w *recordingsWatch) events() <-chan fsnotify.Event {
	if w.notices == nil {
		return nil
	}
	return w.notices.Events
}

// lost is where it arrives that notices were lost.
func (w *recordingsWatch) lost() <-chan error {
	if w.notices == nil {
		return nil
	}
	return w.notices.Errors
}

// look reports whether the files are others than at the last look.
func (w *recordingsWatch) look() bool {
	library := w.centre.current().library
	if library != w.library { // what it has was read just now, or is being told already; the files may have changed since
		w.library, w.read = library, ""
	}
	state := library.State()
	changed := state != w.seen
	w.seen = state
	return changed
}

// renew reads the files again, if they are not what was read.
func (w *recordingsWatch) renew(ctx context.Context) {
	if w.seen == w.read && !w.again {
		return
	}
	old := w.library
	next, err := old.Renewed()
	if err != nil {
		w.log.Warn("the recordings cannot be looked at", zap.Error(err))
		return
	}
	spoilt := next.Spoilt()
	w.again = slices.ContainsFunc(slices.Collect(maps.Values(spoilt)), func(err error) bool { return errors.Is(err, media.ErrUnfinished) })
	w.read = w.seen
	if len(next.Changed(old)) == 0 && sameErrors(spoilt, old.Spoilt()) {
		return
	}
	exchanged := false
	if err := w.centre.do(ctx, func() { exchanged = w.centre.renewed(old, next) }); err != nil || !exchanged {
		return // the node closes, or the next look finds another library
	}
	w.library = next
	w.tell(spoilt, old.Spoilt())
}

// tell says what cannot be played since this look.
func (w *recordingsWatch) tell(spoilt, before map[string]error) {
	for _, name := range slices.Sorted(maps.Keys(spoilt)) {
		err := spoilt[name]
		if was := before[name]; errors.Is(err, media.ErrUnfinished) || was != nil && was.Error() == err.Error() {
			continue
		}
		w.log.Error("a recording that changed cannot be played; what was played before goes on", zap.String("prompt", name), zap.Error(err))
	}
}

// follow watches the folders of the recordings that are known, as they are now.
func (w *recordingsWatch) follow() {
	if w.notices == nil {
		return
	}
	library := w.centre.current().library
	if library.Dir() == "" {
		return
	}
	wanted := map[string]bool{}
	for _, folder := range append(library.Folders(), ".") {
		wanted[filepath.Join(library.Dir(), folder)] = true
	}
	for _, folder := range w.notices.WatchList() {
		if !wanted[folder] {
			_ = w.notices.Remove(folder) // gone already when the folder is
		}
	}
	for folder := range wanted {
		_ = w.notices.Add(folder) // watching twice is no error; one that is missing is looked for at the next poll
	}
}

// sameErrors reports whether the same recordings are spoilt in the same way.
func sameErrors(a, b map[string]error) bool {
	return maps.EqualFunc(a, b, func(a, b error) bool { return a.Error() == b.Error() })
}

// spoilt is the first recording that is not what its file has now, as a mistake that is shown; nil when there is none.
func spoilt(library *media.Library) *config.Mistake {
	all := library.Spoilt()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if err := all[name]; !errors.Is(err, media.ErrUnfinished) {
			return &config.Mistake{Place: config.Place{File: path.Join(filepath.Base(library.Dir()), name)}, Text: err.Error(), Severity: config.Error}
		}
	}
	return nil
}
