// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"time"

	"github.com/ebbproject/ebb/sim/plan/lane"
	"github.com/ebbproject/ebb/sim/plan/yield"
)

// foreground is what is on a location's link beside us while it fetches: the transfers that the packet level has, as a fluid. It is looked at in spans, in
// which it is taken to be even. When it has been looked at for so long that chance has evened out, its load is all that counts.
type foreground struct {
	lane.Foreground
	began   time.Duration
	demand  *lane.Demand // nil: chance has evened out
	asked   float64      // bits, since the fetching began
	backlog float64      // of these, those that have not crossed yet
	until   time.Duration
	busy    float64 // bits a second that cross in this span
	more    bool    // would cross, did we not keep something
}

const (
	shortestSpan = 5 * time.Second
	longestSpan  = time.Minute
	spans        = 64      // a span is that part of the time since the fetching began, within these bounds
	enough       = 1 << 15 // transfers: together they are some 0.9 % from their mean
)

func newForeground(f lane.Foreground, now time.Duration) *foreground {
	return &foreground{Foreground: f, began: now, until: now, demand: f.From(now)}
}

// at says what it is now, on a link of the rate down while the load is that up to the time end, beside a controller that makes this of the link, and
// returns until when it is so.
func (f *foreground) at(now, end time.Duration, down, load float64, curve *yield.Curve) time.Duration {
	if now < f.until {
		return f.until
	}
	if f.asked > enough*8*lane.Mean() {
		f.demand = nil
	}
	f.until = end
	if f.demand != nil {
		f.until = min(now+min(max(shortestSpan, (now-f.began)/spans), longestSpan), end)
	}
	seconds := (f.until - now).Seconds()
	asked := float64(load * f.Rate * seconds)
	if f.demand != nil {
		asked = 8 * float64(f.demand.Asked(f.until))
	}
	f.asked += asked
	f.backlog += asked
	f.busy, f.more = 0, false
	if down > 0 {
		f.busy, f.more = curve.Crosses(f.backlog/down, seconds)
		f.busy *= down
	}
	f.backlog -= float64(f.busy * seconds)
	return f.until
}
