package call_test

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/spillway-voice/spillway/internal/call"
)

func TestSoundMayAlsoComeFromTheSourcesOfTheTrunkOfTheCall(t *testing.T) {
	inBubble(t, func(b *bench) {
		gateways := []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}
		plan := kettle()
		plan.Trunks = map[string]call.Trunk{"telco": {Media: gateways}, "alice": {Media: gateways}}
		b.publish(plan)
		caller := b.dial(mainNumber)
		b.pass(time.Second)
		agent := b.agentDials("alice", call.PauseNumber) // who is no trunk, whatever trunks are called
		b.pass(time.Second)
		b.mu.Lock()
		defer b.mu.Unlock()
		if len(b.sounds) != 2 || !slices.Equal(b.sounds[0].trusted, gateways) || b.sounds[1].trusted != nil {
			t.Errorf("of %d sounds, the trunk's caller may be heard from %v, the agent from %v", len(b.sounds), b.sounds[0].trusted, b.sounds[1].trusted)
		}
		for _, v := range []*visit{caller, agent} {
			v.hangsUp()
		}
	})
}
