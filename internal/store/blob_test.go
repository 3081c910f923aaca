package store_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/spillway-voice/spillway/internal/store"
	"github.com/spillway-voice/spillway/internal/store/redistest"
)

func TestABlobIsReadAsItWasPut(t *testing.T) {
	s, _ := openBoard(t, redistest.Start(t))
	const part = 1 << 20
	for _, size := range []int{0, 1, part - 1, part, part + 1, 3*part + 5} {
		content := bytes.Repeat([]byte("kettle!"), size/7+1)[:size]
		hash := sha256.Sum256(content)
		for range 2 { // the second finds it there
			sum, err := s.PutBlob(t.Context(), content)
			if err != nil || sum != hex.EncodeToString(hash[:]) {
				t.Fatalf("put %d bytes: %q, %v", size, sum, err)
			}
		}
		if got, err := s.Blob(t.Context(), hex.EncodeToString(hash[:])); err != nil || !bytes.Equal(got, content) {
			t.Fatalf("%d bytes: got %d, %v", size, len(got), err)
		}
	}
}

func TestTheLargestBlobFits(t *testing.T) {
	s, _ := openBoard(t, redistest.Start(t))
	content := make([]byte, store.BlobLimit+1)
	if _, err := s.PutBlob(t.Context(), content); err == nil {
		t.Error("one byte too much was taken")
	}
	sum, err := s.PutBlob(t.Context(), content[:store.BlobLimit])
	if err != nil {
		t.Fatal(err)
	}
	if got, err := s.Blob(t.Context(), sum); err != nil || len(got) != store.BlobLimit {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

func TestABlobThatIsNotThereIsSaidSo(t *testing.T) {
	s, _ := openBoard(t, redistest.Start(t))
	_, sum := message("nobody put this")
	if _, err := s.Blob(t.Context(), sum); !errors.Is(err, store.ErrNoBlob) {
		t.Error(err)
	}
	if there, err := s.KeepBlob(t.Context(), sum); there || err != nil {
		t.Errorf("%v, %v", there, err)
	}
	for _, name := range []string{"", "x", sum[:63], strings.ToUpper(sum), sum + "00", sum[:60] + "/../"} {
		if _, err := s.Blob(t.Context(), name); err == nil || errors.Is(err, store.ErrNoBlob) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestABlobThatWasSpoiltIsNotReturnedAndCanBePutAgain(t *testing.T) {
	for name, spoil := range map[string]func(fields map[string]any){
		"other content": func(f map[string]any) { f["0"] = "qlease" },
		"too short":     func(f map[string]any) { f["0"] = "" },
		"too long":      func(f map[string]any) { f["0"] = strings.Repeat("x", 100) },
		"other size":    func(f map[string]any) { f["size"] = 2 },
	} {
		t.Run(name, func(t *testing.T) {
			server := redistest.Start(t)
			s, _ := openBoard(t, server)
			content, sum := message("please")
			if _, err := s.PutBlob(t.Context(), content); err != nil {
				t.Fatal(err)
			}
			fields := make(map[string]any)
			spoil(fields)
			if err := server.Client().HSet(t.Context(), s.Key(store.KeyBlob+sum), fields).Err(); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Blob(t.Context(), sum); !errors.Is(err, store.ErrNoBlob) {
				t.Error(err)
			}
			if _, err := s.PutBlob(t.Context(), content); err != nil {
				t.Fatal(err)
			}
			if got, err := s.Blob(t.Context(), sum); err != nil || !bytes.Equal(got, content) {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}

func TestABlobEndsByItself(t *testing.T) {
	server := redistest.Start(t)
	s, _ := openBoard(t, server)
	_, sum := message("please")
	if _, err := s.PutBlob(t.Context(), []byte("please")); err != nil {
		t.Fatal(err)
	}
	life, err := server.Client().TTL(t.Context(), s.Key(store.KeyBlob+sum)).Result()
	if err != nil || life <= 0 || life > store.BlobLife {
		t.Errorf("%v, %v", life, err)
	}
}
