package sdp

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// secret makes key and salt of one value, so that they are known again wherever they appear.
func secret(suite Suite, value byte) []byte { return bytes.Repeat([]byte{value}, suite.Size()) }

// key makes a Crypto of one value.
func key(suite Suite, value byte) Crypto {
	crypto, err := NewCrypto(suite, secret(suite, value))
	if err != nil {
		panic(err)
	}
	return crypto
}

// inline is the key parameter of a secret of 30 or 28 bytes of one value: 0x01 is "AQEB…".
const (
	inline30 = "inline:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB"
	inline28 = "inline:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ=="
)

func TestKeysAreReadByTheGrammar(t *testing.T) {
	tests := []struct {
		name, value string
		tag         uint32
		suite       Suite // none: refused
	}{
		{"80 bits of tag", "1 AES_CM_128_HMAC_SHA1_80 " + inline30, 1, AESCM128HMACSHA80},
		{"32 bits of tag", "0 AES_CM_128_HMAC_SHA1_32 " + inline30, 0, AESCM128HMACSHA32},
		{"AES-GCM", "999999999 AEAD_AES_128_GCM " + inline28, 999999999, AEADAES128GCM},
		{"AES-GCM without padding", "1 AEAD_AES_128_GCM " + strings.TrimRight(inline28, "="), 1, AEADAES128GCM},
		{"more spaces", "1   AES_CM_128_HMAC_SHA1_80 \t" + inline30, 1, AESCM128HMACSHA80},
		{"a lifetime", "1 AES_CM_128_HMAC_SHA1_80 " + inline30 + "|2^20", 1, AESCM128HMACSHA80},
		{"a lifetime in digits", "1 AES_CM_128_HMAC_SHA1_80 " + inline30 + "|1048576", 1, AESCM128HMACSHA80},
		{"the longest lifetime", "1 AES_CM_128_HMAC_SHA1_80 " + inline30 + "|2^48", 1, AESCM128HMACSHA80},
		{"a longer lifetime", "1 AES_CM_128_HMAC_SHA1_80 " + inline30 + "|2^49", 0, 0},
		{"a lifetime of nothing", "1 AES_CM_128_HMAC_SHA1_80 " + inline30 + "|0", 0, 0},
		{"an empty lifetime", "1 AES_CM_128_HMAC_SHA1_80 " + inline30 + "|", 0, 0},
		{"an identifier", "1 AES_CM_128_HMAC_SHA1_80 " + inline30 + "|1:4", 0, 0},
		{"a lifetime and an identifier", "1 AES_CM_128_HMAC_SHA1_80 " + inline30 + "|2^20|1:4", 0, 0},
		{"two keys", "1 AES_CM_128_HMAC_SHA1_80 " + inline30 + ";" + inline30, 0, 0},
		{"another method", "1 AES_CM_128_HMAC_SHA1_80 uri:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB", 0, 0},
		{"no key", "1 AES_CM_128_HMAC_SHA1_80 inline:", 0, 0},
		{"a key that is too short", "1 AES_CM_128_HMAC_SHA1_80 " + inline28, 0, 0},
		{"a key that is too long", "1 AEAD_AES_128_GCM " + inline30, 0, 0},
		{"no base64", "1 AES_CM_128_HMAC_SHA1_80 inline:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB-QEBAQEB", 0, 0},
		{"base64 with bits behind it", "1 AEAD_AES_128_GCM inline:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAR==", 0, 0},
		{"another suite", "1 F8_128_HMAC_SHA1_80 " + inline30, 0, 0},
		{"a longer AES", "1 AES_256_CM_HMAC_SHA1_80 " + inline30, 0, 0},
		{"no suite", "1 none " + inline30, 0, 0},
		{"a tag of ten digits", "1000000000 AES_CM_128_HMAC_SHA1_80 " + inline30, 0, 0},
		{"a tag with zeros before it", "01 AES_CM_128_HMAC_SHA1_80 " + inline30, 0, 0},
		{"a tag that is no number", "x AES_CM_128_HMAC_SHA1_80 " + inline30, 0, 0},
		{"a tag with a sign", "+1 AES_CM_128_HMAC_SHA1_80 " + inline30, 0, 0},
		{"nothing", "", 0, 0},
		{"two fields", "1 AES_CM_128_HMAC_SHA1_80", 0, 0},
		{"a rate of none", "1 AES_CM_128_HMAC_SHA1_80 " + inline30 + " KDR=0", 1, AESCM128HMACSHA80},
		{"a window", "1 AES_CM_128_HMAC_SHA1_80 " + inline30 + " KDR=0 WSH=128", 1, AESCM128HMACSHA80},
		{"a window that is too small", "1 AES_CM_128_HMAC_SHA1_80 " + inline30 + " WSH=63", 0, 0},
		{"a rate", "1 AES_CM_128_HMAC_SHA1_80 " + inline30 + " KDR=1", 0, 0},
		{"sound in the clear", "1 AES_CM_128_HMAC_SHA1_80 " + inline30 + " UNENCRYPTED_SRTP", 0, 0},
		{"reports in the clear", "1 AES_CM_128_HMAC_SHA1_80 " + inline30 + " KDR=0 UNENCRYPTED_SRTCP", 0, 0},
		{"no tags", "1 AES_CM_128_HMAC_SHA1_80 " + inline30 + " UNAUTHENTICATED_SRTP", 0, 0},
		{"correction of errors", "1 AES_CM_128_HMAC_SHA1_80 " + inline30 + " FEC_ORDER=FEC_SRTP", 0, 0},
		{"a key for that", "1 AES_CM_128_HMAC_SHA1_80 " + inline30 + " FEC_KEY=" + inline30, 0, 0},
		{"an unknown parameter", "1 AES_CM_128_HMAC_SHA1_80 " + inline30 + " X", 0, 0},
		{"an unknown parameter that may be passed over", "1 AES_CM_128_HMAC_SHA1_80 " + inline30 + " -X=1", 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := parseCrypto(tt.value)
			if ok != (tt.suite != 0) {
				t.Fatalf("usable: %v", ok)
			}
			if !ok {
				return
			}
			if got.Tag != tt.tag || got.Suite != tt.suite || !got.Same(key(tt.suite, 1)) {
				t.Errorf("read %v, want %d %v", got, tt.tag, tt.suite)
			}
			if back, ok := parseCrypto(got.line()); !ok || !back.Same(got) || back.Tag != got.Tag {
				t.Errorf("our own line reads as %v", back)
			}
		})
	}
}

