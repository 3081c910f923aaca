// Package prompts holds the recordings that come with Spillway, in English, and knows which of them to play one after
// another to say a number or a place in the queue.
//
// It is for the names and bytes of the built-in recordings alone. It neither decodes nor plays them: that is done by
// package media, whose Library puts a centre's own recordings before these. The recordings are made by make.sh, which
// is kept beside them with the sentences.
package prompts

import (
	"embed"
	"io/fs"
	"strconv"
)

//go:embed en/*.wav
var recordings embed.FS

// FarPosition is the last position that is said as a number. Behind it a caller hears only that many are before him:
// a figure that far from the front says nothing useful and sounds like a promise.
const FarPosition = 50

// English returns the built-in English recordings, each at the top of the file system under its name, as in
// "welcome.wav". It is safe for concurrent use.
func English() fs.FS {
	english, err := fs.Sub(recordings, "en")
	if err != nil {
		panic("prompts: the embedded folder en is missing: " + err.Error())
	}
	return english
}

// Position returns the names of the recordings that tell a caller his place n in the queue: the first in it is 1, and
// anything below counts as 1.
func Position(n int) []string {
	switch {
	case n <= 1:
		return []string{"position-next.wav"}
	case n > FarPosition:
		return []string{"position-many.wav"}
	}
	names := append([]string{"position-number.wav"}, Number(n)...)
	return append(names, "position-queue.wav")
}

// Number returns the names of the recordings that say n in English words, or nil when n is not in 0 to 9999.
func Number(n int) []string {
	if n < 0 || n > 9999 {
		return nil
	}
	if n < 20 {
		return []string{figure(n)}
	}
	var names []string
	if n >= 1000 {
		names = append(names, figure(n/1000), "number-thousand.wav")
		n %= 1000
	}
	if n >= 100 {
		names = append(names, figure(n/100), "number-hundred.wav")
		n %= 100
	}
	if n > 0 && len(names) > 0 {
		names = append(names, "number-and.wav")
	}
	if n >= 20 {
		names = append(names, figure(n/10*10))
		n %= 10
	}
	if n > 0 {
		names = append(names, figure(n))
	}
	return names
}

// figure names the recording of a number that is one word: 0 to 20 and the tens.
func figure(n int) string { return "number-" + strconv.Itoa(n) + ".wav" }
