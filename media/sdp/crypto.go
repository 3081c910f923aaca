package sdp

import (
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A Suite is a way to protect packets (RFC 4568 section 6.2). The zero value is none.
type Suite uint8

// The suites that we speak.
const (
	AESCM128HMACSHA80 Suite = iota + 1 // AES_CM_128_HMAC_SHA1_80 (RFC 4568 section 6.2.1)
	AESCM128HMACSHA32                  // AES_CM_128_HMAC_SHA1_32 (RFC 4568 section 6.2.2)
	AEADAES128GCM                      // AEAD_AES_128_GCM (RFC 7714 section 14.2)
)

// suites are the names and the sizes in bytes of the suites, by Suite.
var suites = [...]struct {
	name      string
	key, salt int
}{
	{"none", 0, 0},
	{"AES_CM_128_HMAC_SHA1_80", 16, 14},
	{"AES_CM_128_HMAC_SHA1_32", 16, 14},
	{"AEAD_AES_128_GCM", 16, 12},
}

// longestSecret is the size of the longest key and salt, in bytes.
const longestSecret = 30

// String returns the name in the registry of RFC 4568.
func (s Suite) String() string {
	if int(s) >= len(suites) {
		return fmt.Sprintf("suite(%d)", uint8(s))
	}
	return suites[s].name
}

// Size returns how long a master key and its salt are together, in bytes; 0 for what is no suite.
func (s Suite) Size() int {
	if int(s) >= len(suites) {
		return 0
	}
	return suites[s].key + suites[s].salt
}

// ParseSuite finds a suite by its name.
func ParseSuite(name string) (Suite, bool) {
	for i := range suites[1:] {
		if suites[i+1].name == name {
			return Suite(i + 1), true
		}
	}
	return 0, false
}

// A Crypto is the master key and salt by which one party protects what it sends, as an a=crypto line carries them. The
// zero value is none. However it is printed, the secret is not shown.
type Crypto struct {
	Tag    uint32 // of its line: given by Offer and Answer, whatever the caller had there
	Suite  Suite
	secret **[longestSecret]byte // two pointers away: package fmt follows one, in a struct that hides Format and for a wrong verb
}

// NewCrypto takes a master key with its salt behind it, Suite.Size bytes.
func NewCrypto(suite Suite, secret []byte) (Crypto, error) {
	if suite.Size() == 0 || len(secret) != suite.Size() {
		return Crypto{}, fmt.Errorf("key and salt of %s are %d bytes, not %d", suite, suite.Size(), len(secret))
	}
	held := new([longestSecret]byte)
	copy(held[:], secret)
	return Crypto{Suite: suite, secret: &held}, nil
}

// Valid reports whether there is a key.
func (c Crypto) Valid() bool { return c.secret != nil }

// Master returns copies of the master key and its salt; nothing when there is none.
func (c Crypto) Master() (key, salt []byte) {
	if c.secret == nil {
		return nil, nil
	}
	size := suites[c.Suite]
	held := *c.secret
	return slices.Clone(held[:size.key]), slices.Clone(held[size.key : size.key+size.salt])
}

// Same reports whether both are the same key of the same suite, whatever their tags.
func (c Crypto) Same(other Crypto) bool {
	if c.secret == nil || other.secret == nil {
		return c.secret == other.secret
	}
	return c.Suite == other.Suite && subtle.ConstantTimeCompare((*c.secret)[:], (*other.secret)[:]) == 1
}

// String returns the tag and the suite, never the key.
func (c Crypto) String() string { return fmt.Sprintf("%d %s", c.Tag, c.Suite) }

// Format prints what String returns for every verb, so that none shows the key.
func (c Crypto) Format(state fmt.State, _ rune) { fmt.Fprint(state, c.String()) }

// maxCryptos bounds the a=crypto lines of a stream that are looked at; phones offer up to eight.
const maxCryptos = 16

// readCryptos returns the keys of a stream that we can use, in its order, and how many a=crypto lines it has. What
// cannot be read is passed over, as RFC 4568 section 7.1.2 wants, and so are tags that come again.
func readCryptos(audio *stream) (usable []Crypto, lines int) {
	for _, a := range audio.attributes {
		if a.name != "crypto" {
			continue
		}
		if lines++; lines > maxCryptos {
			continue
		}
		crypto, ok := parseCrypto(a.value)
		if ok && !slices.ContainsFunc(usable, func(c Crypto) bool { return c.Tag == crypto.Tag }) {
			usable = append(usable, crypto)
		}
	}
	return usable, lines
}

// parseCrypto reads the value of a=crypto: "1 AES_CM_128_HMAC_SHA1_80 inline:…|2^20" (RFC 4568 section 9.1). Keys of
// suites that we do not speak, more than one key, a key with an identifier (MKI), and parameters that weaken or change
// the protection are not for us.
func parseCrypto(value string) (Crypto, bool) {
	fields := strings.Fields(value)
	if len(fields) < 3 {
		return Crypto{}, false
	}
	tag, ok := parseTag(fields[0])
	if !ok {
		return Crypto{}, false
	}
	suite, ok := ParseSuite(fields[1])
	if !ok || slices.ContainsFunc(fields[3:], unwanted) {
		return Crypto{}, false
	}
	crypto, ok := parseKey(suite, fields[2])
	crypto.Tag = tag
	return crypto, ok
}

// parseTag reads a tag: up to nine digits. One with zeros before it could not be repeated as it was.
func parseTag(text string) (uint32, bool) {
	if len(text) > 9 || len(text) > 1 && text[0] == '0' {
		return 0, false
	}
	tag, err := strconv.ParseUint(text, 10, 32)
	return uint32(tag), err == nil
}

// parseKey reads key parameters: "inline:", key and salt in base64, and the lifetime of the key, which its owner
// watches over.
func parseKey(suite Suite, text string) (Crypto, bool) {
	text, found := strings.CutPrefix(text, "inline:")
	if !found || strings.Contains(text, ";") {
		return Crypto{}, false
	}
	encoded, rest, more := strings.Cut(text, "|")
	if more && !isLifetime(rest) {
		return Crypto{}, false
	}
	// Padding may be left out (RFC 4568 section 6.1).
	secret, err := base64.RawStdEncoding.Strict().DecodeString(strings.TrimRight(encoded, "="))
	if err != nil {
		return Crypto{}, false
	}
	crypto, err := NewCrypto(suite, secret)
	return crypto, err == nil
}

// isLifetime reports whether a text is a number of packets, as such or as a power of two, up to the 2^48 that a key of
// SRTP has at most (RFC 3711 section 9.2).
func isLifetime(text string) bool {
	if power, found := strings.CutPrefix(text, "2^"); found {
		n, err := strconv.ParseUint(power, 10, 8)
		return err == nil && n <= 48
	}
	n, err := strconv.ParseUint(text, 10, 64)
	return err == nil && n > 0 && n <= 1<<48
}

// unwanted reports whether a session parameter is one that we cannot have (RFC 4568 section 6.3). A key derivation rate
// of zero is what there is without it, and the window size hint is a hint.
func unwanted(parameter string) bool {
	if window, found := strings.CutPrefix(parameter, "WSH="); found {
		n, err := strconv.ParseUint(window, 10, 32)
		return err != nil || n < 64
	}
	return parameter != "KDR=0"
}

// line returns the value of the a=crypto line. It is for the far end only, never for a log.
func (c Crypto) line() string {
	return fmt.Sprintf("%d %s inline:%s", c.Tag, c.Suite, base64.StdEncoding.EncodeToString((*c.secret)[:c.Suite.Size()]))
}
