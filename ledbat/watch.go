// SPDX-License-Identifier: Apache-2.0

package ledbat

import (
	"fmt"
	"time"
)

const (
	recentStretches = 16
	filters         = 4 // of 1, 2, 4 and 8 stretches
	stretchCount    = 6 // datagrams at least,
	stretchLeast    = 5 * time.Millisecond
	maxThreshold    = 25 * time.Millisecond
	tails           = 3 // how many times the noise a queue must exceed
)

// A watch tells a queue from noise. It cuts what arrives into stretches of a quarter of a round trip, and takes the smallest delay of the
// last 1, 2, 4 or 8 of them: the fewer the sooner it sees a queue, the more the less jitter it takes for one. It chooses the
// fewest whose noise is small against what is to be seen.
type watch struct {
	recent    [recentStretches]stretch // newest is recent[head]
	head      int
	count     int // of them that mean something
	current   stretch
	newest    time.Time     // when the last of those that have arrived left
	queue     time.Duration // as filtered
	threshold time.Duration
	filters   [filters]filter
	level     int           // the filter in use
	spread    time.Duration // by how much a single datagram is later than the first of its stretch, on average
}

// A filter is the minimum of so many stretches.
type filter struct {
	value   time.Duration // over the last of them
	block   time.Duration // of the last block of them that did not overlap with the one before
	noise   time.Duration // what nine of ten differences of successive blocks are below
	typical time.Duration // median
	seen    int           // stretches
}

// A reference is what a watch measures by.
type reference struct {
	base  time.Duration // delay without queue
	rtt   time.Duration // round trip without queue
	quiet time.Duration // queue that counts as none where there is no jitter
	own   time.Duration // how long the datagram has waited behind others of the flow
	ours  bool          // the flow makes a queue on purpose: what changes now is no noise
}

// arrived takes in a datagram, and says whether it has ended a stretch.
func (w *watch) arrived(a Arrival, r reference) (stretch, bool) {
	if left := a.Left(); left.After(w.newest) {
		w.newest = left
	} else if w.current.count == 0 && left.Before(w.newest) {
		return stretch{}, false // it was overtaken, and belongs to those before
	}
	w.current.add(a, r.own)
	if w.threshold == 0 {
		w.threshold = r.quiet
	}
	if w.current.count < stretchCount || w.current.arrivals < max(r.rtt/4, stretchLeast) {
		return stretch{}, false
	}
	s := w.current
	w.current = stretch{}
	w.head = (w.head + 1) % recentStretches
	w.recent[w.head] = s
	w.count = min(w.count+1, recentStretches)
	if !r.ours {
		w.spread += (s.late() - w.spread) / 32
	}
	w.filter(r)
	w.level = 0
	for w.level < filters-1 && tails*w.filters[w.level].noise > r.quiet {
		w.level++
	}
	w.queue = w.filters[w.level].value - w.filters[w.level].offset()
	w.threshold = max(r.quiet, min(max(tails*w.filters[w.level].noise, w.spread), maxThreshold))
	return s, true
}

func (w *watch) filter(r reference) {
	low, n := w.recent[w.head].low, 1
	for i := range w.filters {
		f := &w.filters[i]
		for ; n < 1<<i && n < w.count; n++ {
			low = min(low, w.recent[(w.head-n+recentStretches)%recentStretches].low)
		}
		f.value = low - r.base
		if f.seen++; f.seen%(1<<i) > 0 {
			continue
		}
		if r.ours {
			f.block = f.value
			continue
		}
		if f.value > f.typical {
			f.typical += f.noise/64 + time.Microsecond
		} else {
			f.typical -= f.noise/64 + time.Microsecond
		}
		d := (f.value - f.block).Abs()
		f.block = f.value
		if f.seen <= 1<<i {
			continue
		}
		// A quantile, which a few large ones do not move: others' queues come and go, jitter is there all the time.
		step := f.noise/64 + time.Microsecond
		if f.seen < 16<<i {
			step = f.noise/8 + 20*time.Microsecond
		}
		if d > f.noise {
			f.noise = min(f.noise+9*step, d)
		} else {
			f.noise = max(f.noise-step, d)
		}
	}
}

// offset is what jitter adds to the delay all the time.
func (f *filter) offset() time.Duration { return max(0, min(f.typical, tails*f.noise)) }

// noise is that of the filter in use.
func (w *watch) noise() time.Duration { return w.filters[w.level].noise }

// still forgets noise that was none.
func (w *watch) still() {
	for i := range w.filters {
		w.filters[i].noise, w.filters[i].typical = 0, 0
	}
	w.spread, w.level, w.threshold = 0, 0, 0
}

// forget drops what arrived, when it says nothing about the present any more.
func (w *watch) forget() {
	w.current = stretch{}
	w.count = 0
	w.queue = 0
}

// lately is what arrived in the last d, as one stretch.
func (w *watch) lately(d time.Duration) stretch {
	if w.count == 0 {
		return stretch{}
	}
	s := w.recent[w.head]
	for i := 1; i < w.count && s.arrivals < d; i++ {
		s = join(w.recent[(w.head-i+recentStretches)%recentStretches], s)
	}
	return s
}

func (w *watch) String() string {
	return fmt.Sprintf("queue %v (threshold %v, noise %v by %d)", w.queue, w.threshold, w.noise(), 1<<w.level)
}
