// SPDX-License-Identifier: Apache-2.0

package shim

import "time"

const (
	feedbackEvery    = 16                    // eliciting datagrams
	maxFeedbackDelay = 10 * time.Millisecond // also the limit RTT/4 is held to
	minFeedbackDelay = time.Millisecond
)

// receiver remembers what arrived and when, until the peer is known to have been told.
type receiver struct {
	every    int       // a feedback is due after so many eliciting datagrams
	ranges   []span    // what arrived, newest first, never touching one another; at most maxRanges
	fresh    []arrival // not reported yet, in order of arrival; at most maxArrivals, the oldest give way
	newest   time.Duration
	stamp    uint32 // of the newest arrival
	owed     int    // eliciting datagrams not reported yet
	due      time.Duration
	marks    uint64
	received uint64 // datagrams
}

// arrived records one datagram. delay is how long a feedback for it may wait.
func (r *receiver) arrived(now time.Duration, seq uint64, eliciting bool, delay time.Duration) {
	r.received++
	r.insert(seq)
	r.newest, r.stamp = now, stampOf(now)
	if len(r.fresh) == maxArrivals {
		r.fresh = append(r.fresh[:0], r.fresh[maxArrivals/2:]...)
	}
	r.fresh = append(r.fresh, arrival{seq, r.stamp})
	if !eliciting {
		return
	}
	if r.owed++; r.owed == 1 {
		r.due = now + delay
	}
	if r.owed >= r.every {
		r.due = now
	}
}

func (r *receiver) insert(seq uint64) {
	for i := range r.ranges {
		s := &r.ranges[i]
		switch {
		case seq > s.hi+1:
			r.ranges = append(r.ranges, span{})
			copy(r.ranges[i+1:], r.ranges[i:])
			r.ranges[i] = span{seq, seq}
			r.bound()
			return
		case seq == s.hi+1:
			s.hi = seq // the range above cannot touch: it would have been found first
			r.join(i - 1)
			return
		case seq >= s.lo:
			return
		case seq+1 == s.lo:
			s.lo = seq
			r.join(i)
			return
		}
	}
	r.ranges = append(r.ranges, span{seq, seq})
	r.bound()
}

// join makes one of ranges i and i+1 if they touch.
func (r *receiver) join(i int) {
	if i < 0 || i+1 >= len(r.ranges) || r.ranges[i+1].hi+1 != r.ranges[i].lo {
		return
	}
	r.ranges[i].lo = r.ranges[i+1].lo
	r.ranges = append(r.ranges[:i+1], r.ranges[i+2:]...)
}

func (r *receiver) bound() {
	if len(r.ranges) > maxRanges {
		r.ranges = r.ranges[:maxRanges]
	}
}

// told says that the peer has seen a feedback up to highest: older ranges need not be repeated.
func (r *receiver) told(highest uint64) {
	for i := range r.ranges {
		s := &r.ranges[i]
		if s.hi > highest {
			if s.lo <= highest {
				s.lo = highest
			}
			continue
		}
		if i == 0 { // a feedback has at least one range
			s.lo = s.hi
			i = 1
		}
		r.ranges = r.ranges[:i]
		return
	}
}

// pending reports whether there is anything the peer has not been told.
func (r *receiver) pending() bool { return len(r.fresh) > 0 }

// report fills f with what is to be told within room bytes, and forgets the arrivals. It returns the highest number in
// it. The caller has seen that something is pending.
func (r *receiver) report(now time.Duration, f *feedback, room int) uint64 {
	f.held = uint32(min(maxHeld, (now-r.newest)/time.Microsecond))
	f.newest = r.stamp
	f.marks = r.marks
	entries := max(0, room-minFeedback) / entrySize
	f.ranges = append(f.ranges[:0], r.ranges[:min(len(r.ranges), 1+entries/2)]...)
	entries -= len(f.ranges) - 1
	f.arrivals = f.arrivals[:0]
	for i := len(r.fresh) - 1; i >= 0 && len(f.arrivals) <= entries; i-- {
		f.arrivals = append(f.arrivals, r.fresh[i])
	}
	r.fresh = r.fresh[:0]
	r.owed, r.due = 0, 0
	return f.ranges[0].hi
}

const (
	minFeedback = 4 + 4 + 2 + 1 + 7 + 3 + 1 + 4 // bytes of a feedback with one range and one arrival, generously
	entrySize   = 8                             // bytes of each further range or arrival, generously
	feedbackMTU = 600                           // room in bytes of a feedback that leaves alone
)

// stampOf is t in microseconds, wrapping after 71 minutes.
func stampOf(t time.Duration) uint32 { return uint32(t / time.Microsecond) }
