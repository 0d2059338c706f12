// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"fmt"
	"time"

	"github.com/ebbproject/ebb/ledbat"
)

// reno is the foreground that a scavenger must not harm: TCP's congestion control as RFC 5681 has it, paced.
type reno struct {
	mss, cwnd, ssthresh float64
	rtt                 time.Duration
	reacted             time.Time
}

func newReno(mss int) *reno {
	return &reno{mss: float64(mss), cwnd: 10 * float64(mss), ssthresh: 1e12}
}

func (r *reno) Sent(time.Time, int) {}

func (r *reno) Acked(_ time.Time, a ledbat.Ack) {
	if r.rtt == 0 {
		r.rtt = a.RTT
	}
	r.rtt += (a.RTT - r.rtt) / 8
	if r.cwnd < r.ssthresh {
		r.cwnd += float64(a.Bytes)
		return
	}
	r.cwnd += r.mss * float64(a.Bytes) / r.cwnd
}

func (r *reno) Lost(now time.Time, _ int, sentAt time.Time) {
	if !sentAt.After(r.reacted) {
		return
	}
	r.cwnd = max(r.cwnd/2, 2*r.mss)
	r.ssthresh = r.cwnd
	r.reacted = now
}

func (r *reno) TimedOut(now time.Time) {
	r.ssthresh = max(r.cwnd/2, 2*r.mss)
	r.cwnd, r.reacted = r.mss, now
}

func (r *reno) Advance(time.Time)         {}
func (r *reno) Deadline() time.Time       { return time.Time{} }
func (r *reno) Window() int               { return int(r.cwnd) }
func (r *reno) CTO() time.Duration        { return max(time.Second, 2*r.rtt) }
func (r *reno) QueueDelay() time.Duration { return 0 }
func (r *reno) BaseDelay() time.Duration  { return 0 }
func (r *reno) String() string            { return fmt.Sprintf("reno %.1f MSS", r.cwnd/r.mss) }

func (r *reno) Rate() float64 {
	if r.rtt == 0 {
		return 0
	}
	return 1.25 * r.cwnd / r.rtt.Seconds()
}
