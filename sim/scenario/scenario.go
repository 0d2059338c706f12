// SPDX-License-Identifier: Apache-2.0

// Package scenario reads the file that says which world is to be simulated: links, our flows, other traffic.
//
// It is YAML, as package strict reads it: every problem has its line, and all of them are told at once.
package scenario

import (
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/ebbproject/ebb/ledbat"
	"github.com/ebbproject/ebb/link"
	"github.com/ebbproject/ebb/sim/matrix"
	"github.com/ebbproject/ebb/units/strict"
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

// A reader reads one file.
type reader struct {
	strict.Reader
	open func(name string) (io.ReadCloser, error) // a trace
}

// Parse reads a scenario; open opens a trace that it names. The error is strict.Problems.
func Parse(text []byte, open func(name string) (io.ReadCloser, error)) (Scenario, error) {
	f := Scenario{Duration: time.Minute, Seed: 1}
	r := &reader{open: open}
	doc, err := r.Document(text, "at least a link and ours or traffic")
	if err != nil {
		return f, err
	}
	r.file(doc, &f)
	return f, r.Err()
}

func (r *reader) file(n *yaml.Node, f *Scenario) {
	var shape, back linkShape
	var linkAt, backAt *yaml.Node
	r.Mapping(n, strict.Fields{
		"duration": func(n *yaml.Node) { r.Span(n, &f.Duration, time.Millisecond, longestRun) },
		"seed": func(n *yaml.Node) {
			v := 0
			r.Whole(n, &v, 0, 1<<31)
			f.Seed = uint64(v)
		},
		"link":    func(n *yaml.Node) { linkAt = n; r.link(n, &shape) },
		"reverse": func(n *yaml.Node) { backAt = n; r.link(n, &back) },
		"ours": func(n *yaml.Node) {
			r.List(n, func(n *yaml.Node) { f.Setup.Also = append(f.Setup.Also, r.ours(n)) })
		},
		"traffic": func(n *yaml.Node) {
			r.List(n, func(n *yaml.Node) { f.Setup.Others = append(f.Setup.Others, r.traffic(n)) })
		},
	})
	if linkAt == nil {
		r.Problem(n, "link is missing; give at least its rate and rtt")
		return
	}
	f.Setup.Forward = r.shaped(linkAt, &shape, shape.rtt/2)
	if backAt == nil {
		backAt = linkAt
	}
	f.Setup.Reverse = r.shaped(backAt, &back, shape.rtt-shape.rtt/2)
	if len(f.Setup.Also)+len(f.Setup.Others) == 0 {
		r.Problem(n, "nobody sends: give ours, traffic or both")
	}
	for _, t := range f.Setup.Others {
		if t.Kind == matrix.Short && shape.config.Rate == 0 && r.Clean() {
			r.Problem(n, "traffic of kind short is a share of the link's rate, and the link has none")
		}
	}
}

// ours is one entry of our flows.
func (r *reader) ours(n *yaml.Node) matrix.Ours {
	o := matrix.Ours{Controller: "ebb"}
	flows, start, skew := 1, time.Duration(0), 0.0
	r.Mapping(n, strict.Fields{
		"controller": func(n *yaml.Node) { r.Word(n, &o.Controller, ledbat.Names()) },
		"target":     func(n *yaml.Node) { r.Span(n, &o.Target, 1, time.Hour) },
		"flows":      func(n *yaml.Node) { r.Whole(n, &flows, 1, mostFlows) },
		"grouped":    func(n *yaml.Node) { r.Flag(n, &o.Grouped) },
		"ecn":        func(n *yaml.Node) { ecn := true; r.Flag(n, &ecn); o.NotECT = !ecn },
		"start":      func(n *yaml.Node) { r.Span(n, &start, 0, longestRun) },
		"stop":       func(n *yaml.Node) { r.Span(n, &o.Stop, time.Millisecond, longestRun) },
		"skew_ppm":   func(n *yaml.Node) { r.Number(n, &skew, -10_000, 10_000) },
	})
	r.order(n, start, o.Stop)
	o.Clock.Skew = skew
	for range flows {
		o.Starts = append(o.Starts, start)
	}
	if err := o.Check(); err != nil && !errors.Is(err, ledbat.ErrUnknownController) {
		r.Problem(n, "%s", strings.TrimPrefix(err.Error(), ledbat.ErrConfig.Error()+": "))
	}
	return o
}

// traffic is one entry of others' flows.
func (r *reader) traffic(n *yaml.Node) matrix.Traffic {
	t := matrix.Traffic{Control: "cubic", Flows: 1}
	kind := "bulk"
	r.Mapping(n, strict.Fields{
		"kind":    func(n *yaml.Node) { r.Word(n, &kind, matrix.Kinds()) },
		"control": func(n *yaml.Node) { r.Word(n, &t.Control, matrix.Controls()) },
		"flows":   func(n *yaml.Node) { r.Whole(n, &t.Flows, 1, mostFlows) },
		"start":   func(n *yaml.Node) { r.Span(n, &t.Start, 0, longestRun) },
		"stop":    func(n *yaml.Node) { r.Span(n, &t.Stop, time.Millisecond, longestRun) },
		"ecn":     func(n *yaml.Node) { r.Flag(n, &t.ECN) },
		"load":    func(n *yaml.Node) { r.Share(n, &t.Load) },
		"size":    func(n *yaml.Node) { r.Size(n, &t.Size, 1, 1<<40) },
		"back":    func(n *yaml.Node) { r.Flag(n, &t.Back) },
	})
	r.order(n, t.Start, t.Stop)
	t.Kind = matrix.Kind(max(0, slices.Index(matrix.Kinds(), kind)))
	switch {
	case t.Kind == matrix.Short && !(t.Load >= 0.001):
		r.Problem(n, "traffic of kind short needs a load of 0.1 %% to 100 %%")
	case t.Kind != matrix.Short && t.Load != 0:
		r.Problem(n, "load is for traffic of kind short")
	}
	return t
}

func (r *reader) order(n *yaml.Node, start, stop time.Duration) {
	if stop != 0 && stop <= start {
		r.Problem(n, "stop is %v and start %v; stop later", stop, start)
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
			r.Problem(n, "buffer is in BDP, and without a rate and an rtt there is none; give bytes, packets or time")
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
			r.Problem(n, "ecn is for a link with an aqm")
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
		r.Problem(n, "%s %s", bad.Field, bad.Problem)
	}
	return c
}
