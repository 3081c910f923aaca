package watch

import (
	"context"
	"crypto/sha256"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/spillway-voice/spillway/config"
)

const (
	// settle is how long a folder must be quiet before its files are read: an editor's save is several steps within a few
	// milliseconds.
	settle = 60 * time.Millisecond
	// patience is the longest that steady noise in a folder may put off reading, so that a save holds within a second.
	patience = 300 * time.Millisecond
	// poll is how often the content is compared without any notice.
	poll = time.Second
)

// files are what is watched in the folder.
var files = []string{config.NodeFile, config.CentreFile, config.IncidentsFile}

// Options is what a Watcher needs.
type Options struct {
	Dir     string          // the configuration folder
	Check   config.Options  // the world around the files; Now is set at each judgement
	Current *config.Sources // what holds when the watcher starts; nil: nothing
	Told    config.Report   // the judgement that was told already; while it wants something, the same files are judged again
	// Apply is called with each judgement, one at a time, from the watcher's goroutine. It publishes report.Snapshot and
	// returns nil, or changes nothing and says why; then what held before goes on holding, and the same files are judged
	// again a second later.
	Apply func(report config.Report, change Change) error
}

// Change says what a judgement is about.
type Change struct {
	Node bool // spillway.yaml is not what it was when the watcher was made; it needs a restart
	Pair bool // report.Sources differs from what held before
}

// Watcher watches one folder. Its one goroutine is that of Run.
type Watcher struct {
	options Options
	started content // spillway.yaml as it was at the start: a digest
	current *config.Sources
	seen    contents         // what was last judged
	wrong   []config.Mistake // what was wrong with it, as Apply knows it
	pending bool             // it was refused, or could not be applied: the world around the files may change that
}

// content is the digest of a file; the zero content is one that cannot be read.
type content [sha256.Size]byte

// contents is the content of all files.
type contents [3]content

// New returns a watcher for a folder whose files hold as options.Current says. What differs from that on disk is judged as
// soon as Run begins, so a save between the first reading and Run is not lost.
func New(options Options) *Watcher {
	w := &Watcher{options: options, current: options.Current, wrong: options.Told.Mistakes, pending: options.Told.Wanting()}
	now := w.read()
	w.started = now[0]
	w.seen[0] = now[0]
	if options.Current != nil {
		w.seen[1], w.seen[2] = digest(options.Current.Centre), digest(options.Current.Incidents)
	}
	return w
}

// Run watches until the context ends, and for no other reason; without the kernel's notices it looks once a second.
func (w *Watcher) Run(ctx context.Context) {
	notices := newNotices(w.options.Dir)
	defer notices.close()
	ticker := time.NewTicker(poll)
	defer ticker.Stop()
	quiet := time.NewTimer(0) // the first look
	defer quiet.Stop()
	var first time.Time // of the notices that were not answered yet
	for {
		select {
		case <-ctx.Done():
			return
		case <-notices.events():
			if first.IsZero() {
				first = time.Now()
			}
			quiet.Reset(min(settle, max(0, patience-time.Since(first))))
		case <-notices.errors(): // an overflow: the look at the content finds what was missed
			quiet.Reset(settle)
		case <-quiet.C:
			first = time.Time{}
			notices.renew()
			w.look(false)
		case <-ticker.C:
			notices.renew()
			if w.read() != w.seen {
				quiet.Reset(settle) // the save may be half way
				continue
			}
			w.look(w.pending)
		}
	}
}

// look judges the files if their content is not what was judged last, or if it is asked to judge the same again: a recording
// that was missing may have arrived. The same answer as before is not told again.
func (w *Watcher) look(again bool) {
	now := w.read()
	saved := now != w.seen
	if !saved && !again {
		return
	}
	check := w.options.Check
	check.Now, check.Starting = time.Time{}, false
	report := config.CheckAfter(w.options.Dir, w.current, check)
	change := Change{Node: now[0] != w.started, Pair: w.differs(report.Sources)}
	if !saved && !change.Pair && slices.Equal(report.Mistakes, w.wrong) {
		return
	}
	err := w.options.Apply(report, change)
	if err == nil && report.Sources != nil {
		w.current = report.Sources
	}
	// The files may have been saved again between the two readings. Then they differ at the next look from what was seen here,
	// and are judged again: a save is judged twice rather than never.
	w.seen, w.wrong, w.pending = now, report.Mistakes, err != nil || !report.OK() || report.Wanting()
}

// differs reports whether a pair is not the one that holds.
func (w *Watcher) differs(pair *config.Sources) bool {
	if pair == nil || w.current == nil {
		return pair != w.current
	}
	return digest(pair.Centre) != digest(w.current.Centre) || digest(pair.Incidents) != digest(w.current.Incidents)
}

// read returns the content of the files as it is now.
func (w *Watcher) read() contents {
	var now contents
	for i, name := range files {
		now[i] = digestOf(filepath.Join(w.options.Dir, name))
	}
	return now
}

// digestOf returns the digest of a file, or the zero content of one that cannot be read. Beyond what config accepts it reads
// nothing.
func digestOf(path string) content {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return content{}
	}
	f, err := os.Open(path)
	if err != nil {
		return content{}
	}
	defer f.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, io.LimitReader(f, config.MaxFileBytes+1)); err != nil {
		return content{}
	}
	return content(hash.Sum(nil))
}

// digest returns the digest of a file's text; nil is one that cannot be read.
func digest(text []byte) content {
	if text == nil {
		return content{}
	}
	return sha256.Sum256(text)
}

// notices is the kernel's notices about the folders of the files.
type notices struct {
	dir     string
	watcher *fsnotify.Watcher // nil where there are none to be had
}

// newNotices asks for notices.
func newNotices(dir string) *notices {
	n := &notices{dir: dir}
	if watcher, err := fsnotify.NewWatcher(); err == nil {
		n.watcher = watcher
	}
	n.renew()
	return n
}

// events is where notices arrive; without any it is nil and nothing does.
func (n *notices) events() <-chan fsnotify.Event {
	if n.watcher == nil {
		return nil
	}
	return n.watcher.Events
}

// errors is where it arrives that notices were lost.
func (n *notices) errors() <-chan error {
	if n.watcher == nil {
		return nil
	}
	return n.watcher.Errors
}

// renew watches the folders in which the files are now, and no others. A folder that is not there is left to the next time.
func (n *notices) renew() {
	if n.watcher == nil {
		return
	}
	wanted := folders(n.dir)
	for _, path := range n.watcher.WatchList() {
		if !wanted[path] {
			_ = n.watcher.Remove(path) // gone already when the folder is
		}
	}
	for path := range wanted {
		_ = n.watcher.Add(path) // watching twice is no error; a missing folder is looked for at the next poll
	}
}

// close ends the notices.
func (n *notices) close() {
	if n.watcher != nil {
		_ = n.watcher.Close() // inotify's descriptor; there is nothing to do about a failure
	}
}

// maxLinks bounds the symbolic links that are followed for one file, as the kernel does.
const maxLinks = 40

// folders returns the folder of each file and of every symbolic link on the way to its content.
func folders(dir string) map[string]bool {
	wanted := map[string]bool{}
	for _, name := range files {
		path := filepath.Join(dir, name)
		for range maxLinks {
			wanted[filepath.Dir(path)] = true
			if real, err := filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
				wanted[real] = true
			}
			target, err := os.Readlink(path)
			if err != nil {
				break // a file, or nothing
			}
			if !filepath.IsAbs(target) {
				target = filepath.Join(filepath.Dir(path), target)
			}
			path = target
		}
	}
	return wanted
}
