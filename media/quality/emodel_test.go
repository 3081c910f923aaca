package quality_test

import (
	"math"
	"testing"
	"time"

	"github.com/spillway-voice/spillway/media/quality"
)

// codec finds a codec that must be known.
func codec(t *testing.T, name string) quality.Codec {
	t.Helper()
	c, ok := quality.CodecOf(name)
	if !ok {
		t.Fatalf("codec %s is not known", name)
	}
	return c
}

func TestTheDefaultConnectionOfTheRecommendationIsRated93_2(t *testing.T) {
	got := quality.Rate(codec(t, "PCMA"), quality.Path{})
	if math.Abs(got.R-93.2) > 0.05 || math.Abs(got.MOS-4.41) > 0.005 {
		t.Errorf("R %.3f, MOS %.3f; G.107 has 93.2 and 4.41", got.R, got.MOS)
	}
}

// The scores are those of G.107 annex B, table B.1, which rounds 4.024 up, and of its text.
func TestARatingHasTheScoreOfTheRecommendation(t *testing.T) {
	for _, c := range []struct{ r, mos float64 }{
		{-5, 1}, {0, 1}, {50, 2.58}, {60, 3.10}, {70, 3.60}, {80, 4.03}, {90, 4.34}, {93.2, 4.41}, {100, 4.5}, {130, 4.5},
		{math.NaN(), 1}, {math.Inf(1), 4.5},
	} {
		if got := quality.MOS(c.r); math.Abs(got-c.mos) > 0.0065 {
			t.Errorf("R %v has a MOS of %.3f, want %.2f", c.r, got, c.mos)
		}
	}
}

// What is lost costs (95-Ie)·Ppl/(Ppl/BurstR+Bpl) of G.107 section 3.5, worked out by hand with the Bpl of G.113 Appendix I.
func TestLossCostsWhatTheRecommendationSays(t *testing.T) {
	concealed := codec(t, "PCMU")
	for _, c := range []struct {
		name  string
		codec quality.Codec
		path  quality.Path
		costs float64
	}{
		{"1 % concealed", concealed, quality.Path{Loss: 0.01}, 95 * 1 / (1 + 25.1)},
		{"5 % concealed", concealed, quality.Path{Loss: 0.05}, 95 * 5 / (5 + 25.1)},
		{"1 % in silence", concealed.WithoutConcealment(), quality.Path{Loss: 0.01}, 95 * 1 / (1 + 4.3)},
		{"1 % in bursts", concealed, quality.Path{Loss: 0.01, Burst: 2}, 95 * 1 / (0.5 + 25.1)},
		{"2 % lost, 3 % late", concealed, quality.Path{Loss: 0.02, Late: 0.03}, 95 * 4.94 / (4.94 + 25.1)},
		{"a codec with an impairment", quality.Codec{Ie: 11, Bpl: 19}, quality.Path{Loss: 0.02}, 11 + 84*2/(2+19.0)},
		{"all", concealed, quality.Path{Loss: 1}, 95 * 100 / (100 + 25.1)},
	} {
		best := quality.Rate(quality.Codec{Bpl: 25.1}, quality.Path{}).R
		if got := best - quality.Rate(c.codec, c.path).R; math.Abs(got-c.costs) > 0.001 {
			t.Errorf("%s costs %.3f, want %.3f", c.name, got, c.costs)
		}
	}
}

// G.114 figure 1 and section 4: up to 150 ms most do not notice, up to 400 ms it is a matter of planning, beyond it is unacceptable.
// In the words of G.109: satisfied (80 and more), some dissatisfied (70), nearly all dissatisfied (50 to 60).
func TestDelayCostsLittleAt150MillisecondsAndMuchAt400(t *testing.T) {
	at := func(d time.Duration) float64 { return quality.Rate(codec(t, "PCMU"), quality.Path{Delay: d}).R }
	if r := at(50 * time.Millisecond); r < 91 || r > 93.2 {
		t.Errorf("R %.1f at 50 ms", r)
	}
	if r := at(150 * time.Millisecond); r < 85 || r > 91 {
		t.Errorf("R %.1f at 150 ms", r)
	}
	if r := at(400 * time.Millisecond); r < 50 || r > 70 {
		t.Errorf("R %.1f at 400 ms", r)
	}
	before := math.Inf(1)
	for d := time.Duration(0); d < 2*time.Second; d += 10 * time.Millisecond {
		r := at(d)
		if r > before+1e-9 {
			t.Fatalf("R rises to %.3f at %v", r, d)
		}
		before = r
	}
}

func TestDelayIsThatOfNetworkPacketBufferAndCoder(t *testing.T) {
	opus := codec(t, "opus")
	apart := quality.Rate(opus, quality.Path{Delay: 100 * time.Millisecond, Packet: 20 * time.Millisecond, Buffer: 40 * time.Millisecond})
	whole := quality.Rate(codec(t, "L16"), quality.Path{Delay: 166500 * time.Microsecond})
	if math.Abs(apart.R-whole.R) > 1e-9 {
		t.Errorf("R %.4f in parts, %.4f as a whole", apart.R, whole.R)
	}
}

func TestEveryCodecThatWeMaySpeakIsKnown(t *testing.T) {
	for _, name := range []string{"PCMU", "pcma", "G722", "L16", "opus"} {
		if r := quality.Rate(codec(t, name), quality.Path{}).R; math.Abs(r-93.2) > 0.3 {
			t.Errorf("%s without a fault is rated %.2f", name, r)
		}
	}
	if _, ok := quality.CodecOf("G729"); ok {
		t.Error("a codec is known that we do not speak")
	}
}

func TestNonsenseIsRatedWithinTheScale(t *testing.T) {
	nan, endless := math.NaN(), math.Inf(1)
	for _, p := range []quality.Path{
		{Loss: nan, Late: nan, Burst: nan}, {Loss: -1, Late: -1, Burst: -1, Delay: -time.Hour}, {Loss: 7, Late: endless, Burst: endless},
		{Delay: math.MaxInt64}, {Delay: math.MaxInt64, Packet: math.MaxInt64}, {Loss: endless},
	} {
		for _, c := range []quality.Codec{{}, codec(t, "PCMU")} {
			got := quality.Rate(c, p)
			if !(got.R >= 0 && got.R <= 93.3 && got.MOS >= 1 && got.MOS <= 4.5) {
				t.Errorf("%+v after %+v is rated %+v", c, p, got)
			}
		}
	}
}
