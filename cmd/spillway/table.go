package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// table is what a listing shows to people: columns, and a cell for each.
type table struct {
	title   string // a line above it; "" none
	columns []string
	rows    [][]string
	empty   string // what is said instead of an empty table
}

// add appends a row. What is not known is a dash.
func (t *table) add(cells ...string) {
	for i, c := range cells {
		cells[i] = plain(c)
		if c == "" {
			cells[i] = "-"
		}
	}
	t.rows = append(t.rows, cells)
}

// write prints the table with its columns in line.
func (t *table) write(w io.Writer) error {
	if t.title != "" {
		if _, err := fmt.Fprintln(w, plain(t.title)); err != nil {
			return err
		}
	}
	if len(t.rows) == 0 {
		_, err := fmt.Fprintln(w, t.empty)
		return err
	}
	var lines strings.Builder
	aligned := tabwriter.NewWriter(&lines, 0, 0, 2, ' ', 0)
	for _, cells := range append([][]string{t.columns}, t.rows...) {
		if _, err := fmt.Fprintln(aligned, strings.Join(cells, "\t")); err != nil {
			return err
		}
	}
	if err := aligned.Flush(); err != nil {
		return err
	}
	_, err := io.WriteString(w, lines.String())
	return err
}
