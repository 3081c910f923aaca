package srtp

import (
	"errors"
	"testing"

	"github.com/spillway-voice/spillway/media/sdp"
)

// FuzzUnprotect looks for what is not the far end's and is opened, is refused in other words than ours, or keeps the far
// end's own packets from being opened afterwards.
func FuzzUnprotect(f *testing.F) {
	f.Add([]byte{})
	f.Add(sound(f, 7, 1))
	f.Add(report(7))
	for _, suite := range suites {
		_, stranger := ends(f, suite)
		f.Add(protect(f, stranger, sound(f, 7, 65535)))
		told, err := stranger.ProtectReport(nil, report(7))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(told)
	}
	f.Add(append([]byte{0x9F, 0x80}, make([]byte, 200)...))
	f.Add(append([]byte{0x90, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7, 0xBE, 0xDE, 0, 1, 0x10, 0xFF, 0, 0}, make([]byte, 40)...))
	f.Fuzz(func(t *testing.T, packet []byte) {
		for _, suite := range suites {
			a, b := ends(t, suite)
			assertOpens(t, b, protect(t, a, sound(t, 7, 100)), sound(t, 7, 100))
			_, err := b.Unprotect(nil, packet)
			assertOurWords(t, suite, err)
			_, err = b.UnprotectReport(make([]byte, 0, 2000), packet)
			assertOurWords(t, suite, err)
			_, err = b.Unprotect(packet[:0], packet) // in its place: the fuzzer's bytes are spoilt, and not used after that
			assertOurWords(t, suite, err)
			assertOpens(t, b, protect(t, a, sound(t, 7, 101)), sound(t, 7, 101))
		}
	})
}

// assertOurWords checks that a packet was refused by one of our errors.
func assertOurWords(t *testing.T, suite sdp.Suite, err error) {
	t.Helper()
	for _, known := range []error{ErrInvalid, ErrForged, ErrReplayed, ErrStreams} {
		if errors.Is(err, known) {
			return
		}
	}
	t.Fatalf("%v: %v", suite, err)
}
