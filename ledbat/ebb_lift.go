// SPDX-License-Identifier: Apache-2.0

package ledbat

import (
	"fmt"
	"time"
)

const (
	liftEvery  = time.Second
	minExcess  = 0.02
	maxExcess  = 0.25
	wantExcess = 0.06 // a longer lift is preferred to more than that
	liftLeast  = 20 * time.Millisecond
	boostMost  = 16
)

// A lift tries whether the capacity is larger than known: for a moment a little more is sent, and if the delay grows as it must when the
// link is full, the link is full. What it added to the queue is then taken back for as long. How much and how long depends on what must
// stand out of the noise.
type lift struct {
	from, until time.Time // when it began and ended, or will end
	excess      float64   // share of the capacity
	boost       float64   // grows while there is more
	pending     bool      // not looked at yet
	passed      stretch
	low         [2]time.Duration // smallest delay in either half
	count       [2]int
	next        time.Time
}

func (l *lift) lasts() time.Duration { return l.until.Sub(l.from) }

// stop ends it without a result.
func (l *lift) stop(now time.Time) { *l = lift{next: now.Add(liftEvery)} }

// of is the rate, given the one that is to be lifted and the capacity.
func (l *lift) of(now time.Time, rate, mu float64) float64 {
	switch {
	case now.Before(l.until):
		return (1 + l.excess) * mu
	case l.boost <= 1 && now.Before(l.until.Add(l.lasts())):
		return (1 - l.excess) * rate
	}
	return rate
}

func (l *lift) arrived(a Arrival, small bool) {
	if !l.pending || a.Sent.Before(l.from) || a.Sent.After(l.until) {
		return
	}
	if small {
		l.passed.beside(a.Bytes)
		return
	}
	l.passed.add(a, 0)
	half := 0
	if a.Sent.Sub(l.from) > l.lasts()/2 {
		half = 1
	}
	if l.count[half] == 0 || a.Delay < l.low[half] {
		l.low[half] = a.Delay
	}
	l.count[half]++
}

func (l *lift) result(now time.Time, rtt time.Duration) (stretch, bool) {
	if !l.pending || now.Sub(l.until) < rtt+liftLeast {
		return stretch{}, false
	}
	l.pending = false
	return l.passed, true
}

// tryMore begins a lift when it is time for one.
func (e *ebb) tryMore(now time.Time) {
	if e.lift.pending || now.Before(e.lift.next) || e.policed() || e.limited() {
		return
	}
	block := max(e.empty()/4, stretchLeast)
	var d, seen time.Duration
	for f := range e.watch.filters {
		d = max(e.span(), liftLeast, 2*block<<f, e.per(10))
		seen = max(e.quiet()/2, 4*e.watch.filters[f].noise)
		if seen.Seconds() <= wantExcess*d.Seconds() {
			break
		}
	}
	boost := max(1, e.lift.boost)
	if e.verified.behind {
		boost = 1
	}
	e.lift = lift{
		from: now, until: now.Add(d), pending: true, boost: boost, next: now.Add(max(liftEvery, 10*e.span(), e.per(60))),
		excess: min(max(boost*seen.Seconds()/d.Seconds(), minExcess), maxExcess),
	}
}

// lifted looks at what became of the datagrams of a lift.
func (e *ebb) lifted(now time.Time, s stretch) {
	l := &e.lift
	// Where some were overtaken, as when the route becomes shorter, it looks as if more had left than did.
	sending, d := min(s.sending(), (1+l.excess)*e.mu/(1-e.lossy())), s.sentFor.Seconds()
	if sending < e.mu || l.count[0] < 3 || l.count[1] < 3 {
		if l.boost = 1; e.start.bounded {
			l.boost = boostMost // nobody has sent more; there may be far more
		}
		return
	}
	// Delay grows from nothing at the beginning to all of it at the end, so the minima of the halves differ by half.
	grew := 2 * max(0, l.low[1]-l.low[0]).Seconds()
	expected := (sending/e.mu - 1) * d
	switch {
	case grew > expected*2/3: // the link is full
		e.mu += (sending/(1+grew/d) - e.mu) / 2
		e.rate = min(e.rate, e.share())
		l.boost, e.start.bounded = 1, false
	case grew < expected/4 && !e.verified.behind: // there is more
		known := e.verified.best.max() > keepingUp*e.mu
		e.mu += max(0, sending/(1+grew/d)-e.mu) * min(1, l.boost/2)
		if known && e.creep == creepMost || e.start.bounded {
			e.rate = max(e.rate, e.share()) // there was room for it
		}
		l.boost = min(2*l.boost, boostMost)
		l.next = now
	default: // who knows
		l.boost, e.start.bounded = 1, false
		l.next = now.Add(2 * e.span())
	}
}

func (l *lift) String() string {
	if !l.pending {
		return "level"
	}
	return fmt.Sprintf("lifted by %.0f %%", 100*l.excess)
}
