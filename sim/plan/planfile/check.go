// SPDX-License-Identifier: Apache-2.0

package planfile

import (
	"fmt"
	"math"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/ebbproject/ebb/agent/window"
	"github.com/ebbproject/ebb/sim/plan"
	"github.com/ebbproject/ebb/units/strict"
)

// Need is what playing a scenario at flow level takes, as measured with a million hosts in 10,000 locations.
type Need struct {
	Locations, Hosts float64
	CPU              time.Duration // of one seed, on one core
	Memory           float64       // bytes
}

const (
	cpuPerHost    = 3 * time.Microsecond
	memoryPerHost = 110.0
	mostHosts     = 20e6
)

// NeedOf is what a scenario takes.
func NeedOf(s plan.Scenario) (n Need) {
	for _, c := range s.Classes {
		n.Locations += float64(c.Count)
		n.Hosts += float64(c.Count) * mean(c.Hosts.Count)
	}
	n.CPU = time.Duration(min(n.Hosts*float64(cpuPerHost)*float64(max(len(s.Orders), 1)), math.MaxInt64/2))
	n.Memory = n.Hosts * memoryPerHost
	return n
}

// mean is about the mean of a distribution.
func mean(d plan.Dist) float64 {
	const n = 64
	sum := 0.0
	for i := range n {
		sum += d.Quantile((float64(i) + .5) / n)
	}
	return sum / n
}

// checkFleet refuses a fleet of no locations, and one that no machine could play.
func (r *reader) checkFleet(at *yaml.Node) {
	for i := range r.s.Classes {
		if r.s.Classes[i].Region < 0 { // the region that is not said
			r.s.Classes[i].Region = r.nowhere()
		}
	}
	if at != nil && at.Kind == yaml.MappingNode && len(at.Content) == 0 {
		r.Problem(at, "locations is empty; give at least one name, with a link and hosts")
	}
	if at == nil {
		return
	}
	n := NeedOf(r.s)
	if n.Hosts > mostHosts || n.Locations > mostCount {
		r.Problem(at, "these are %.0f hosts in %.0f locations; at most %.0f in %d are played. They would take about %s of CPU and %.0f GB of memory for each seed; plan a part of them, "+
			"or make one location stand for several", n.Hosts, n.Locations, mostHosts, mostCount, n.CPU.Round(time.Minute), math.Ceil(n.Memory/1e9))
	}
}

// nowhere is the region of locations that have none.
func (r *reader) nowhere() int {
	const name = "everywhere"
	if i, ok := r.regions[name]; ok {
		return i
	}
	if r.regions == nil {
		r.regions = map[string]int{}
	}
	r.regions[name] = len(r.s.Regions)
	r.s.Regions = append(r.s.Regions, plan.Region{Name: name})
	return r.regions[name]
}

// checkOrders refuses orders that cannot be and those that contradict one another, and notes what is hardly meant.
func (r *reader) checkOrders() {
	if len(r.s.Orders) > mostOrders || len(r.s.Contents) > mostContents {
		r.Problem(&yaml.Node{}, "there are %d orders and %d contents; at most %d of each are played", len(r.s.Orders), len(r.s.Contents), mostOrders)
		return
	}
	type pair struct{ content, class int }
	first := map[pair]int{}
	for i, o := range r.s.Orders {
		n := r.orderAt[i]
		r.checkTimes(o, n)
		for _, class := range o.To {
			if o.Content < 0 {
				break
			}
			before, again := first[pair{o.Content, class}]
			if !again {
				first[pair{o.Content, class}] = i
				continue
			}
			r.twice(n, r.s.Orders[before], o, r.orderAt[before].Line, r.s.Classes[class].Name)
			break
		}
		r.noteOrder(o, n)
	}
	for i, c := range r.s.Contents {
		if !slices.ContainsFunc(r.s.Orders, func(o plan.Order) bool { return o.Content == i }) {
			r.note(r.contentAt[i], "nobody orders %s", c.Name)
		}
	}
}

