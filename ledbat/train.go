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

func (t *train) arrived(a Arrival, small bool) {
	switch {
	case !t.pending || t.count == 0 || a.Sent.Before(t.from) || a.Sent.After(t.until):
	case small:
		t.passed.beside(a.Bytes)
	default:
		t.passed.add(a, 0)
	}
}

// result is what arrived, once: when all of it has, or none of the rest can be expected any more.
func (t *train) result(now time.Time, p patience) (stretch, bool) {
	if !t.pending || t.left > 0 || t.passed.count < t.count && now.Before(t.overdue(p)) {
		return stretch{}, false
	}
	t.pending = false
	return t.passed, true
}

// patience is how long to wait for what has not arrived.
type patience struct {
	rest time.Duration // after the last has left, if others of the train have arrived
	any  time.Duration // if none has: the hosts may be busy
}

// overdue is when what has not arrived is given up; zero: it waits for nothing.
func (t *train) overdue(p patience) time.Time {
	switch {
	case !t.pending || t.left > 0:
		return time.Time{}
	case t.passed.count == 0:
		return t.until.Add(p.any)
	}
	return t.until.Add(p.rest)
}
