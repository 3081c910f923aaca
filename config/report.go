package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Options is the world around the files.
type Options struct {
	// Prompts opens the recordings of a centre: those in its prompts folder, at its level. nil: recordings are not looked at.
	Prompts func(Centre) Prompts
	// Redis says what is wrong with a redis.url that is neither empty nor LocalRedis. nil: it is not looked at.
	Redis func(url string) error
	// Codec says why this program cannot speak one of media.codecs. nil: it is not asked.
	Codec func(name string) error
	// Env looks up the variable of a secret written env:NAME. nil: os.LookupEnv.
	Env func(name string) (string, bool)
	// Now is the time that ends of incidents are compared with. Zero: time.Now().
	Now time.Time
	// Starting says that a node starts without a memory of what the files said before: an incident that is on with an end
	// in the past is then "ended", a warning; otherwise it was just switched on, a mistake.
	Starting bool
}

// Sources is the text of the pair of files that change live. A nil text is a file that cannot be read.
type Sources struct {
	Centre    []byte
	Incidents []byte
}

// Report is the judgement of a folder.
type Report struct {
	Node       *Node     // nil when spillway.yaml has a mistake
	Snapshot   *Snapshot // what holds now: the saved pair, or as much of it as is good, or what held before; nil: nothing
	Sources    *Sources  // the text that Snapshot was compiled from
	Mistakes   []Mistake // of all files as they were saved, in order of place, warnings too
	Unreadable error     // a file, or the folder, could not be read
}

// OK reports whether every file was read and none refused.
func (r Report) OK() bool { return r.Unreadable == nil && r.Error() == nil }

// Error returns the first mistake that refuses a file, or nil. It is what /api/v1/config shows.
func (r Report) Error() *Mistake {
	i := slices.IndexFunc(r.Mistakes, func(m Mistake) bool { return m.Severity == Error })
	if i < 0 {
		return nil
	}
	return &r.Mistakes[i]
}

// Wanting reports whether something outside of the files is missing, such as a recording or a secret, so that another look at the
// same files may find it there.
func (r Report) Wanting() bool {
	return slices.ContainsFunc(r.Mistakes, func(m Mistake) bool { return m.world })
}

// CheckDir judges the three files of a folder by themselves, as `spillway check` does. All that they need must be there. Of
// the last good copy in node.data, if there is one, it uses only when an incident was switched on.
func CheckDir(dir string, options Options) Report {
	f := readFolder(dir)
	report := f.report(options)
	var before *Sources
	if report.Node != nil {
		before, _ = LoadLastGood(report.Node.Data) // without a copy nothing was switched on yet
	}
	return report.with(newCompiler(f.dir, before, true, options).judge(nil, f.pair))
}

// Start judges the three files of a folder as a node does that begins: a file that is invalid is replaced by the last good copy
// in node.data, if there is one. Without a Node or a Snapshot in the answer the node cannot start.
func Start(dir string, options Options) Report {
	f := readFolder(dir)
	report := f.report(options)
	var before *Sources
	if report.Node != nil {
		var err error
		if before, err = LoadLastGood(report.Node.Data); err != nil && !errors.Is(err, fs.ErrNotExist) {
			report.Mistakes = append(report.Mistakes, Mistake{Place: Place{File: lastGoodFile}, Text: err.Error(), Severity: Warning})
		}
	}
	options.Starting = true
	return report.with(Judge(f.dir, before, f.pair, options))
}

// CheckAfter judges the three files of a folder given what held before the last save (nil: nothing). See Judge.
func CheckAfter(dir string, current *Sources, options Options) Report {
	f := readFolder(dir)
	return f.report(options).with(Judge(f.dir, current, f.pair, options))
}

// folder is the three files as they are on disk.
type folder struct {
	dir        string // absolute
	node       []byte
	pair       Sources
	unreadable error // the first file that could not be read
}

// readFolder reads the three files. One that cannot be read is nil.
func readFolder(dir string) folder {
	absolute, err := filepath.Abs(dir)
	if err != nil {
		return folder{dir: dir, unreadable: fmt.Errorf("%s: %w", dir, err)}
	}
	f := folder{dir: absolute}
	read := func(name string) []byte {
		content, err := readUpTo(filepath.Join(absolute, name), MaxFileBytes+1)
		if err != nil && f.unreadable == nil {
			f.unreadable = fmt.Errorf("%s: cannot be read: %w", name, err)
		}
		return content
	}
	f.node = read(NodeFile)
	f.pair = Sources{Centre: read(CentreFile), Incidents: read(IncidentsFile)}
	return f
}

// readUpTo reads the first bytes of a regular file; the result is not nil unless there is an error.
func readUpTo(path string, limit int64) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, reason(err)
	}
	if !info.Mode().IsRegular() { // a pipe would keep us waiting
		return nil, errors.New("it is not a regular file")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, reason(err)
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, limit))
	if err != nil {
		return nil, reason(err)
	}
	return content, nil
}

// reason strips the operation and the path from a file error.
func reason(err error) error {
	if inner, ok := errors.AsType[*fs.PathError](err); ok {
		return inner.Err
	}
	return err
}

// report judges spillway.yaml.
func (f folder) report(options Options) Report {
	found := &mistakes{}
	node := decodeNode(f.dir, f.node, options, found)
	list := found.sorted()
	if slices.ContainsFunc(list, func(m Mistake) bool { return m.Severity == Error }) {
		node = nil
	}
	return Report{Node: node, Mistakes: list, Unreadable: f.unreadable}
}

// with adds the judgement of the other two files.
func (r Report) with(v Verdict) Report {
	r.Snapshot, r.Sources = v.Snapshot, v.Sources
	r.Mistakes = slices.Concat(r.Mistakes, v.Mistakes)
	return r
}