func (r *reader) checkTimes(o plan.Order, n *yaml.Node) {
	switch {
	case o.At >= r.s.Horizon:
		r.Problem(n, "the order is given %v after the start, which is not before the horizon of %v", o.At, r.s.Horizon)
	case o.By == 0:
	case o.By <= o.At:
		r.Problem(n, "the deadline is %v after the start, which is not after the order, at %v", o.By, o.At)
	case o.By > r.s.Horizon:
		r.Problem(n, "the deadline is %v after the start, beyond the horizon of %v; nobody would see whether it is met", o.By, r.s.Horizon)
	case !r.s.Start.IsZero() && !o.Window.IsZero() && !r.opens(o):
		r.Problem(n, "the window %v is never open between the order and its deadline", o.Window)
	}
}

// opens reports whether the window of an order is ever open before its deadline, in the zone of any of its locations.
func (r *reader) opens(o plan.Order) bool {
	for _, class := range o.To {
		zone := r.s.Start.Location()
		if region := r.s.Classes[class].Region; region >= 0 && r.s.Regions[region].Zone != nil {
			zone = r.s.Regions[region].Zone
		}
		if at := r.s.Start.In(zone).Add(o.At); o.Window.Open(at) || nextOpen(o.Window, at).Before(r.s.Start.Add(o.By)) {
			return true
		}
	}
	return len(o.To) == 0
}

// nextOpen is when a window that is closed opens; far away if it never does.
func nextOpen(w window.Window, t time.Time) time.Time {
	next := w.Next(t)
	if next.IsZero() {
		return t.Add(longest)
	}
	return next
}

// twice: a content is ordered for locations by two orders.
func (r *reader) twice(n *yaml.Node, a, b plan.Order, line int, class string) {
	what := r.s.Contents[b.Content].Name
	switch {
	case a.Priority != b.Priority:
		r.Problem(n, "%s is ordered for %s twice, here with the priority %d and in line %d with %d; locations obey one", what, class, b.Priority, line, a.Priority)
	case a.Window.String() != b.Window.String():
		r.Problem(n, "%s is ordered for %s twice, here in the hours %s and in line %d in %s; give one window: 12:00-13:00,22:00-06:00", what, class, hours(b.Window), line, hours(a.Window))
	default:
		r.Problem(n, "%s is ordered for %s twice, here and in line %d; leave out one of them", what, class, line)
	}
}

func hours(w window.Window) string {
	if w.IsZero() {
		return "00:00-24:00"
	}
	return w.String()
}

func (r *reader) noteOrder(o plan.Order, n *yaml.Node) {
	if o.Content < 0 {
		return
	}
	size := float64(r.s.Contents[o.Content].Size)
	for _, class := range o.To {
		c := &r.s.Classes[class]
		if c.Metered && !o.Metered {
			r.note(n, "%s is on metered links and the order does not say metered: true: it fetches nothing", c.Name)
		}
		if !meet(c.Hosts.Online, o.Window) {
			r.note(n, "hosts of %s are on %v, never within the window %v of the order: they fetch nothing", c.Name, c.Hosts.Online, o.Window)
		}
		if c.Hosts.Cache.Quantile(0) < size {
			r.note(n, "hosts of %s have caches that are smaller than %s: they are never complete", c.Name, r.s.Contents[o.Content].Name)
		}
	}
}

// meet reports whether two windows are ever open together.
func meet(a, b window.Window) bool {
	day := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	for m := range 24 * 60 {
		if t := day.Add(time.Duration(m) * time.Minute); a.Open(t) && b.Open(t) {
			return true
		}
	}
	return false
}

func (r *reader) note(n *yaml.Node, format string, args ...any) {
	r.notes = append(r.notes, strict.Problem{Line: n.Line, Text: fmt.Sprintf(format, args...)})
}
