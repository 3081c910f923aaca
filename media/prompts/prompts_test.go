package prompts

import (
	"io/fs"
	"slices"
	"testing"
)

func TestNumbersAreSaidInEnglishWords(t *testing.T) {
	tests := []struct {
		n    int
		want []string
	}{
		{-1, nil},
		{0, []string{"number-0.wav"}},
		{13, []string{"number-13.wav"}},
		{20, []string{"number-20.wav"}},
		{47, []string{"number-40.wav", "number-7.wav"}},
		{100, []string{"number-1.wav", "number-hundred.wav"}},
		{212, []string{"number-2.wav", "number-hundred.wav", "number-and.wav", "number-12.wav"}},
		{1005, []string{"number-1.wav", "number-thousand.wav", "number-and.wav", "number-5.wav"}},
		{9999, []string{"number-9.wav", "number-thousand.wav", "number-9.wav", "number-hundred.wav", "number-and.wav",
			"number-90.wav", "number-9.wav"}},
		{10000, nil},
	}
	for _, tt := range tests {
		if got := Number(tt.n); !slices.Equal(got, tt.want) {
			t.Errorf("Number(%d) = %v, want %v", tt.n, got, tt.want)
		}
	}
}

func TestEveryPartThatIsNamedIsRecorded(t *testing.T) {
	english := English()
	names := map[string]bool{}
	for n := range 10000 {
		for _, name := range Number(n) {
			names[name] = true
		}
	}
	for n := range 100 {
		for _, name := range Position(n) {
			names[name] = true
		}
	}
	for name := range names {
		if _, err := fs.Stat(english, name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAPositionBehindFiftyIsNotSaidAsANumber(t *testing.T) {
	if got := Position(FarPosition); !slices.Contains(got, "number-50.wav") {
		t.Errorf("Position(%d) = %v, want the number", FarPosition, got)
	}
	if got := Position(FarPosition + 1); !slices.Equal(got, []string{"position-many.wav"}) {
		t.Errorf("Position(%d) = %v", FarPosition+1, got)
	}
	for _, first := range []int{-3, 0, 1} {
		if got := Position(first); !slices.Equal(got, []string{"position-next.wav"}) {
			t.Errorf("Position(%d) = %v", first, got)
		}
	}
}

func TestTheRecordingsStaySmall(t *testing.T) {
	var total int64
	err := fs.WalkDir(English(), ".", func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		total += info.Size()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if total > 2_500_000 {
		t.Errorf("the recordings are %d bytes, want at most 2.5 MB", total)
	}
}
