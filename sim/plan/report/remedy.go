// SPDX-License-Identifier: Apache-2.0

package report

import (
	"fmt"
	"slices"
	"time"

	"github.com/ebbproject/ebb/agent/window"
	"github.com/ebbproject/ebb/fleet/desired"
	"github.com/ebbproject/ebb/sim/plan"
)

// Remedy is a plan with one thing changed that may make an order be in time.
type Remedy struct {
	Order    int
	What     string
	Scenario plan.Scenario
}

// remedySeeds is how many replicas a remedy is played with: its seeds are those of the plan, so that both meet the same chance.
const remedySeeds = 5

// earlier is how much earlier an order might be given.
var earlier = []time.Duration{time.Hour, 4 * time.Hour, 12 * time.Hour}

// Remedies are what may make the orders be in time whose deadline was not met.
func (f *Folder) Remedies(r *Report) (list []Remedy) {
	for i, o := range r.Orders {
		if o.Verdict != Missed && o.Verdict != Mostly {
			continue
		}
		add := func(what string, change func(s *plan.Scenario)) {
			s := copied(f.s)
			s.Seeds = s.Seeds[:min(len(s.Seeds), remedySeeds)]
			change(&s)
			list = append(list, Remedy{i, what, s})
		}
		order := f.s.Orders[i]
		add("their lines twice as fast", func(s *plan.Scenario) {
			for _, class := range order.To {
				twice(&s.Classes[class].Link)
			}
		})
		if f.s.Origin > 0 || slices.ContainsFunc(order.To, func(class int) bool { return f.s.Regions[f.s.Classes[class].Region].Link > 0 }) {
			add("shared lines twice as fast", func(s *plan.Scenario) {
				s.Origin *= 2
				s.Regions = slices.Clone(s.Regions)
				for k := range s.Regions {
					s.Regions[k].Link *= 2
				}
			})
		}
		if !order.Window.IsZero() {
			add("at all hours", func(s *plan.Scenario) { s.Orders[i].Window = window.Window{} })
		}
		if slices.ContainsFunc(order.To, func(class int) bool { return !f.s.Classes[class].Hosts.Online.IsZero() }) {
			add("their hosts always on", func(s *plan.Scenario) {
				for _, class := range order.To {
					s.Classes[class].Hosts.Online = window.Window{}
				}
			})
		}
		for _, d := range earlier {
			add(fmt.Sprintf("%s earlier", hoursText(d)), func(s *plan.Scenario) { sooner(s, i, d) })
		}
		if slices.ContainsFunc(f.s.Orders, func(other plan.Order) bool { return other.Content != order.Content && other.Priority >= order.Priority }) {
			add("before all other orders", func(s *plan.Scenario) { s.Orders[i].Priority = desired.MaxPriority })
		}
	}
	return list
}

func hoursText(d time.Duration) string {
	if d == time.Hour {
		return "an hour"
	}
	return fmt.Sprintf("%d hours", int(d.Hours()))
}

// copied is a scenario whose orders, events and classes may be changed.
func copied(s *plan.Scenario) plan.Scenario {
	c := *s
	c.Seeds, c.Classes, c.Orders, c.Events = slices.Clone(s.Seeds), slices.Clone(s.Classes), slices.Clone(s.Orders), slices.Clone(s.Events)
	return c
}

func twice(l *plan.Link) {
	double := func(d *plan.Dist) {
		d.A, d.B = 2*d.A, 2*d.B
		d.Values = slices.Clone(d.Values)
		for i := range d.Values {
			d.Values[i] *= 2
		}
	}
	double(&l.Down)
	double(&l.Up)
	if l.Trace != nil {
		t := plan.Trace{Step: l.Trace.Step, Rates: slices.Clone(l.Trace.Rates)}
		for i := range t.Rates {
			t.Rates[i] *= 2
		}
		l.Trace = &t
	}
}

// sooner gives an order earlier. Where that is before the start, everything else comes later instead.
func sooner(s *plan.Scenario, order int, by time.Duration) {
	shift := max(by-s.Orders[order].At, 0)
	s.Start = s.Start.Add(-shift)
	s.Horizon += shift
	for i := range s.Orders {
		o := &s.Orders[i]
		o.At += shift
		if o.By != 0 {
			o.By += shift
		}
	}
	for i := range s.Events {
		s.Events[i].At += shift
	}
	s.Orders[order].At -= by
}

// Played enters what came of a remedy.
func (r *Report) Played(x Remedy, outcomes []plan.Outcome) {
	f := NewFolder(&x.Scenario)
	for _, o := range outcomes {
		f.Add(o)
	}
	was, is := &r.Orders[x.Order], f.order(x.Order)
	out := Remedied{What: x.What, P95: is.P95, Verdict: is.Verdict}
	if is.InTime != nil {
		out.InTime = *is.InTime
	}
	if was.P95.Seconds.Value != nil && is.P95.Seconds.Value != nil {
		gain := was.At.Sub(is.At).Seconds() + *was.P95.Seconds.Value - *is.P95.Seconds.Value
		out.Gain = &gain
	}
	was.Remedies = append(was.Remedies, out)
}
