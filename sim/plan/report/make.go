// SPDX-License-Identifier: Apache-2.0

package report

import (
	"cmp"
	"slices"
	"time"

	"github.com/ebbproject/ebb/sim/plan"
)

const (
	mostBusiest = 10
	mostWorst   = 20
	mostly      = .95
)

// Report folds all replicas. Its provenance is what made says, with the seeds that are in it.
func (f *Folder) Report(made Provenance) *Report {
	s := f.s
	made.Seeds = []uint64{}
	for _, r := range f.replicas {
		made.Seeds = append(made.Seeds, r.seed)
	}
	made.Wanted, made.Controller = len(s.Seeds), s.Controller
	r := &Report{Name: s.Name, Made: made, Start: s.Start, Horizon: s.Horizon.Seconds(), Orders: []Order{}, Hours: []Hour{}, Delay: []Delay{},
		Busiest: []Location{}, Worst: []Location{}, Reasons: []Reason{}, Places: []Location{}}
	for _, c := range s.Classes {
		r.Locations += c.Count
	}
	r.Hosts = figure(f.each(func(x *replica) float64 {
		n := 0
		for _, p := range x.places {
			n += p.Hosts
		}
		return float64(n)
	}))
	for i := range s.Orders {
		r.Orders = append(r.Orders, f.order(i))
	}
	r.WAN = figure(f.each(func(x *replica) (sum float64) {
		for _, p := range x.places {
			sum += float64(p.WAN)
		}
		return sum
	}))
	r.Without = figure(f.each(func(x *replica) (sum float64) {
		for _, o := range x.orders {
			sum += o.without
		}
		return sum
	}))
	r.Origin = figure(f.each(func(x *replica) float64 { return float64(x.origin) }))
	r.Hours, r.Peak = f.hours()
	r.Places = f.locations()
	r.Delay = f.delays()
	r.rank()
	return r
}

func (f *Folder) order(i int) Order {
	s, o := f.s, f.s.Orders[i]
	content := s.Contents[o.Content]
	out := Order{Content: content.Name, Size: content.Size, At: s.Start.Add(o.At), Window: o.Window.String(), Priority: o.Priority, To: []string{}, Regions: []Curve{}}
	of := func(value func(x *orderFold) float64) []float64 {
		return f.each(func(r *replica) float64 { return value(&r.orders[i]) })
	}
	for _, class := range o.To {
		out.To = append(out.To, s.Classes[class].Name)
		out.Locations += s.Classes[class].Count
	}
	out.Hosts, out.Complete = figure(of(func(x *orderFold) float64 { return float64(x.hosts) })), figure(of(func(x *orderFold) float64 { return float64(x.complete) }))
	for k, q := range levels {
		*[]*Quantile{&out.P50, &out.P95, &out.P99}[k] = quantile(of(func(x *orderFold) float64 { return at(x.places, len(x.places), q) }))
		*[]*Quantile{&out.HostsP50, &out.HostsP95, &out.HostsP99}[k] = quantile(of(func(x *orderFold) float64 { return x.byHost[k] }))
	}
	out.All = quantile(of(func(x *orderFold) float64 { return at(x.places, len(x.places), 1) }))
	out.WAN, out.Without = figure(of(func(x *orderFold) float64 { return float64(x.wan) })), figure(of(func(x *orderFold) float64 { return x.without }))
	if o.By != 0 {
		by, shares := s.Start.Add(o.By), of(func(x *orderFold) float64 { return x.inTime })
		inTime := figure(shares)
		if inTime.High != nil {
			*inTime.High = min(*inTime.High, 1)
		}
		out.By, out.InTime = &by, &inTime
		out.Verdict = verdict(shares)
	}
	for region := range s.Regions {
		c := Curve{Region: s.Regions[region].Name, Hosts: figure(of(func(x *orderFold) float64 { return float64(x.sizes[region]) })), Points: []Point{}}
		if c.Hosts.or(0) == 0 {
			continue
		}
		for k := range points {
			c.Points = append(c.Points, Point{float64(k+1) / points, quantile(of(func(x *orderFold) float64 { return x.curves[region][k] }))})
		}
		out.Regions = append(out.Regions, c)
	}
	return out
}

