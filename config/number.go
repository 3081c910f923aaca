package config

import (
	"net/url"
	"regexp"
	"strings"
)

// numberPattern is what a number is once it is normal: digits with an optional +, or a word that a trunk dials.
var numberPattern = regexp.MustCompile(`^\+?[0-9A-Za-z*#_]{1,64}$`)

const numberAllowed = "digits, letters, * and #, with an optional + before them"

// NormalNumber brings a number, as it is dialled or written, into the form in which numbers are compared: %-escapes
// decoded, parameters (from the first ";") dropped, and so the visual separators - . ( ) of RFC 3966 section 5.1.1.
func NormalNumber(text string) string {
	text, _, _ = strings.Cut(text, ";")
	if decoded, err := url.PathUnescape(text); err == nil {
		text = decoded
	}
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("-.()", r) {
			return -1
		}
		return r
	}, text)
}

// number returns the normal form of a number in the file, and notes it when it is none.
func (r *reader) number(v *value) (string, bool) {
	normal := NormalNumber(v.text)
	if !numberPattern.MatchString(normal) {
		r.found.add(v.at, "%s is no number; allowed are %s", quote(v.text), numberAllowed)
		return "", false
	}
	return normal, true
}
