package watch

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/spillway-voice/spillway/config"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// happens is how long a test waits for what must happen; a loaded machine takes its time.
const happens = 30 * time.Second

const (
	nodeText   = "node: {id: syd-1}\n"
	centreText = "centre: kettle\ntimezone: Australia/Sydney\nqueues: {orders: {ring: 15s}}\n"
	quietText  = "incidents: {recall: {active: false, for: 6h, overflow: {orders: [{after_wait: 60s, to: [help]}]}}}\n"
)

// incidents is an incidents.yaml with a title to tell saves apart by.
func incidents(title string) string {
	return "incidents: {recall: {active: true, for: 6h, title: " + title + ", seats: {add: 1}}}\n"
}

// judgement is one call of Apply.
type judgement struct {
	report config.Report
	change Change
}

// title is that of the recall in what holds, or "".
func (j judgement) title() string {
	if j.report.Snapshot == nil || j.report.Snapshot.Incident("recall") == nil {
		return ""
	}
	return j.report.Snapshot.Incident("recall").Title
}

// watched is a folder with a watcher that runs.
type watched struct {
	*testing.T
	dir   string
	judge chan judgement
	mu    sync.Mutex
	fail  error // what Apply answers
}

// watch lays out a folder, or takes the one that is given, and runs a watcher over it until the test ends.
func watch(t *testing.T, dir string) *watched {
	t.Helper()
	w := &watched{T: t, dir: dir, judge: make(chan judgement, 1000)}
	watcher := New(Options{
		Dir:     dir,
		Current: &config.Sources{Centre: []byte(centreText), Incidents: []byte("incidents: {}\n")},
		Apply: func(report config.Report, change Change) error {
			w.mu.Lock()
			answer := w.fail
			w.mu.Unlock()
			w.judge <- judgement{report, change}
			return answer
		},
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		watcher.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return w
}

// laid lays the three files out in a new folder.
func laid(t *testing.T) string {
	dir := t.TempDir()
	lay(t, dir)
	return dir
}

func lay(t *testing.T, dir string) {
	t.Helper()
	for name, text := range map[string]string{config.NodeFile: nodeText, config.CentreFile: centreText, config.IncidentsFile: "incidents: {}\n"} {
		write(t, filepath.Join(dir, name), text)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// save writes a file of the folder in place.
func (w *watched) save(name, text string) {
	w.Helper()
	write(w.T, filepath.Join(w.dir, name), text)
}

// until waits for a judgement that is as asked, passing over others: a save in several steps may be seen in between.
func (w *watched) until(what string, asked func(judgement) bool) judgement {
	w.Helper()
	deadline := time.After(happens)
	for {
		select {
		case j := <-w.judge:
			if asked(j) {
				return j
			}
		case <-deadline:
			w.Fatalf("never seen: %s", what)
		}
	}
}

// holds waits until the recall of that title holds.
func (w *watched) holds(title string) judgement {
	w.Helper()
	return w.until(title, func(j judgement) bool { return j.title() == title && j.report.OK() })
}

func TestASaveIsAppliedAtOnce(t *testing.T) {
	w := watch(t, laid(t))
	began := time.Now()
	w.save(config.IncidentsFile, incidents("saved"))
	j := w.holds("saved")
	if !j.change.Pair || j.change.Node {
		t.Errorf("change %+v", j.change)
	}
	// The promise is a second; the rest is for a machine that does much else.
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestASaveHoldsWithinASecondEvenWithoutNoticesOrQuiet(t *testing.T) {
	if poll > time.Second || patience+settle > time.Second/2 {
		t.Errorf("a look comes after %v at the latest, or %v of noise", poll, patience+settle)
	}
}

func TestEditorsThatRenameAreSeen(t *testing.T) {
	w := watch(t, laid(t))
	for _, title := range []string{"one", "two", "three"} {
		write(t, filepath.Join(w.dir, ".incidents.yaml.swp"), incidents(title))
		if err := os.Rename(filepath.Join(w.dir, ".incidents.yaml.swp"), filepath.Join(w.dir, config.IncidentsFile)); err != nil {
			t.Fatal(err)
		}
		w.holds(title)
	}
}

func TestAnEditorThatMovesTheOldFileAsideIsSeen(t *testing.T) {
	w := watch(t, laid(t))
	path := filepath.Join(w.dir, config.IncidentsFile)
	for _, title := range []string{"one", "two"} {
		if err := os.Rename(path, path+"~"); err != nil {
			t.Fatal(err)
		}
		write(t, path, incidents(title))
		w.holds(title)
	}
}

func TestASymlinkedMountThatSwapsItsFolderIsSeen(t *testing.T) {
	dir := t.TempDir()
	version := func(name, title string) {
		t.Helper()
		below := filepath.Join(dir, name)
		if err := os.Mkdir(below, 0o700); err != nil {
			t.Fatal(err)
		}
		lay(t, below)
		write(t, filepath.Join(below, config.IncidentsFile), incidents(title))
		if err := os.Symlink(name, filepath.Join(dir, "..data_tmp")); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")); err != nil {
			t.Fatal(err)
		}
	}
	version("..first", "first")
	for _, name := range files {
		if err := os.Symlink(filepath.Join("..data", name), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	w := watch(t, dir)
	w.holds("first")
	version("..second", "second")
	w.holds("second")
	if err := os.RemoveAll(filepath.Join(dir, "..first")); err != nil {
		t.Fatal(err)
	}
	version("..third", "third")
	w.holds("third")
	write(t, filepath.Join(dir, "..data", config.IncidentsFile), incidents("in-place"))
	w.holds("in-place")
}

func TestOfTwoSavesAHundredMillisecondsApartTheSecondHolds(t *testing.T) {
	w := watch(t, laid(t))
	pause := time.NewTicker(100 * time.Millisecond)
	defer pause.Stop()
	for _, title := range []string{"a", "b", "c", "d"} {
		w.save(config.IncidentsFile, incidents(title+"-first"))
		<-pause.C
		w.save(config.IncidentsFile, incidents(title+"-second"))
		w.holds(title + "-second")
	}
}

func TestAHalfWrittenFileChangesNothingAndTheRestOfItHolds(t *testing.T) {
	w := watch(t, laid(t))
	whole := incidents("whole")
	w.save(config.IncidentsFile, whole[:len(whole)-6])
	j := w.until("the half is refused", func(j judgement) bool { return j.report.Error() != nil })
	if j.change.Pair || j.report.Snapshot == nil || len(j.report.Snapshot.Incidents) != 0 {
		t.Errorf("half a file changed something: %+v", j.change)
	}
	w.save(config.IncidentsFile, whole)
	w.holds("whole")
}

func TestBadThenGoodThenBadThenGood(t *testing.T) {
	w := watch(t, laid(t))
	for _, title := range []string{"one", "two"} {
		w.save(config.IncidentsFile, "incidents: {recall: {active: on}}\n")
		j := w.until("the mistake", func(j judgement) bool { return j.report.Error() != nil })
		if j.report.Error().File != config.IncidentsFile {
			t.Errorf("the mistake is %v", j.report.Error())
		}
		w.save(config.IncidentsFile, incidents(title))
		w.holds(title)
	}
}

func TestABrokenCentreDoesNotStopTheToggle(t *testing.T) {
	w := watch(t, laid(t))
	w.save(config.CentreFile, "centre: [\n")
	w.until("the mistake", func(j judgement) bool { return j.report.Error() != nil })
	w.save(config.IncidentsFile, incidents("toggled"))
	j := w.until("the toggle", func(j judgement) bool { return j.title() == "toggled" })
	if j.report.Error() == nil || j.report.Error().File != config.CentreFile {
		t.Errorf("the broken centre is not told: %v", j.report.Mistakes)
	}
	w.save(config.CentreFile, strings.Replace(centreText, "15s", "16s", 1))
	if j := w.holds("toggled"); j.report.Snapshot.Routing.Queue("orders").Ring != 16*time.Second {
		t.Errorf("the mended centre does not hold")
	}
}

func TestIncidentsThatWaitForTheCentreHoldWhenItComes(t *testing.T) {
	w := watch(t, laid(t))
	w.save(config.IncidentsFile, quietText) // refers to a queue that is not there yet
	w.until("the mistake", func(j judgement) bool { return j.report.Error() != nil })
	w.save(config.CentreFile, centreText[:len(centreText)-2]+", help: {}}\n")
	j := w.until("both", func(j judgement) bool { return j.report.OK() })
	if j.report.Snapshot.Incident("recall") == nil || j.report.Snapshot.Routing.Queue("help") == nil {
		t.Errorf("only one of the two holds")
	}
}

func TestAFileThatIsDeletedAndMadeAgainIsSeen(t *testing.T) {
	w := watch(t, laid(t))
	if err := os.Remove(filepath.Join(w.dir, config.IncidentsFile)); err != nil {
		t.Fatal(err)
	}
	j := w.until("its absence", func(j judgement) bool { return j.report.Unreadable != nil })
	if j.report.Snapshot == nil || j.change.Pair {
		t.Errorf("a missing file changed something")
	}
	w.save(config.IncidentsFile, incidents("again"))
	w.holds("again")
}

func TestAFolderThatGoesAwayAndComesBackIsWatchedAgain(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "conf")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	lay(t, dir)
	w := watch(t, dir)
	for _, title := range []string{"one", "two"} {
		if err := os.Rename(dir, dir+"-"+title); err != nil {
			t.Fatal(err)
		}
		w.until("its absence", func(j judgement) bool { return j.report.Unreadable != nil })
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		lay(t, dir)
		w.save(config.IncidentsFile, incidents(title))
		w.holds(title)
	}
}

func TestASaveBeforeTheWatcherRunsIsNotLost(t *testing.T) {
	dir := laid(t)
	write(t, filepath.Join(dir, config.IncidentsFile), incidents("early"))
	watch(t, dir).holds("early")
}

func TestATouchedFileIsNotASavedOne(t *testing.T) {
	w := watch(t, laid(t))
	w.save(config.IncidentsFile, "incidents: {}\n") // the same content
	if err := os.Chtimes(filepath.Join(w.dir, config.CentreFile), time.Time{}, time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	w.save(config.IncidentsFile, incidents("changed"))
	if j := <-w.judge; j.title() != "changed" && j.report.OK() {
		t.Errorf("the first judgement is of a file that did not change: %+v", j.change)
	}
}

func TestAChangedNodeFileIsOnlyTold(t *testing.T) {
	w := watch(t, laid(t))
	w.save(config.NodeFile, "node: {id: mel-2}\n")
	j := w.until("the change", func(j judgement) bool { return j.change.Node })
	if j.change.Pair {
		t.Error("the pair is said to have changed")
	}
	w.save(config.NodeFile, nodeText)
	w.until("the way back", func(j judgement) bool { return !j.change.Node })
}

func TestWhatCannotBeAppliedIsTriedAgain(t *testing.T) {
	w := watch(t, laid(t))
	w.mu.Lock()
	w.fail = errors.New("the disk is full")
	w.mu.Unlock()
	w.save(config.IncidentsFile, incidents("heavy"))
	for range 2 {
		if j := w.holds("heavy"); !j.change.Pair {
			t.Fatal("what could not be applied counts as holding")
		}
	}
	w.mu.Lock()
	w.fail = nil
	w.mu.Unlock()
	w.holds("heavy")
}

func TestAMistakeThatTheWorldMendsIsJudgedAgainWithoutASave(t *testing.T) {
	dir := laid(t)
	write(t, filepath.Join(dir, config.CentreFile), centreText+"agents: {alice: {secret: \"file:alice\"}}\n")
	w := watch(t, dir)
	w.until("the missing file", func(j judgement) bool { return j.report.Wanting() && len(j.report.Snapshot.Accounts) == 0 })
	w.save("alice", "wonderland of alice\n")
	w.until("its arrival", func(j judgement) bool { return !j.report.Wanting() && len(j.report.Snapshot.Accounts) == 1 })
}

func TestSteadyNoiseInTheFolderDoesNotPutASaveOff(t *testing.T) {
	w := watch(t, laid(t))
	ctx, cancel := context.WithCancel(context.Background())
	var noise sync.WaitGroup
	noise.Go(func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				if err := os.WriteFile(filepath.Join(w.dir, "noise"), []byte(time.Now().String()), 0o600); err != nil {
					t.Error(err)
					return
				}
			}
		}
	})
	defer noise.Wait()
	defer cancel()
	w.save(config.IncidentsFile, incidents("heard"))
	w.holds("heard")
}

func TestWithoutNoticesTheContentIsLookedAt(t *testing.T) {
	n := &notices{} // as where the system has no more to give
	n.renew()
	if n.events() != nil || n.errors() != nil {
		t.Error("there are notices")
	}
	n.close()
	if got := digestOf(filepath.Join(t.TempDir(), "nothing")); got != (content{}) {
		t.Error("a missing file has a content")
	}
}