func verdict(inTime []float64) string {
	switch {
	case len(inTime) == 0:
		return ""
	case slices.Min(inTime) == 1:
		return Met
	case figure(inTime).or(0) >= mostly:
		return Mostly
	}
	return Missed
}

// hours are means over replicas; where a replica had ended, it used nothing any more.
func (f *Folder) hours() ([]Hour, *Peak) {
	n, list := 0, []Hour{}
	for _, r := range f.replicas {
		n = max(n, len(r.hours))
	}
	var peak *Peak
	for h := range n {
		x := Hour{At: f.s.Start.Add(time.Duration(h) * time.Hour)}
		there := 0.0
		for _, r := range f.replicas {
			if h < len(r.hours) {
				u := r.hours[h]
				x.Ebb, x.Foreground, x.Capacity, x.Peak = x.Ebb+float64(u.Ebb), x.Foreground+float64(u.Foreground), x.Capacity+float64(u.Capacity), max(x.Peak, u.Peak)
				there++
			}
		}
		x.Ebb /= float64(len(f.replicas))
		x.Foreground, x.Capacity = x.Foreground/there, x.Capacity/there
		list = append(list, x)
		if x.Capacity > 0 && x.Ebb > 0 && (peak == nil || x.Ebb/x.Capacity > peak.Share) {
			peak = &Peak{x.At, x.Ebb / x.Capacity, x.Peak}
		}
	}
	return list, peak
}

// place is what the replicas say of one location.
type place struct {
	down, rtt, hosts, busiest, delay, wan []float64
	done                                  [][]float64
	late, seen                            int
	reasons                               map[plan.Straggle]int

	worst   plan.Place // of the replica in which it was complete last
	slowest float64
	worstIn uint64
}

// locations are medians over replicas, for each location that was played in any.
func (f *Folder) locations() []Location {
	type key struct{ class, index int }
	byPlace := map[key]*place{}
	for _, r := range f.replicas {
		for _, p := range r.places {
			k := key{p.Class, p.Index}
			x := byPlace[k]
			if x == nil {
				x = &place{done: make([][]float64, len(f.s.Orders)), reasons: map[plan.Straggle]int{}}
				byPlace[k] = x
			}
			f.see(x, &p, r.seed)
		}
	}
	list := []Location{}
	for class, c := range f.s.Classes {
		for index := range c.Count {
			if x := byPlace[key{class, index}]; x != nil {
				l := x.location(len(f.s.Orders))
				l.Name, l.Region = f.s.PlaceName(class, index), f.s.Regions[c.Region].Name
				l.worst = x.last(l)
				list = append(list, l)
			}
		}
	}
	return list
}

// see enters one replica's word of a location.
func (f *Folder) see(x *place, p *plan.Place, seed uint64) {
	x.down, x.rtt, x.hosts = append(x.down, float64(p.Down)), append(x.rtt, p.RTT.Seconds()), append(x.hosts, float64(p.Hosts))
	x.busiest, x.delay, x.wan = append(x.busiest, p.Busiest), append(x.delay, p.Delay.Seconds()), append(x.wan, float64(p.WAN))
	late, slowest := false, -1.0
	for i, d := range p.Done {
		if d < 0 {
			continue
		}
		o := &f.s.Orders[i]
		x.done[i] = append(x.done[i], seconds(d))
		slowest = max(slowest, seconds(d))
		late = late || d == plan.Never || o.By != 0 && o.At+d > o.By
	}
	if x.seen == 0 || slowest > x.slowest {
		x.worst, x.slowest, x.worstIn = *p, slowest, seed
	}
	x.seen++
	if late {
		x.late++
	}
	if p.Reason != "" {
		x.reasons[p.Reason]++
	}
}

