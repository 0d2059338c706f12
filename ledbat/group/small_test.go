// SPDX-License-Identifier: Apache-2.0

package group

import (
	"testing"
	"time"

	"github.com/ebbproject/ebb/ledbat"
	"pgregory.net/rapid"
)

// One that waits, and nothing else: is it granted what it waits for before long?
func servedAlone(g *Group, s *Share, now time.Time, patience time.Duration) bool {
	for end := now.Add(patience); now.Before(end); {
		for granted, ok := g.Take(); ok; granted, ok = g.Take() {
			if granted == s {
				return true
			}
		}
		d := g.Deadline()
		if d.IsZero() {
			return false
		}
		now = later(now, d)
		g.Advance(now)
	}
	return false
}

func later(now, d time.Time) time.Time {
	if d.After(now) {
		return d
	}
	return now.Add(time.Microsecond)
}

// All that a group had sent before it knew a pace was small: a request or two, and acknowledgements. Its bucket must take a full datagram all
// the same, and all the parts of a packet that was cut up, or the first of them waits for ever.
func TestAGroupThatHasSentLittleSendsAFullDatagram(t *testing.T) {
	for _, unit := range []int{mss, 5 * mss} {
		for _, rate := range []float64{1e3, 85e3, 10e6} {
			c := &fixed{window: 10 * mss, cto: sec}
			g := New(c, mss)
			s := g.Join()
			s.Unit(unit)
			s.Sent(at(0), 150)
			c.rate = rate
			s.Acked(at(40*ms), ledbat.Ack{Bytes: 150, OneWayDelay: 20 * ms, RTT: 40 * ms})
			s.Waiting(at(50*ms), unit)
			patience := time.Duration(2 * float64(unit) / rate * float64(sec))
			if s.Window() < unit && !servedAlone(g, s, at(50*ms), max(patience, sec)) {
				t.Errorf("%d B at %.0f B/s wait for ever: %v", unit, rate, s)
			}
		}
	}
}

// Whatever was sent before, in whatever sizes, and whoever left meanwhile: when nothing is in flight, who waits is granted a datagram.
func TestWhoWaitsAloneIsServed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := &fixed{window: 100 * mss, cto: sec}
		g, now := New(c, mss), epoch
		shares := []*Share{g.Join(), g.Join(), g.Join()}
		for range rapid.IntRange(0, 20).Draw(t, "events") {
			s := shares[rapid.IntRange(0, 2).Draw(t, "who")]
			now = now.Add(time.Duration(rapid.IntRange(0, 30).Draw(t, "ms")) * ms)
			g.Advance(now)
			switch rapid.IntRange(0, 3).Draw(t, "event") {
			case 0:
				s.Unit(rapid.IntRange(1, 6*mss).Draw(t, "unit"))
			case 1:
				s.Waiting(now, rapid.IntRange(1, 10*mss).Draw(t, "wants")) // and then has changed its mind
			case 2:
				s.Sent(now, rapid.IntRange(1, mss).Draw(t, "bytes"))
			case 3:
				s.Acked(now, ledbat.Ack{Bytes: s.flight, OneWayDelay: 25 * ms, RTT: 50 * ms})
				c.rate = float64(rapid.IntRange(1000, 10_000_000).Draw(t, "rate"))
			}
			for _, ok := g.Take(); ok; _, ok = g.Take() {
			}
		}
		for _, s := range shares {
			s.Acked(now, ledbat.Ack{Bytes: s.flight, OneWayDelay: 25 * ms, RTT: 50 * ms})
		}
		for _, ok := g.Take(); ok; _, ok = g.Take() {
		}
		s := shares[0]
		s.Waiting(now, s.unit)
		if s.Window() < s.unit && !servedAlone(g, s, now, time.Minute) {
			t.Fatalf("%d B wait for ever: %v", s.unit, s)
		}
	})
}

// One that is believed again because nobody else waits any more is served though nothing else happens: the last of the others was granted
// something a moment ago.
func TestWhoIsBelievedAgainIsServed(t *testing.T) {
	c := &fixed{window: 100 * mss, cto: sec}
	g := New(c, mss)
	lazy, large, small := g.Join(), g.Join(), g.Join()
	for _, s := range []*Share{lazy, large, small} {
		s.Unit(1)
	}
	lazy.Waiting(at(0), 1) // and lets it lapse
	g.Advance(at(leastHold))
	c.rate = 1000
	large.Sent(at(leastHold), 1)
	large.Acked(at(leastHold), ledbat.Ack{Bytes: 1, OneWayDelay: 25 * ms, RTT: 50 * ms})
	large.Waiting(at(leastHold), 2000)
	small.Waiting(at(leastHold), 3)
	lazy.Waiting(at(leastHold+ms), 1)
	if lazy.Window() < 1 && !servedAlone(g, lazy, at(leastHold+ms), time.Minute) {
		t.Fatalf("waits for ever: %v", lazy)
	}
}

// A controller that permits nothing is obeyed also when nothing is in flight: it has given way.
func TestAGroupThatGivesWaySendsNothing(t *testing.T) {
	c := &fixed{rate: 1e6, cto: sec}
	g := New(c, mss)
	s := g.Join()
	s.Waiting(at(0), mss)
	if s.Window() > 0 || servedAlone(g, s, at(0), time.Minute) {
		t.Errorf("may send: %v", s)
	}
	c.window = mss
	if !servedAlone(g, s, at(time.Minute), sec) {
		t.Errorf("may not send: %v", s)
	}
}
