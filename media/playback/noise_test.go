package playback

import (
	"math"
	"slices"
	"testing"
)

// made returns some noise after its level has settled.
func made(payload []byte, n int) []int16 {
	var source noise
	source.forget()
	source.describe(payload)
	for range 2000 {
		source.next()
	}
	pcm := make([]int16, n)
	for i := range pcm {
		pcm[i] = clip(source.next())
	}
	return pcm
}

func TestNoiseIsAsLoudAsItsDescription(t *testing.T) {
	for _, payload := range [][]byte{{20}, {40}, {60}, {40, 20}, {40, 230}, {40, 60, 180, 100, 127, 90}, {30, 10, 240, 127, 127, 127, 127, 127, 127, 127, 127, 127, 127, 0, 0, 0}} {
		want := float64(payload[0] & 0x7F)
		if got := 20 * math.Log10(fullScale/float64(level(made(payload, 80000)))); math.Abs(got-want) > 1.2 {
			t.Errorf("noise of %v is at -%.1f dBov", payload, got)
		}
	}
}

func TestReflectionCoefficientsShapeTheNoise(t *testing.T) {
	// The correlation of neighbours is the first coefficient's opposite: -258(N-127)/32768 (RFC 3389 section 3.2).
	for _, n := range []byte{27, 77, 127, 177, 227} {
		pcm := made([]byte{40, n}, 80000)
		var product, energy float64
		for i := 1; i < len(pcm); i++ {
			product += float64(pcm[i]) * float64(pcm[i-1])
			energy += float64(pcm[i]) * float64(pcm[i])
		}
		if got, want := product/energy, -258*(float64(n)-127)/32768; math.Abs(got-want) > 0.02 {
			t.Errorf("noise of coefficient %d has a correlation of %.3f, want %.3f", n, got, want)
		}
	}
}

func TestTheSameNoiseIsMadeAgain(t *testing.T) {
	if !slices.Equal(made([]byte{40, 99}, 500), made([]byte{40, 99}, 500)) {
		t.Error("two noises of one description differ")
	}
}

// FuzzNoise lets a far end describe anything.
func FuzzNoise(f *testing.F) {
	f.Add([]byte{0})
	f.Add([]byte{0, 255, 255, 0, 0, 255})
	f.Add(slices.Repeat([]byte{255}, 1500))
	f.Fuzz(func(t *testing.T, payload []byte) {
		if len(payload) == 0 {
			return // Put does not let it pass
		}
		var source noise
		source.forget()
		source.describe(payload)
		for range 1000 {
			if x := float64(source.next()); math.IsNaN(x) || math.Abs(x) > 1e8 {
				t.Fatalf("noise of %v becomes %v", payload, x)
			}
		}
	})
}