func (x *place) location(orders int) Location {
	l := Location{Hosts: median(x.hosts), Down: median(x.down), RTT: median(x.rtt), Late: float64(x.late) / float64(x.seen),
		Busiest: figure(x.busiest).or(0), Delay: median(x.delay), WAN: median(x.wan), Done: make([]*float64, orders), For: make([]bool, orders)}
	for i, done := range x.done {
		if len(done) == 0 {
			continue
		}
		m := median(done)
		l.Done[i], l.For[i] = finite(m), true
		l.slowest = max(l.slowest, m)
	}
	most := 0
	for reason, n := range x.reasons { // the greatest, and of equal ones the first by name
		if n > most || n == most && string(reason) < l.Reason {
			most, l.Reason = n, string(reason)
		}
	}
	return l
}

// last is the location as it was in the replica in which it was complete last.
func (x *place) last(l Location) *Location {
	p := &x.worst
	l.Hosts, l.Down, l.RTT, l.Busiest, l.Delay, l.WAN = float64(p.Hosts), float64(p.Down), p.RTT.Seconds(), p.Busiest, p.Delay.Seconds(), float64(p.WAN)
	l.Reason, l.slowest, l.Seed, l.Done = string(p.Reason), x.slowest, &x.worstIn, make([]*float64, len(p.Done))
	for i, d := range p.Done {
		if d >= 0 {
			l.Done[i] = finite(seconds(d))
		}
	}
	return &l
}

// delays are by class, over its locations and replicas.
func (f *Folder) delays() []Delay {
	list := []Delay{}
	for class, c := range f.s.Classes {
		var all []float64
		for _, r := range f.replicas {
			for _, p := range r.places {
				if p.Class == class && p.WAN > 0 {
					all = append(all, p.Delay.Seconds())
				}
			}
		}
		if len(all) == 0 {
			continue
		}
		slices.Sort(all)
		list = append(list, Delay{c.Name, at(all, len(all), .5), at(all, len(all), .95), at(all, len(all), 1)})
	}
	slices.SortStableFunc(list, func(a, b Delay) int { return cmp.Compare(b.P95, a.P95) })
	return list
}

// rank picks the busiest and the latest, and counts why.
func (r *Report) rank() {
	byUse, late := slices.Clone(r.Places), []Location{}
	for _, l := range r.Places {
		late = append(late, *l.worst)
	}
	slices.SortStableFunc(byUse, func(a, b Location) int { return cmp.Compare(b.Busiest, a.Busiest) })
	slices.SortStableFunc(late, func(a, b Location) int { return cmp.Or(cmp.Compare(b.slowest, a.slowest), cmp.Compare(b.Late, a.Late)) })
	idle := func(l Location) bool { return !slices.Contains(l.For, true) }
	r.Busiest = slices.DeleteFunc(byUse, idle)
	r.Busiest = r.Busiest[:min(len(r.Busiest), mostBusiest)]
	r.Worst = slices.DeleteFunc(late, idle)
	r.Worst = r.Worst[:min(len(r.Worst), mostWorst)]
	counts := map[string]*Reason{}
	for _, l := range r.Places {
		if l.Reason == "" || idle(l) {
			continue
		}
		if counts[l.Reason] == nil {
			counts[l.Reason] = &Reason{Reason: l.Reason}
		}
		counts[l.Reason].Locations++
		if l.Late > .5 {
			counts[l.Reason].Late++
		}
	}
	for _, c := range counts {
		r.Reasons = append(r.Reasons, *c)
	}
	slices.SortFunc(r.Reasons, func(a, b Reason) int {
		return cmp.Or(cmp.Compare(b.Late, a.Late), cmp.Compare(b.Locations, a.Locations), cmp.Compare(a.Reason, b.Reason))
	})
}
