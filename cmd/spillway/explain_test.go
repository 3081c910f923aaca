package main

import (
	"strings"
	"testing"

	"github.com/spillway-voice/spillway/internal/sample"
)

// Office hours of the sample are 09:00-12:30 and 13:00-17:30 on weekdays; 2025-06-02 was a Monday.
const (
	open   = "2025-06-02 10:00"
	closed = "2025-06-02 12:45"
)

func TestAnOrdinaryCallIsExplained(t *testing.T) {
	_, spillway := kettle(t)
	golden(t, "explain", spillway("explain", "--number", "+61280000001", "--caller", "+61400000001", "--at", open, "--keys", "1")+
		spillway("explain", "--number", "+61280000009", "--at", open)+
		spillway("explain", "--number", "+61-2-8000-0001", "--at", open, "--keys", "9,9,2")+
		spillway("explain", "--number", "+61280000001", "--at", open)+
		spillway("explain", "--number", "+61280000001", "--at", closed)+
		spillway("explain", "--number", "+61280000001", "--at", "2025-06-02T10:00:00+10:00", "--keys", "2"))
}

func TestACallDuringARecallIsExplained(t *testing.T) {
	dir, spillway := kettle(t)
	if err := sample.Switch(dir, true); err != nil {
		t.Fatal(err)
	}
	golden(t, "explain-recall", spillway("explain", "--number", "+61280000001", "--at", open, "--keys", "1")+
		spillway("explain", "--number", "+61280000002", "--at", open))
}

func TestWhatCannotBeExplainedIsSaid(t *testing.T) {
	dir, spillway := kettle(t)
	story := spillway("explain") +
		spillway("explain", "--number", "1", "--at", "tomorrow") +
		spillway("explain", "--number", "1", "--at", "2026-10-04 02:30") +
		spillway("explain", "--number", "1", "--keys", "1,x")
	write(t, dir, "centre.yaml", "centre: kettle\ncolour: red\n")
	story += spillway("explain", "--number", "1")
	golden(t, "explain-not", story)
	if got := transcript(t, "explain", "--config", dir+"/nowhere", "--number", "1"); !strings.Contains(got, "--- exit 2") {
		t.Error(got)
	}
}

func FuzzParseKeys(f *testing.F) {
	for _, text := range []string{"", "1", "1,2, *#", ",,", "x", "1\x00", "١"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		keys, err := parseKeys(text)
		if err != nil && keys != "" || strings.Trim(keys, "0123456789*#") != "" || len(keys) > len(text) {
			t.Errorf("%q became %q, %v", text, keys, err)
		}
	})
}
