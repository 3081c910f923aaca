package app

import (
	"fmt"
	"strings"
	"testing"

	"github.com/spillway-voice/spillway/internal/phone/baresip"
)

// This file holds the protection of sound to baresip, whose SRTP is not ours.

// protects sets the protection of the trunk that callers come from, and of alice's phone.
func protects(trunk, alice string) func(dir string) {
	return func(dir string) {
		replace(dir, "centre.yaml", "caller_id: +61280000000", "srtp: "+trunk+"\n    caller_id: +61280000000")
		replace(dir, "centre.yaml", "alice:    {", "alice:    {srtp: "+alice+", ")
	}
}

// isProtected checks what a softphone says of its call's sound.
func isProtected(t *testing.T, p *baresip.Process, who string, want bool) {
	t.Helper()
	if got := strings.Contains(p.Log(), "SRTP is Enabled"); got != want {
		t.Errorf("the sound of the %s is protected: %v, want %v", who, got, want)
	}
}

// TestSoundIsProtectedOnEachLegByItself has every protection at both ends against phones that have and have not, also in
// different codecs. The key in the menu is a telephone event, which is protected like the sound.
func TestSoundIsProtectedOnEachLegByItself(t *testing.T) {
	for _, c := range []struct {
		trunk, alice  string
		caller, agent baresip.SRTP
		secure        [2]bool // the caller's leg, the agent's
	}{
		{"required", "off", baresip.SRTPOptional, "", [2]bool{true, false}},
		{"required", "off", baresip.SRTPMandatory, "", [2]bool{true, false}},
		{"required", "off", baresip.SRTPFeedback, "", [2]bool{true, false}},
		{"off", "required", "", baresip.SRTPMandatory, [2]bool{false, true}},
		{"required", "required", baresip.SRTPMandatory, baresip.SRTPMandatory, [2]bool{true, true}},
		{"optional", "optional", baresip.SRTPMandatory, "", [2]bool{true, false}},
		{"optional", "optional", "", baresip.SRTPOptional, [2]bool{false, true}},
		{"optional", "optional", baresip.SRTPOptional, baresip.SRTPOptional, [2]bool{true, true}},
		{"off", "off", baresip.SRTPOptional, baresip.SRTPOptional, [2]bool{false, false}},
	} {
		t.Run(fmt.Sprintf("trunk %s, agent %s, %q to %q", c.trunk, c.alice, c.caller, c.agent), func(t *testing.T) {
			t.Parallel()
			f := start(t, open, shorter, wide, protects(c.trunk, c.alice))
			caller, agent := f.converses(peer{codec: baresip.PCMU, srtp: c.caller, tone: callerTone}, peer{codec: baresip.G722, srtp: c.agent, tone: agentTone})
			isProtected(t, caller, "caller", c.secure[0])
			isProtected(t, agent, "agent", c.secure[1])
			f.hangsUp(caller)
			f.tells(agent, "CALL_CLOSED")
			f.endsAs(callerNumber, "answered/caller")
			f.nothingLeft()
		})
	}
}
