// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"math"
	"slices"
	"time"

	"github.com/ebbproject/ebb/sim/plan"
	"github.com/ebbproject/ebb/sim/plan/site"
	"github.com/ebbproject/ebb/sim/plan/yield"
)

// Run is one replica. Advance each part, from as many goroutines as there are parts if you like; when all have returned, Meet; until
// Meet says false.
type Run struct {
	scenario *plan.Scenario
	fleet    *site.Fleet
	table    *yield.Table
	parts    []part
	first    []int // number of the first location of each class; at the end how many there are
	stride   int   // locations are played in steps of so many, so that those played are a sample of all

	shared bool
	all    []*place // where links are shared
	links  links
	now    time.Duration
	until  time.Duration // of the next meeting
	common []time.Duration

	batch  int // of locations, where nothing is shared
	places []plan.Place
	over   []bool // which places are known
}

// batchSize is how many locations a part plays between two meetings where nothing is shared.
const batchSize = 64

// part is what one worker has counted.
type part struct {
	events uint64
	orders []orderSum
	hours  []plan.HourUse
}

type orderSum struct {
	hosts   int
	crossed int64
	regions [][]time.Duration
}

// New prepares a replica for so many workers.
func New(s *plan.Scenario, seed uint64, table *yield.Table, workers int) *Run {
	r := &Run{scenario: s, fleet: site.New(s, seed), table: table, parts: make([]part, max(workers, 1)), first: []int{0}}
	n := 0
	for _, c := range s.Classes {
		n += len(members(c))
		r.first = append(r.first, n)
		r.shared = r.shared || s.Regions[c.Region].Link > 0
	}
	r.shared = r.shared || s.Origin > 0
	r.places, r.over = make([]plan.Place, n), make([]bool, n)
	r.stride = coprime(n)
	for i := range r.parts {
		p := &r.parts[i]
		p.hours = make([]plan.HourUse, (s.Horizon+time.Hour-1)/time.Hour)
		for range s.Orders {
			p.orders = append(p.orders, orderSum{regions: make([][]time.Duration, len(s.Regions))})
		}
	}
	if r.shared {
		r.gather()
	}
	return r
}

// members are the indices of a class's locations that are played.
func members(c plan.Class) []int {
	if c.Only != nil {
		return c.Only
	}
	list := make([]int, c.Count)
	for i := range list {
		list[i] = i
	}
	return list
}

// coprime is about the golden section of n, and has no divisor in common with it: steps of it visit all, and spread well.
func coprime(n int) int {
	gcd := func(a, b int) int {
		for b != 0 {
			a, b = b, a%b
		}
		return a
	}
	k := max(int(float64(n)*0.6180339887), 1)
	for gcd(k, n) > 1 {
		k++
	}
	return k
}

// place draws location number n.
func (r *Run) place(n int) *place {
	class := 0
	for r.first[class+1] <= n {
		class++
	}
	index := n - r.first[class]
	if only := r.scenario.Classes[class].Only; only != nil {
		index = only[index]
	}
	return newPlace(r.fleet, r.table, n, r.fleet.Location(class, index))
}

// Advance plays a part, 0 up to the number of workers, up to the next meeting.
func (r *Run) Advance(number int) {
	p := &r.parts[number]
	if r.shared {
		for i := number; i < len(r.all); i += len(r.parts) {
			if x := r.all[i]; x != nil {
				p.events += x.play(r.until)
			}
		}
		return
	}
	for i := number; i < batchSize*len(r.parts); i += len(r.parts) {
		k := r.batch + i
		if k >= len(r.places) {
			return
		}
		x := r.place(k * r.stride % len(r.places))
		p.events += x.play(r.scenario.Horizon)
		r.finish(p, x)
	}
}

// Meet lets the parts meet, and reports whether there is more to play.
func (r *Run) Meet() bool {
	if !r.shared {
		r.batch += batchSize * len(r.parts)
		return r.batch < len(r.places)
	}
	left := false
	for i, x := range r.all {
		switch {
		case x == nil:
		case x.Done():
			r.finish(&r.parts[0], x)
			r.all[i] = nil
		default:
			left = true
		}
	}
	r.now = r.until
	if left {
		r.divide()
	}
	return left
}

// Progress is how much has been played, 0..1: of the locations, or of the time, whichever is more.
func (r *Run) Progress() float64 {
	if !r.shared {
		return min(float64(r.batch)/float64(len(r.places)), 1)
	}
	over := 0
	for _, x := range r.over {
		if x {
			over++
		}
	}
	return max(float64(over)/float64(len(r.over)), r.now.Seconds()/r.scenario.Horizon.Seconds())
}

// Play plays a whole replica.
func Play(s *plan.Scenario, seed uint64, table *yield.Table) plan.Outcome {
	r := New(s, seed, table, 1)
	for again := true; again; again = r.Meet() {
		r.Advance(0)
	}
	return r.Outcome()
}

// finish counts a location.
func (r *Run) finish(p *part, x *place) {
	r.places[x.number], r.over[x.number] = x.Place(len(r.scenario.Orders)), true
	region := r.scenario.Classes[x.Class].Region
	for i := range p.orders {
		done, crossed, ok := x.OrderOf(i)
		if !ok {
			continue
		}
		o := &p.orders[i]
		o.hosts += x.Hosts
		o.crossed += crossed
		o.regions[region] = append(o.regions[region], done...)
	}
	x.Use(r.fleet.Hours(x.Class), p.hours)
}

// Outcome is what has come of the scenario. Before Meet has said false it is that of the locations that have been played: where links are
// shared, as far as they have.
func (r *Run) Outcome() plan.Outcome {
	for i, x := range r.all {
		if x != nil {
			r.finish(&r.parts[0], x)
			r.all[i] = nil
		}
	}
	s := r.scenario
	o := plan.Outcome{Seed: r.fleet.Seed, Orders: make([]plan.OrderOutcome, len(s.Orders)), Hours: make([]plan.HourUse, len(r.parts[0].hours))}
	for i := range s.Orders {
		o.Orders[i].Regions = make([][]time.Duration, len(s.Regions))
	}
	for i := range r.parts {
		p := &r.parts[i]
		o.Events += p.events
		for k, x := range p.orders {
			sum := &o.Orders[k]
			sum.Hosts += x.hosts
			sum.WAN += x.crossed
			for region, done := range x.regions {
				sum.Regions[region] = append(sum.Regions[region], done...)
			}
		}
		for h, x := range p.hours {
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
	for i, known := range r.over {
		if known {
			o.Places = append(o.Places, r.places[i])
		}
	}
	o.Hours = o.Hours[:busyHours(o)]
	return o
}

// busyHours is how many hours there is something to tell of: until the last bytes have crossed.
func busyHours(o plan.Outcome) int {
	n := len(o.Hours)
	for n > 1 && o.Hours[n-1].Ebb == 0 {
		n--
	}
	return n
}

var infinite = math.Inf(1)
