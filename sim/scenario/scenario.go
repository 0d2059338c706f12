// SPDX-License-Identifier: Apache-2.0

// Package scenario reads the file that says which world is to be simulated: links, our flows, other traffic.
//
// It is YAML, and strict: one form for every value, always with its unit, and no key that is not known. It is read from the nodes of the document
// rather than into a struct, so that every problem has its line, and all of them are told at once.
package scenario

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/ebbproject/ebb/ledbat"
	"github.com/ebbproject/ebb/link"
	"github.com/ebbproject/ebb/sim/matrix"
)

// A Scenario is one world to be simulated.
type Scenario struct {
	Setup    matrix.Setup
	Duration time.Duration
	Seed     uint64
}

const (
	longestRun = 24 * time.Hour
	mostFlows  = 1000 // of one entry
)

// A Problem is one thing that is wrong with a file.
type Problem struct {
	Line  int // 0: the whole file
	Text  string
	Key   string   // if it is one that is not known,
	Known []string // and these are
}

// Problems are all of them, in the order of their lines.
type Problems []Problem

func (p Problems) Error() string {
	var lines []string
	for _, one := range p {
		if text := one.String(); len(lines) == 0 || lines[len(lines)-1] != text {
			lines = append(lines, text)
		}
	}
	return strings.Join(lines, "\n  ")
}

func (p Problem) String() string {
	text := p.Text
	if p.Key != "" {
		text = fmt.Sprintf("unknown key %q; known here: %s", p.Key, strings.Join(p.Known, ", "))
	}
	if p.Line == 0 {
		return text
	}
	return fmt.Sprintf("line %d: %s", p.Line, text)
}

// A reader reads one file.
type reader struct {
	open     func(name string) (io.ReadCloser, error) // a trace
	key      string                                   // whose value is being read
	problems Problems
}

// Parse reads a scenario; open opens a trace that it names. The error is Problems.
func Parse(text []byte, open func(name string) (io.ReadCloser, error)) (Scenario, error) {
	f := Scenario{Duration: time.Minute, Seed: 1}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	var doc yaml.Node
	if err := dec.Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) {
			return f, Problems{{Text: "it is empty; give at least a link and ours or traffic"}}
		}
		return f, Problems{{Text: strings.TrimPrefix(err.Error(), "yaml: ")}}
	}
	r := &reader{open: open}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		r.problem(&doc, "it has more than one document")
	}
	r.file(doc.Content[0], &f)
	return f, r.err()
}

func (r *reader) file(n *yaml.Node, f *Scenario) {
	var shape, back linkShape
	var linkAt, backAt *yaml.Node
	r.mapping(n, fields{
		"duration": func(n *yaml.Node) { r.span(n, &f.Duration, time.Millisecond, longestRun) },
		"seed": func(n *yaml.Node) {
			v := 0
			r.whole(n, &v, 0, 1<<31)
			f.Seed = uint64(v)
		},
		"link":    func(n *yaml.Node) { linkAt = n; r.link(n, &shape) },
		"reverse": func(n *yaml.Node) { backAt = n; r.link(n, &back) },
		"ours": func(n *yaml.Node) {
			r.list(n, func(n *yaml.Node) { f.Setup.Also = append(f.Setup.Also, r.ours(n)) })
		},
		"traffic": func(n *yaml.Node) {
			r.list(n, func(n *yaml.Node) { f.Setup.Others = append(f.Setup.Others, r.traffic(n)) })
		},
	})
	if linkAt == nil {
		r.problem(n, "link is missing; give at least its rate and rtt")
		return
	}
	f.Setup.Forward = r.shaped(linkAt, &shape, shape.rtt/2)
	if backAt == nil {
		backAt = linkAt
	}
	f.Setup.Reverse = r.shaped(backAt, &back, shape.rtt-shape.rtt/2)
	if len(f.Setup.Also)+len(f.Setup.Others) == 0 {
		r.problem(n, "nobody sends: give ours, traffic or both")
	}
	for _, t := range f.Setup.Others {
		if t.Kind == matrix.Short && shape.config.Rate == 0 && len(r.problems) == 0 {
			r.problem(n, "traffic of kind short is a share of the link's rate, and the link has none")
		}
	}
}

