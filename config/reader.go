package config

import (
	"strconv"
	"strings"
	"time"
)

// reader walks the tree of one file by its schema and notes what is wrong.
type reader struct {
	file   string
	schema schema
	found  *mistakes
}

func newReader(file string, found *mistakes) *reader {
	return &reader{file: file, schema: schemaOf(file), found: found}
}

// object is a map of the file together with its place in the schema.
type object struct {
	*reader
	value *value
	path  string
}

// open returns a map whose keys the schema knows, having noted those that it does not. A missing value is an empty map.
func (r *reader) open(v *value, path string) object {
	o := object{reader: r, value: v, path: path}
	if v == nil || v.form == nothing {
		o.value = &value{form: mapping, at: Place{File: r.file}}
		if v != nil {
			o.value.at = v.at
		}
		return o
	}
	if v.form != mapping {
		r.found.add(v.at, "%s must be a map, not %s", r.named(path), v.form)
		o.value = &value{form: mapping, at: v.at}
		return o
	}
	for _, e := range v.entries {
		r.known(e.key, path)
	}
	return o
}

// known notes a key that the schema does not have below a path.
func (r *reader) known(key *value, path string) bool {
	k, ok := r.schema[prefixOf(path)+key.text]
	switch {
	case ok && k.Later:
		r.found.add(key.at, "%s %s", k.label(), comesLater)
		return false
	case !ok:
		allowed := r.schema.under(path)
		r.found.add(key.at, "unknown key %s%s; %s may have %s", quote(key.text), suggest(key.text, allowed), r.named(path), oneOf(allowed))
		return false
	}
	return true
}

// label names a key in a message: its last word, with the one before it where that helps.
func (k Key) label() string {
	parts := strings.Split(k.Path, ".")
	last := parts[len(parts)-1]
	if len(parts) > 1 && parts[len(parts)-2] != "*" {
		return parts[len(parts)-2] + "." + last
	}
	return last
}

// things names the maps that stand below a name of the file's own choice.
var things = map[string]string{
	"http.tokens.*": "a token", "hours.*": "hours", "trunks.*": "a trunk", "flows.*.*": "a step", "queues.*": "a queue",
	"queues.*.overflow": "a rule of overflow", "agents.*": "an agent", "incidents.*": "an incident", "incidents.*.overflow.*": "a rule of overflow",
}

// named names a path in a message.
func (r *reader) named(path string) string {
	if path == "" {
		return r.file
	}
	if thing, ok := things[path]; ok {
		return thing
	}
	return Key{Path: path}.label()
}

// key returns the schema's entry for a name in the object.
func (o object) key(name string) Key { return o.schema[prefixOf(o.path)+name] }

// has reports whether the object has the key at all.
func (o object) has(name string) bool { return o.value.get(name) != nil }

// empty reports whether the key, if it is there, has a list of nothing.
func (o object) empty(name string) bool {
	v := o.value.get(name)
	return v == nil || v.form == nothing || v.form == list && len(v.items) == 0 || v.form == scalar && len(split(v)) == 0
}

// at is where the key stands, or the object when it does not.
func (o object) at(name string) Place {
	if v := o.value.get(name); v != nil {
		return v.at
	}
	return o.value.at
}

// object returns the map below a key.
func (o object) object(name string) object {
	return o.open(o.value.get(name), prefixOf(o.path)+name)
}

// each visits the entries of a map whose keys are names of the file's own choice.
func (o object) each(name string, visit func(key, content *value)) {
	path := prefixOf(o.path) + name
	v := o.value.get(name)
	if v == nil || v.form == nothing {
		return
	}
	if v.form != mapping {
		o.found.add(v.at, "%s must be a map, not %s", o.named(path), v.form)
		return
	}
	for _, e := range v.entries {
		visit(e.key, e.value)
	}
}

// text returns the source text of a plain value, or of its default. The second result is false when there is none to work
// with; what is wrong was noted.
func (o object) text(name string) (string, bool) {
	k := o.key(name)
	v := o.value.get(name)
	if v == nil {
		if k.Required {
			o.found.add(o.value.at, "%s is missing; write %s", k.label(), k.Allowed)
			return "", false
		}
		return k.Default, k.Default != ""
	}
	return o.scalar(k, v)
}

// scalar returns the text of a value that must be a plain one.
func (o object) scalar(k Key, v *value) (string, bool) {
	switch {
	case v.form == mapping && o.onlyLater(k, v):
		return "", false
	case v.form == nothing:
		o.found.add(v.at, "%s has no value; write %s, or leave the key out", k.label(), k.Allowed)
		return "", false
	case v.form != scalar:
		o.found.add(v.at, "%s must be %s, not %s", k.label(), k.Allowed, v.form)
		return "", false
	}
	return v.text, true
}

