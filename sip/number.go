package sip

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	sipgo "github.com/emiago/sipgo/sip"
)

// maxName is the longest number or display name passed on, in runes: enough for any person, too short for an attack.
const maxName = 64

// Party is one end of a call as people know it: hostile text made harmless (bounded, no control characters, none
// that change the direction of writing), but still to be escaped by whoever shows it.
type Party struct {
	// Number is the user part: a number, an account's name, "anonymous", or empty.
	Number string
	// Display is the name that goes with it, "" when there is none.
	Display string
}

// partyOf reads the party from a From header.
func partyOf(from *sipgo.FromHeader) Party {
	return Party{Number: userOf(&from.Address), Display: harmless(unquote(from.DisplayName))}
}

// userOf is whom a URI is about: its user part decoded, without parameters, and without visual separators if it is
// a telephone number. Of a tel URI, the number.
func userOf(uri *sipgo.Uri) string {
	user := uri.User
	if uri.Scheme == "tel" {
		user = uri.Raw()
	}
	return number(user)
}

// number normalises the user part of a URI (RFC 3261 section 25.1, RFC 3966 section 5.1.1): parameters dropped,
// %-escapes decoded, and `- . ( )` dropped from what consists of nothing but dialled characters: a name like
// reserve-01 stays what it is.
func number(user string) string {
	user = decoded(user)
	if strings.Trim(user, "0123456789+*#-.()") != "" {
		return user
	}
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("-.()", r) {
			return -1
		}
		return r
	}, user)
}

// decoded is a user part without parameters and %-escapes.
func decoded(user string) string {
	user, _, _ = strings.Cut(user, ";")
	if plain, err := url.PathUnescape(user); err == nil {
		user = plain
	}
	return harmless(user)
}

// unquote undoes the escapes within a quoted string.
func unquote(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// quote escapes a display name for a quoted string; whoever writes the header adds the quotes.
func quote(s string) string {
	return escapes.Replace(harmless(s))
}

// escapes are those of a quoted string (RFC 3261 section 25.1).
var escapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

// harmless drops what has no business in a name (control and format characters, among them those of writing
// direction, and bytes that are not UTF-8), and cuts it to a bounded length.
func harmless(s string) string {
	var b strings.Builder
	runes := 0
	for i := 0; i < len(s) && runes < maxName; {
		r, size := utf8.DecodeRuneInString(s[i:])
		i += size
		if r == utf8.RuneError && size <= 1 || unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co, unicode.Cs) {
			continue
		}
		b.WriteRune(r)
		runes++
	}
	return strings.TrimSpace(b.String())
}

// escapeUser makes the user part of a URI from any text (RFC 3261 section 25.1, user).
func escapeUser(s string) string {
	const plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.!~*'()&=+$,?/"
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for _, c := range []byte(harmless(s)) {
		if strings.IndexByte(plain, c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(digits[c>>4])
		b.WriteByte(digits[c&15])
	}
	return b.String()
}
