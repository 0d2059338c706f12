// SPDX-License-Identifier: Apache-2.0

package ledbat

import "time"

const (
	climbBold   = 0.25            // of the capacity a round trip, on the way up, where nobody was met at the floor,
	climbShy    = 1.0 / 8         // and where somebody was: what is too much for a round trip must not overflow a small buffer
	creepMost   = 0.02            // and at the end of it, once others have been seen
	creepLeast  = 0.003           // when they are seen again and again: slower than a TCP flow grows
	relapse     = 5 * time.Second // an alarm that soon after the last one is the same story
	calm        = 6               // round trips without queue, after which cuts are forgotten
	tooMany     = 3               // cuts that are not
	honestLine  = 0.005           // loses no more than this by itself
	easing      = 0.05            // of the rate is left to a small queue
	ownMost     = 2 * time.Millisecond
	lessPoliced = 0.95 // of the capacity, for each loss to a policer
	wellKnown   = 32   // stretches, after which the jitter of a path is known
)

// cruise is the state of a flow that takes what others leave.
type cruise struct {
	foreign float64   // bytes a second of others' that were there at the last cut
	own     backlog   // queue that our own datagrams must have built
	clean   time.Time // since when there has been none of others'
	over    int       // stretches in a row with one
	cutAt   time.Time
	cuts    int     // without calm between them
	climb   float64 // of the capacity a round trip, while returning,
	creep   float64 // and while cruising
	onTrial float64 // the rate to go back to if the judge's trial finds it innocent
}

// observed looks at the queue after each stretch.
func (e *ebb) observed(now time.Time) {
	q, t := e.watch.queue, e.threshold()
	switch {
	case q <= t:
		e.over = 0
		if q > t/2 {
			e.clean = now
		}
	default:
		// The noisier the path, the longer a queue must stay to be believed.
		if e.over++; e.over >= 1<<e.watch.level {
			e.alarm(now, false)
		}
	}
}

// alarm says that somebody else is there: a queue, a congestive loss or a mark.
func (e *ebb) alarm(now time.Time, hard bool) {
	if e.phase == sharing && hard {
		e.excuse.seen, e.excuse.hard = now, now
		e.cutAt, e.clean, e.docket.reacted = now, now, now
		e.lossyLeave = true
		e.rate /= 2
		e.unshare(now, yielding)
		return
	}
	if e.phase != cruising && e.phase != returning || now.Sub(e.cutAt) < e.span()+5*time.Millisecond {
		return
	}
	q, t := e.watch.queue, e.threshold()
	if hard {
		e.excuse.seen, e.excuse.hard = now, now // who lets a buffer overflow, or has it mark, is there, though the queue be short
	} else if e.bears(now, q) || e.excused(now, q) {
		return
	}
	e.excuse.rate = 0
	e.creep = creepMost
	if now.Sub(e.cutAt) < relapse {
		e.creep = max(e.creep/2, creepLeast)
	}
	e.cuts++
	e.cutAt, e.clean, e.docket.reacted = now, now, now
	if hard && e.policed() && !e.limited() {
		e.mu = min(lessPoliced*e.mu, e.verified.best.max())
	}
	e.estimate(hard)
	// What others leave, and less until the queue is gone.
	drain := e.mu * float64(q-t/2) / float64(max(4*e.span(), 100*time.Millisecond))
	x := min(e.share()-e.foreign-drain, 0.9*min(e.rate, e.limit))
	if hard || q > 2*t || e.foreign > 0.1*e.mu {
		x = min(x, e.rate/2)
	}
	e.rate = x
	// Where a queue shows, and the path has no jitter and loses nothing by itself, there is no doubt. Behind a policer none shows.
	known := e.watch.level == 0 && e.watch.filters[0].seen >= wellKnown && e.lossy() < honestLine
	sure := known && (!hard || time.Duration(e.docket.judge.queues.max()) > t/4)
	if sure || e.phase == returning || e.cuts >= tooMany || x < 0.1*e.mu || q > 3*t {
		e.lossyLeave = hard
		e.enter(now, yielding)
		return
	}
	e.lift.stop(now)
}

// policed says that losses depend on the rate, though no queue shows: somebody counts what passes, and the line itself is faster.
func (e *ebb) policed() bool {
	return e.docket.judge.trial == convicted && time.Duration(e.docket.judge.queues.max()) <= e.threshold()/4
}

// estimate finds how much of others' traffic there is. A saturated bottleneck divides its capacity in proportion to what comes, so what
// arrives of our rate S is R = mu S/(S + C).
func (e *ebb) estimate(hard bool) {
	l := e.watch.lately(max(e.empty()/2, 10*e.watch.filters[0].noise))
	s, r := l.sending(), l.arriving()
	if s == 0 || r == 0 {
		return
	}
	e.foreign = max(0, s*(e.mu/r-1))
	if e.foreign < 0.05*e.mu && !hard {
		e.mu -= e.foreign / 2 // so little may as well be that the capacity is less than was thought
	}
}

// eased is the rate, or a little less while a queue stands that is too small to be somebody's for sure: at what we leave otherwise, it
// would stand for long.
func (e *ebb) eased(rate float64) float64 {
	most := ownMost
	if d := e.per(1); d < 3*ownMost {
		most = max(most, d) // two that leave together are no queue; where they take long, others wait for them
	}
	if e.watch.queue > e.threshold()/2 || e.own.wait > most {
		return (1 - easing) * rate
	}
	return rate
}

// grow lets the rate grow as time passes.
func (e *ebb) grow(now time.Time) {
	rtts := min(1, now.Sub(e.grown).Seconds()/e.span().Seconds())
	e.grown = now
	if e.docket.judge.trial == tried {
		return // which asks what half of the rate does
	}
	q, t := e.watch.queue, e.threshold()
	switch e.phase {
	case returning:
		e.rate += e.climb * e.mu * rtts
		if e.rate >= e.share() {
			e.rate = e.share()
			e.enter(now, cruising)
		}
	case cruising:
		if q >= t/2 || now.Sub(e.cutAt) <= e.span() {
			return
		}
		e.resume(now)
		e.rate = min(e.rate+e.creep*e.mu*rtts, e.share())
		if now.Sub(e.clean) > calm*e.span() {
			e.cuts = 0
		}
		if e.rate >= e.share() {
			e.tryMore(now)
		}
	}
}
