// SPDX-License-Identifier: Apache-2.0

package yield

import (
	"math"
	"slices"
	"time"
)

const (
	step      = 100 * time.Millisecond // of a course
	wayWindow = 10                     // steps: has it been given way?
	backSpan  = 500 * time.Millisecond // is the link used again?
	enough    = 0.8                    // both: a share of what there is
)

// A course is how many bytes came in each step of a flow's life.
type course struct {
	begin time.Time
	bytes []int64
}

// came enters n bytes at a time.
func (c *course) came(at time.Time, n int) {
	i := int(at.Sub(c.begin) / step)
	if i < 0 {
		return
	}
	for len(c.bytes) <= i {
		c.bytes = append(c.bytes, 0)
	}
	c.bytes[i] += int64(n)
}

// sum is what came in the steps from one to another.
func (c *course) sum(from, to int) (bytes int64) {
	for i := from; i < to && i < len(c.bytes); i++ {
		bytes += c.bytes[i]
	}
	return bytes
}

// rate is that of the first span, in bit/s.
func (c *course) rate(span time.Duration) float64 {
	return float64(c.sum(0, int(span/step))) * 8 / span.Seconds()
}

// gaveWay is how long it took until a foreground had enough of its course alone; at most span, when it never had.
func gaveWay(beside *course, alone []*course, span time.Duration) time.Duration {
	for i := 0; i+wayWindow <= int(span/step); i++ {
		var solo float64
		for _, c := range alone {
			solo += float64(c.sum(i, i+wayWindow)) / float64(len(alone))
		}
		if float64(beside.sum(i, i+wayWindow)) >= enough*solo {
			return time.Duration(i) * step
		}
	}
	return span
}

// A reading is one line of the link's log, from left to right.
type reading struct {
	at    time.Time
	queue time.Duration
	// Since the start: bytes that have come out, packets that have, and those of them that the link let out too late.
	bytes, packets, late int64
}

// readings are in order of time.
type readings []reading

// between are those from one time on, up to another.
func (r readings) between(from, to time.Time) readings {
	find := func(t time.Time) int {
		i, _ := slices.BinarySearchFunc(r, t, func(x reading, t time.Time) int { return x.at.Compare(t) })
		return i
	}
	return r[find(from):max(find(from), find(to))]
}

// rate is what came out, in bit/s.
func (r readings) rate() float64 {
	if len(r) < 2 {
		return 0
	}
	first, last := r[0], r[len(r)-1]
	return float64(last.bytes-first.bytes) * 8 / last.at.Sub(first.at).Seconds()
}

// late is the share of the packets that the link let out more than a millisecond late, in percent: how far it can be trusted.
func (r readings) late() float64 {
	if len(r) == 0 || r[len(r)-1].packets == 0 {
		return 0
	}
	last := r[len(r)-1]
	return 100 * float64(last.late) / float64(last.packets)
}

// queues are the queue delays in milliseconds.
func (r readings) queues() (ms []float64) {
	for _, x := range r {
		ms = append(ms, milliseconds(x.queue))
	}
	return ms
}

// back is how long after left the link was used enough again; at most span, when it never was.
func (r readings) back(left time.Time, span time.Duration, rate float64) time.Duration {
	for d := time.Duration(0); d+backSpan <= span; d += step / 2 {
		if r.between(left.Add(d), left.Add(d+backSpan)).rate() >= enough*rate {
			return d
		}
	}
	return span
}

func milliseconds(d time.Duration) float64 { return float64(d) / 1e6 }

// quantile is by the nearest rank; NaN of none.
func quantile(values []float64, q float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[min(len(sorted)-1, max(0, int(math.Ceil(q*float64(len(sorted))))-1))]
}
