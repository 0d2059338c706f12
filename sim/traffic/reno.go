// SPDX-License-Identifier: Apache-2.0

package traffic

import (
	"math"
	"time"
)

// reno is RFC 5681, and what every window-based control does.
type reno struct {
	cwnd, ssthresh float64
}

func (r *reno) restart(uint64)  { *r = reno{cwnd: initialWindow, ssthresh: math.MaxInt32} }
func (r *reno) window() float64 { return r.cwnd }
func (r *reno) rate() float64   { return 0 }
func (r *reno) prr() bool       { return true }

// growing says whether the window may grow: it is what limits the flow (RFC 7661, section 4.3), and nothing was lost.
func growing(s *Sender) bool { return (s.blocked || s.wasBlocked) && !s.recovering() }

// slowStart grows the window and returns what is left to grow after slow start, in packets (RFC 5681, section 3.1).
func (r *reno) slowStart(acked int) float64 {
	n := float64(acked)
	if r.cwnd >= r.ssthresh {
		return n
	}
	grown := min(r.cwnd+n, max(r.ssthresh, r.cwnd))
	n -= grown - r.cwnd
	r.cwnd = grown
	return n
}

func (r *reno) acked(s *Sender, a *ack) {
	if !growing(s) {
		return
	}
	if n := r.slowStart(a.acked); n > 0 {
		r.cwnd += n / r.cwnd
	}
}

func (r *reno) congested(*Sender, time.Duration) {
	r.ssthresh = max(r.cwnd/2, 2)
	r.cwnd = r.ssthresh
}

func (r *reno) timedOut(s *Sender, _ time.Duration) {
	if s.backoff == 1 {
		r.ssthresh = max(r.cwnd/2, 2)
	}
	r.cwnd = 1
}

// idled halves the window for every RTO of silence, down to the initial one (RFC 2861, section 2.2).
func (r *reno) idled(s *Sender, _, quiet time.Duration) {
	rto := s.rto()
	for ; quiet > rto && r.cwnd > initialWindow; quiet -= rto {
		r.ssthresh = max(r.ssthresh, float64(0.75*r.cwnd))
		r.cwnd = max(r.cwnd/2, initialWindow)
	}
}
