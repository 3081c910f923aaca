package sdp

import (
	"fmt"
	"strings"
)

// Security says whether sound is protected by SRTP (RFC 3711) with keys in the descriptions (RFC 4568).
type Security uint8

// The ways to have it. Nothing that was secured is ever taken down to plain sound, see Local.Secured.
const (
	Off      Security = iota // plain sound only
	Optional                 // protected where the far end has it, offered as RFC 8643 says: keys on a plain RTP stream
	Required                 // protected or not at all
)

// securityNames are the names in configuration, by Security.
var securityNames = [...]string{"off", "optional", "required"}

// String returns the name in configuration.
func (s Security) String() string { return securityNames[s] }

// The profiles of audio streams that we speak (RFC 3551, RFC 3711, and with feedback, RFC 4585 and RFC 5124).
const (
	plainProfile    = "RTP/AVP"
	feedbackProfile = "RTP/AVPF"
	secureProfile   = "RTP/SAVP"
	secureFeedback  = "RTP/SAVPF"
)

// security returns what holds for a description now.
func (l Local) security() Security {
	if l.Secured {
		return Required
	}
	return l.Security
}

// key returns our key for a suite.
func (l Local) key(suite Suite) (Crypto, bool) {
	for _, key := range l.Keys {
		if key.Valid() && key.Suite == suite {
			return key, true
		}
	}
	return Crypto{}, false
}

// usable returns the first of the far end's keys that we have a key for, and that key with its tag. The far end's order
// counts (RFC 4568 section 5.1.2). A far end that shows us our own key is not listened to: with one key for both
// directions, packets of one could be played back as the other's.
func (l Local) usable(cryptos []Crypto) (far, ours Crypto, ok bool) {
	if l.security() == Off {
		return Crypto{}, Crypto{}, false
	}
	for _, far := range cryptos {
		if ours, ok := l.key(far.Suite); ok && !ours.Same(far) {
			ours.Tag = far.Tag
			return far, ours, true
		}
	}
	return Crypto{}, Crypto{}, false
}

// isSecure reports whether a profile is one of SRTP.
func isSecure(profile string) bool { return profile == secureProfile || profile == secureFeedback }

// pickAudio returns the index of the stream that we can talk about: the first of the best protected. Some far ends offer
// a protected stream and a plain one side by side.
func pickAudio(streams []*stream, local Local) (int, error) {
	best, index := 0, -1
	why := error(nil)
	for i, s := range streams {
		if s.media != "audio" || s.port == 0 {
			continue
		}
		rank, err := s.rank(local)
		if err != nil && why == nil {
			why = err
		}
		if rank > best {
			best, index = rank, i
		}
	}
	switch {
	case index >= 0:
		return index, nil
	case why != nil:
		return 0, why
	}
	return 0, refuse("there is no audio stream")
}

// rank says how good a stream is: from 3, on a secure profile, to 1, plain. Without a rank it is not for us.
func (s *stream) rank(local Local) (int, error) {
	_, dtls := s.attribute("fingerprint")
	cryptos, _ := readCryptos(s)
	_, _, secured := local.usable(cryptos)
	switch {
	case isSecure(s.profile):
		if local.security() == Off {
			return 0, refuse("the profile %q of the audio stream is not supported: SRTP is off", s.profile)
		}
		if !secured {
			return 0, refuse("the audio stream on %q has no a=crypto line that we can use", s.profile)
		}
		return 3, nil
	case s.profile != plainProfile && s.profile != feedbackProfile, s.profile == feedbackProfile && dtls && !secured:
		return 0, refuse("the profile %q of the audio stream is not supported", s.profile)
	case secured:
		return 2, nil
	case local.security() == Required:
		return 0, refuse("the audio stream is not secured, and SRTP is required")
	}
	return 1, nil
}

// profile returns what our offers are on.
func (l Local) profile() string {
	if l.security() == Required {
		return secureProfile
	}
	return plainProfile
}

// offeredKeys returns the keys that our offers list, with their tags: 1 for the first.
func (l Local) offeredKeys() []Crypto {
	if l.security() == Off {
		return nil
	}
	var keys []Crypto
	for _, key := range l.Keys {
		if key.Valid() {
			key.Tag = uint32(len(keys) + 1)
			keys = append(keys, key)
		}
	}
	return keys
}

// accepted returns the keys that an answer to our offer agreed on; none when it is plain and may be. It has one a=crypto
// line at most, of those that we offered (RFC 4568 section 7.1.3).
func (l Local) accepted(answer *Description) (far, ours Crypto, err error) {
	if answer.profile() != l.profile() {
		return far, ours, refuse("the answer is on %q, the offer was on %q", answer.profile(), l.profile())
	}
	if l.security() == Off {
		return far, ours, nil // some phones show a key to whoever offered none; their sound is plain all the same
	}
	if answer.cryptoLines == 0 {
		if l.security() == Required {
			return far, ours, refuse("the answer has no a=crypto line, and SRTP is required")
		}
		return far, ours, nil
	}
	if answer.cryptoLines != 1 || len(answer.cryptos) != 1 {
		return far, ours, refuse("the answer has not one a=crypto line that we can use, but %d of %d", len(answer.cryptos), answer.cryptoLines)
	}
	far = answer.cryptos[0]
	for _, key := range l.offeredKeys() {
		if key.Tag == far.Tag && key.Suite == far.Suite && !key.Same(far) {
			return far, key, nil
		}
	}
	return Crypto{}, Crypto{}, refuse("the answer's key %s was not offered", far)
}

// writeCrypto writes the a=crypto lines of keys.
func writeCrypto(b *strings.Builder, keys ...Crypto) {
	for _, key := range keys {
		fmt.Fprintf(b, "a=crypto:%s\r\n", key.line())
	}
}
