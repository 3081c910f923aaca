package dtmf

import "testing"

func TestAnEventIsReadAndWrittenAsRFC4733Says(t *testing.T) {
	payload := []byte{11, 0x80 | 10, 0x03, 0x20, 99}
	e, err := ParseEvent(payload)
	if want := (Event{Code: 11, End: true, Volume: 10, Duration: 800}); err != nil || e != want {
		t.Fatalf("%+v, %v, want %+v", e, err, want)
	}
	var back [EventSize]byte
	e.Put(back[:])
	if string(back[:]) != string(payload[:EventSize]) {
		t.Errorf("written as % x, want % x", back, payload[:EventSize])
	}
}

func TestAPayloadThatIsTooShortIsRefused(t *testing.T) {
	for n := range EventSize {
		if _, err := ParseEvent(make([]byte, n)); err == nil {
			t.Errorf("%d bytes were taken", n)
		}
	}
}

func TestAVolumeThatDoesNotFitLeavesTheEndAlone(t *testing.T) {
	var b [EventSize]byte
	Event{Volume: 255}.Put(b[:])
	if e, err := ParseEvent(b[:]); err != nil || e.End || e.Volume != 63 {
		t.Errorf("%+v, %v", e, err)
	}
}

// FuzzParseEvent looks for payloads that do not come back as they were, the reserved bit aside.
func FuzzParseEvent(f *testing.F) {
	f.Add([]byte{5, 0x8A, 3, 0x20})
	f.Add([]byte{})
	f.Add([]byte{255, 255, 255, 255, 1})
	f.Fuzz(func(t *testing.T, payload []byte) {
		e, err := ParseEvent(payload)
		if (err == nil) != (len(payload) >= EventSize) {
			t.Fatalf("%d bytes: %v", len(payload), err)
		}
		if err != nil {
			return
		}
		var back [EventSize]byte
		e.Put(back[:])
		if back[0] != payload[0] || back[1] != payload[1]&^0x40 || back[2] != payload[2] || back[3] != payload[3] {
			t.Fatalf("% x came back as % x", payload[:EventSize], back)
		}
	})
}
