// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"math"
	"slices"
	"time"

	"github.com/ebbproject/ebb/sim/plan"
	"github.com/ebbproject/ebb/sim/plan/site"
)

// links are those that locations share.
type links struct {
	origin  float64 // bits a second; infinite: no limit
	regions []region
}

type region struct {
	link       float64
	hours      []site.Hour
	foreground []float64 // bits a second, by hour
	hour       int       // that it is in
	takers     []taker
	sums       []float64 // of the takers' demands, those before each
}

type taker struct {
	place  *place
	demand float64
}

// gather draws all locations, and finds what the foreground of each region takes.
func (r *Run) gather() {
	s := r.scenario
	limit := func(x plan.Rate) float64 {
		if x == 0 {
			return infinite
		}
		return float64(x)
	}
	r.links.origin = limit(s.Origin)
	for _, x := range s.Regions {
		r.links.regions = append(r.links.regions, region{link: limit(x.Link)})
	}
	for n := range r.roster.Len() {
		p := r.place(n)
		r.all = append(r.all, p)
		g := &r.links.regions[s.Classes[p.Class].Region]
		if g.foreground == nil {
			g.hours = r.fleet.Hours(p.Class)
			g.foreground = make([]float64, len(g.hours))
		}
		for i, h := range g.hours {
			g.foreground[i] += float64(p.Link.Down * p.Loads[h.Week])
		}
	}
	r.common = sortedOnce(r.fleet.Common())
	r.divide()
}

// How often locations meet: the time since what happened to many, over a number, within bounds.
const (
	seldom   = 50
	oftenest = time.Second
	rarest   = time.Minute
)

// divide gives each location what it may take of the shared links until the next meeting, and says when that is.
func (r *Run) divide() {
	for i := range r.links.regions {
		r.links.regions[i].takers = r.links.regions[i].takers[:0]
	}
	idle := r.scenario.Horizon
	wanted := false
	for _, x := range r.all {
		if x == nil {
			continue
		}
		x.cap = 0
		if d := x.demand(); d > 0 {
			g := &r.links.regions[r.scenario.Classes[x.Class].Region]
			g.takers = append(g.takers, taker{x, d})
			wanted = true
		} else {
			idle = min(idle, x.Next())
		}
	}
	r.links.level(r.now)
	for len(r.common) > 1 && r.common[1] <= r.now {
		r.common = r.common[1:]
	}
	r.until = r.now + min(max((r.now-r.common[0])/seldom, oftenest), rarest)
	if !wanted {
		r.until = max(idle, r.now+1)
	}
	if len(r.common) > 1 {
		r.until = min(r.until, r.common[1])
	}
	r.until = min(r.until, r.scenario.Horizon)
}

// level gives each taker its max-min fair share: as much of its demand as is below the level of its region and of the origin.
func (l *links) level(now time.Duration) {
	var rooms []float64
	for i := range l.regions {
		g := &l.regions[i]
		room := g.link
		if g.foreground != nil {
			for g.hour+1 < len(g.hours) && g.hours[g.hour+1].At <= now {
				g.hour++
			}
			room = max(room-g.foreground[g.hour], 0)
		}
		rooms = append(rooms, room)
		slices.SortStableFunc(g.takers, func(a, b taker) int {
			switch {
			case a.demand < b.demand:
				return -1
			case a.demand > b.demand:
				return 1
			}
			return a.place.number - b.place.number
		})
		g.sums = append(g.sums[:0], 0)
		for _, t := range g.takers {
			g.sums = append(g.sums, g.sums[len(g.sums)-1]+t.demand)
		}
	}
	top := l.top(rooms)
	for i := range l.regions {
		g := &l.regions[i]
		level := min(g.levelFor(min(rooms[i], g.taken(top))), top)
		for _, t := range g.takers {
			t.place.cap = min(t.demand, level)
		}
	}
}

// taken is what the takers of a region take at a level, were the region's link wide enough.
func (g *region) taken(level float64) float64 {
	k, _ := slices.BinarySearchFunc(g.takers, level, func(t taker, level float64) int {
		if t.demand <= level {
			return -1
		}
		return 1
	})
	if rest := len(g.takers) - k; rest > 0 {
		return g.sums[k] + float64(level*float64(rest))
	}
	return g.sums[k]
}

// levelFor is the level at which the takers of a region take so much.
func (g *region) levelFor(room float64) float64 {
	for k, t := range g.takers {
		if rest := float64(len(g.takers) - k); g.sums[k]+float64(t.demand*rest) >= room {
			return max(room-g.sums[k], 0) / rest
		}
	}
	return infinite
}

// top is the level at which all regions together take what the origin has.
func (l *links) top(rooms []float64) float64 {
	total := func(level float64) (sum float64) {
		for i := range l.regions {
			sum += min(rooms[i], l.regions[i].taken(level))
		}
		return sum
	}
	most := 0.0
	for i := range l.regions {
		if t := l.regions[i].takers; len(t) > 0 {
			most = max(most, t[len(t)-1].demand)
		}
	}
	if math.IsInf(l.origin, 1) || total(most) <= l.origin {
		return infinite
	}
	low, high := 0.0, most
	for range 60 {
		if mid := (low + high) / 2; total(mid) <= l.origin {
			low = mid
		} else {
			high = mid
		}
	}
	return low
}