func TestKeysOfOneStreamAreBoundedAndHaveTheirOwnTags(t *testing.T) {
	s := &stream{}
	for i := range 100 {
		s.attributes = append(s.attributes, attribute{"crypto", fmt.Sprintf("%d AES_CM_128_HMAC_SHA1_80 %s", i/2, inline30)})
	}
	usable, lines := readCryptos(s)
	if len(usable) != maxCryptos/2 || lines != 100 {
		t.Errorf("%d of %d lines are usable, want %d", len(usable), lines, maxCryptos/2)
	}
}

func TestAKeyIsNeverPrinted(t *testing.T) {
	for _, suite := range []Suite{AESCM128HMACSHA80, AESCM128HMACSHA32, AEADAES128GCM} {
		crypto := key(suite, 0xAB)
		crypto.Tag = 3
		inside := struct{ hidden, Shown any }{crypto, crypto}
		agreed := Agreement{Local: crypto, Far: crypto}
		var text string
		for _, verb := range []string{"%v", "%+v", "%#v", "%x", "%X", "%d", "%s", "%q"} {
			for _, value := range []any{crypto, &crypto, inside, agreed} {
				text += fmt.Sprintf(verb, value)
			}
		}
		encoded, err := json.Marshal(agreed)
		if err != nil {
			t.Fatal(err)
		}
		text = strings.ToLower(text + string(encoded))
		for _, shown := range []string{"abababab", "0xab, 0xab", "171 171", "q6urq6ur"} { // in hexadecimal, decimal and base64
			if strings.Contains(text, shown) {
				t.Errorf("%v: the key is shown as %s", suite, shown)
			}
		}
		if want := "3 " + suite.String(); crypto.String() != want || fmt.Sprint(crypto) != want {
			t.Errorf("printed as %s, want %s", crypto, want)
		}
	}
}

func TestAKeyIsACopy(t *testing.T) {
	bytes := secret(AEADAES128GCM, 1)
	crypto, err := NewCrypto(AEADAES128GCM, bytes)
	if err != nil {
		t.Fatal(err)
	}
	bytes[0] = 9
	master, salt := crypto.Master()
	if len(master) != 16 || len(salt) != 12 {
		t.Fatalf("%d bytes of key and %d of salt", len(master), len(salt))
	}
	master[0], salt[0] = 9, 9
	if !crypto.Same(key(AEADAES128GCM, 1)) {
		t.Error("the key was changed from outside")
	}
	if _, err := NewCrypto(AEADAES128GCM, bytes[:27]); err == nil {
		t.Error("a short key was taken")
	}
	if none := (Crypto{}); none.Valid() || none.Same(crypto) || crypto.Same(none) || !none.Same(Crypto{}) {
		t.Error("no key is taken for one")
	}
}
