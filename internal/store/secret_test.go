package store_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/spillway-voice/spillway/internal/store"
	"github.com/spillway-voice/spillway/internal/store/redistest"
)

// secretOf returns a secret of a store.
func secretOf(t *testing.T, s *store.Store, name string) (secret []byte) {
	t.Helper()
	if err := patiently(func() (err error) {
		secret, err = s.Secret(t.Context(), name)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if len(secret) != 32 {
		t.Fatalf("it has %d bytes", len(secret))
	}
	return secret
}

func TestAllNodesShareASecretWhoeverAsksFirst(t *testing.T) {
	server := redistest.Start(t)
	const nodes = 4
	secrets := make(chan []byte, nodes)
	for range nodes {
		s, _ := openBoard(t, server)
		go func() {
			var secret []byte
			if err := patiently(func() (err error) {
				secret, err = s.Secret(t.Context(), "nonces")
				return err
			}); err != nil {
				t.Error(err)
			}
			secrets <- secret
		}()
	}
	first := <-secrets
	for range nodes - 1 {
		if !bytes.Equal(first, <-secrets) {
			t.Error("two nodes have different secrets")
		}
	}
	s, _ := openBoard(t, server)
	if !bytes.Equal(first, secretOf(t, s, "nonces")) {
		t.Error("it did not last")
	}
	if bytes.Equal(first, secretOf(t, s, "another")) {
		t.Error("two names have one secret")
	}
	server.FlushAll()
	if bytes.Equal(first, secretOf(t, s, "nonces")) {
		t.Error("an emptied store has the same secret")
	}
}

func TestASecretThatIsNoneIsRefusedAndNotTold(t *testing.T) {
	server := redistest.Start(t)
	s, _ := openBoard(t, server)
	for _, text := range []string{"", "hunter2", "0x", strings.Repeat("ab", 31), strings.Repeat("ab", 33), strings.Repeat("ab", 1<<20), strings.Repeat("zz", 32)} {
		if err := server.Client().HSet(t.Context(), s.Key(store.KeySecrets), "nonces", text).Err(); err != nil {
			t.Fatal(err)
		}
		if secret, err := s.Secret(t.Context(), "nonces"); err == nil || text != "" && strings.Contains(err.Error(), text) {
			t.Errorf("%.70q: %x, %v", text, secret, err)
		}
	}
	for _, name := range []string{"", "a\x00b"} {
		if _, err := s.Secret(t.Context(), name); err == nil {
			t.Errorf("%q has one", name)
		}
	}
}
