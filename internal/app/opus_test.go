//go:build opus

package app

import (
	"testing"

	"github.com/spillway-voice/spillway/internal/phone/baresip"
)

// withOpus configures Opus as what is preferred.
func withOpus(dir string) {
	replace(dir, "spillway.yaml", "codecs: [pcmu, pcma]", "codecs: [opus, g722, l16, pcmu, pcma]")
}

// TestOpusIsHeardByBothAndTranscoded has a caller or an agent whose phone speaks nothing but Opus.
func TestOpusIsHeardByBothAndTranscoded(t *testing.T) {
	for _, c := range []struct {
		name          string
		caller, agent peer
		by            string
	}{
		{"at both ends, wide-band", peer{codec: baresip.Opus, tone: highTone}, peer{codec: baresip.Opus, tone: highTone + 700}, "caller"},
		{"and PCMU, the agent hangs up", peer{codec: baresip.Opus, tone: callerTone}, peer{codec: baresip.PCMU, tone: agentTone}, "agent"},
		{"and PCMU, the caller hangs up", peer{codec: baresip.Opus, tone: callerTone}, peer{codec: baresip.PCMU, tone: agentTone}, "caller"},
		{"at the agent, G.722 at the caller", peer{codec: baresip.G722, tone: highTone}, peer{codec: baresip.Opus, tone: agentTone}, "agent"},
		{"protected", peer{codec: baresip.Opus, srtp: baresip.SRTPMandatory, tone: callerTone}, peer{codec: baresip.Opus, tone: agentTone}, "caller"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := start(t, open, shorter, withOpus, protects("optional", "off"))
			caller, agent := f.converses(c.caller, c.agent)
			f.parts(caller, agent, c.by)
			f.soundIsGood(callerNumber, c.caller.codec, c.agent.codec)
			f.nothingLeft()
		})
	}
}

func TestFfmpegHearsTheMenuInOpus(t *testing.T) {
	t.Parallel()
	start(t, open, shorter, withOpus).ffmpegHears(format{"97", "opus/48000/2"})
}
