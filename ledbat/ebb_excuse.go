// SPDX-License-Identifier: Apache-2.0

package ledbat

import "time"

const (
	excuses     = 2                     // in a row
	excuseEvery = 2 * time.Second       // in the long run: what comes more often is somebody
	excuseMost  = 50 * time.Millisecond // of queue
	absentFor   = 10 * time.Second      // nobody was seen, so that a queue may be nobody's
	sightings   = 2                     // of others at the least, before they are believed to be there
)

// An excuse is what a queue gets that comes out of nothing. The bottleneck may have stood still, as a radio does that waits for its turn,
// or a host that is busy; then what came meanwhile stands in front of it, and nothing else does. So half of the rate is given up, and
// the queue is counted as our own: it must now drain as fast as the bottleneck takes what is more than we send. If it does, nobody is there;
// if not, the rest is others'.
type excuse struct {
	at   time.Time // when the last one began
	rate float64   // before it, in bytes a second; 0: none is running
	used float64   // of those that there are
	seen time.Time // when somebody was seen for sure
}

// excused says whether a queue is excused for now.
func (e *ebb) excused(now time.Time, q time.Duration) bool {
	x := &e.excuse
	used := max(0, x.used-now.Sub(x.at).Seconds()/excuseEvery.Seconds())
	if e.phase != cruising || x.rate > 0 || q > excuseMost || used > excuses-1 || !x.seen.IsZero() && now.Sub(x.seen) < absentFor {
		return false
	}
	e.lift.stop(now)
	e.estimate(false)
	x.at, x.rate, x.used = now, e.rate, used+1
	e.own.bytes += e.mu * q.Seconds()
	e.rate /= 2
	e.over = 0
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
