package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Key is one key of a file: a row of docs/reference.md. The walk of a file, the defaults and the bounds come from the same
// table as the page.
type Key struct {
	File     string
	Path     string // dots between the keys; * stands for a name that the file chooses
	Default  string // as one would write it; "" means that there is none
	Allowed  string // what may be written
	Required bool
	Later    bool // not served yet: refused with "comes later"

	low, high  string // bounds of a duration or a count
	words      []string
	laterWords []string
}

// Keys returns every key that the file accepts, in the order of the reference.
func Keys(file string) []Key {
	var keys []Key
	for _, k := range tables[file] {
		if !k.Later {
			keys = append(keys, k)
		}
	}
	return keys
}

// Env is the environment variable that overrides a key of spillway.yaml: SPILLWAY_SIP_LISTEN for sip.listen.
func (k Key) Env() string {
	return envPrefix + "_" + strings.ToUpper(strings.ReplaceAll(k.Path, ".", "_"))
}

const envPrefix = "SPILLWAY"

// comesLater is what a key or value that later work brings is refused with.
const comesLater = "comes later; this version does not serve it"

// tables holds the keys of each file.
var tables = map[string][]Key{
	NodeFile:      keysOf(NodeFile, nodeKeys),
	CentreFile:    keysOf(CentreFile, centreKeys),
	IncidentsFile: keysOf(IncidentsFile, incidentKeys),
}

func keysOf(file string, table []Key) []Key {
	for i := range table {
		table[i].File = file
	}
	return table
}

// section is a key whose value is a map of further keys.
func section(path string) Key { return Key{Path: path, Allowed: "a map"} }

// text is a key whose form is described in words and checked where it is compiled.
func text(path, byDefault, allowed string) Key {
	return Key{Path: path, Default: byDefault, Allowed: allowed}
}

// duration is a key like 15s.
func duration(path, byDefault, low, high string) Key {
	return Key{Path: path, Default: byDefault, Allowed: "a duration from " + low + " to " + high, low: low, high: high}
}

// count is a whole number.
func count(path, byDefault string, low, high int) Key {
	return Key{Path: path, Default: byDefault, Allowed: fmt.Sprintf("a whole number from %d to %d", low, high),
		low: strconv.Itoa(low), high: strconv.Itoa(high)}
}

// percent is a share like 80%.
func percent(path, byDefault string) Key {
	return Key{Path: path, Default: byDefault, Allowed: "a percentage from 0% to 100%"}
}

// boolean is true or false.
func boolean(path, byDefault string) Key {
	return Key{Path: path, Default: byDefault, Allowed: "true or false"}
}

// choice is one of some words.
func choice(path, byDefault string, words ...string) Key {
	return Key{Path: path, Default: byDefault, Allowed: oneOf(words), words: words}
}

// choices is a list of some words.
func choices(path, byDefault string, words ...string) Key {
	return Key{Path: path, Default: byDefault, Allowed: "a list of " + oneOf(words), words: words}
}

// required marks a key that has to be there.
func required(k Key) Key {
	k.Required = true
	return k
}

// later is a key that later work brings.
func later(path string) Key { return Key{Path: path, Later: true} }

// withLater adds words that later work brings to a choice.
func withLater(k Key, words ...string) Key {
	k.laterWords = words
	return k
}

// schema finds the keys of one file.
type schema map[string]Key

func schemaOf(file string) schema {
	s := schema{}
	for _, k := range tables[file] {
		s[k.Path] = k
	}
	return s
}

// under returns the names that may stand below a path, in alphabetical order, without those that come later.
func (s schema) under(path string) []string {
	var names []string
	for p, k := range s {
		if name, ok := strings.CutPrefix(p, prefixOf(path)); ok && !k.Later && !strings.Contains(name, ".") && name != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// prefixOf is what the paths below a path begin with; the file itself is the empty path.
func prefixOf(path string) string {
	if path == "" {
		return ""
	}
	return path + "."
}

// parseDuration reads a duration: whole numbers with the units ms, s, m, h, d, largest first, or 0.
func parseDuration(text string) (time.Duration, bool) {
	if text == "0" {
		return 0, true
	}
	units := []struct {
		name string
		size time.Duration
	}{{"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}, {"ms", time.Millisecond}}
	var total time.Duration
	rest, next := text, 0
	for rest != "" {
		digits := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
		if digits == 0 || digits > maxDurationDigits {
			return 0, false
		}
		number, err := strconv.ParseInt(rest[:digits], 10, 64)
		if err != nil {
			return 0, false
		}
		rest = rest[digits:]
		letters := len(rest) - len(strings.TrimLeft(rest, "dhms"))
		at := slices.IndexFunc(units, func(u struct {
			name string
			size time.Duration
		}) bool {
			return u.name == rest[:letters]
		})
		if at < next {
			return 0, false
		}
		total += time.Duration(number) * units[at].size
		rest, next = rest[letters:], at+1
	}
	return total, text != ""
}

// maxDurationDigits keeps a duration far from the limits of 64 bits: 99999 days are 273 years less than those.
const maxDurationDigits = 5
