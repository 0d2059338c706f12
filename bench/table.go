// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// columns of the table: name, value, unit, goal, whether it is met; then notes.
type row [5]string

// Table writes the report for people. Numbers stand under one another; notes have no width.
func (r *Report) Table(w io.Writer) error {
	b := &strings.Builder{}
	how := "full"
	if r.Short {
		how = "short: small amounts, rough figures"
	}
	fmt.Fprintf(b, "Ebb bench, %s, commit %s (%s), took %.0f s\n", r.Started.UTC().Format(time.RFC3339), r.Commit, how, r.Seconds)
	fmt.Fprintf(b, "$ %s\n%s\n", r.Command, r.Machine)
	width := r.widths()
	for _, s := range r.Sections {
		fmt.Fprintf(b, "\n%s\n", s.Title)
		for _, f := range s.Figures {
			line := fmt.Sprintf("  %-*s  %*s  %-*s  %-*s  %-*s", pad(width, f.row())...)
			if f.Note != "" {
				line += "  " + f.Note
			}
			b.WriteString(strings.TrimRight(line, " ") + "\n")
		}
		if s.Problem != "" {
			fmt.Fprintf(b, "  stopped: %s\n", s.Problem)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (f *Figure) row() row {
	if f.Missing != "" {
		return row{f.Name, "-", f.Missing}
	}
	r := row{f.Name, short(f.Value), f.Unit}
	if f.Goal != nil {
		r[3], r[4] = f.Goal.String(), "not met"
		if f.Goal.Met {
			r[4] = "met"
		}
	}
	return r
}

func (r *Report) widths() (width [len(row{})]int) {
	for _, s := range r.Sections {
		for _, f := range s.Figures {
			for i, cell := range f.row() {
				if f.Missing == "" || i != 2 {
					width[i] = max(width[i], len(cell))
				}
			}
		}
	}
	return width
}

func pad(width [len(row{})]int, r row) []any {
	var args []any
	for i, cell := range r {
		args = append(args, width[i], cell)
	}
	return args
}
