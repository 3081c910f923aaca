package quality

import (
	"math"
	"time"
)

// The default values of ITU-T G.107 (06/2015) table 2, and what follows from them for a connection without delay and loss.
const (
	signalToNoise = 94.7688 // Ro: basic signal-to-noise ratio, with SLR 8 dB, RLR 2 dB, Nc -70 dBm0p, Ps and Pr 35 dB(A), Ds 3, Nfor -64 dBmp
	simultaneous  = 1.4136  // Is: impairments that come with the voice (too loud, side tone, quantising), with STMR 15 dB, qdu 1
	talkerEcho    = 65.0    // TELR: talker echo loudness rating, dB
	echoLoss      = 110.0   // WEPL: weighted echo path loss, dB
	leastDelay    = 100.0   // mT: minimum perceivable delay, ms
)

// longestDelay bounds what is computed with, in ms: beyond it nobody converses, and the formulas have said all they have to say.
const longestDelay = 10_000

// Path is what is known of the way of a stream from mouth to ear. The zero value of a field is its best case.
type Path struct {
	Delay  time.Duration // of the network, one way
	Packet time.Duration // sound in one packet, which its sender waits for
	Buffer time.Duration // how long the listener keeps sound back against jitter
	Loss   float64       // share of the packets that never came, 0 to 1
	Late   float64       // share of the packets that came too late for the buffer, 0 to 1
	// Burst is how much longer the gaps are than random loss would make them (BurstR, G.107 section 3.5): 1 and below: random. G.107
	// vouches for values above 1 only while less than 2 % are lost.
	Burst float64
}

// Rating is how good a stream is.
type Rating struct {
	R   float64 // transmission rating factor, 0 to 93.2: 80 and more is good, below 50 not recommended (ITU-T G.109)
	MOS float64 // mean opinion score, estimated, conversational, narrow-band: 1 to 4.41
}

// Rate says how good a stream of a codec is after a path. What makes no sense (negative, not a number, above all) counts as the
// nearest that does.
func Rate(c Codec, p Path) Rating {
	r := signalToNoise - simultaneous - delayImpairment(p.delay(c)) - lossImpairment(c, p)
	r = min(max(r, 0), 100)
	return Rating{R: r, MOS: MOS(r)}
}

// MOS is the mean opinion score of a transmission rating factor (G.107 annex B): 1 to 4.5.
func MOS(r float64) float64 {
	switch {
	case !(r > 0):
		return 1
	case r >= 100:
		return 4.5
	}
	return max(1, 1+0.035*r+r*(r-60)*(100-r)*7e-6) // the cubic dips below 1 for R under 6.5
}

// lossImpairment is Ie-eff of G.107 section 3.5: the codec's own impairment and what lost packets add to it.
func lossImpairment(c Codec, p Path) float64 {
	late := share(p.Late)
	lost := 100 * (share(p.Loss) + (1-share(p.Loss))*late)
	burst := p.Burst
	if !(burst > 1) {
		burst = 1
	}
	if lost == 0 {
		return c.Ie
	}
	return c.Ie + (95-c.Ie)*lost/(lost/burst+max(c.Bpl, 1))
}

// delayImpairment is Id of G.107 section 3.4: what echo and delay, in ms, take away.
func delayImpairment(delay float64) float64 {
	return talkerEchoImpairment(delay) + listenerEchoImpairment(2*delay) + conversationImpairment(delay)
}

// talkerEchoImpairment is Idte: the talker hears himself after a delay. The side tone's default needs no correction.
func talkerEchoImpairment(delay float64) float64 {
	if delay < 1 {
		return 0
	}
	heard := talkerEcho - 40*math.Log10((1+delay/10)/(1+delay/150)) + 6*math.Exp(-0.3*delay*delay) // TERV
	basic := signalToNoise                                                                         // Roe; equal to Ro with the default SLR and RLR
	rating := 80 + 2.5*(heard-14)                                                                  // Re
	return ((basic-rating)/2 + math.Sqrt((basic-rating)*(basic-rating)/4+100) - 1) * (1 - math.Exp(-delay))
}

// listenerEchoImpairment is Idle: the listener hears the talker twice. The delay is that of the loop, in ms.
func listenerEchoImpairment(loop float64) float64 {
	rating := 10.5 * (echoLoss + 7) * math.Pow(loop+1, -0.25) // Rle
	difference := signalToNoise - rating
	return difference/2 + math.Sqrt(difference*difference/4+169)
}

// conversationImpairment is Idd: people interrupt each other, even without any echo.
func conversationImpairment(delay float64) float64 {
	if delay <= leastDelay {
		return 0
	}
	x := math.Log2(delay / leastDelay)
	return 25 * (math.Pow(1+math.Pow(x, 6), 1.0/6) - 3*math.Pow(1+math.Pow(x/3, 6), 1.0/6) + 2)
}

// delay is how long sound takes from mouth to ear, in ms.
func (p Path) delay(c Codec) float64 {
	sum := 0.0
	for _, part := range []time.Duration{p.Delay, p.Packet, p.Buffer, c.Lookahead} {
		sum += max(float64(part)/float64(time.Millisecond), 0)
	}
	return min(sum, longestDelay)
}

// share bounds a share.
func share(s float64) float64 {
	if !(s > 0) {
		return 0
	}
	return min(s, 1)
}
