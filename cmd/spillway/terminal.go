package main

import (
	"io"
	"os"
	"strings"
	"unicode"
)

// clearScreen moves to the corner and empties the terminal (ECMA-48: CUP, ED).
const clearScreen = "\x1b[H\x1b[2J"

// isTerminal says whether a writer is a screen that somebody looks at.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// unsafe says whether a character could move the cursor, colour the text, or turn round or break the line.
func unsafe(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029'
}

// plain makes a text safe for a terminal: an unsafe character becomes a question mark. Names, numbers and reasons come from
// callers and files.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if unsafe(r) || r == unicode.ReplacementChar {
			return '?'
		}
		return r
	}, text)
}

// oneLine makes an error's text one safe line.
func oneLine(text string) string {
	return plain(strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' }), "; "))
}
