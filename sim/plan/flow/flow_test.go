// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"runtime"
	"testing"
	"time"

	"github.com/ebbproject/ebb/sim/plan"
	"github.com/ebbproject/ebb/sim/plan/yield"
)

// monday is a Monday at midnight.
var monday = time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)

// shop is a foreground that is busy by day.
func shop() *plan.Profile {
	p := &plan.Profile{Name: "shop", Sway: .2}
	for h := range p.Load {
		if hour := h % 24; hour >= 8 && hour < 20 && h < 6*24 {
			p.Load[h] = .5
		} else {
			p.Load[h] = .05
		}
	}
	return p
}

// shops are n locations of so many hosts behind some 20 Mbit/s, which are to have 6 GB.
func shops(n, hosts int) *plan.Scenario {
	return &plan.Scenario{
		Start: monday.Add(4*24*time.Hour + 20*time.Hour), Horizon: 72 * time.Hour, Seeds: []uint64{1}, Controller: "ebb",
		Regions: []plan.Region{{Name: "all"}},
		Classes: []plan.Class{{Name: "shops", Count: n, Profile: shop(),
			Link:  plan.Link{Down: plan.Dist{Kind: plan.Lognormal, A: 20e6, B: 60e6}, Up: plan.Exactly(5e6), RTT: plan.Dist{Kind: plan.Uniform, A: .01, B: .06}, Buffer: plan.Exactly(.1)},
			Hosts: plan.Hosts{Count: plan.Exactly(float64(hosts)), LAN: 1e9}}},
		Contents: []plan.Content{{Name: "image", Size: 6e9}},
		Orders:   []plan.Order{{To: []int{0}, By: 12 * time.Hour}},
	}
}

func BenchmarkThousands(b *testing.B) {
	for _, x := range []struct {
		name   string
		n, h   int
		origin plan.Rate
	}{{"2000x50", 2000, 50, 0}, {"2000x50-origin", 2000, 50, 10e9}, {"10000x100", 10000, 100, 0}, {"10000x100-origin", 10000, 100, 40e9}} {
		b.Run(x.name, func(b *testing.B) {
			var m0, m1 runtime.MemStats
			for b.Loop() {
				s := shops(x.n, x.h)
				s.Origin = x.origin
				runtime.GC()
				runtime.ReadMemStats(&m0)
				o := Play(s, 1, &yield.Table{})
				runtime.ReadMemStats(&m1)
				b.ReportMetric(float64(m1.HeapSys+m1.StackSys)/1e6, "MB-heap")
				b.ReportMetric(float64(o.Events), "events")
				if o.Orders[0].Complete != x.n*x.h {
					b.Errorf("%d complete", o.Orders[0].Complete)
				}
			}
		})
	}
}

func TestOneShop(t *testing.T) {
	s := shops(3, 50)
	o := Play(s, 1, &yield.Table{})
	for _, p := range o.Places {
		t.Logf("%+v", p)
	}
	t.Logf("%+v", o.Hours)
	t.Log(o.Orders[0].WAN, o.Orders[0].Complete, o.Events)
}
