package config

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// rangePattern finds a range of numbers in a name: reserve-[01..20].
var rangePattern = regexp.MustCompile(`\[([0-9]{1,6})\.\.([0-9]{1,6})\]`)

// maxRange is how many names one range may stand for.
const maxRange = 10000

// numbered is a range of numbers in a name, all written with the same width.
type numbered struct {
	text        string // as it was written, with its brackets
	first, last int
	width       int
}

// rangeIn finds the range in a name. Without one the result is nil.
func rangeIn(name string) (*numbered, error) {
	found := rangePattern.FindAllStringSubmatch(name, -1)
	switch {
	case len(found) == 0 && strings.ContainsAny(name, "[]"):
		return nil, fmt.Errorf("%s is no range; write one like reserve-[01..20]", quote(name))
	case len(found) == 0:
		return nil, nil
	case len(found) > 1:
		return nil, fmt.Errorf("%s has more than one range; one is allowed", quote(name))
	}
	match := found[0]
	first, _ := strconv.Atoi(match[1]) // at most six digits
	last, _ := strconv.Atoi(match[2])
	switch {
	case len(match[1]) != len(match[2]):
		return nil, fmt.Errorf("%s: both ends of a range are written with as many digits, like [01..20]", quote(match[0]))
	case first > last:
		return nil, fmt.Errorf("%s: a range begins with the smaller number", quote(match[0]))
	case last-first >= maxRange:
		return nil, fmt.Errorf("%s: a range has at most %d names", quote(match[0]), maxRange)
	}
	return &numbered{text: match[0], first: first, last: last, width: len(match[1])}, nil
}

// each returns the texts in which the range, wherever it stands, is replaced by each of its numbers.
func (n *numbered) each(text string) []string {
	if n == nil {
		return []string{text}
	}
	all := make([]string, 0, n.last-n.first+1)
	for i := n.first; i <= n.last; i++ {
		all = append(all, strings.ReplaceAll(text, n.text, fmt.Sprintf("%0*d", n.width, i)))
	}
	return all
}

// names expands a key that may hold a range into the names it stands for; what is wrong is noted.
func (r *reader) names(kind string, key *value) (*numbered, []string) {
	n, err := rangeIn(key.text)
	if err != nil {
		r.found.add(key.at, "%v", err)
		return nil, nil
	}
	names := n.each(key.text)
	if !r.name(kind, &value{at: key.at, text: names[0]}) {
		return nil, nil
	}
	return n, names
}

// within expands the value of an entry with the range of its key. A value without a range is the same for all of them.
func (r *reader) within(n *numbered, v *value, count int) ([]string, bool) {
	for _, found := range rangePattern.FindAllString(v.text, -1) {
		if n == nil || found != n.text {
			r.found.add(v.at, "the range %s is not that of the key; write the same range in both", found)
			return nil, false
		}
	}
	if n != nil && strings.Contains(v.text, n.text) {
		return n.each(v.text), true
	}
	texts := make([]string, count)
	for i := range texts {
		texts[i] = v.text
	}
	return texts, true
}
