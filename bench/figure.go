// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"fmt"
	"math"
	"time"
)

// Report is one run.
type Report struct {
	Command  string    `json:"command"`
	Started  time.Time `json:"started"`
	Seconds  float64   `json:"seconds"`
	Short    bool      `json:"short"` // small amounts: the figures are rough
	Commit   string    `json:"commit"`
	Machine  Machine   `json:"machine"`
	Sections []Section `json:"sections"`
}

// Section is one question.
type Section struct {
	Title   string   `json:"title"`
	Problem string   `json:"problem,omitempty"` // why it has no more figures
	Figures []Figure `json:"figures"`
}

// Figure is one answer.
type Figure struct {
	Name    string  `json:"name"`
	Value   float64 `json:"value"`
	Unit    string  `json:"unit"`
	Goal    *Goal   `json:"goal,omitempty"`
	Note    string  `json:"note,omitempty"`
	Missing string  `json:"missing,omitempty"` // why there is no value
}

// Goal is what a figure should be.
type Goal struct {
	Sense string  `json:"sense"` // at least, at most, within
	Limit float64 `json:"limit"`
	Met   bool    `json:"met"`
}

const (
	atLeast = "at least"
	atMost  = "at most"
	within  = "within" // on either side of zero
)

func (g *Goal) String() string {
	return fmt.Sprintf("%s %s", map[string]string{atLeast: ">=", atMost: "<=", within: "+-"}[g.Sense], short(g.Limit))
}

func (s *Section) add(name string, value float64, unit string) *Figure {
	s.Figures = append(s.Figures, Figure{Name: name, Value: value, Unit: unit})
	return &s.Figures[len(s.Figures)-1]
}

// missing adds a figure without a value.
func (s *Section) missing(name, why string) {
	s.Figures = append(s.Figures, Figure{Name: name, Missing: why})
}

// should sets the goal.
func (f *Figure) should(sense string, limit float64) *Figure {
	g := &Goal{Sense: sense, Limit: limit}
	switch sense {
	case atLeast:
		g.Met = f.Value >= limit
	case atMost:
		g.Met = f.Value <= limit
	case within:
		g.Met = math.Abs(f.Value) <= limit
	}
	f.Goal = g
	return f
}

func (f *Figure) note(format string, args ...any) *Figure {
	f.Note = fmt.Sprintf(format, args...)
	return f
}

// short shows about three digits.
func short(v float64) string {
	switch a := math.Abs(v); {
	case a == math.Trunc(a) && a < 1e6:
		return fmt.Sprintf("%.0f", v)
	case a >= 100:
		return fmt.Sprintf("%.0f", v)
	case a >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

// median is the lower one of an even number; 0 of none.
func median(sorted []float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[(len(sorted)-1)/2]
}
