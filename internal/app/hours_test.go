package app

import "testing"

// TestHoursAreReadByTheCentresClock holds the compiled plan to the centre's zone: the office of a centre on the other side of
// the world is open when it is day there.
func TestHoursAreReadByTheCentresClock(t *testing.T) {
	f := start(t)
	e := f.app.centre.current()
	if zone := e.plan.Conversation.Zone; zone == nil || zone.String() != "Australia/Sydney" {
		t.Errorf("the flows look at the clock of %v", zone)
	}
}
