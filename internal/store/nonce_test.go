package store_test

import (
	"strings"
	"testing"
	"time"

	"github.com/spillway-voice/spillway/internal/store/redistest"
)

func TestACountOfANonceIsFreshOnceOverAllNodes(t *testing.T) {
	server := redistest.Start(t)
	one, _ := openBoard(t, server)
	other, _ := openBoard(t, server)
	for _, step := range []struct {
		count uint32
		fresh bool
	}{{1, true}, {1, false}, {3, true}, {2, false}, {4, true}} {
		fresh, err := one.CountNonce(t.Context(), "nonce", step.count, time.Minute)
		if err != nil || fresh != step.fresh {
			t.Errorf("%d: %t, %v", step.count, fresh, err)
		}
		one, other = other, one
	}
	if fresh, err := one.CountNonce(t.Context(), "another", 1, time.Minute); err != nil || !fresh {
		t.Errorf("another nonce: %t, %v", fresh, err)
	}
	if life := server.Client().PTTL(t.Context(), one.Key("nonce:"+strings.Repeat("0", 64))).Val(); life > 0 {
		t.Error("a nonce that nobody used has a key")
	}
	for _, nonce := range []string{"", strings.Repeat("n", 513)} {
		if _, err := one.CountNonce(t.Context(), nonce, 1, time.Minute); err == nil {
			t.Errorf("%.9q was counted", nonce)
		}
	}
}
