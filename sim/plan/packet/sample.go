// SPDX-License-Identifier: Apache-2.0

package packet

import (
	"cmp"
	"slices"
	"time"

	"github.com/ebbproject/ebb/sim/plan"
	"github.com/ebbproject/ebb/sim/plan/site"
)

// Stratify chooses n locations that stand for all of an outcome, or all if there are no more: of those in the order of when they were complete, every
// so many, the first and the last among them.
func Stratify(o plan.Outcome, n int) []plan.Place {
	all := slices.Clone(o.Places)
	slices.SortFunc(all, func(a, b plan.Place) int {
		return cmp.Or(cmp.Compare(slowest(a), slowest(b)), cmp.Compare(a.Class, b.Class), cmp.Compare(a.Index, b.Index))
	})
	if len(all) <= n {
		return all
	}
	var picks []plan.Place
	for i := range n {
		picks = append(picks, all[i*(len(all)-1)/max(n-1, 1)])
	}
	return picks
}

// slowest is when the last order was complete.
func slowest(p plan.Place) time.Duration {
	last := time.Duration(-1)
	for _, at := range p.Done {
		last = max(last, at)
	}
	return last
}

// smallest is the least that a content is cut down to, in bytes, if it is larger.
const smallest = 4e6

// Cut is a scenario with these locations only, each alone: no link is shared. Contents are made smaller, all in proportion, so that no more
// than so many datagrams of ours cross in all; 0: they stay as they are.
func Cut(s *plan.Scenario, picks []plan.Place, datagrams int64) *plan.Scenario {
	c := *s
	c.Origin = 0
	c.Regions, c.Classes, c.Contents = slices.Clone(s.Regions), slices.Clone(s.Classes), slices.Clone(s.Contents)
	for i := range c.Regions {
		c.Regions[i].Link = 0
	}
	bytes := 0.0
	for i := range c.Classes {
		only := []int{}
		for _, p := range picks {
			if p.Class == i {
				only = append(only, p.Index)
				bytes += float64(p.WAN)
			}
		}
		slices.Sort(only)
		c.Classes[i].Only = slices.Compact(only)
	}
	if most := float64(datagrams * site.Payload); datagrams > 0 && bytes > most {
		for i, x := range c.Contents {
			c.Contents[i].Size = max(int64(float64(x.Size)*most/bytes), min(x.Size, smallest))
		}
	}
	return &c
}

// Error is how far two outcomes of one scenario are apart, location by location.
type Error struct {
	Places  int     // that were compared: those where both are complete, by order
	Differ  int     // where only one is
	Median  float64 // of the completion times' differences, as parts of the second's
	P95     float64
	Worst   float64
	All     []float64 // each, ascending
	WAN     float64   // of all bytes over WAN links
	WorstAt plan.Place
}

// Compare says how far an outcome is from a second one, which it is measured by.
func Compare(a, b plan.Outcome) Error {
	var e Error
	var apart []float64
	var bytes, truth int64
	for i := range min(len(a.Places), len(b.Places)) {
		p, q := a.Places[i], b.Places[i]
		bytes, truth = bytes+p.WAN, truth+q.WAN
		for k := range q.Done {
			x, y := p.Done[k], q.Done[k]
			if x < 0 || x == plan.Never && y == plan.Never {
				continue
			}
			if x == plan.Never || y == plan.Never {
				e.Differ++
				continue
			}
			off := max(x-y, y-x).Seconds() / max(y.Seconds(), 1e-9)
			if off >= e.Worst {
				e.Worst, e.WorstAt = off, q
			}
			apart = append(apart, off)
		}
	}
	if e.Places = len(apart); e.Places > 0 {
		slices.Sort(apart)
		e.All = apart
		e.Median, e.P95 = apart[len(apart)/2], apart[min(len(apart)*95/100, len(apart)-1)]
	}
	if truth > 0 {
		e.WAN = float64(max(bytes-truth, truth-bytes)) / float64(truth)
	}
	return e
}
