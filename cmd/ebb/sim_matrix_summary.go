// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/ebbproject/ebb/sim/matrix"
)

// summarizeMatrix prints a report that --json has made as a short table in Markdown: for each row and controller how many targets are met, and
// what of those that are not was reached.
func summarizeMatrix(out io.Writer, file string) error {
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var m matrixReport
	if err := json.Unmarshal(b, &m); err != nil || len(m.Rows) == 0 {
		return usagef("%s is not what ebb sim matrix --json prints", file)
	}
	fmt.Fprintf(out, "%s, medians of %d seeds\n\n| row |", m.Version, m.Seeds)
	for _, s := range m.Summary {
		fmt.Fprintf(out, " %s |", s.Controller)
	}
	fmt.Fprintf(out, "\n|%s\n", strings.Repeat("---|", 1+len(m.Summary)))
	for row := 1; row <= matrix.Rows; row++ {
		if !slices.ContainsFunc(m.Rows, func(r matrix.Row) bool { return r.Row == row }) {
			continue
		}
		fmt.Fprintf(out, "| %d |", row)
		for _, s := range m.Summary {
			fmt.Fprintf(out, " %s |", summaryCell(m.Rows, row, s.Controller))
		}
		fmt.Fprintln(out)
	}
	fmt.Fprint(out, "| all |")
	for _, s := range m.Summary {
		fmt.Fprintf(out, " %d of %d |", s.Met, s.Targets)
	}
	_, err = fmt.Fprintln(out)
	return err
}

// summaryCell is like "5 of 6: 32 of our flows, bbr: ptr 0.951".
func summaryCell(rows []matrix.Row, row int, controller string) string {
	targets, met := 0, 0
	var missed []string
	for _, r := range rows {
		if r.Row != row || r.Controller != controller || r.Met == nil {
			continue
		}
		targets++
		if *r.Met {
			met++
			continue
		}
		var reached []string
		for bound := range strings.SplitSeq(r.Target, ", ") {
			name, _, _ := strings.Cut(bound, " ")
			if v, ok := r.Figure(name); ok {
				reached = append(reached, fmt.Sprintf("%s %.3g", name, v))
			}
		}
		missed = append(missed, fmt.Sprintf("%s, %s: %s", r.Scenario, r.Against, strings.Join(reached, ", ")))
	}
	text := fmt.Sprintf("%d of %d", met, targets)
	const most = 2
	if more := len(missed) - most; more > 0 {
		missed = append(missed[:most], fmt.Sprintf("and %d more", more))
	}
	if len(missed) > 0 {
		text += "; " + strings.Join(missed, "; ")
	}
	return text
}
