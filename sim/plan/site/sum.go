// SPDX-License-Identifier: Apache-2.0

package site

import (
	"cmp"
	"slices"
	"time"

	"github.com/ebbproject/ebb/sim/plan"
)

// Sum is what has come of some locations. It holds whole numbers, so that it does not matter in which order they are entered.
type Sum struct {
	Events uint64 // worked through by the engine

	fleet  *Fleet
	orders []orderSum
	hours  []plan.HourUse
	places []plan.Place
}

type orderSum struct {
	hosts   int
	crossed int64
	regions [][]time.Duration
}

// NewSum is that of no location.
func (f *Fleet) NewSum() *Sum {
	s := &Sum{fleet: f, hours: make([]plan.HourUse, (f.Scenario.Horizon+time.Hour-1)/time.Hour)}
	for range f.Scenario.Orders {
		s.orders = append(s.orders, orderSum{regions: make([][]time.Duration, len(f.zones))})
	}
	return s
}

// Enter counts a location that has been played.
func (s *Sum) Enter(l *Location) {
	region := s.fleet.Scenario.Classes[l.Class].Region
	place := l.place(len(s.orders))
	for i := range s.orders {
		j := l.orderOf(i)
		if j == nil {
			continue
		}
		o := &s.orders[i]
		o.hosts += l.Hosts
		o.crossed += j.bytes()
		o.regions[region] = append(o.regions[region], j.done...)
	}
	s.places = append(s.places, place)
	l.use(s.fleet.Hours(l.Class), s.hours)
}

// Outcome adds them up.
func (f *Fleet) Outcome(sums []*Sum) plan.Outcome {
	o := plan.Outcome{Seed: f.Seed, Orders: make([]plan.OrderOutcome, len(f.Scenario.Orders)), Hours: f.NewSum().hours}
	for i := range o.Orders {
		o.Orders[i].Regions = make([][]time.Duration, len(f.zones))
	}
	for _, s := range sums {
		o.Events += s.Events
		o.Places = append(o.Places, s.places...)
		for k, x := range s.orders {
			sum := &o.Orders[k]
			sum.Hosts += x.hosts
			sum.WAN += x.crossed
			for region, done := range x.regions {
				sum.Regions[region] = append(sum.Regions[region], done...)
			}
		}
		for h, x := range s.hours {
			u := &o.Hours[h]
			u.Ebb, u.Foreground, u.Capacity, u.Peak = u.Ebb+x.Ebb, u.Foreground+x.Foreground, u.Capacity+x.Capacity, max(u.Peak, x.Peak)
		}
	}
	for i := range o.Orders {
		sum := &o.Orders[i]
		for _, done := range sum.Regions {
			slices.Sort(done)
			sum.Done = append(sum.Done, done...)
		}
		slices.Sort(sum.Done)
		sum.Complete = len(sum.Done)
		o.Origin += sum.WAN
	}
	slices.SortFunc(o.Places, func(a, b plan.Place) int { return cmp.Or(cmp.Compare(a.Class, b.Class), cmp.Compare(a.Index, b.Index)) })
	for n := len(o.Hours); n > 1 && o.Hours[n-1].Ebb == 0; n-- { // there is nothing to tell of
		o.Hours = o.Hours[:n-1]
	}
	return o
}
