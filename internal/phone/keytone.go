package phone

import (
	"math"
	"strings"
	"time"
)

// The tones of keys (ITU-T Q.23): the row is the lower one, the column the higher.
var (
	rowTones    = [4]float64{697, 770, 852, 941}
	columnTones = [4]float64{1209, 1336, 1477, 1633}
	keyRows     = [4]string{"123A", "456B", "789C", "*0#D"}
)

const (
	// keyPress is how long a key sounds, and how long the pause after it is. Q.24 asks for 40 ms of each at least.
	keyPress = 100 * time.Millisecond

	// keyShare is the least share of a block's energy that both tones of a key must have, and keyEven that of the weaker one.
	keyShare, keyEven = 0.8, 0.15
)

// KeyTones returns the tones of keys, one after another, with a pause after each, at SampleRate; what is no key is a pause.
func KeyTones(keys string) []int16 {
	var pcm []int16
	for _, key := range keys {
		press := make([]int16, samples(2*keyPress))
		if low, high, ok := tonesOf(key); ok {
			for i, s := range Tone(low, keyPress) {
				press[i] = s / 2
			}
			for i, s := range Tone(high, keyPress) {
				press[i] += s / 2
			}
		}
		pcm = append(pcm, press...)
	}
	return pcm
}

func tonesOf(key rune) (low, high float64, ok bool) {
	for row, keys := range keyRows {
		if column := strings.IndexRune(keys, key); column >= 0 {
			return rowTones[row], columnTones[column], true
		}
	}
	return 0, 0, false
}

// HeardKeys returns the keys whose tones are in pcm, in their order: each as often as it was pressed with a pause before it.
func HeardKeys(pcm []int16) string {
	var keys strings.Builder
	last := rune(0)
	for ; len(pcm) >= toneBlock; pcm = pcm[toneBlock/2:] {
		key := keyIn(pcm[:toneBlock])
		if key != 0 && key != last {
			keys.WriteRune(key)
		}
		last = key
	}
	return keys.String()
}

// keyIn returns the key whose tones fill a block, or 0.
func keyIn(block []int16) rune {
	row, low := strongest(block, rowTones)
	column, high := strongest(block, columnTones)
	if math.Min(low, high) < keyEven || low+high < keyShare {
		return 0
	}
	return rune(keyRows[row][column])
}

// strongest returns which of some tones has the largest share of a block's energy, and that share; 0 in a pause.
func strongest(block []int16, tones [4]float64) (index int, share float64) {
	for i, tone := range tones {
		if p := Goertzel(block, tone); p.Level >= toneLevel && p.Purity > share {
			index, share = i, p.Purity
		}
	}
	return index, share
}
