// SPDX-License-Identifier: Apache-2.0

package harm

import (
	"fmt"
	"time"
)

// Window is a stretch of time; it contains From and not To.
type Window struct{ From, To time.Time }

func (w Window) contains(t time.Time) bool { return !t.Before(w.From) && t.Before(w.To) }

func (w Window) middle() time.Time { return w.From.Add(w.To.Sub(w.From) / 2) }

// Trial is one silence and its two windows.
type Trial struct {
	Number  int // from 1
	Silence Window
	On, Off Window
	Probes  int // in each window
}

// String is the trial in one line.
func (t Trial) String() string {
	order := "on first"
	if t.Off.From.Before(t.On.From) {
		order = "off first"
	}
	return fmt.Sprintf("trial %d: %s, silent for %v, windows of %v, %d probes each", t.Number, order,
		t.Silence.To.Sub(t.Silence.From), t.On.To.Sub(t.On.From), t.Probes)
}

// Sample is what became of one probe.
type Sample struct {
	Sent  time.Time     // by our clock
	Delay time.Duration // arrival stamp - send stamp; the clocks' offset is in it, and it may have wrapped at 2^32 µs
	RTT   time.Duration // its round trip, without the time that the receiver held its report back; 0: not known
}

// Pair is what one trial says about one path.
type Pair struct {
	At     time.Time     // the middle of the off window
	Added  time.Duration // mean delay in the on window - mean delay in the off window
	Gap    time.Duration // from the middle of the on window to that of the off window; negative if off came first
	Base   time.Duration // the smallest delay of the off window, the clocks' offset included
	Probes int           // that were heard of
}

// Verdict says whether a trial made a pair.
type Verdict uint8

// The verdicts.
const (
	Good    Verdict = iota
	Missing         // too few probes were heard of
	Stepped         // a clock stepped
)

func (v Verdict) String() string {
	return [...]string{"good", "probes missing", "clock step"}[v]
}

const (
	// A mean over fewer probes than that leaves out too much of its window, and the lost ones are not like the others.
	enough = 0.75
	// A jump of the delay by more than that, which the round trip shares by less than a quarter, is a clock's.
	stepFloor = 10 * time.Millisecond
	// Send and arrival stamps are 32 bits of microseconds.
	stampWrap = (1 << 32) * time.Microsecond
)

// Tally gathers the samples of one path in one trial. The zero value has none.
type Tally struct {
	trial   Trial
	first   time.Duration // the delay that the others are counted from
	last    Sample        // the latest
	heard   int
	on, off mean
	low     time.Duration // the smallest of off
	stepped bool
}

// mean is a sum and how many are in it.
type mean struct {
	n   int
	sum time.Duration
}

func (m *mean) add(d time.Duration) { m.n++; m.sum += d }

func (m *mean) value() time.Duration { return m.sum / time.Duration(max(m.n, 1)) }

// Begin starts a trial; what was gathered before is forgotten.
func (t *Tally) Begin(trial Trial) { *t = Tally{trial: trial} }

// Deliver takes a sample in, in the order of arrival; one that was not sent in a window of the trial does not count.
func (t *Tally) Deliver(s Sample) {
	on, off := t.trial.On.contains(s.Sent), t.trial.Off.contains(s.Sent)
	if !on && !off {
		return
	}
	if t.heard++; t.heard == 1 {
		t.first, t.last = s.Delay, s
	}
	moved, shared := unwrap(s.Delay-t.last.Delay), s.RTT-t.last.RTT
	if s.RTT > 0 && t.last.RTT > 0 && moved.Abs() > stepFloor && shared.Abs() < moved.Abs()/4 {
		t.stepped = true
	}
	t.last = s
	d := unwrap(s.Delay - t.first)
	if on {
		t.on.add(d)
		return
	}
	if t.off.n == 0 || d < t.low {
		t.low = d
	}
	t.off.add(d)
}

// unwrap moves a difference of delays by whole wraps to where it is smallest.
func unwrap(d time.Duration) time.Duration {
	d %= stampWrap
	switch {
	case d >= stampWrap/2:
		d -= stampWrap
	case d < -stampWrap/2:
		d += stampWrap
	}
	return d
}

// Pair ends the trial.
func (t *Tally) Pair() (Pair, Verdict) {
	switch least := int(enough * float64(t.trial.Probes)); {
	case t.stepped:
		return Pair{}, Stepped
	case t.on.n < max(least, 1) || t.off.n < max(least, 1):
		return Pair{}, Missing
	}
	off := t.trial.Off.middle()
	return Pair{
		At: off, Added: t.on.value() - t.off.value(), Gap: off.Sub(t.trial.On.middle()), Base: t.first + t.low, Probes: t.heard,
	}, Good
}

// String is the state in one line.
func (t *Tally) String() string {
	return fmt.Sprintf("%v; heard of %d on, %d off, stepped %t", t.trial, t.on.n, t.off.n, t.stepped)
}
