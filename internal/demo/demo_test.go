package demo

import (
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTheBadDayHappensAsItIsTold(t *testing.T) {
	began := time.Now()
	if err := Run(t.Context(), Options{Out: t.Output()}); err != nil {
		t.Fatal(err)
	}
	if d := time.Since(began); d > time.Minute {
		t.Errorf("the demo took %v", d)
	}
}
