package srtp

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/binary"
	"encoding/hex"
	"testing"

	"github.com/spillway-voice/spillway/media/sdp"
)

// The master key and salt of RFC 3711 appendix B.3, and the session keys that it derives from them.
const (
	masterKey   = "E1F97A0D3E018BE0D64FA32C06DE4139"
	masterSalt  = "0EC675AD498AFEEBB6960B3AABE6"
	sessionKey  = "C61E7A93744F39EE10734AFE3FF7A087"
	sessionSalt = "30CBBC08863D8C85D49DB34A9AE1"
	sessionAuth = "CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4"
)

// octets reads hexadecimal.
func octets(t *testing.T, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// keyStream encrypts zeros by AES in counter mode from an initial value.
func keyStream(t *testing.T, key, initial []byte, length int) []byte {
	t.Helper()
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	stream := make([]byte, length)
	cipher.NewCTR(block, initial).XORKeyStream(stream, stream)
	return stream
}

// derive makes a session key by RFC 3711 section 4.3, from its text and not by the code under test.
func derive(t *testing.T, key, salt []byte, label byte, length int) []byte {
	t.Helper()
	initial := make([]byte, 16)
	copy(initial, salt)
	initial[7] ^= label
	return keyStream(t, key, initial, length)
}

// xor returns a ^ b of the shorter's length.
func xor(a, b []byte) []byte {
	out := make([]byte, min(len(a), len(b)))
	for i := range out {
		out[i] = a[i] ^ b[i]
	}
	return out
}

// initialValue puts the numbers of a packet where an initial value has them: the SSRC before the rollover counter (or two
// bytes of the index of a report) and the number.
func initialValue(size, at int, salt []byte, ssrc uint32, rollover uint32, number uint16) []byte {
	initial := make([]byte, size)
	binary.BigEndian.PutUint32(initial[at:], ssrc)
	binary.BigEndian.PutUint32(initial[at+4:], rollover)
	binary.BigEndian.PutUint16(initial[at+8:], number)
	copy(initial, xor(initial, salt))
	return initial
}

func TestTheSessionKeysOfTheStandardAreUsed(t *testing.T) {
	master, salt := octets(t, masterKey), octets(t, masterSalt)
	for label, want := range []string{sessionKey, sessionAuth, sessionSalt} {
		if got := derive(t, master, salt, byte(label), len(want)/2); !bytes.Equal(got, octets(t, want)) {
			t.Fatalf("key %d is %x, want %s: the test itself is wrong", label, got, want)
		}
	}
	for suite, tag := range map[sdp.Suite]int{sdp.AESCM128HMACSHA80: 10, sdp.AESCM128HMACSHA32: 4} {
		crypto, err := sdp.NewCrypto(suite, append(bytes.Clone(master), salt...))
		if err != nil {
			t.Fatal(err)
		}
		c := newContext(t, crypto, newKey(t, suite))
		for i := range 100 {
			number, rollover := uint16(65500+i), uint32((65500+i)>>16)
			plain := sound(t, 0xCAFEBABE, number)
			initial := initialValue(16, 4, octets(t, sessionSalt), 0xCAFEBABE, rollover, number)
			want := append(plain[:12:12], xor(plain[12:], keyStream(t, octets(t, sessionKey), initial, 160))...)
			sum := hmac.New(sha1.New, octets(t, sessionAuth))
			sum.Write(want)
			sum.Write(binary.BigEndian.AppendUint32(nil, rollover))
			want = append(want, sum.Sum(nil)[:tag]...)
			if got := protect(t, c, plain); !bytes.Equal(got, want) {
				t.Fatalf("%v: packet %d is\n%x, want\n%x", suite, number, got, want)
			}
		}
		plain := report(0xCAFEBABE)
		initial := initialValue(16, 4, derive(t, master, salt, 5, 14), 0xCAFEBABE, 0, 1)
		want := append(plain[:8:8], xor(plain[8:], keyStream(t, derive(t, master, salt, 3, 16), initial, len(plain)))...)
		want = append(want, 0x80, 0, 0, 1)
		sum := hmac.New(sha1.New, derive(t, master, salt, 4, 20))
		sum.Write(want)
		want = append(want, sum.Sum(nil)[:10]...)
		if got, err := c.ProtectReport(nil, plain); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%v: the report is\n%x (%v), want\n%x", suite, got, err, want)
		}
	}
}

// TestTheNoncesOfTheStandardAreUsed makes packets by RFC 7714 sections 8 and 9 from its text.
func TestTheNoncesOfTheStandardAreUsed(t *testing.T) {
	master, salt := octets(t, masterKey), octets(t, masterSalt)[:12]
	crypto, err := sdp.NewCrypto(sdp.AEADAES128GCM, append(bytes.Clone(master), salt...))
	if err != nil {
		t.Fatal(err)
	}
	c := newContext(t, crypto, newKey(t, sdp.AEADAES128GCM))
	gcm := func(label byte) cipher.AEAD {
		block, err := aes.NewCipher(derive(t, master, salt, label, 16))
		if err != nil {
			t.Fatal(err)
		}
		aead, err := cipher.NewGCM(block)
		if err != nil {
			t.Fatal(err)
		}
		return aead
	}
	sealer, sealSalt := gcm(0), derive(t, master, salt, 2, 12)
	for i := range 100 {
		number, rollover := uint16(65500+i), uint32((65500+i)>>16)
		plain := sound(t, 0xCAFEBABE, number)
		nonce := initialValue(12, 2, sealSalt, 0xCAFEBABE, rollover, number)
		want := sealer.Seal(plain[:12:12], nonce, plain[12:], plain[:12])
		if got := protect(t, c, plain); !bytes.Equal(got, want) {
			t.Fatalf("packet %d is\n%x, want\n%x", number, got, want)
		}
	}
	plain, index := report(0xCAFEBABE), []byte{0x80, 0, 0, 1}
	nonce := initialValue(12, 2, derive(t, master, salt, 5, 12), 0xCAFEBABE, 0, 1)
	want := gcm(3).Seal(plain[:8:8], nonce, plain[8:], append(plain[:8:8], index...))
	want = append(want, index...)
	if got, err := c.ProtectReport(nil, plain); err != nil || !bytes.Equal(got, want) {
		t.Errorf("the report is\n%x (%v), want\n%x", got, err, want)
	}
}
