// SPDX-License-Identifier: Apache-2.0

package ledbat

import "time"

const (
	trainEvery  = 100 * time.Millisecond
	trainSeldom = 250 * time.Millisecond
)

// A train is a few datagrams sent in a row at a known pace, whose spacing on arrival tells what the bottleneck had left.
type train struct {
	left    int // bytes still to be sent
	from    time.Time
	until   time.Time // when the last one left
	count   int       // sent
	passed  stretch
	pending bool
	lows    [2]time.Duration // smallest delay in either half
	counts  [2]int
	timed   bool // it is what leaves until then, not a number of datagrams
}

func (t *train) start(now time.Time, n, mss int) {
	*t = train{left: n * mss, from: now, until: now, pending: true}
}

func (t *train) sent(now time.Time, bytes int) {
	if t.left > 0 {
		if t.from.IsZero() {
			t.from = now
		}
		t.left = max(0, t.left-bytes)
		t.until = now
		t.count++
	}
}

// arrived says whether a datagram was of this train.
func (t *train) arrived(a Arrival) bool {
	if !t.pending || a.Sent.Before(t.from) || a.Sent.After(t.until) {
		return false
	}
	t.passed.add(a)
	if half := t.from.Add(t.until.Sub(t.from) / 2); a.Sent.Before(half) {
		if t.counts[0] == 0 || a.Delay < t.lows[0] {
			t.lows[0] = a.Delay
		}
		t.counts[0]++
	} else {
		if t.counts[1] == 0 || a.Delay < t.lows[1] {
			t.lows[1] = a.Delay
		}
		t.counts[1]++
	}
	return true
}

// result is what the train found, once.
func (t *train) result(now time.Time, rtt time.Duration) (stretch, bool) {
	if t.pending && t.timed {
		if now.Sub(t.until) < rtt+20*time.Millisecond {
			return stretch{}, false
		}
		t.pending = false
		return t.passed, true
	}
	if !t.pending || t.left > 0 || t.passed.count < 2 {
		return stretch{}, false
	}
	if t.passed.count < t.count && now.Sub(t.until) < 2*rtt {
		return stretch{}, false
	}
	t.pending = false
	return t.passed, true
}
