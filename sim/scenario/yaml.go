// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/ebbproject/ebb/link"
	"github.com/ebbproject/ebb/units"
)

// fields are what a mapping may have, and who reads each.
type fields map[string]func(*yaml.Node)

// mapping reads one; a key that is unknown or there twice is a problem.
func (r *reader) mapping(n *yaml.Node, known fields) {
	if n.Kind != yaml.MappingNode {
		r.problem(n, "want keys and values here, of %s", strings.Join(slices.Sorted(maps.Keys(known)), ", "))
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		read, ok := known[key.Value]
		switch {
		case !ok:
			r.problems = append(r.problems, Problem{Line: key.Line, Key: key.Value, Known: slices.Sorted(maps.Keys(known))})
		case seen[key.Value]:
			r.problem(key, "%s is given twice", key.Value)
		default:
			r.key = key.Value
			read(value)
		}
		seen[key.Value] = true
	}
}

func (r *reader) list(n *yaml.Node, read func(*yaml.Node)) {
	if n.Kind != yaml.SequenceNode {
		r.problem(n, "%s: want a list", r.key)
		return
	}
	for _, item := range n.Content {
		read(item)
	}
}

// scalar is the text of a single value; "" and a problem if it is none.
func (r *reader) scalar(n *yaml.Node) (string, bool) {
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		r.problem(n, "%s: want a single value", r.key)
		return "", false
	}
	return n.Value, true
}

func (r *reader) span(n *yaml.Node, to *time.Duration, least, most time.Duration) {
	text, ok := r.scalar(n)
	if !ok {
		return
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < least || d > most {
		r.problem(n, "%s is %q; give %v to %v, as 90s or 30ms", r.key, text, least, most)
		return
	}
	*to = d
}

func (r *reader) whole(n *yaml.Node, to *int, least, most int) {
	text, ok := r.scalar(n)
	if !ok {
		return
	}
	v, err := strconv.Atoi(text)
	if err != nil || v < least || v > most {
		r.problem(n, "%s is %q; give %d to %d", r.key, text, least, most)
		return
	}
	*to = v
}

func (r *reader) number(n *yaml.Node, to *float64, least, most float64) {
	text, ok := r.scalar(n)
	if !ok {
		return
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || !(v >= least && v <= most) {
		r.problem(n, "%s is %q; give %g to %g", r.key, text, least, most)
		return
	}
	*to = v
}

// share reads "1 %", "1%" or 0.01.
func (r *reader) share(n *yaml.Node, to *float64) {
	text, ok := r.scalar(n)
	if !ok {
		return
	}
	number, percent := strings.CutSuffix(text, "%")
	v, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if percent {
		v /= 100
	}
	if err != nil || !(v >= 0 && v <= 1) {
		r.problem(n, "%s is %q; give a share, as 1%% or 0.01", r.key, text)
		return
	}
	*to = v
}

func (r *reader) rate(n *yaml.Node, to *float64) {
	text, ok := r.scalar(n)
	if !ok {
		return
	}
	v, ok := units.Rate(text)
	if !ok || !(v >= link.MinRate && v <= link.MaxRate) {
		r.problem(n, "%s is %q; give 1kbit to 1000Gbit, as 20Mbit", r.key, text)
		return
	}
	*to = v
}

func (r *reader) size(n *yaml.Node, to *int64, least, most int64) {
	text, ok := r.scalar(n)
	if !ok {
		return
	}
	v, ok := units.Size(text)
	if !ok || v < least || v > most {
		r.problem(n, "%s is %q; give %d B to %d B, as 64KiB or 1.5MB", r.key, text, least, most)
		return
	}
	*to = v
}

func (r *reader) flag(n *yaml.Node, to *bool) {
	text, ok := r.scalar(n)
	switch {
	case !ok:
	case text == "true", text == "false":
		*to = text == "true"
	default:
		r.problem(n, "%s is %q; give true or false", r.key, text)
	}
}

func (r *reader) word(n *yaml.Node, to *string, choices []string) {
	text, ok := r.scalar(n)
	if !ok {
		return
	}
	if !slices.Contains(choices, text) {
		r.problem(n, "%s is %q; give one of %s", r.key, text, strings.Join(choices, ", "))
		return
	}
	*to = text
}

// link reads one link.
func (r *reader) link(n *yaml.Node, s *linkShape) {
	c := &s.config
	r.mapping(n, fields{
		"rate":      func(n *yaml.Node) { r.rate(n, &c.Rate) },
		"rtt":       func(n *yaml.Node) { r.span(n, &s.rtt, 0, link.MaxDelay) },
		"delay":     func(n *yaml.Node) { r.span(n, &c.Delay, 0, link.MaxDelay) },
		"buffer":    func(n *yaml.Node) { r.buffer(n, s) },
		"loss":      func(n *yaml.Node) { r.share(n, &c.Loss) },
		"jitter":    func(n *yaml.Node) { r.span(n, &c.Jitter, 0, link.MaxDelay) },
		"aqm":       func(n *yaml.Node) { r.word(n, &s.aqm, []string{"pie", "codel", "fq-codel"}) },
		"ecn":       func(n *yaml.Node) { r.flag(n, &s.ecn) },
		"wifi":      func(n *yaml.Node) { r.span(n, &c.WiFi.Interval, 0, link.MaxDelay); c.WiFi.Access = c.WiFi.Interval },
		"lte":       func(n *yaml.Node) { r.span(n, &c.LTE.Interval, 0, link.MaxDelay); c.LTE.Retransmit = 0.1 },
		"policer":   func(n *yaml.Node) { r.policer(n, &c.Policer) },
		"trace":     func(n *yaml.Node) { c.Trace = r.trace(n) },
		"changes":   func(n *yaml.Node) { r.list(n, func(n *yaml.Node) { r.change(n, &c.Schedule) }) },
		"repeat":    func(n *yaml.Node) { r.span(n, &c.Schedule.Period, time.Millisecond, longestRun) },
		"blackouts": func(n *yaml.Node) { r.list(n, func(n *yaml.Node) { r.blackout(n, c) }) },
	})
}

// buffer reads bytes, time, packets of 1500 bytes or BDP.
func (r *reader) buffer(n *yaml.Node, s *linkShape) {
	text, ok := r.scalar(n)
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
			r.problem(n, "buffer is %q; give bytes, time, packets or BDP, as 256kB, 100ms, 1000 packets or 4 BDP", text)
		}
	}
}

