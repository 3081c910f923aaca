package config

import "regexp"

// namePattern is what things in the files may be called: a name goes into SIP addresses, metrics, event streams and file
// names as it is.
var namePattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

const nameAllowed = "1 to 64 letters, digits, dots, hyphens and underscores, beginning with a letter or digit"

// name reports whether a key may be a name, and notes it when it may not.
func (r *reader) name(kind string, v *value) bool {
	if namePattern.MatchString(v.text) {
		return true
	}
	r.found.add(v.at, "%s cannot be the name of %s; allowed are %s", quote(v.text), kind, nameAllowed)
	return false
}
