package store_test

import (
	"testing"

	"go.uber.org/goleak"
)

// A test that leaves a connection, a reader or a server behind fails.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