// ours is one entry of our flows.
func (r *reader) ours(n *yaml.Node) matrix.Ours {
	o := matrix.Ours{Controller: "ebb"}
	flows, start, skew := 1, time.Duration(0), 0.0
	r.mapping(n, fields{
		"controller": func(n *yaml.Node) { r.word(n, &o.Controller, ledbat.Names()) },
		"target":     func(n *yaml.Node) { r.span(n, &o.Target, 1, time.Hour) },
		"flows":      func(n *yaml.Node) { r.whole(n, &flows, 1, mostFlows) },
		"grouped":    func(n *yaml.Node) { r.flag(n, &o.Grouped) },
		"ecn":        func(n *yaml.Node) { ecn := true; r.flag(n, &ecn); o.NotECT = !ecn },
		"start":      func(n *yaml.Node) { r.span(n, &start, 0, longestRun) },
		"stop":       func(n *yaml.Node) { r.span(n, &o.Stop, time.Millisecond, longestRun) },
		"skew_ppm":   func(n *yaml.Node) { r.number(n, &skew, -10_000, 10_000) },
	})
	r.order(n, start, o.Stop)
	o.Clock.Skew = skew
	for range flows {
		o.Starts = append(o.Starts, start)
	}
	if err := o.Check(); err != nil && !errors.Is(err, ledbat.ErrUnknownController) {
		r.problem(n, "%s", strings.TrimPrefix(err.Error(), ledbat.ErrConfig.Error()+": "))
	}
	return o
}

// traffic is one entry of others' flows.
func (r *reader) traffic(n *yaml.Node) matrix.Traffic {
	t := matrix.Traffic{Control: "cubic", Flows: 1}
	kind := "bulk"
	r.mapping(n, fields{
		"kind":    func(n *yaml.Node) { r.word(n, &kind, matrix.Kinds()) },
		"control": func(n *yaml.Node) { r.word(n, &t.Control, matrix.Controls()) },
		"flows":   func(n *yaml.Node) { r.whole(n, &t.Flows, 1, mostFlows) },
		"start":   func(n *yaml.Node) { r.span(n, &t.Start, 0, longestRun) },
		"stop":    func(n *yaml.Node) { r.span(n, &t.Stop, time.Millisecond, longestRun) },
		"ecn":     func(n *yaml.Node) { r.flag(n, &t.ECN) },
		"load":    func(n *yaml.Node) { r.share(n, &t.Load) },
		"size":    func(n *yaml.Node) { r.size(n, &t.Size, 1, 1<<40) },
		"back":    func(n *yaml.Node) { r.flag(n, &t.Back) },
	})
	r.order(n, t.Start, t.Stop)
	t.Kind = matrix.Kind(max(0, slices.Index(matrix.Kinds(), kind)))
	switch {
	case t.Kind == matrix.Short && !(t.Load >= 0.001):
		r.problem(n, "traffic of kind short needs a load of 0.1 %% to 100 %%")
	case t.Kind != matrix.Short && t.Load != 0:
		r.problem(n, "load is for traffic of kind short")
	}
	return t
}

func (r *reader) order(n *yaml.Node, start, stop time.Duration) {
	if stop != 0 && stop <= start {
		r.problem(n, "stop is %v and start %v; stop later", stop, start)
	}
}

// linkShape is a link as a file has it.
type linkShape struct {
	config link.Config
	rtt    time.Duration
	bdp    float64 // buffer in these
	ecn    bool
	aqm    string
}

// shaped makes a link of a shape: with its one-way delay if it does not say that itself, and checked.
func (r *reader) shaped(n *yaml.Node, s *linkShape, delay time.Duration) link.Config {
	c := s.config
	if c.Delay == 0 {
		c.Delay = delay
	}
	if s.bdp > 0 {
		c.BufferBytes = int(min(s.bdp*c.Rate/8*2*c.Delay.Seconds(), link.MaxBuffer))
		if c.BufferBytes == 0 {
			r.problem(n, "buffer is in BDP, and without a rate and an rtt there is none; give bytes, packets or time")
		}
	}
	switch s.aqm {
	case "pie":
		c.AQM = link.PIE{ECN: s.ecn}
	case "codel":
		c.AQM = link.CoDel{ECN: s.ecn}
	case "fq-codel":
		c.AQM = link.FQCoDel{ECN: s.ecn}
	default:
		if s.ecn {
			r.problem(n, "ecn is for a link with an aqm")
		}
	}
	rate, at := c.Rate, c.Delay
	for i := range c.Schedule.Steps { // what a change does not name stays as it was
		step := &c.Schedule.Steps[i]
		if step.Rate == 0 {
			step.Rate = rate
		}
		if step.Delay < 0 {
			step.Delay = at
		}
		rate, at = step.Rate, step.Delay
	}
	var bad *link.ConfigError
	if err := c.Validate(); errors.As(err, &bad) {
		r.problem(n, "%s %s", bad.Field, bad.Problem)
	}
	return c
}

func (r *reader) problem(n *yaml.Node, format string, args ...any) {
	r.problems = append(r.problems, Problem{Line: n.Line, Text: fmt.Sprintf(format, args...)})
}

// err is all that is wrong.
func (r *reader) err() error {
	if len(r.problems) == 0 {
		return nil
	}
	slices.SortStableFunc(r.problems, func(a, b Problem) int { return cmp.Compare(a.Line, b.Line) })
	return r.problems
}
