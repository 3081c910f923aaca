package call_test

import (
	"slices"
	"testing"
	"time"

	"github.com/spillway-voice/spillway/internal/call"
)

func TestEndedCallsAreListedForAMinuteInOrderOfArrival(t *testing.T) {
	inBubble(t, func(b *bench) {
		list := func() (states []call.State) {
			for _, i := range b.house.Ledger.Calls(time.Now()) {
				states = append(states, i.State)
			}
			return states
		}
		first := b.dial(engagedNumber)
		b.pass(time.Second)
		second := b.dial(mainNumber)
		first.over()
		if got := list(); !slices.Equal(got, []call.State{call.Ended, call.InIVR}) || b.house.Ledger.Live() != 1 {
			t.Errorf("listed as %v", got)
		}
		second.hangsUp()
		second.over()
		b.pass(call.Keep)
		if got := list(); len(got) != 1 {
			t.Errorf("listed as %v", got)
		}
		b.pass(time.Second)
		if got := list(); len(got) != 0 {
			t.Errorf("listed as %v", got)
		}
	})
}
