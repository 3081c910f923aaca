package routing_test

import (
	"testing"
	"time"

	"github.com/spillway-voice/spillway/routing"
)

func TestAStoreThatKnowsNobodyTakesWhatIsNotOver(t *testing.T) {
	at := func(seconds int) time.Time { return crowdTime.Add(time.Duration(seconds) * time.Second) }
	told := &routing.AgentState{
		Name: "alice", Registered: at(-60), Seat: at(-60), Calls: 3,
		Phones: []routing.Phone{{Place: "desk", Until: at(9)}, {Place: "home", Until: at(0)}},
		Claim:  &routing.Claim{Token: 7, Deadline: at(-1)},
	}
	got := (*routing.AgentState)(nil).Recalled(told, at(0))
	if len(got.Phones) != 1 || !got.Registered.Equal(at(-60)) || got.Claim != nil || got.Calls != 3 || got.Seat.IsZero() {
		t.Errorf("%+v", got)
	}
	got = (*routing.AgentState)(nil).Recalled(told, at(10))
	if len(got.Phones) != 0 || !got.Registered.IsZero() {
		t.Errorf("%+v", got)
	}
}

func TestOfTwoWordsOnAnAgentTheLaterHolds(t *testing.T) {
	at := func(seconds int) time.Time { return crowdTime.Add(time.Duration(seconds) * time.Second) }
	paused := func(said int) *routing.AgentState {
		return &routing.AgentState{Name: "alice", Paused: at(said), PauseReason: "lunch", PauseSaid: at(said), Calls: 2, WrapUp: at(5), Idle: at(5), Changed: at(said)}
	}
	resumed := &routing.AgentState{Name: "alice", PauseSaid: at(3), Calls: 1, WrapUp: at(1), Idle: at(8), Changed: at(3)}
	if got := resumed.Recalled(paused(2), at(9)); !got.Paused.IsZero() || got.Calls != 2 || !got.WrapUp.Equal(at(5)) || !got.Idle.Equal(at(8)) {
		t.Errorf("an older pause: %+v", got)
	}
	if got := resumed.Recalled(paused(4), at(9)); got.PauseReason != "lunch" || !got.Paused.Equal(at(4)) || !got.Changed.Equal(at(4)) {
		t.Errorf("a newer pause: %+v", got)
	}
	if got := paused(2).Recalled(resumed, at(9)); !got.Paused.IsZero() {
		t.Errorf("a newer end: %+v", got)
	}
	same := paused(2)
	if got := same.Recalled(paused(2), at(9)); got != same {
		t.Errorf("nothing new: %+v", got)
	}
}
