// SPDX-License-Identifier: Apache-2.0

package report

import (
	"cmp"
	"slices"
	"time"

	"github.com/ebbproject/ebb/sim/plan"
)

// points is how many points a curve has: one for each percent.
const points = 100

// levels are the quantiles that are told of each order.
var levels = [3]float64{.5, .95, .99}

// Folder gathers the outcomes of a plan's replicas.
type Folder struct {
	s        *plan.Scenario
	replicas []replica
}

// replica is what is kept of an outcome.
type replica struct {
	seed   uint64
	orders []orderFold
	places []plan.Place
	origin int64
	hours  []plan.HourUse
}

// orderFold is what is kept of one order. Times are seconds since the order.
type orderFold struct {
	hosts, complete int
	byHost          [3]float64  // at levels
	curves          [][]float64 // by region, of hosts: the time of each percent
	sizes           []int       // by region: hosts
	places          []float64   // of locations, ascending
	inTime          float64     // share of locations by the deadline
	wan             int64
	without         float64 // bytes that would have crossed WAN links had every host fetched for itself
}

// NewFolder gathers outcomes of a scenario.
func NewFolder(s *plan.Scenario) *Folder { return &Folder{s: s} }

// Add folds one outcome. The order in which they are added does not matter.
func (f *Folder) Add(o plan.Outcome) {
	r := replica{seed: o.Seed, places: o.Places, origin: o.Origin, hours: o.Hours}
	for i := range o.Orders {
		r.orders = append(r.orders, f.foldOrder(i, &o))
	}
	at, _ := slices.BinarySearchFunc(f.replicas, r, func(a, b replica) int { return cmp.Compare(a.seed, b.seed) })
	f.replicas = slices.Insert(f.replicas, at, r)
}

// Replicas is how many were added.
func (f *Folder) Replicas() int { return len(f.replicas) }

func (f *Folder) foldOrder(i int, o *plan.Outcome) orderFold {
	order, out := &f.s.Orders[i], &o.Orders[i]
	x := orderFold{hosts: out.Hosts, complete: out.Complete, wan: out.WAN, sizes: make([]int, len(f.s.Regions))}
	inTime, fetched := 0, 0.0
	content := &f.s.Contents[order.Content]
	for _, p := range o.Places {
		if p.Done[i] < 0 {
			continue
		}
		class := &f.s.Classes[p.Class]
		x.sizes[class.Region] += p.Hosts
		fetched += float64(p.Hosts) * (1 - class.Hosts.Held*content.Overlap)
		if p.Done[i] != plan.Never {
			x.places = append(x.places, p.Done[i].Seconds())
			if order.By != 0 && order.At+p.Done[i] <= order.By {
				inTime++
			}
		} else {
			x.places = append(x.places, never)
		}
	}
	slices.Sort(x.places)
	x.inTime = float64(inTime) / float64(max(len(x.places), 1))
	x.without = float64(content.Size) * fetched * float64(out.Complete) / float64(max(out.Hosts, 1))
	for k, q := range levels {
		x.byHost[k] = at(inSeconds(out.Done), out.Hosts, q)
	}
	for region, done := range out.Regions {
		curve := make([]float64, points)
		times := inSeconds(done)
		for k := range curve {
			curve[k] = at(times, x.sizes[region], float64(k+1)/points)
		}
		x.curves = append(x.curves, curve)
	}
	return x
}

func inSeconds(list []time.Duration) []float64 {
	out := make([]float64, len(list))
	for i, d := range list {
		out[i] = d.Seconds()
	}
	return out
}

// each gathers one number of every replica.
func (f *Folder) each(value func(r *replica) float64) []float64 {
	var list []float64
	for i := range f.replicas {
		list = append(list, value(&f.replicas[i]))
	}
	return list
}
