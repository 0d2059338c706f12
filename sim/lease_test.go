// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/ebbproject/ebb/ledbat/group"
)

// Sixteen hosts of one location share 80 % of its line by leases, two flows a host; at 20 s the coordinator dies. While leases hold, there
// is no queue at all; 2 s after the death 90 % of the budget is used again. The dead host sends nothing.
func TestLeasesOverALink(t *testing.T) {
	const hosts = 16
	l := line{mbit: 50, rtt: 30 * ms, buffer: 120 * ms, seed: 1}
	budget := 0.8 * l.mbit * 1e6 / 8 * mss / (mss + 54)
	w := NewWorld()
	p := w.Path(l.both())
	var nodes []*group.Node
	var groups []*group.Group
	var names []group.Host
	var flows []*Bulk
	for i := range hosts {
		names = append(names, group.Host(fmt.Sprintf("shop-%d", i)))
	}
	for i := range hosts {
		n, err := group.NewNode(w.Clock(0), names[i], budget)
		if err != nil {
			t.Fatal(err)
		}
		n.Known(w.Clock(0), names)
		g := group.New(shipped(t), mss)
		g.Limit(w.Clock(0), 0)
		nodes, groups = append(nodes, n), append(groups, g)
		for range 2 {
			flows = append(flows, w.Flow(p, FlowConfig{Group: g, MSS: mss, Headers: 54}))
		}
	}
	dead := -1
	var tick func(now time.Time)
	tick = func(now time.Time) {
		var mail []group.Message
		for i, n := range nodes {
			if i == dead {
				continue
			}
			n.Want(math.Max(groups[i].Demand(), 50e3), 1)
			n.Advance(now)
			for m, ok := n.Take(); ok; m, ok = n.Take() {
				mail = append(mail, m)
			}
			groups[i].Limit(now, n.Rate(now))
		}
		for len(mail) > 0 { // the LAN delivers at once
			for i, n := range nodes {
				if i != dead && names[i] == mail[0].To {
					n.Deliver(now, mail[0])
					for m, ok := n.Take(); ok; m, ok = n.Take() {
						mail = append(mail, m)
					}
				}
			}
			mail = mail[1:]
		}
		w.At(w.now+10*ms, tick)
	}
	w.At(0, tick)
	w.At(20*sec, func(now time.Time) {
		for i, n := range nodes {
			if n.Coordinates() {
				dead = i
				groups[i].Limit(now, 0)
			}
		}
	})
	w.Run(30 * sec)
	total := func(from, to time.Duration) float64 {
		sum := 0.0
		for _, f := range flows {
			sum += f.Goodput(from, to)
		}
		return sum / 8 / budget
	}
	before, after := total(15*sec, 20*sec), total(22*sec, 23*sec)
	q := p.QueueBetween(15*sec, 30*sec)
	t.Logf("budget used: before %.3f, third second after the death %.3f, later %.3f; Jain %.4f, queue p95 %.1f ms",
		before, after, total(25*sec, 30*sec), jain(flows, 10*sec, 20*sec), inMS(q.P95))
	if dead < 0 {
		t.Fatal("nobody coordinated")
	}
	for _, f := range flows[2*dead : 2*dead+2] {
		if got := f.Goodput(21*sec, 30*sec); got > 0 {
			t.Errorf("a flow of the dead host still gets %.0f bit/s", got)
		}
	}
	if before < 0.95 || before > 1.01 || after < 0.9 || after > 1.01 || q.P95 > 5*ms {
		t.Errorf("budget used: before %.3f, after %.3f, queue p95 %.1f ms, dead %d: %v", before, after, inMS(q.P95), dead, nodes[0])
	}
}
