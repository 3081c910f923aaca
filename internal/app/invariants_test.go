package app

import (
	"testing"
	"time"
)

func TestWhatCallsLeaveBehindIsToldOnceForEachRest(t *testing.T) {
	var left leftover
	now := time.Now()
	look := func(after time.Duration, calls, dialogs, sessions int) bool {
		return left.look(now.Add(after), calls, dialogs, sessions)
	}
	for after, told := range map[time.Duration]bool{0: look(0, 0, 3, 0), atRest - 1: look(atRest-1, 0, 3, 0)} {
		if told {
			t.Errorf("told after %v", after)
		}
	}
	if !look(atRest, 0, 3, 0) {
		t.Error("dialogs that are left are not told")
	}
	if look(2*atRest, 0, 3, 0) {
		t.Error("told again")
	}
	if look(3*atRest, 1, 3, 1) || look(4*atRest, 0, 0, 1) || look(5*atRest-1, 0, 0, 1) || !look(5*atRest, 0, 0, 1) {
		t.Error("the rest does not begin when the last call is over")
	}
	if look(6*atRest, 1, 1, 1) || look(7*atRest, 0, 0, 0) || look(9*atRest, 0, 0, 0) {
		t.Error("told although nothing is left")
	}
}