// onlyLater notes that a map stands where a plain value is served today, when later work brings the map.
func (o object) onlyLater(k Key, v *value) bool {
	for _, e := range v.entries {
		if o.schema[k.Path+"."+e.key.text].Later {
			o.found.add(e.key.at, "%s.%s %s", k.label(), e.key.text, comesLater)
			return true
		}
	}
	return false
}

// wrong notes that the value of a key is not what it must be.
func (o object) wrong(name, text string) {
	k := o.key(name)
	o.found.add(o.at(name), "%s is %s, but must be %s", k.label(), quote(text), k.Allowed)
}

// duration returns a duration within the key's bounds, or its default.
func (o object) duration(name string) time.Duration {
	text, ok := o.text(name)
	if !ok {
		return 0
	}
	k := o.key(name)
	low, _ := parseDuration(k.low)
	high, _ := parseDuration(k.high)
	d, ok := parseDuration(text)
	if !ok || d < low || d > high {
		o.wrong(name, text)
		return 0
	}
	return d
}

// count returns a whole number within the key's bounds, or its default.
func (o object) count(name string) int {
	text, ok := o.text(name)
	if !ok {
		return 0
	}
	n, ok := parseCount(text, o.key(name))
	if !ok {
		o.wrong(name, text)
	}
	return n
}

// parseCount reads a decimal number within the bounds of a key; a leading zero or a sign is no number.
func parseCount(text string, k Key) (int, bool) {
	low, _ := strconv.Atoi(k.low)
	high, _ := strconv.Atoi(k.high)
	n, err := strconv.Atoi(text)
	if err != nil || strconv.Itoa(n) != text || n < low || n > high {
		return 0, false
	}
	return n, true
}

// percent returns a share from 0 to 100.
func (o object) percent(name string) int {
	text, ok := o.text(name)
	if !ok {
		return 0
	}
	number, isPercent := strings.CutSuffix(text, "%")
	n, ok := parseCount(strings.TrimSpace(number), Key{low: "0", high: "100"})
	if !isPercent || !ok {
		o.wrong(name, text)
		return 0
	}
	return n
}

// boolean returns true or false; YAML's other words for them are refused.
func (o object) boolean(name string) bool {
	text, ok := o.text(name)
	if !ok {
		return false
	}
	switch text {
	case "true":
		return true
	case "false":
		return false
	}
	o.found.add(o.at(name), "%s is %s; write true or false", o.key(name).label(), quote(text))
	return false
}

// choice returns one of the key's words.
func (o object) choice(name string) string {
	text, ok := o.text(name)
	if !ok || !o.chosen(name, text, o.at(name)) {
		return ""
	}
	return text
}

// chosen reports whether the word is one of the key's, and notes it when it is not.
func (o object) chosen(name, word string, at Place) bool {
	k := o.key(name)
	for _, w := range k.words {
		if w == word {
			return true
		}
	}
	for _, w := range k.laterWords {
		if w == word {
			o.found.add(at, "%s: %s %s", k.label(), word, comesLater)
			return false
		}
	}
	o.found.add(at, "%s is %s%s; write %s", k.label(), quote(word), suggest(word, k.words), oneOf(k.words))
	return false
}

// list returns the plain values of a list; one plain value alone is a list too, split at its commas. Without the key it
// is the default.
func (o object) list(name string) []*value {
	k := o.key(name)
	v := o.value.get(name)
	if v == nil {
		if k.Required {
			o.found.add(o.value.at, "%s is missing; write %s", k.label(), k.Allowed)
		}
		return split(&value{at: o.value.at, text: k.Default})
	}
	switch v.form {
	case scalar:
		return split(v)
	case list:
		var items []*value
		for _, item := range v.items {
			if text, ok := o.scalar(k, item); ok {
				items = append(items, &value{at: item.at, form: scalar, text: text, plain: item.plain})
			}
		}
		return items
	}
	o.found.add(v.at, "%s must be %s, not %s", k.label(), k.Allowed, v.form)
	return nil
}

// split cuts a plain value at its commas.
func split(v *value) []*value {
	var items []*value
	for part := range strings.SplitSeq(v.text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			items = append(items, &value{at: v.at, form: scalar, text: part})
		}
	}
	return items
}

// choices returns a list of the key's words, each once.
func (o object) choices(name string) []string {
	var words []string
	seen := map[string]bool{}
	for _, item := range o.list(name) {
		if seen[item.text] {
			o.found.add(item.at, "%s stands twice in %s", quote(item.text), o.key(name).label())
			continue
		}
		seen[item.text] = true
		if o.chosen(name, item.text, item.at) {
			words = append(words, item.text)
		}
	}
	return words
}
