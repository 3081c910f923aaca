package demo

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// The colours of a terminal (ECMA-48, SGR).
const (
	dim   = "\x1b[2m"
	bold  = "\x1b[1m"
	green = "\x1b[32m"
	red   = "\x1b[31m"
	plain = "\x1b[0m"
)

// narrator writes the story, and counts what held and what did not. It belongs to the goroutine that plays the story.
type narrator struct {
	out    io.Writer
	colour bool
	began  time.Time
	held   int
	failed int
	broken error // the first write that failed
}

// printf writes and remembers a failure: a story that nobody could read has not been told.
func (n *narrator) printf(format string, args ...any) {
	if _, err := fmt.Fprintf(n.out, format, args...); err != nil && n.broken == nil {
		n.broken = fmt.Errorf("tell the story: %w", err)
	}
}

// paint puts a text in a colour, on a terminal.
func (n *narrator) paint(colour, text string) string {
	if !n.colour {
		return text
	}
	return colour + text + plain
}

// title begins the story.
func (n *narrator) title(text string) { n.printf("%s\n", n.paint(bold, text)) }

// chapter begins a part of it.
func (n *narrator) chapter(text string) { n.printf("\n%s\n", n.paint(bold, text)) }

// line writes one line with the time since the beginning.
func (n *narrator) line(mark, who, text string) {
	clock := fmt.Sprintf("%6.1fs", time.Since(n.began).Seconds())
	n.printf("%s  %s  %s %s\n", n.paint(dim, clock), mark, n.paint(bold, fmt.Sprintf("%-10s", who)), text)
}

// say tells what somebody does.
func (n *narrator) say(who, format string, args ...any) {
	n.line("    ", who, fmt.Sprintf(format, args...))
}

// hold tells that an expectation held.
func (n *narrator) hold(who, text string) {
	n.held++
	n.line(n.paint(green, "ok  "), who, text)
}

// fail tells that an expectation did not hold, and why.
func (n *narrator) fail(who, expected string, instead error) {
	n.failed++
	n.line(n.paint(red, "FAIL"), who, fmt.Sprintf("%s: %s", expected, strings.ReplaceAll(instead.Error(), "\n", "; ")))
}

// table writes rows with their columns in line; the first row is the head.
func (n *narrator) table(rows [][]string) {
	var text strings.Builder
	aligned := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintf(aligned, "  %s\n", strings.Join(row, "\t"))
	}
	_ = aligned.Flush() // into memory: cannot fail
	head, body, _ := strings.Cut(text.String(), "\n")
	n.printf("%s\n%s", n.paint(dim, head), body)
}
