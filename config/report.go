package config

import (
	"slices"
	"time"
)

// Prompts is what config must know of sound. A Prompts is asked from one goroutine.
type Prompts interface {
	// Check says why the recording of that name, the centre's or a built-in one, cannot be played, or nil. The name has
	// the form of PromptName already.
	Check(name string) error
}

// Options is the world around the files.
type Options struct {
	// Prompts opens the recordings of a centre; dir is its prompts folder, absolute. nil: recordings are not looked at.
	Prompts func(dir string) Prompts
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

// CheckDir judges the three files of a folder by themselves, as `spillway check` and a node at its first start do.
func CheckDir(dir string, options Options) Report { return CheckAfter(dir, nil, options) }
