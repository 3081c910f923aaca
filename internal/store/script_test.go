package store

import (
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// FuzzReply holds the reading of replies to this: whatever a script returned, it is a reply with its time or an error.
func FuzzReply(f *testing.F) {
	f.Add("ok", "1795406400123456", "more")
	f.Add("schema", "0", "2")
	f.Add("schema", "0", "two")
	f.Add("ok", "1.8e15", "")
	f.Fuzz(func(t *testing.T, code, stamp, value string) {
		r, err := parseReply([]any{code, stamp, value, []any{value, int64(1)}})
		if err != nil {
			return
		}
		if at := r.At.UnixMicro(); r.Code != code || r.Text(0) != value || len(r.List(1)) != 2 || r.Text(9) != "" || at != wholeNumber(stamp) {
			t.Errorf("%q %q %q is read as %+v", code, stamp, value, r)
		}
	})
}

// FuzzEntry holds the reading of the stream to the same.
func FuzzEntry(f *testing.F) {
	f.Add("7-0", "1795406400123456")
	f.Add("18446744073709551616-0", "1")
	f.Add("", "")
	f.Fuzz(func(t *testing.T, id, stamp string) {
		e, err := parseEntry(redis.XMessage{ID: id, Values: map[string]any{"at": stamp, "incarnation": "a", "odd": 1}})
		if err == nil && (e.Stamp != stamp || !e.At.Equal(time.UnixMicro(wholeNumber(stamp)))) {
			t.Errorf("%q %q is read as %+v", id, stamp, e)
		}
	})
}

// wholeNumber is a number in decimal, 0 if it is none.
func wholeNumber(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0
	}
	return n
}
