// SPDX-License-Identifier: Apache-2.0

package ledbat

import "time"

// A train is a number of datagrams sent in a row, whose spacing on arrival tells what the bottleneck had left for them.
type train struct {
	left    int       // bytes that have not left
	from    time.Time // when the first left
	until   time.Time // when the last left
	count   int       // that left
	passed  stretch   // those that arrived
	pending bool
}

func (t *train) begin(n, mss int) { *t = train{left: n * mss, pending: true} }

func (t *train) sent(now time.Time, bytes int) {
	if t.left == 0 {
		return
	}
	if t.count == 0 {
		t.from = now
	}
	if t.left -= bytes; t.left < bytes/2 {
		t.left = 0 // not enough for another
	}
	t.until = now
	t.count++
}

func (t *train) arrived(a Arrival) {
	if t.pending && t.count > 0 && !a.Sent.Before(t.from) && !a.Sent.After(t.until) {
		t.passed.add(a, 0)
	}
}

// result is what arrived, once: when all of it has, or none of the rest can be expected any more.
func (t *train) result(now time.Time, rtt time.Duration) (stretch, bool) {
	if !t.pending || t.left > 0 || t.passed.count < t.count && now.Before(t.overdue(rtt)) {
		return stretch{}, false
	}
	t.pending = false
	return t.passed, true
}

// overdue is when what has not arrived is given up; zero: it waits for nothing.
func (t *train) overdue(rtt time.Duration) time.Time {
	if !t.pending || t.left > 0 {
		return time.Time{}
	}
	return t.until.Add(2*rtt + time.Nanosecond)
}
