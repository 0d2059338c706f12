// SPDX-License-Identifier: Apache-2.0

package planfile

import (
	"errors"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/ebbproject/ebb/sim/plan"
	"github.com/ebbproject/ebb/units/strict"
)

// mostPoints bounds the combinations of a sweep.
const mostPoints = 1000

func (r *reader) axis(name, n *yaml.Node) {
	a := plan.Axis{Name: name.Value}
	r.List(n, func(n *yaml.Node) {
		if text, ok := r.Scalar(n); ok {
			a.Values = append(a.Values, text)
		}
	})
	switch head, _, _ := strings.Cut(a.Name, "."); {
	case n.Kind != yaml.SequenceNode:
	case len(n.Content) == 0:
		r.Problem(n, "the list is empty; give the values that %s is to have", strict.Clip(a.Name))
	case head == "sweep", head == "seeds", head == "name":
		r.Problem(name, "%s cannot be swept; sweep what concerns the fleet, such as locations.shops.link.down", head)
	}
	r.s.Sweep, r.axes = append(r.s.Sweep, a), append(r.axes, n)
	points := 1
	for _, a := range r.s.Sweep {
		points = min(points*max(len(a.Values), 1), mostPoints+1)
	}
	if points > mostPoints {
		r.Problem(name, "the sweep has more than %d combinations", mostPoints)
	}
}

// sweepable tries every value of every axis once, alone.
func (f *File) sweepable(axes []*yaml.Node) error {
	var all strict.Problems
	for i, a := range f.Scenario.Sweep {
		for j, value := range a.Values {
			_, err := f.With(Setting{a.Name, value})
			var bad strict.Problems
			if errors.As(err, &bad) {
				p := bad[0]
				p.Line = axes[i].Content[j].Line
				if p.Text == "" { // a key that is not known
					p.Text = "there is no such key " + strconv.Quote(p.Key)
				}
				p.Text = "sweep of " + strict.Clip(a.Name) + ", " + strict.Clip(value) + ": " + p.Text
				all = append(all, p)
			}
		}
	}
	if len(all) == 0 {
		return nil
	}
	return all
}

// Points are the settings of each combination, in the order of the values, the last axis fastest; none without a sweep.
func Points(axes []plan.Axis) [][]Setting {
	if len(axes) == 0 {
		return nil
	}
	points := [][]Setting{nil}
	for _, a := range axes {
		var next [][]Setting
		for _, p := range points {
			for _, v := range a.Values {
				next = append(next, append(p[:len(p):len(p)], Setting{a.Name, v}))
			}
		}
		points = next
	}
	return points
}

// set gives the key at a path another value; a last key that is not there is added. Names may have dots in them.
func (r *reader) set(n *yaml.Node, s Setting) {
	rest := s.Path
	for {
		key, value := r.step(n, rest)
		switch {
		case value == nil && n.Kind == yaml.MappingNode && !strings.Contains(rest, ".") && rest != "":
			n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: rest, Line: n.Line}, &yaml.Node{Kind: yaml.ScalarNode, Value: s.Value, Line: n.Line})
			return
		case value == nil:
			r.Problem(n, "there is nothing at %q of it", strict.Clip(rest))
			return
		case key == rest:
			*value = yaml.Node{Kind: yaml.ScalarNode, Value: s.Value, Line: value.Line}
			return
		}
		n, rest = value, rest[len(key)+1:]
	}
}

// step is the first key of a path within a node, the longest one that fits, and its value; nil: there is none.
func (r *reader) step(n *yaml.Node, path string) (key string, value *yaml.Node) {
	fits := func(k string) bool { return k == path || strings.HasPrefix(path, k+".") }
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			if k := n.Content[i].Value; fits(k) && (value == nil || len(k) > len(key)) {
				key, value = k, n.Content[i+1]
			}
		}
	case yaml.SequenceNode:
		head, _, _ := strings.Cut(path, ".")
		if i, err := strconv.Atoi(head); err == nil && i >= 0 && i < len(n.Content) && strconv.Itoa(i) == head {
			return head, n.Content[i]
		}
	}
	return key, value
}
