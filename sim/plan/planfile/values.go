// SPDX-License-Identifier: Apache-2.0

package planfile

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/ebbproject/ebb/agent/window"
	"github.com/ebbproject/ebb/link"
	"github.com/ebbproject/ebb/sim/plan"
	"github.com/ebbproject/ebb/units"
	"github.com/ebbproject/ebb/units/strict"
)

// mostSamples bounds an empirical distribution.
const mostSamples = 100_000

// A quantity is what the values of a distribution are.
type quantity struct {
	read        func(text string) (float64, bool)
	least, most float64
	wants       string // the bounds, with an example
}

func readRate(text string) (float64, bool) { return units.Rate(text) }

func readSeconds(text string) (float64, bool) {
	d, err := time.ParseDuration(text)
	return d.Seconds(), err == nil
}

func readSize(text string) (float64, bool) {
	v, ok := units.Size(text)
	return float64(v), ok
}

func readNumber(text string) (float64, bool) {
	v, err := strconv.ParseFloat(text, 64)
	return v, err == nil
}

var (
	rates   = quantity{readRate, link.MinRate, link.MaxRate, "1kbit to 1000Gbit, as 20Mbit"}
	trips   = quantity{readSeconds, 0, 60, "0s to 1m, as 40ms"}
	buffers = quantity{readSeconds, .001, 60, "1ms to 1m, as 200ms"}
	losses  = quantity{strict.Share, 0, .5, "0% to 50%, as 0.1%"}
	counts  = quantity{readNumber, 1, 1e12, "at least 1, as 50"}
	caches  = quantity{readSize, 0, 1e18, "a size, as 20GB"}
)

// dist reads a distribution.
func (r *reader) dist(n *yaml.Node, to *plan.Dist, q quantity) {
	if n.Kind == yaml.ScalarNode {
		if v, ok := r.value(n, q); ok {
			*to = plan.Exactly(v)
		}
		return
	}
	var d plan.Dist
	given := 0
	r.Mapping(n, strict.Fields{
		"uniform": func(n *yaml.Node) {
			given++
			var v []float64
			r.List(n, func(n *yaml.Node) {
				if x, ok := r.value(n, q); ok {
					v = append(v, x)
				}
			})
			switch {
			case n.Kind != yaml.SequenceNode:
			case len(n.Content) != 2 || len(v) == 2 && v[0] > v[1]:
				r.Problem(n, "uniform wants two values, the smaller one first")
			case len(v) == 2:
				d = plan.Dist{Kind: plan.Uniform, A: v[0], B: v[1]}
			}
		},
		"lognormal": func(n *yaml.Node) { given++; r.lognormal(n, &d, q) },
		"samples": func(n *yaml.Node) {
			given++
			var v []float64
			r.List(n, func(n *yaml.Node) {
				if x, ok := r.value(n, q); ok {
					v = append(v, x)
				}
			})
			d = r.empirical(n, v)
		},
		"csv": func(n *yaml.Node) {
			given++
			v, ok := r.column(n, q, mostSamples)
			if ok {
				d = r.empirical(n, v)
			}
		},
	})
	if n.Kind == yaml.MappingNode && given != 1 {
		r.Problem(n, "want one of uniform, lognormal, samples, csv; there are %d", given)
	}
	*to = d
}

func (r *reader) lognormal(n *yaml.Node, d *plan.Dist, q quantity) {
	median, p95 := 0.0, 0.0
	r.Mapping(n, strict.Fields{
		"median": func(n *yaml.Node) { median, _ = r.value(n, q) },
		"p95":    func(n *yaml.Node) { p95, _ = r.value(n, q) },
	})
	*d = plan.Dist{Kind: plan.Lognormal, A: median, B: p95}
	switch {
	case n.Kind != yaml.MappingNode:
	case !(median > 0) || p95 < median:
		r.Problem(n, "lognormal wants a median above 0 and a p95 that is not below it")
	case d.Quantile(1) > q.most:
		r.Problem(n, "lognormal: its largest draws are beyond what is possible; give %s", q.wants)
	case d.Quantile(0) < q.least:
		r.Problem(n, "lognormal: its smallest draws are below what is possible; give %s", q.wants)
	}
}

func (r *reader) empirical(n *yaml.Node, v []float64) plan.Dist {
	if len(v) == 0 || len(v) > mostSamples {
		r.Problem(n, "there are %d values; give 1 to %d", len(v), mostSamples)
		return plan.Dist{}
	}
	return plan.FromSamples(v)
}

