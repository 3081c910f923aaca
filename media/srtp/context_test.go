package srtp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/pion/rtp"

	"github.com/spillway-voice/spillway/media/sdp"
)

// suites are all that we speak.
var suites = []sdp.Suite{sdp.AESCM128HMACSHA80, sdp.AESCM128HMACSHA32, sdp.AEADAES128GCM}

// newKey makes a key or ends the test.
func newKey(t testing.TB, suite sdp.Suite) sdp.Crypto {
	t.Helper()
	key, err := NewKey(suite)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// newContext makes the protection of one end or ends the test.
func newContext(t testing.TB, local, far sdp.Crypto) *Context {
	t.Helper()
	c, err := New(local, far)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// ends makes the protection of both ends of a leg.
func ends(t testing.TB, suite sdp.Suite) (a, b *Context) {
	t.Helper()
	first, second := newKey(t, suite), newKey(t, suite)
	return newContext(t, first, second), newContext(t, second, first)
}

// sound makes a packet of 20 ms, each with another payload.
func sound(t testing.TB, ssrc uint32, number uint16) []byte {
	t.Helper()
	payload := bytes.Repeat([]byte{byte(number), byte(number >> 8)}, 80)
	packet := rtp.Packet{Header: rtp.Header{Version: 2, SSRC: ssrc, SequenceNumber: number, Timestamp: uint32(number) * 160}, Payload: payload}
	raw, err := packet.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// report makes a receiver's report without blocks and some octets behind it, as an application packet.
func report(ssrc uint32) []byte {
	packet := []byte{0x80, 201, 0, 1, 0, 0, 0, 0, 0x80, 204, 0, 3, 0, 0, 0, 0, 't', 'e', 's', 't', 1, 2, 3, 4}
	binary.BigEndian.PutUint32(packet[4:], ssrc)
	binary.BigEndian.PutUint32(packet[12:], ssrc)
	return packet
}

// protect protects a packet or ends the test.
func protect(t testing.TB, c *Context, packet []byte) []byte {
	t.Helper()
	out, err := c.Protect(nil, packet)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// assertOpens checks that a packet opens to what it was.
func assertOpens(t testing.TB, c *Context, protected, want []byte) {
	t.Helper()
	if opened, err := c.Unprotect(nil, protected); err != nil || !bytes.Equal(opened, want) {
		t.Fatalf("packet %d opened to %x, %v; want %x", binary.BigEndian.Uint16(want[2:]), opened, err, want)
	}
}

// inEachSuite runs a test once a suite.
func inEachSuite(t *testing.T, run func(*testing.T, sdp.Suite)) {
	for _, suite := range suites {
		t.Run(suite.String(), func(t *testing.T) { run(t, suite) })
	}
}

func TestWhatOneEndProtectsTheOtherOpens(t *testing.T) {
	inEachSuite(t, func(t *testing.T, suite sdp.Suite) {
		a, b := ends(t, suite)
		longer := map[sdp.Suite]int{sdp.AESCM128HMACSHA80: 10, sdp.AESCM128HMACSHA32: 4, sdp.AEADAES128GCM: 16}[suite]
		for number := range uint16(100) {
			plain := sound(t, 7, number)
			protected := protect(t, a, plain)
			if len(protected) != len(plain)+longer || bytes.Contains(protected, plain[12:]) {
				t.Fatalf("%d bytes became %x", len(plain), protected)
			}
			assertOpens(t, b, protected, plain)
			assertOpens(t, a, protect(t, b, sound(t, 8, number)), sound(t, 8, number))
		}
	})
}

func TestPacketsAreProtectedAndOpenedInTheirPlace(t *testing.T) {
	inEachSuite(t, func(t *testing.T, suite sdp.Suite) {
		a, b := ends(t, suite)
		buffer := make([]byte, 0, 1500)
		for number := range uint16(10) {
			plain := sound(t, 7, number)
			packet := append(buffer, plain...)
			protected, err := a.Protect(packet[:0], packet)
			if err != nil || &protected[0] != &packet[0] {
				t.Fatalf("not in its place: %v", err)
			}
			opened, err := b.Unprotect(protected[:0], protected)
			if err != nil || !bytes.Equal(opened, plain) || &opened[0] != &packet[0] {
				t.Fatalf("opened to %x, %v", opened, err)
			}
		}
	})
}

func TestHeadersWithOptionsAreKept(t *testing.T) {
	inEachSuite(t, func(t *testing.T, suite sdp.Suite) {
		a, b := ends(t, suite)
		packet := rtp.Packet{Header: rtp.Header{Version: 2, SSRC: 7, CSRC: []uint32{1, 2, 3}}, Payload: make([]byte, 160)}
		if err := packet.SetExtension(1, []byte{0x85}); err != nil { // a level of sound, RFC 6464
			t.Fatal(err)
		}
		plain, err := packet.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		assertOpens(t, b, protect(t, a, plain), plain)
	})
}

func TestNumbersMayGoRoundManyTimes(t *testing.T) {
	inEachSuite(t, func(t *testing.T, suite sdp.Suite) {
		a, b := ends(t, suite)
		number := uint16(65000)
		for range 5 * 65536 / 50 { // every fiftieth packet arrives
			plain := sound(t, 7, number)
			assertOpens(t, b, protect(t, a, plain), plain)
			number += 50
		}
	})
}

func TestLatePacketsAroundAWrapAreOpened(t *testing.T) {
	inEachSuite(t, func(t *testing.T, suite sdp.Suite) {
		a, b := ends(t, suite)
		protected := map[uint16][]byte{}
		for i := range 80 {
			number := uint16(65500 + i)
			protected[number] = protect(t, a, sound(t, 7, number))
		}
		for _, number := range []uint16{65500, 65535, 0, 65534, 3, 65533, 1, 43, 65501} {
			assertOpens(t, b, protected[number], sound(t, 7, number))
		}
		for _, number := range []uint16{65500, 65534, 43} {
			if _, err := b.Unprotect(nil, protected[number]); !errors.Is(err, ErrReplayed) {
				t.Errorf("%d again: %v, want ErrReplayed", number, err)
			}
		}
	})
}

func TestAPacketIsOpenedOnce(t *testing.T) {
	inEachSuite(t, func(t *testing.T, suite sdp.Suite) {
		a, b := ends(t, suite)
		var all [][]byte
		for number := range uint16(300) {
			all = append(all, protect(t, a, sound(t, 7, number)))
		}
		for _, packet := range all[1:] {
			if _, err := b.Unprotect(nil, packet); err != nil {
				t.Fatal(err)
			}
		}
		for number, packet := range all { // the first is not a copy, but too late to tell
			if _, err := b.Unprotect(nil, packet); !errors.Is(err, ErrReplayed) {
				t.Fatalf("packet %d again: %v, want ErrReplayed", number, err)
			}
		}
	})
}

func TestForgedPacketsAreRefusedAndChangeNothing(t *testing.T) {
	inEachSuite(t, func(t *testing.T, suite sdp.Suite) {
		a, b := ends(t, suite)
		stranger, _ := ends(t, suite)
		assertOpens(t, b, protect(t, a, sound(t, 7, 100)), sound(t, 7, 100))
		genuine := protect(t, a, sound(t, 7, 101))
		for i := range genuine {
			forged := bytes.Clone(genuine)
			forged[i] ^= 1
			if _, err := b.Unprotect(nil, forged); err == nil {
				t.Fatalf("opened with byte %d changed", i)
			}
		}
		for length := range genuine {
			if _, err := b.Unprotect(nil, genuine[:length:length]); err == nil {
				t.Fatalf("opened %d bytes of %d", length, len(genuine))
			}
		}
		for _, number := range []uint16{102, 5000, 30000} { // far ahead: the rollover counter must not follow
			if _, err := b.Unprotect(nil, protect(t, stranger, sound(t, 7, number))); !errors.Is(err, ErrForged) {
				t.Errorf("with another key: %v, want ErrForged", err)
			}
		}
		if _, err := b.Unprotect(nil, sound(t, 7, 102)); !errors.Is(err, ErrForged) {
			t.Errorf("in the clear: %v, want ErrForged", err)
		}
		assertOpens(t, b, genuine, sound(t, 7, 101))
	})
}

func TestOurOwnPacketsSentBackAreRefused(t *testing.T) {
	inEachSuite(t, func(t *testing.T, suite sdp.Suite) {
		a, _ := ends(t, suite)
		if _, err := a.Unprotect(nil, protect(t, a, sound(t, 7, 1))); !errors.Is(err, ErrForged) {
			t.Errorf("%v, want ErrForged", err)
		}
	})
}

func TestANumberIsNeverProtectedTwice(t *testing.T) {
	inEachSuite(t, func(t *testing.T, suite sdp.Suite) {
		a, b := ends(t, suite)
		for _, step := range []struct {
			number uint16
			want   error
		}{
			{65530, nil}, {65530, ErrUsed}, {65535, nil}, {65531, nil}, {65531, ErrUsed}, {0, nil}, {65535, ErrUsed},
			{63, nil}, {0, ErrUsed}, {1, nil}, {65535, ErrUsed}, {200, nil}, {136, ErrUsed}, {137, nil}, {137, ErrUsed},
		} {
			plain := sound(t, 7, step.number)
			protected, err := a.Protect(nil, plain)
			if !errors.Is(err, step.want) {
				t.Fatalf("number %d: %v, want %v", step.number, err, step.want)
			}
			if err == nil {
				assertOpens(t, b, protected, plain)
			}
		}
	})
}

func TestAnotherStreamBeginsItsOwnCount(t *testing.T) {
	inEachSuite(t, func(t *testing.T, suite sdp.Suite) {
		a, b := ends(t, suite)
		for _, packet := range []struct {
			ssrc   uint32
			number uint16
		}{{7, 65535}, {7, 0}, {8, 0}, {8, 1}, {7, 1}, {9, 65535}, {9, 0}} {
			plain := sound(t, packet.ssrc, packet.number)
			assertOpens(t, b, protect(t, a, plain), plain)
		}
	})
}

func TestTheStreamsOnOneKeyAreBounded(t *testing.T) {
	inEachSuite(t, func(t *testing.T, suite sdp.Suite) {
		ours, theirs := newKey(t, suite), newKey(t, suite)
		b := newContext(t, ours, theirs)
		for ssrc := range uint32(maxStreams + 1) {
			a := newContext(t, theirs, ours) // who sends has the same bound
			_, err := b.Unprotect(nil, protect(t, a, sound(t, ssrc, 1)))
			toldUs, err2 := a.ProtectReport(nil, report(ssrc))
			if err2 != nil {
				t.Fatal(err2)
			}
			_, err2 = b.UnprotectReport(nil, toldUs)
			want := error(nil)
			if ssrc == maxStreams {
				want = ErrStreams
			}
			if !errors.Is(err, want) || !errors.Is(err2, want) {
				t.Errorf("stream %d: %v, report %v; want %v", ssrc, err, err2, want)
			}
			_, err = b.Protect(nil, sound(t, ssrc, 1))
			if !errors.Is(err, want) {
				t.Errorf("our stream %d: %v, want %v", ssrc, err, want)
			}
		}
	})
}

func TestReportsAreProtectedAndOpenedOnce(t *testing.T) {
	inEachSuite(t, func(t *testing.T, suite sdp.Suite) {
		a, b := ends(t, suite)
		stranger, _ := ends(t, suite)
		for range 200 {
			plain := report(7)
			protected, err := a.ProtectReport(nil, plain)
			if err != nil || bytes.Contains(protected, plain[8:]) || len(protected) > len(plain)+Overhead {
				t.Fatalf("protected %x, %v", protected, err)
			}
			for i := range protected {
				forged := bytes.Clone(protected)
				forged[i] ^= 0x40
				if _, err := b.UnprotectReport(nil, forged); err == nil {
					t.Fatalf("opened with byte %d changed", i)
				}
			}
			opened, err := b.UnprotectReport(nil, protected)
			if err != nil || !bytes.Equal(opened, plain) {
				t.Fatalf("opened to %x, %v", opened, err)
			}
			if _, err := b.UnprotectReport(nil, protected); !errors.Is(err, ErrReplayed) {
				t.Fatalf("again: %v, want ErrReplayed", err)
			}
			if forged, err := stranger.ProtectReport(nil, plain); err != nil {
				t.Fatal(err)
			} else if _, err := b.UnprotectReport(nil, forged); err == nil {
				t.Fatal("opened with another key")
			}
			if _, err := b.UnprotectReport(nil, plain); !errors.Is(err, ErrInvalid) {
				t.Fatalf("in the clear: %v, want ErrInvalid", err)
			}
		}
	})
}

func TestANewKeyOfTheFarEndTakesOverWithItsFirstPacket(t *testing.T) {
	inEachSuite(t, func(t *testing.T, suite sdp.Suite) {
		ours, before, after := newKey(t, suite), newKey(t, suite), newKey(t, suite)
		us := newContext(t, ours, before)
		far := newContext(t, before, ours)
		assertOpens(t, us, protect(t, far, sound(t, 7, 1)), sound(t, 7, 1))
		next, err := us.Rekey(ours, after)
		if err != nil {
			t.Fatal(err)
		}
		farNext, err := far.Rekey(after, ours)
		if err != nil {
			t.Fatal(err)
		}
		crossing := protect(t, far, sound(t, 7, 2))
		late := protect(t, far, sound(t, 7, 3))
		opened, err := next.Unprotect(crossing[:0], crossing) // in its place, which must survive the trial of the new key
		if err != nil || !bytes.Equal(opened, sound(t, 7, 2)) {
			t.Fatalf("a packet by the old key opened to %x, %v", opened, err)
		}
		fresh := protect(t, farNext, sound(t, 7, 4))
		opened, err = next.Unprotect(fresh[:0], fresh)
		if err != nil || !bytes.Equal(opened, sound(t, 7, 4)) {
			t.Fatalf("a packet by the new key opened to %x, %v", opened, err)
		}
		if _, err := next.Unprotect(nil, late); !errors.Is(err, ErrForged) {
			t.Errorf("a packet by the old key after that: %v, want ErrForged", err)
		}
	})
}

func TestAKeyThatStaysGoesOnCounting(t *testing.T) {
	inEachSuite(t, func(t *testing.T, suite sdp.Suite) {
		ours, theirs := newKey(t, suite), newKey(t, suite)
		us, far := newContext(t, ours, theirs), newContext(t, theirs, ours)
		last := protect(t, far, sound(t, 7, 65535))
		assertOpens(t, us, last, sound(t, 7, 65535))
		assertOpens(t, us, protect(t, far, sound(t, 7, 0)), sound(t, 7, 0)) // the rollover counter is 1 from here on
		again, err := us.Rekey(ours, theirs)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := again.Unprotect(nil, last); !errors.Is(err, ErrReplayed) {
			t.Errorf("a packet from before: %v, want ErrReplayed", err)
		}
		assertOpens(t, again, protect(t, far, sound(t, 7, 1)), sound(t, 7, 1))
		protect(t, us, sound(t, 8, 9))
		if _, err := again.Protect(nil, sound(t, 8, 9)); !errors.Is(err, ErrUsed) {
			t.Errorf("a number from before: %v, want ErrUsed", err)
		}
	})
}

func TestWhatIsNoPacketIsRefused(t *testing.T) {
	inEachSuite(t, func(t *testing.T, suite sdp.Suite) {
		a, _ := ends(t, suite)
		hidden := append([]byte{0x90, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7, 0xC0, 0xDE, 0, 0}, make([]byte, 100)...)
		for name, packet := range map[string][]byte{
			"nothing": nil, "a byte": {0x80}, "another version": make([]byte, 200),
			"a header alone": sound(t, 7, 1)[:12], "an extension that is cut off": append([]byte{0x90}, sound(t, 7, 1)[1:14]...),
			"a hidden extension": hidden,
		} {
			if _, err := a.Unprotect(nil, packet); !errors.Is(err, ErrInvalid) {
				t.Errorf("%s: %v, want ErrInvalid", name, err)
			}
		}
		for _, packet := range [][]byte{nil, {0x80}, make([]byte, 200)} {
			_, err := a.Protect(nil, packet)
			_, err2 := a.ProtectReport(nil, packet)
			_, err3 := a.UnprotectReport(nil, packet)
			if !errors.Is(err, ErrInvalid) || !errors.Is(err2, ErrInvalid) || !errors.Is(err3, ErrInvalid) {
				t.Errorf("%d bytes: %v, %v, %v; want ErrInvalid", len(packet), err, err2, err3)
			}
		}
	})
}

func TestThereIsNoProtectionWithoutKeys(t *testing.T) {
	key := newKey(t, sdp.AEADAES128GCM)
	for _, keys := range [][2]sdp.Crypto{{}, {key, {}}, {{}, key}} {
		if _, err := New(keys[0], keys[1]); err == nil {
			t.Errorf("protected by %v and %v", keys[0], keys[1])
		}
	}
	if _, err := NewKey(sdp.Suite(9)); err == nil {
		t.Error("a key of an unknown suite was made")
	}
}

func TestEveryKeyIsAnotherAndIsNotPrinted(t *testing.T) {
	inEachSuite(t, func(t *testing.T, suite sdp.Suite) {
		a, b := newKey(t, suite), newKey(t, suite)
		if a.Same(b) {
			t.Error("two keys are the same")
		}
		master, salt := a.Master()
		if len(master) != 16 || len(master)+len(salt) != suite.Size() {
			t.Errorf("%d bytes of key and %d of salt", len(master), len(salt))
		}
		for _, text := range []string{fmt.Sprintf("%v %+v %#v %x %s", a, a, a, a, a), fmt.Sprintf("%+v", newContext(t, a, b).local)} {
			if strings.Contains(text, fmt.Sprintf("%x", master)) || strings.Contains(text, fmt.Sprint(master)[1:12]) {
				t.Errorf("%s shows the key", text)
			}
		}
	})
}

func TestNoPacketCostsAnAllocation(t *testing.T) {
	const runs = 1000
	inEachSuite(t, func(t *testing.T, suite sdp.Suite) {
		a, b := ends(t, suite)
		plain := sound(t, 7, 0)
		number := 0
		room := make([][]byte, runs+1) // and the one run before the count
		for i := range room {
			room[i] = make([]byte, 0, 1500)
		}
		protecting := testing.AllocsPerRun(runs, func() {
			binary.BigEndian.PutUint16(plain[2:], uint16(number))
			var err error
			if room[number], err = a.Protect(room[number], plain); err != nil {
				t.Fatal(err)
			}
			number++
		})
		number = 0
		opening := testing.AllocsPerRun(runs, func() {
			if _, err := b.Unprotect(room[number][:0], room[number]); err != nil {
				t.Fatal(err)
			}
			number++
		})
		if protecting != 0 || opening != 0 {
			t.Errorf("protecting costs %.2f allocations and opening %.2f, want none", protecting, opening)
		}
	})
}

// BenchmarkProtect is a packet of 20 ms of G.711.
func BenchmarkProtect(b *testing.B) {
	for _, suite := range suites {
		b.Run(suite.String(), func(b *testing.B) {
			a, _ := ends(b, suite)
			plain, room := sound(b, 7, 0), make([]byte, 0, 1500)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				binary.BigEndian.PutUint16(plain[2:], uint16(i))
				if _, err := a.Protect(room, plain); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkBothWays is a packet protected and opened.
func BenchmarkBothWays(b *testing.B) {
	for _, suite := range suites {
		b.Run(suite.String(), func(b *testing.B) {
			one, other := ends(b, suite)
			plain, room := sound(b, 7, 0), make([]byte, 0, 1500)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				binary.BigEndian.PutUint16(plain[2:], uint16(i))
				protected, err := one.Protect(room, plain)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := other.Unprotect(protected[:0], protected); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkNew is the keys and the protection of a leg.
func BenchmarkNew(b *testing.B) {
	for _, suite := range suites {
		b.Run(suite.String(), func(b *testing.B) {
			one, other := newKey(b, suite), newKey(b, suite)
			b.ReportAllocs()
			for b.Loop() {
				newContext(b, one, other)
			}
		})
	}
}
