// SPDX-License-Identifier: Apache-2.0

package report

import (
	"math"
	"slices"

	"github.com/ebbproject/ebb/sim/plan"
)

// Compare is how wrong the flow level was for locations that were played at packet level, too, with the same seed: by class and index. Nil: no
// order was complete in any of them at both.
func Compare(flow, packet []plan.Place) *Check {
	type key struct{ class, index int }
	known := map[key]*plan.Place{}
	for i := range flow {
		known[key{flow[i].Class, flow[i].Index}] = &flow[i]
	}
	var wrong []float64
	locations, wanFlow, wanPacket := 0, 0.0, 0.0
	for _, p := range packet {
		f := known[key{p.Class, p.Index}]
		if f == nil {
			continue
		}
		locations++
		wanFlow, wanPacket = wanFlow+float64(f.WAN), wanPacket+float64(p.WAN)
		for i, d := range p.Done {
			if d > 0 && d != plan.Never && f.Done[i] > 0 && f.Done[i] != plan.Never {
				wrong = append(wrong, math.Abs(f.Done[i].Seconds()-d.Seconds())/d.Seconds())
			}
		}
	}
	if len(wrong) == 0 || wanPacket == 0 {
		return nil
	}
	slices.Sort(wrong)
	n := len(wrong)
	return &Check{Locations: locations, Median: at(wrong, n, .5), P95: at(wrong, n, .95), Worst: wrong[n-1], WAN: math.Abs(wanFlow-wanPacket) / wanPacket}
}

// Swept is what a combination of values makes of the first order.
func (f *Folder) Swept(values []string) SweepPoint {
	p := SweepPoint{Values: values, WAN: figure(f.each(func(x *replica) (sum float64) {
		for _, o := range x.orders {
			sum += float64(o.wan)
		}
		return sum
	}))}
	o := f.order(0)
	p.P95, p.InTime, p.Verdict = o.P95, o.InTime, o.Verdict
	var delays []float64
	for _, r := range f.replicas {
		for _, x := range r.places {
			if x.WAN > 0 {
				delays = append(delays, x.Delay.Seconds())
			}
		}
	}
	if len(delays) > 0 {
		p.Delay = median(delays)
	}
	return p
}
