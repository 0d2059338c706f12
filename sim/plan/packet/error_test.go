// SPDX-License-Identifier: Apache-2.0

package packet_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/ebbproject/ebb/agent/window"
	"github.com/ebbproject/ebb/ledbat"
	"github.com/ebbproject/ebb/sim/plan"
	"github.com/ebbproject/ebb/sim/plan/flow"
	"github.com/ebbproject/ebb/sim/plan/packet"
	"github.com/ebbproject/ebb/sim/plan/yield"
)

var (
	scenarios  = flag.Int("scenarios", 3, "random scenarios for each controller that the flow level is measured with")
	first      = flag.Uint64("first", 1, "the seed of the first")
	controller = flag.String("controller", "", "measure this one only")
)

// friday is a Friday at 20:00.
var friday = time.Date(2026, 6, 5, 20, 0, 0, 0, time.UTC)

// random is a small scenario: up to three classes of one or two locations, up to three orders that take them some ten minutes to an hour, and
// what may befall them.
func random(seed uint64, controller string) *plan.Scenario {
	r := rand.New(rand.NewPCG(seed, 77))
	pick := func(list ...float64) float64 { return list[r.IntN(len(list))] }
	s := &plan.Scenario{Start: friday, Horizon: 48 * time.Hour, Controller: controller, Regions: []plan.Region{{Name: "all"}}}
	rate := 1e6 * float64(int64(1)<<r.IntN(4)) * (1 + r.Float64()) // 1 to 16 Mbit/s
	busy := pick(0, .02, .1, .2, .3, .5, .7)
	for range 1 + r.IntN(3) {
		s.Classes = append(s.Classes, class(r, rate, busy))
	}
	for i := range 1 + r.IntN(3) {
		seconds := 300 + 900*r.Float64()
		s.Contents = append(s.Contents, plan.Content{Size: int64(rate / 8 * seconds * (1 - busy)), Overlap: pick(0, .3, .7)})
		o := plan.Order{Content: i, At: time.Duration(r.IntN(1200)) * time.Second, Priority: r.IntN(2)}
		for k := range s.Classes {
			if k == 0 || r.IntN(3) > 0 {
				o.To = append(o.To, k)
			}
		}
		if r.IntN(4) == 0 {
			o.Window, _ = window.Parse("20:10-06:00")
		}
		s.Orders = append(s.Orders, o)
	}
	switch r.IntN(6) {
	case 0:
		s.Events = append(s.Events, plan.Event{Kind: plan.LinkDown, Share: 1, At: 5 * time.Minute, For: 3 * time.Minute})
	case 1:
		s.Events = append(s.Events, plan.Event{Kind: plan.Reboot, Share: 1, At: time.Minute, For: 20 * time.Minute, Down: 2 * time.Minute})
	case 2:
		s.Events = append(s.Events, plan.Event{Kind: plan.Pause, Share: 1, Content: -1, At: 4 * time.Minute, For: 2 * time.Minute})
	}
	return s
}

// class is one or two locations behind about that rate.
func class(r *rand.Rand, rate, busy float64) plan.Class {
	pick := func(list ...float64) float64 { return list[r.IntN(len(list))] }
	p := &plan.Profile{Sway: .1}
	for h := range p.Load {
		p.Load[h] = min(busy*(.5+r.Float64()), .9)
	}
	c := plan.Class{Count: 1 + r.IntN(2), Profile: p, Direct: r.IntN(8) == 0}
	c.Link = plan.Link{Down: plan.Dist{Kind: plan.Uniform, A: .7 * rate, B: 1.4 * rate}, Up: plan.Exactly(rate / 2), RTT: plan.Exactly(.01 + .19*r.Float64()*r.Float64()),
		Buffer: plan.Exactly(pick(.05, .1, .1, .25)), Loss: plan.Exactly(pick(0, 0, 0, .0005, .005))}
	if r.IntN(8) == 0 {
		c.Link.RTT = plan.Exactly(.6)
	}
	c.Link.AQM = []string{"", "", "", "codel", "fq-codel", "pie"}[r.IntN(6)]
	c.Hosts = plan.Hosts{Count: plan.Exactly(float64(1 + r.IntN(40))), LAN: plan.Rate(pick(1e8, 1e9)), Held: pick(0, 0, .5, 1)}
	if c.Direct {
		c.Hosts.Count = plan.Exactly(float64(1 + r.IntN(2)))
	}
	if r.IntN(4) == 0 {
		c.Hosts.Online, _ = window.Parse("06:00-21:00")
	}
	return c
}

// budget is how many datagrams of ours a scenario may take.
const budget = 1_500_000

// The figures in the package comment of flow are those of -scenarios 50.
func TestFlowAgainstPackets(t *testing.T) {
	table, err := yield.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range ledbat.Names() {
		if *controller != "" && *controller != name {
			continue
		}
		var worst, wan []float64
		differ := 0
		for seed := *first; seed < *first+uint64(*scenarios); seed++ {
			s := random(seed, name)
			s = packet.Cut(s, flow.Play(s, seed, table).Places, budget)
			a := flow.Play(s, seed, table)
			b, err := packet.Play(s, seed)
			if err != nil {
				t.Fatal(err)
			}
			e := packet.Compare(a, b)
			t.Logf("%s %d: %d completions, worst %.1f %%, WAN %.2f %%, %d differ %s", name, seed, e.Places, 100*e.Worst, 100*e.WAN, e.Differ, about(s, a, e))
			worst, wan, differ = append(worst, e.All...), append(wan, e.WAN), differ+e.Differ
		}
		slices.Sort(worst)
		slices.Sort(wan)
		at := func(list []float64, q float64) float64 {
			return 100 * list[min(int(q*float64(len(list))), len(list)-1)]
		}
		t.Logf("%s: %d scenarios, %d completions: median %.1f %%, p95 %.1f %%, worst %.1f %%; WAN bytes at most %.2f %%; %d complete at one level only", name,
			*scenarios, len(worst), at(worst, .5), at(worst, .95), at(worst, 1), at(wan, 1), differ)
	}
}

// about says which location was worst.
func about(s *plan.Scenario, a plan.Outcome, e packet.Error) string {
	p := e.WorstAt
	if len(p.Done) == 0 {
		return ""
	}
	c := s.Classes[p.Class]
	var mine []time.Duration
	for _, x := range a.Places {
		if x.Class == p.Class && x.Index == p.Index {
			mine = x.Done
		}
	}
	return fmt.Sprintf("(%.1fM %v %gms %q loss %g load %.2f: %v, by packets %v)", p.Down/1e6, p.RTT.Round(time.Millisecond), c.Link.Buffer.A*1000, c.Link.AQM, c.Link.Loss.A,
		c.Profile.Load[120], mine, p.Done)
}
