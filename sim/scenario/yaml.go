// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"io"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/ebbproject/ebb/link"
	"github.com/ebbproject/ebb/units"
	"github.com/ebbproject/ebb/units/strict"
)

// link reads one link.
func (r *reader) link(n *yaml.Node, s *linkShape) {
	c := &s.config
	r.Mapping(n, strict.Fields{
		"rate":      func(n *yaml.Node) { r.Rate(n, &c.Rate, link.MinRate, link.MaxRate) },
		"rtt":       func(n *yaml.Node) { r.Span(n, &s.rtt, 0, link.MaxDelay) },
		"delay":     func(n *yaml.Node) { r.Span(n, &c.Delay, 0, link.MaxDelay) },
		"buffer":    func(n *yaml.Node) { r.buffer(n, s) },
		"loss":      func(n *yaml.Node) { r.Share(n, &c.Loss) },
		"jitter":    func(n *yaml.Node) { r.Span(n, &c.Jitter, 0, link.MaxDelay) },
		"aqm":       func(n *yaml.Node) { r.Word(n, &s.aqm, []string{"pie", "codel", "fq-codel"}) },
		"ecn":       func(n *yaml.Node) { r.Flag(n, &s.ecn) },
		"wifi":      func(n *yaml.Node) { r.Span(n, &c.WiFi.Interval, 0, link.MaxDelay); c.WiFi.Access = c.WiFi.Interval },
		"lte":       func(n *yaml.Node) { r.Span(n, &c.LTE.Interval, 0, link.MaxDelay); c.LTE.Retransmit = 0.1 },
		"policer":   func(n *yaml.Node) { r.policer(n, &c.Policer) },
		"trace":     func(n *yaml.Node) { c.Trace = r.trace(n) },
		"changes":   func(n *yaml.Node) { r.List(n, func(n *yaml.Node) { r.change(n, &c.Schedule) }) },
		"repeat":    func(n *yaml.Node) { r.Span(n, &c.Schedule.Period, time.Millisecond, longestRun) },
		"blackouts": func(n *yaml.Node) { r.List(n, func(n *yaml.Node) { r.blackout(n, c) }) },
	})
}

// buffer reads bytes, time, packets of 1500 bytes or BDP.
func (r *reader) buffer(n *yaml.Node, s *linkShape) {
	text, ok := r.Scalar(n)
	if !ok {
		return
	}
	number, inBDP := strings.CutSuffix(strings.ToLower(text), "bdp")
	number, inPackets := strings.CutSuffix(number, "packets")
	v, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	switch {
	case inBDP && err == nil && v > 0 && v <= 1000:
		s.bdp = v
	case inPackets && err == nil && v >= 1 && v*1500 <= link.MaxBuffer:
		s.config.BufferBytes = int(v) * 1500
	default:
		if d, err := time.ParseDuration(text); err == nil && d > 0 && d <= link.MaxDelay {
			s.config.BufferTime = d
		} else if size, ok := units.Size(text); ok && size > 0 && size <= link.MaxBuffer {
			s.config.BufferBytes = int(size)
		} else {
			r.Problem(n, "buffer is %q; give bytes, time, packets or BDP, as 256kB, 100ms, 1000 packets or 4 BDP", text)
		}
	}
}

func (r *reader) policer(n *yaml.Node, p *link.Policer) {
	burst := int64(0)
	r.Mapping(n, strict.Fields{
		"rate":  func(n *yaml.Node) { r.Rate(n, &p.Rate, link.MinRate, link.MaxRate) },
		"burst": func(n *yaml.Node) { r.Size(n, &burst, 1500, link.MaxBuffer) },
	})
	p.Burst = int(burst)
}

func (r *reader) change(n *yaml.Node, s *link.Schedule) {
	step := link.Step{Delay: -1} // as before, until it is given
	r.Mapping(n, strict.Fields{
		"at":    func(n *yaml.Node) { r.Span(n, &step.At, 0, longestRun) },
		"rate":  func(n *yaml.Node) { r.Rate(n, &step.Rate, link.MinRate, link.MaxRate) },
		"delay": func(n *yaml.Node) { r.Span(n, &step.Delay, 0, link.MaxDelay) },
	})
	s.Steps = append(s.Steps, step)
}

func (r *reader) blackout(n *yaml.Node, c *link.Config) {
	var w link.Window
	r.Mapping(n, strict.Fields{
		"from": func(n *yaml.Node) { r.Span(n, &w.From, 0, longestRun) },
		"for":  func(n *yaml.Node) { r.Span(n, &w.For, 1, longestRun) },
	})
	c.Blackouts = append(c.Blackouts, w)
}

// trace reads the opportunities of a link: a list of milliseconds, or the name of a file of them.
func (r *reader) trace(n *yaml.Node) *link.Trace {
	var in io.Reader
	if n.Kind == yaml.SequenceNode {
		var b strings.Builder
		for _, item := range n.Content {
			b.WriteString(item.Value + "\n")
		}
		in = strings.NewReader(b.String())
	} else {
		name, ok := r.Scalar(n)
		if !ok {
			return nil
		}
		f, err := r.open(name)
		if err != nil {
			r.Problem(n, "trace: %v", err)
			return nil
		}
		defer f.Close()
		in = f
	}
	t, err := link.ParseTrace(in)
	if err != nil {
		r.Problem(n, "trace: %s", strings.TrimPrefix(err.Error(), "link: "))
		return nil
	}
	return t
}
