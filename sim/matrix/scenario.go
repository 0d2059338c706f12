// SPDX-License-Identifier: Apache-2.0

package matrix

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// Rows is how many rows the matrix has, numbered from 1.
const Rows = 23

// A Span is a stretch of time of a run. The zero Span is none.
type Span struct {
	From, To time.Duration
}

// A Scenario is one network, its primary, and what is asked of it.
type Scenario struct {
	Row     int
	Name    string
	Against string
	Setup
	Alone  Span          // where u is measured; the world alone ends with it. Zero: no such world
	Beside Span          // where ptr is measured. Zero: there is no primary
	Leaves time.Duration // when the primary does; 0: t_r is not measured
	End    time.Duration // of the worlds beside and solo; 0: with Beside
	Asks   []Figure      // beside ptr, u, q95_ms and t_r_s
	Target []Bound
	Short  bool // part of the short edition
}

// A Bound is what a figure has to be.
type Bound struct {
	Figure string
	Least  bool // at least Value; otherwise at most
	Value  float64
}

func atLeast(figure string, v float64) Bound { return Bound{figure, true, v} }
func atMost(figure string, v float64) Bound  { return Bound{figure, false, v} }

// String is like "ptr >= 97 %" or "t_r_s <= 1".
func (b Bound) String() string {
	sign := "<="
	if b.Least {
		sign = ">="
	}
	if slices.Contains(shares, b.Figure) {
		return fmt.Sprintf("%s %s %.4g %%", b.Figure, sign, b.Value*100)
	}
	return fmt.Sprintf("%s %s %.4g", b.Figure, sign, b.Value)
}

// holds says whether a value, NaN if it is not known, is within the bound.
func (b Bound) holds(v float64) bool {
	if b.Least {
		return v >= b.Value
	}
	return v <= b.Value
}

// worse is the worse of two values: by the bound.
func (b Bound) worse(v, w float64) float64 {
	if b.Least {
		return math.Min(v, w)
	}
	return math.Max(v, w)
}

func targetText(all []Bound) string {
	var parts []string
	for _, b := range all {
		parts = append(parts, b.String())
	}
	return strings.Join(parts, ", ")
}

// end is when the worlds beside and solo end.
func (s *Scenario) end() time.Duration { return max(s.End, s.Beside.To) }

// Edition says how much of the matrix is wanted.
type Edition struct {
	Short bool // a few scenarios, and shorter
}

// lasts is a duration in the full edition, or the one in the short one.
func (e Edition) lasts(full, short time.Duration) time.Duration {
	if e.Short {
		return short
	}
	return full
}

// Scenarios are those of an edition, in the order of the rows.
func (e Edition) Scenarios() []Scenario {
	var all []Scenario
	for i, row := range table {
		for _, s := range row(e) {
			if e.Short && !s.Short {
				continue
			}
			s.Row = i + 1
			all = append(all, s)
		}
	}
	return all
}

// table has a function for each row.
var table = [Rows]func(Edition) []Scenario{
	row1, row2, row3, row4, row5, row6, row7, row8, row9, row10, row11, row12,
	row13, row14, row15, row16, row17, row18, row19, row20, row21, row22, row23,
}
