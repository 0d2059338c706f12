// SPDX-License-Identifier: Apache-2.0

package ledbat

import "time"

const (
	excuses     = 2                     // in a row
	excuseEvery = 2 * time.Second       // in the long run: what comes more often is somebody
	excuseMost  = 50 * time.Millisecond // of queue
	absentFor   = 10 * time.Second      // nobody was seen, so that a queue may be nobody's
	sightings   = 2                     // of others at the least, before they are believed to be there

	interruption  = 3               // datagrams at most that somebody at the floor sends together
	interruptions = 6.0             // in a row that are borne with, and as many a second in the long run
	interrupted   = 0.75            // of the rate is left to us meanwhile
	turn          = 8 * time.Second // after so long one that is interrupted looks who is there,
	waiters       = 4               // and if it was so often, others wait for their turn,
	cede          = 3 * time.Second // which takes that time: they have to find the link free
)

// An excuse is what a queue gets that comes out of nothing. The bottleneck may have stood still, as a radio does that waits for its turn,
// or a host that is busy; then what came meanwhile stands in front of it, and nothing else does. So half of the rate is given up, and
// the queue is counted as our own: it must now drain as fast as the bottleneck takes what is more than we send. If it does, nobody is there;
// if not, the rest is others'.
type excuse struct {
	at    time.Time // when the last one began
	rate  float64   // before it, in bytes a second; 0: none is running
	used  float64   // of those that there are
	seen  time.Time // when somebody was seen for sure
	hard  time.Time // when a loss or a mark told of them
	left  float64   // interruptions that may be borne with
	told  time.Time // when that was so
	ceded time.Time // until then others have their turn

	borne int       // interruptions in this turn,
	since time.Time // which began then
}

// bears says whether a queue is taken for a pulse of somebody who is at the floor, on a link where those few datagrams make a queue to be
// seen. Who leaves for them lets all wait for each other: so it is borne with as long as it drains. For that they have their turn later. Where
// datagrams are lost, a short queue may be all that there is room for.
func (e *ebb) bears(now time.Time, q time.Duration) bool {
	x := &e.excuse
	if e.phase != cruising || e.lossy() > 0 || e.threshold() >= e.per(interruption) || q > e.threshold()/2+e.per(interruption) ||
		!x.hard.IsZero() && now.Sub(x.hard) < absentFor {
		return false
	}
	x.left = min(x.left+interruptions*now.Sub(x.told).Seconds(), interruptions)
	x.told = now
	if x.left < 1 {
		return false
	}
	x.left--
	if e.returned.After(x.since) {
		x.since, x.borne = e.returned, 0
	}
	if x.borne++; now.Sub(x.since) > turn {
		e.enter(now, yielding)
		if x.borne >= waiters {
			e.holdOff, e.mayReturn, x.ceded = cede, now.Add(cede), now.Add(cede)
		}
		return true
	}
	e.bear(now, q, interrupted)
	return true
}

// bear gives up a part of the rate, and counts the queue as our own.
func (e *ebb) bear(now time.Time, q time.Duration, part float64) {
	e.lift.stop(now)
	if x := &e.excuse; x.rate == 0 {
		x.rate = e.rate
		e.rate *= part
	}
	e.excuse.at = now
	e.own.bytes += e.mu * q.Seconds()
	e.over = 0
}

// excused says whether a queue is excused for now.
func (e *ebb) excused(now time.Time, q time.Duration) bool {
	x := &e.excuse
	used := max(0, x.used-now.Sub(x.at).Seconds()/excuseEvery.Seconds())
	if e.phase != cruising || x.rate > 0 || q > excuseMost || used > excuses-1 || !x.seen.IsZero() && now.Sub(x.seen) < absentFor {
		return false
	}
	x.used = used + 1
	e.estimate(false)
	e.bear(now, q, 0.5)
	return true
}

// resume gives the rate back when the queue has drained.
func (e *ebb) resume(now time.Time) {
	x := &e.excuse
	if x.rate == 0 || now.Sub(x.at) < e.span()+reportDelay || e.own.wait > e.threshold()/2 {
		return
	}
	e.rate = max(e.rate, min(x.rate, e.share()))
	x.rate = 0
}
