package demo

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
)

const (
	// logFile is where the node's log is kept, beside the node's files.
	logFile = "node.log"

	// warningsTold is how many of the node's latest warnings are told when the story failed.
	warningsTold = 10
)

// warnings tells what the node itself found wrong, which may be why the story failed.
func (n *narrator) warnings(path string) {
	lines, err := readWarnings(path)
	if err != nil {
		n.say("node", "its log cannot be read: %v", err)
		return
	}
	if len(lines) == 0 {
		return
	}
	n.chapter("What the node warned of")
	for _, line := range lines[max(0, len(lines)-warningsTold):] {
		n.printf("  %s\n", line)
	}
}

// readWarnings returns the lines of a log that are warnings or errors. They are JSON, so nothing in them moves a cursor.
func readWarnings(path string) ([]string, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read the node's log: %w", err)
	}
	defer file.Close()
	var warnings []string
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if line := lines.Bytes(); bytes.Contains(line, []byte(`"level":"warn"`)) || bytes.Contains(line, []byte(`"level":"error"`)) {
			warnings = append(warnings, string(line))
		}
	}
	return warnings, nil
}
