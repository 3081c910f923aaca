package config

import (
	"cmp"
	"fmt"
	"slices"
)

// The names of the three files below the configuration folder.
const (
	NodeFile      = "spillway.yaml"
	CentreFile    = "centre.yaml"
	IncidentsFile = "incidents.yaml"
)

// Severity tells a mistake that refuses a file from a remark that does not.
type Severity string

// The severities.
const (
	Error   Severity = "error"   // the file is refused
	Warning Severity = "warning" // the file is accepted
)

// Place is where something stands in a file. Line and Column count from 1; 0 means the file as a whole.
type Place struct {
	File   string // NodeFile, CentreFile or IncidentsFile; for an override, the environment variable
	Line   int
	Column int // in characters
}

// String renders the place as file:line:col, or the file alone.
func (p Place) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// Mistake is one thing that is wrong with a file, or a remark on it: what was found, and what is allowed. Its text never
// holds a secret.
type Mistake struct {
	Place
	Text     string
	Severity Severity
	world    bool // the file is right, but the world around it lacks something (a recording, an environment variable)
}

// String renders the mistake as `spillway check` prints it: file:line:col: text.
func (m Mistake) String() string {
	if m.Severity == Warning {
		return m.Place.String() + ": warning: " + m.Text
	}
	return m.Place.String() + ": " + m.Text
}

// mistakes collects what is wrong while files are walked.
type mistakes struct {
	list   []Mistake
	counts [3]int // errors, what the world lacks, warnings
}

// MaxMistakes is how many mistakes are collected, and as many warnings; the rest of a file that is not ours at all helps nobody.
const MaxMistakes = 200

// full reports that a further error would not be told.
func (m *mistakes) full() bool { return m.counts[0] >= MaxMistakes }

// add notes an error at a place.
func (m *mistakes) add(at Place, format string, args ...any) {
	m.put(Mistake{Place: at, Text: fmt.Sprintf(format, args...), Severity: Error})
}

// warn notes a remark at a place.
func (m *mistakes) warn(at Place, format string, args ...any) {
	m.put(Mistake{Place: at, Text: fmt.Sprintf(format, args...), Severity: Warning})
}

// lack notes that the world around the files lacks something that a file names.
func (m *mistakes) lack(at Place, format string, args ...any) {
	m.put(Mistake{Place: at, Text: fmt.Sprintf(format, args...), Severity: Error, world: true})
}

// put keeps one mistake. Each class has its own limit, so that many warnings never hide an error.
func (m *mistakes) put(one Mistake) {
	class := 0
	switch {
	case one.Severity == Warning:
		class = 2
	case one.world:
		class = 1
	}
	if m.counts[class]++; m.counts[class] <= MaxMistakes {
		m.list = append(m.list, one)
	}
}

// sorted returns what was collected by file in the order spillway, centre, incidents, then by line and column, each
// mistake once.
func (m *mistakes) sorted() []Mistake {
	order := map[string]int{NodeFile: 1, CentreFile: 2, IncidentsFile: 3}
	list := slices.Clone(m.list)
	slices.SortStableFunc(list, func(a, b Mistake) int {
		return cmp.Or(cmp.Compare(order[a.File], order[b.File]), cmp.Compare(a.File, b.File),
			cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return slices.Compact(list)
}

// refused reports whether an error is among the mistakes of the file.
func refused(list []Mistake, file string) bool {
	return slices.ContainsFunc(list, func(m Mistake) bool { return m.File == file && m.Severity == Error })
}