func (r *reader) policer(n *yaml.Node, p *link.Policer) {
	burst := int64(0)
	r.mapping(n, fields{
		"rate":  func(n *yaml.Node) { r.rate(n, &p.Rate) },
		"burst": func(n *yaml.Node) { r.size(n, &burst, 1500, link.MaxBuffer) },
	})
	p.Burst = int(burst)
}

func (r *reader) change(n *yaml.Node, s *link.Schedule) {
	step := link.Step{Delay: -1} // as before, until it is given
	r.mapping(n, fields{
		"at":    func(n *yaml.Node) { r.span(n, &step.At, 0, longestRun) },
		"rate":  func(n *yaml.Node) { r.rate(n, &step.Rate) },
		"delay": func(n *yaml.Node) { r.span(n, &step.Delay, 0, link.MaxDelay) },
	})
	s.Steps = append(s.Steps, step)
}

func (r *reader) blackout(n *yaml.Node, c *link.Config) {
	var w link.Window
	r.mapping(n, fields{
		"from": func(n *yaml.Node) { r.span(n, &w.From, 0, longestRun) },
		"for":  func(n *yaml.Node) { r.span(n, &w.For, 1, longestRun) },
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
		name, ok := r.scalar(n)
		if !ok {
			return nil
		}
		f, err := r.open(name)
		if err != nil {
			r.problem(n, "trace: %v", err)
			return nil
		}
		defer f.Close()
		in = f
	}
	t, err := link.ParseTrace(in)
	if err != nil {
		r.problem(n, "trace: %s", strings.TrimPrefix(err.Error(), "link: "))
		return nil
	}
	return t
}
