// SPDX-License-Identifier: Apache-2.0

package planfile

import (
	"maps"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/ebbproject/ebb/fleet/desired"
	"github.com/ebbproject/ebb/sim/plan"
	"github.com/ebbproject/ebb/units/strict"
)

const (
	everything    = -1 // what a pause without a content concerns
	defaultReboot = 3 * time.Minute
)

func (r *reader) order(n *yaml.Node) {
	o := plan.Order{Content: -1}
	named, to := false, false
	r.Mapping(n, strict.Fields{
		"content": func(n *yaml.Node) {
			named = true
			if i, ok := r.refers(n, "content", r.contents); ok {
				o.Content = i
			}
		},
		"to":       func(n *yaml.Node) { to = true; o.To = r.places(n) },
		"at":       func(n *yaml.Node) { r.moment(n, &o.At) },
		"by":       func(n *yaml.Node) { r.moment(n, &o.By) },
		"priority": func(n *yaml.Node) { r.Whole(n, &o.Priority, -desired.MaxPriority, desired.MaxPriority) },
		"window":   func(n *yaml.Node) { r.window(n, &o.Window) },
		"metered":  func(n *yaml.Node) { r.Flag(n, &o.Metered) },
	})
	if n.Kind == yaml.MappingNode && !named {
		r.Problem(n, "the order has no content")
	}
	if n.Kind == yaml.MappingNode && !to {
		r.Problem(n, "the order does not say to whom: give to, a list of names of locations or regions, or all")
	}
	r.s.Orders, r.orderAt = append(r.s.Orders, o), append(r.orderAt, n)
}

func (r *reader) event(n *yaml.Node) {
	e := plan.Event{Share: 1, Content: everything, Down: defaultReboot}
	kind, begins, lasts, down, content := "", false, false, false, false
	r.Mapping(n, strict.Fields{
		"kind": func(n *yaml.Node) {
			r.Word(n, &kind, []string{string(plan.LinkDown), string(plan.HubDown), string(plan.Pause), string(plan.Reboot), string(plan.PowerCut)})
		},
		"to":    func(n *yaml.Node) { e.To = r.places(n) },
		"share": func(n *yaml.Node) { r.Share(n, &e.Share) },
		"at":    func(n *yaml.Node) { begins = true; r.moment(n, &e.At) },
		"for":   func(n *yaml.Node) { lasts = true; r.Span(n, &e.For, time.Second, longest) },
		"down":  func(n *yaml.Node) { down = true; r.Span(n, &e.Down, time.Second, 24*time.Hour) },
		"content": func(n *yaml.Node) {
			content = true
			if i, ok := r.refers(n, "content", r.contents); ok {
				e.Content = i
			}
		},
	})
	e.Kind = plan.EventKind(kind)
	if n.Kind == yaml.MappingNode {
		switch {
		case kind == "":
			r.Problem(n, "the event has no kind that is known: give link-down, hub-down, pause, reboot or power-cut")
		case !begins || !lasts:
			r.Problem(n, "the event needs at, when it begins, and for, how long it lasts")
		case down && e.Kind != plan.Reboot:
			r.Problem(n, "down is how long each host is off, with a reboot; a %s lasts for its for", kind)
		case content && e.Kind != plan.Pause:
			r.Problem(n, "content is for a pause; a %s concerns all", kind)
		case e.Kind == plan.HubDown && (len(e.To) > 0 || e.Share < 1):
			r.Problem(n, "the hub is down for all: leave out to and share")
		case e.At >= r.s.Horizon:
			r.Problem(n, "the event begins %v after the start, which is not before the horizon of %v", e.At, r.s.Horizon)
		}
	}
	r.s.Events = append(r.s.Events, e)
}

// places reads a list of names of locations and regions, or all; the result is sorted.
func (r *reader) places(n *yaml.Node) []int {
	set := map[int]bool{}
	one := func(n *yaml.Node) {
		text, ok := r.Scalar(n)
		if !ok {
			return
		}
		class, isClass := r.classes[text]
		region, isRegion := r.regions[text]
		switch {
		case isClass && isRegion:
			r.Problem(n, "%q is the name of locations and of a region; give them different names", strict.Clip(text))
		case isClass:
			set[class] = true
		case isRegion:
			found := false
			for i, c := range r.s.Classes {
				if c.Region == region {
					set[i], found = true, true
				}
			}
			if !found {
				r.Problem(n, "the region %q has no locations", strict.Clip(text))
			}
		case text == "all":
			for i := range r.s.Classes {
				set[i] = true
			}
		default:
			r.Unknown(n, "location or region", append(slices.Sorted(maps.Keys(r.classes)), slices.Sorted(maps.Keys(r.regions))...))
		}
	}
	if n.Kind == yaml.ScalarNode {
		one(n)
	} else {
		r.List(n, one)
		if n.Kind == yaml.SequenceNode && len(n.Content) == 0 {
			r.Problem(n, "the list is empty; give names of locations or regions, or all")
		}
	}
	return slices.Sorted(maps.Keys(set))
}