// value reads one value of a quantity.
func (r *reader) value(n *yaml.Node, q quantity) (float64, bool) {
	text, ok := r.Scalar(n)
	if !ok {
		return 0, false
	}
	v, ok := q.read(text)
	if !ok || !(v >= q.least && v <= q.most) {
		r.Problem(n, "the value is %q; give %s", strict.Clip(text), q.wants)
		return 0, false
	}
	return v, true
}

func (r *reader) rate(n *yaml.Node, to *plan.Rate) {
	v := float64(*to)
	r.Rate(n, &v, link.MinRate, link.MaxRate)
	*to = plan.Rate(v)
}

func (r *reader) text(n *yaml.Node, to *string) {
	text, ok := r.Scalar(n)
	if !ok {
		return
	}
	if len(text) > 200 || strings.ContainsFunc(text, func(c rune) bool { return c < ' ' }) {
		r.Problem(n, "want a name of one line, of at most 200 bytes")
		return
	}
	*to = text
}

func (r *reader) window(n *yaml.Node, to *window.Window) {
	text, ok := r.Scalar(n)
	if !ok {
		return
	}
	w, err := window.Parse(text)
	if err != nil {
		r.Problem(n, "%v", err)
		return
	}
	*to = w
}

// moment reads a time since the start, or one of the calendar, which must not be before it.
func (r *reader) moment(n *yaml.Node, to *time.Duration) {
	text, ok := r.Scalar(n)
	if !ok {
		return
	}
	if d, err := time.ParseDuration(text); err == nil && d >= 0 && d <= longest {
		*to = d
		return
	}
	at, err := time.Parse(time.RFC3339, text)
	switch {
	case err != nil:
		r.Problem(n, "%q is no moment; give a time since the start, as 36h, or one of the calendar, as 2030-01-31T06:00:00+01:00", strict.Clip(text))
	case r.s.Start.IsZero(): // that is told already
	case at.Before(r.s.Start):
		r.Problem(n, "%s is before the start, %s", text, r.s.Start.Format(time.RFC3339))
	case at.Sub(r.s.Start) > longest:
		r.Problem(n, "%s is more than a year after the start", text)
	default:
		*to = at.Sub(r.s.Start)
	}
}

// opened opens a file that the plan names; what is read of it counts for the hash.
func (r *reader) opened(n *yaml.Node, read func(in io.Reader) error) bool {
	name, ok := r.Scalar(n)
	if !ok {
		return false
	}
	f, err := r.from.Open(name)
	if err == nil {
		fmt.Fprintf(r.sum, "\n%s\n", name)
		err = errors.Join(read(io.TeeReader(io.LimitReader(f, 64<<20), r.sum)), f.Close())
	}
	if err != nil {
		r.Problem(n, "%s: %v", strict.Clip(name), err)
	}
	return err == nil
}

// column reads the values of a CSV file: those of its first column, or of all columns with 168 hours. It may begin with a line of words.
func (r *reader) column(n *yaml.Node, q quantity, most int) (list []float64, ok bool) {
	ok = r.opened(n, func(in io.Reader) error {
		c := csv.NewReader(bufio.NewReader(in))
		c.FieldsPerRecord, c.TrimLeadingSpace, c.Comment = -1, true, '#'
		for first := true; ; first = false {
			row, err := c.Read()
			if err == io.EOF {
				break
			}
			if err != nil {
				return err
			}
			if most > 7*24 { // one value a line; what follows it is for people
				row = row[:1]
			}
			for i, field := range row {
				v, good := q.read(strings.TrimSpace(field))
				if good && v >= q.least && v <= q.most && !math.IsNaN(v) {
					list = append(list, v)
					continue
				}
				if first && i == 0 && !strings.ContainsAny(field, "0123456789") {
					break // names of columns
				}
				line, _ := c.FieldPos(i)
				return fmt.Errorf("line %d is %q; give %s", line, strict.Clip(field), q.wants)
			}
			if len(list) > most {
				return fmt.Errorf("it has more than %d values", most)
			}
		}
		if len(list) == 0 {
			return errors.New("it is empty")
		}
		return nil
	})
	return list, ok
}

// traceStep is about how long a step of a trace is.
const traceStep = time.Second

// trace reads one in Mahimahi's format.
func (r *reader) trace(n *yaml.Node) (t *plan.Trace) {
	r.opened(n, func(in io.Reader) error {
		m, err := link.ParseTrace(in)
		if err != nil {
			return errors.New(strings.TrimPrefix(err.Error(), "link: "))
		}
		steps := int(max(1, m.Duration()/traceStep))
		t = &plan.Trace{Step: m.Duration() / time.Duration(steps)}
		for _, v := range m.Rates(steps) {
			t.Rates = append(t.Rates, plan.Rate(v))
		}
		return nil
	})
	return t
}
