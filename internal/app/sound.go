package app

import (
	"math"
	"time"

	"github.com/spillway-voice/spillway/internal/call"
	"github.com/spillway-voice/spillway/internal/ops"
	"github.com/spillway-voice/spillway/media"
)

// leastRated is how many packets a direction needs to count in the histogram: 3 s of sound in packets of 20 ms. Less says nothing of a line.
const leastRated = 150

// measured counts how good the sound of a leg was that ended.
func (f *figures) measured(side call.Side, q media.Quality) {
	for direction, d := range map[string]media.Direction{"heard": q.Heard, "sent": q.Sent} {
		if d.Packets >= leastRated && d.MOS > 0 {
			f.metrics.MOS(string(side), direction, d.MOS)
		}
	}
}

// soundOf is how good a call's sound was, as people are told; nil when there is nothing to tell.
func soundOf(i call.Info) *ops.CallSound {
	if i.CallerSound == nil && i.AgentSound == nil {
		return nil
	}
	return &ops.CallSound{Caller: legSound(i.CallerSound), Agent: legSound(i.AgentSound)}
}

func legSound(q *media.Quality) *ops.LegSound {
	if q == nil {
		return nil
	}
	told := &ops.LegSound{Codec: q.Codec}
	if q.RoundTrip > 0 {
		told.RoundTrip = seconds(q.RoundTrip)
	}
	told.MOS, told.Loss, told.Jitter = direction(q.Heard)
	told.FarMOS, told.FarLoss, told.FarJitter = direction(q.Sent)
	return told
}

// direction is what is told of one direction: nil for what is not known.
func direction(d media.Direction) (mos, loss *float64, jitter *ops.Seconds) {
	if !d.Known() {
		return nil, nil, nil
	}
	if d.MOS > 0 {
		mos = rounded(d.MOS, 100)
	}
	return mos, rounded(d.Loss, 10_000), seconds(d.Jitter)
}

// rounded keeps so many parts of one.
func rounded(figure, parts float64) *float64 {
	figure = math.Round(figure*parts) / parts
	return &figure
}

func seconds(d time.Duration) *ops.Seconds {
	s := ops.Seconds(d)
	return &s
}
