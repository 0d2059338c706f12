// SPDX-License-Identifier: Apache-2.0

package yield

import (
	_ "embed"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

//go:embed table.txt
var text string

// ErrTable reports a text that is no table.
var ErrTable = errors.New("is no yield table: make it anew with ebb sim calibrate")

// Shipped is the table that this program was built with. The error is ErrTable.
func Shipped() (*Table, error) { return Parse(text) }

const heading = `# What each controller makes of a path, measured at the packet level. Made by "ebb sim calibrate"; package yield says how it is read.
# use: share of what the foreground leaves; ramp: seconds that a start costs; return: seconds until it is back after a download of others;
# kept: share of the link while others ask for more than all of it; debt: seconds that the link would take for what the foreground has asked for
# and not got; delay: milliseconds added to the foreground at p95
`

const columns = "controller mbit rtt_ms buffer_ms aqm loss load use ramp return kept debt delay"

// String is the table as a text that Parse reads.
func (t *Table) String() string {
	var b strings.Builder
	b.WriteString(heading)
	for _, p := range t.Prints {
		fmt.Fprintf(&b, "fingerprint %s %s\n", p.Controller, p.Hash)
	}
	b.WriteString(columns + "\n")
	for _, s := range Grid() {
		c := t.cells[s]
		aqm := s.AQM
		if aqm == "" {
			aqm = "-"
		}
		fmt.Fprintf(&b, "%s %g %d %d %s %g %g %.3f %.2f %.1f %.3f %.3f %.1f\n", s.Controller, s.Rate/1e6, s.RTT.Milliseconds(), s.Buffer.Milliseconds(), aqm, s.Loss,
			s.Load, c.Use, c.Ramp.Seconds(), c.Return.Seconds(), c.Kept, c.Debt.Seconds(), c.Delay.Seconds()*1000)
	}
	return b.String()
}

// Parse reads a table. All spots of the Grid must be there, and no others. The error wraps ErrTable.
func Parse(text string) (*Table, error) {
	t := &Table{}
	titled := false
	grid := Grid()
	missing := make(map[Spot]bool, len(grid))
	for _, s := range grid {
		missing[s] = true
	}
	for n, line := range strings.Split(text, "\n") {
		f := strings.Fields(line)
		switch {
		case len(f) == 0 || strings.HasPrefix(line, "#"):
		case f[0] == "fingerprint" && len(f) == 3:
			t.Prints = append(t.Prints, Print{f[1], f[2]})
		case line == columns:
			titled = true
		default:
			s, c, err := cellOf(f)
			if err != nil || !titled || !missing[s] {
				return nil, fmt.Errorf("line %d, %q, %w", n+1, line, ErrTable)
			}
			t.Add(s, c)
			delete(missing, s)
		}
	}
	for _, s := range grid {
		if missing[s] {
			return nil, fmt.Errorf("a table without a cell for %+v %w", s, ErrTable)
		}
		if !t.Knows(s.Controller) {
			return nil, fmt.Errorf("a table without the fingerprint of %s %w", s.Controller, ErrTable)
		}
	}
	return t, nil
}

// cellOf reads the fields of a line.
func cellOf(f []string) (Spot, Cell, error) {
	if len(f) != len(strings.Fields(columns)) {
		return Spot{}, Cell{}, ErrTable
	}
	var v [13]float64
	for i, x := range f {
		if i == 0 || i == 4 {
			continue
		}
		n, err := strconv.ParseFloat(x, 64)
		if err != nil || !(n >= 0 && n <= 1e6) {
			return Spot{}, Cell{}, ErrTable
		}
		v[i] = n
	}
	if v[7] > 1 || v[10] > 1 {
		return Spot{}, Cell{}, ErrTable
	}
	aqm := f[4]
	if aqm == "-" {
		aqm = ""
	}
	ms := func(x float64) time.Duration { return time.Duration(x * float64(time.Millisecond)) }
	s := Spot{Path{Controller: f[0], Rate: v[1] * 1e6, RTT: ms(v[2]), Buffer: ms(v[3]), AQM: aqm, Loss: v[5]}, v[6]}
	return s, Cell{Use: v[7], Ramp: ms(v[8] * 1000), Return: ms(v[9] * 1000), Kept: v[10], Debt: ms(v[11] * 1000),
		Delay: ms(v[12])}, nil
}
