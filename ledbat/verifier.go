// SPDX-License-Identifier: Apache-2.0

package ledbat

import "time"

const (
	verifyEvery = 200 * time.Millisecond
	verifyTerm  = 10 * time.Second
	keepingUp   = 0.97
	overstated  = 1.06 // a capacity that exceeds what is acknowledged by more than that is a mistake, or a lie
)

// A verifier compares the capacity, which rests on stamps that the receiver has made, with what the sender sees by its own clock: how
// much is acknowledged. A peer that reports no delay cannot make us send more than arrives.
type verifier struct {
	from        time.Time
	acked, left int     // bytes since then
	leftBefore  float64 // bytes a second that left in the stretch before; what is acknowledged now is of that one, too
	best        peak
	behind      bool // less was acknowledged than had been sent
}

func (v *verifier) sent(bytes int) { v.left += bytes }

// verify is called with every feedback.
func (e *ebb) verify(now time.Time, acked int) {
	v := &e.verified
	v.acked += acked
	elapsed := now.Sub(v.from)
	if elapsed < max(verifyEvery, 2*e.span()) {
		return
	}
	arrived, left := perSecond(v.acked, elapsed), perSecond(v.left, elapsed)*(1-e.lossy())
	v.best.add(now, verifyTerm, arrived)
	sure := min(left, v.leftBefore)
	v.behind = arrived < keepingUp*sure
	v.from, v.acked, v.left, v.leftBefore = now, 0, 0, left
	if best := v.best.max(); e.phase == cruising && e.mu > overstated*best && sure > overstated*best {
		e.mu = best
		e.rate = min(e.rate, e.share())
	}
}
