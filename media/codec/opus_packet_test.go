package codec

import "testing"

func TestAPacketOfOpusSaysHowLongItIs(t *testing.T) {
	tests := []struct {
		what   string
		packet []byte
		want   int // samples at 16 kHz
	}{
		{"SILK wideband, 20 ms", []byte{9 << 3}, 320},
		{"SILK wideband, 60 ms", []byte{11 << 3}, 960},
		{"SILK wideband, two of 60 ms", []byte{11<<3 | 1}, 1920},
		{"hybrid fullband stereo, 10 ms", []byte{14<<3 | 4}, 160},
		{"CELT, 2.5 ms", []byte{16 << 3}, 40},
		{"CELT, two unequal of 5 ms", []byte{17<<3 | 2}, 160},
		{"CELT, three of 20 ms", []byte{31<<3 | 3, 3}, 960},
		{"CELT, 48 of 2.5 ms with padding", []byte{16<<3 | 3, 0xC0 | 48}, 1920},
		{"49 of 2.5 ms: longer than 120 ms", []byte{16<<3 | 3, 49}, 0},
		{"three of 60 ms: longer than 120 ms", []byte{11<<3 | 3, 3}, 0},
		{"no frames", []byte{9<<3 | 3, 0}, 0},
		{"frames without their count", []byte{9<<3 | 3}, 0},
	}
	for _, tt := range tests {
		if got := Opus.Samples(tt.packet); got != tt.want {
			t.Errorf("%s: %d samples, want %d", tt.what, got, tt.want)
		}
	}
}
