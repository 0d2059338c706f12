// SPDX-License-Identifier: Apache-2.0

package yield

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"
)

// columns of the table.
var columns = []string{"background", "cubic", "bbr", "reno", "call p50", "call p95", "fetch p50", "fetch p95", "link used", "queue p95", "gives way", "back"}

var units = []string{"", "% kept", "% kept", "% kept", "ms", "ms", "ms", "ms", "%", "ms", "s", "s"}

// Table writes the report for people: one table a link, with the goals above the backgrounds.
func (r *Report) Table(w io.Writer) error {
	b := &strings.Builder{}
	how := fmt.Sprintf("medians of %d", r.Rounds)
	if r.Short {
		how = "short: shows that it works; the figures mean nothing"
	}
	fmt.Fprintf(b, "Ebb bench, giving way to the kernel's TCP, %s, commit %s (%s), took %.0f s\n", r.Started.UTC().Format(time.RFC3339), r.Commit, how,
		r.Seconds)
	fmt.Fprintf(b, "$ %s\n%s\n", r.Command, r.Machine)
	for i := range r.Scenarios {
		s := &r.Scenarios[i]
		fmt.Fprintf(b, "\n%s\n", s.heading())
		if s.Missing != "" {
			fmt.Fprintf(b, "  not measured: %s\n", s.Missing)
			continue
		}
		s.table(b, r)
		s.compare(b)
	}
	fmt.Fprintf(b, "\nA bulk foreground stays %v, then the background has %v to come back; > says that it did not happen within that time. gives way, back:\n"+
		"the slowest of the three. * is a goal that is met.\n", r.Times.Bulk, r.Times.Back)
	_, err := io.WriteString(w, b.String())
	return err
}

// heading is the link, and the bulk foregrounds alone.
func (s *ScenarioReport) heading() string {
	text := fmt.Sprintf("%s: %s", s.Scenario.Name, s.Title)
	for i, control := range bulks {
		if v := s.Solo.Rates[control]; v != nil {
			text += fmt.Sprintf("%s %s %.1f", []string{"; alone", ",", ","}[i], control, v.Median/1e6)
		}
	}
	if len(s.Solo.Rates) > 0 {
		text += fmt.Sprintf(" Mbit/s; %.2f %% of the packets were more than 1 ms late", s.Late)
	}
	return text
}

func (s *ScenarioReport) table(b *strings.Builder, r *Report) {
	lines := [][]string{columns, units, s.nothing(), s.goals()}
	for i := range s.Rows {
		lines = append(lines, s.cells(&s.Rows[i], r))
	}
	width := make([]int, len(columns))
	for _, line := range lines {
		for i, cell := range line {
			if len(line) == len(columns) {
				width[i] = max(width[i], utf8.RuneCountInString(cell))
			}
		}
	}
	width[0] = max(width[0], len("transmission"))
	for i, line := range lines {
		text := fmt.Sprintf("  %-*s", width[0], line[0])
		for j, cell := range line[1:] {
			text += fmt.Sprintf("  %*s", width[j+1], cell)
		}
		if i >= 4 {
			if problem := s.Rows[i-4].Problem; problem != "" {
				text += "  stopped: " + problem
			}
		}
		b.WriteString(strings.TrimRight(text, " ") + "\n")
	}
}

// nothing is the row of the foregrounds alone.
func (s *ScenarioReport) nothing() []string {
	return []string{"nothing", "100", "100", "100", number(s.Solo.Call50), number(s.Solo.Call95), number(s.Solo.Fetch50), number(s.Solo.Fetch95), "-", "-", "-", "-"}
}

// limits are the goals in the units of the columns; 0: none.
func (s *ScenarioReport) limits() []float64 {
	g := s.Goals
	more := func(v *Value, percent, ms float64) float64 {
		if v == nil {
			return 0
		}
		return v.Median*(1+percent/100) + ms
	}
	return []float64{0, g.Kept, g.Kept, g.Kept, 0, more(s.Solo.Call95, 0, g.Call), more(s.Solo.Fetch50, g.Fetch50, 0), more(s.Solo.Fetch95, g.Fetch95, 0),
		g.Used, 0, 0, g.Back}
}

// atLeast are the columns in which more is better.
var atLeast = map[string]bool{"cubic": true, "bbr": true, "reno": true, "link used": true}

func (s *ScenarioReport) goals() []string {
	line := []string{"goal"}
	for i, limit := range s.limits() {
		switch {
		case i == 0:
		case limit == 0:
			line = append(line, "")
		case atLeast[columns[i]]:
			line = append(line, fmt.Sprintf(">=%.0f", limit))
		default:
			line = append(line, "<="+brief(limit))
		}
	}
	return line
}

// cells is the line of a background; shorter than others if it is missing.
func (s *ScenarioReport) cells(row *Row, r *Report) []string {
	if row.Missing != "" {
		return []string{row.Background, "  " + row.Missing}
	}
	line := []string{row.Background}
	limits := s.limits()
	for i, v := range []*Value{row.Kept["cubic"], row.Kept["bbr"], row.Kept["reno"], row.Call50, row.Call95, row.Fetch50, row.Fetch95, row.Used,
		row.Queue95, worst(row.Way), worst(row.Back)} {
		text, limit := number(v), limits[i+1]
		switch name := columns[i+1]; {
		case v == nil:
		case name == "gives way" && v.Median >= r.Times.Bulk.Seconds(), name == "back" && v.Median >= r.Times.Back.Seconds():
			text = ">" + text
		case limit > 0 && (atLeast[name] && v.Median >= limit || !atLeast[name] && v.Median <= limit):
			text = "*" + text
		}
		line = append(line, text)
	}
	return line
}

func number(v *Value) string {
	if v == nil {
		return "-"
	}
	return brief(v.Median)
}

// brief shows about three digits.
func brief(v float64) string {
	if v >= 100 || v <= -100 {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.1f", v)
}
