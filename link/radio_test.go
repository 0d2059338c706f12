// SPDX-License-Identifier: Apache-2.0

package link

import (
	"math"
	"testing"
	"time"
)

// extras sends a packet every 0.25 ms for ten seconds and answers how much later than the propagation
// delay each came, in order of arrival.
func extras(t *testing.T, c Config) (came, extra []time.Duration) {
	l := New[int](epoch, c)
	const gap = ms / 4
	last := -1
	take := func(until time.Duration) {
		for d := l.Deadline(); !d.IsZero() && !d.After(at(until)); d = l.Deadline() {
			p, ok := l.Take(d)
			if !ok {
				continue
			}
			if p.Payload < last {
				t.Fatalf("packet %d came behind packet %d", p.Payload, last)
			}
			last = p.Payload
			came = append(came, d.Sub(epoch))
			extra = append(extra, d.Sub(epoch)-time.Duration(p.Payload)*gap-c.Delay)
		}
	}
	for i := range 40_000 {
		take(time.Duration(i) * gap)
		l.Send(at(time.Duration(i)*gap), datagram(100, i))
	}
	take(time.Hour)
	if len(came) != 40_000 {
		t.Fatalf("%d packets came", len(came))
	}
	return came, extra
}

// A packet waits for the next aggregate: for half an interval on average, and never longer than an
// interval and the access delay. What comes, comes together.
func TestWiFiDeliversInAggregates(t *testing.T) {
	for _, w := range []WiFi{{Interval: 4 * ms}, {Interval: 4 * ms, Access: ms}, {Interval: 2 * ms, Access: 2 * ms}} {
		came, extra := extras(t, Config{Rate: 100e6, Delay: 10 * ms, WiFi: w, Seed: 3})
		sum, most, instants := time.Duration(0), time.Duration(0), 1
		for i, e := range extra {
			sum += e
			most = max(most, e)
			if e < 0 {
				t.Fatalf("%+v: packet %d was early", w, i)
			}
			if i > 0 && came[i] != came[i-1] {
				instants++
				// The grid and the access delay within it.
				if phase := came[i] % w.Interval; phase > w.Access {
					t.Fatalf("%+v: an aggregate came %v behind the grid", w, phase)
				}
			}
		}
		if most > w.Interval+w.Access {
			t.Errorf("%+v: a packet waited for %v", w, most)
		}
		if want := int(10 * time.Second / w.Interval); instants < want-2 || instants > want+2 {
			t.Errorf("%+v: %d aggregates, want %d", w, instants, want)
		}
		// With gaps of I + a' - a between instants, the mean wait is E[gap^2]/(2 E[gap]), and a uniform
		// access delay has the variance Access^2/12.
		i, a := w.Interval.Seconds(), w.Access.Seconds()
		want := (i*i + a*a/6) / (2 * i)
		if got := sum.Seconds() / float64(len(extra)); math.Abs(got-want) > 0.15e-3 {
			t.Errorf("%+v: a mean wait of %.3f ms, want %.3f", w, got*1e3, want*1e3)
		}
	}
}

// Deliveries are at the ends of TTIs. A share of the TTIs is repeated after 8, 16 or 24 ms, and what came
// after them waits for them.
func TestLTEDeliversInIntervalsAndInOrder(t *testing.T) {
	came, _ := extras(t, Config{Rate: 100e6, Delay: 10 * ms, LTE: LTE{Interval: ms, Retransmit: 0.1}, Seed: 3})
	jumps, last := map[time.Duration]int{}, time.Duration(0)
	for _, c := range came {
		if c%ms != 0 {
			t.Fatalf("a packet came at %v", c)
		}
		if c != last && last > 0 {
			jumps[(c-last)/ms]++
		}
		last = c
	}
	if jumps[1] < 1000 || jumps[9] < 300 {
		t.Errorf("jumps: %v; want mostly 1, and 9 behind what was repeated", jumps)
	}
	for j := range jumps {
		if j > 25 {
			t.Errorf("a pause of %d ms", j)
		}
	}
}

// A TTI fails with the given probability, again and again, at most three times.
func TestLTERepeatsTheRightShare(t *testing.T) {
	c := Config{LTE: LTE{Interval: ms, Retransmit: 0.2, RoundTrip: 8 * ms}, Seed: 11}
	count := map[int64]int{}
	const intervals = 100_000
	for n := range int64(intervals) {
		r := newRadio(c) // forgets the order
		count[(r.deliver(n*int64(ms))-n*int64(ms))/int64(ms)]++
	}
	for late, want := range map[int64]float64{0: 0.8, 8: 0.16, 16: 0.032, 24: 0.008} {
		got, dev := float64(count[late])/intervals, math.Sqrt(want*(1-want)/intervals)
		if math.Abs(got-want) > 4*dev {
			t.Errorf("%d ms late: %.4f of the intervals, want %.4f", late, got, want)
		}
		delete(count, late)
	}
	if len(count) > 0 {
		t.Errorf("others: %v", count)
	}
}

// The air is a function of time and seed: other traffic sees the same.
func TestTheAirDoesNotDependOnTraffic(t *testing.T) {
	c := Config{WiFi: WiFi{Interval: 4 * ms, Access: 4 * ms}, Seed: 1}
	for when := time.Duration(0); when < time.Second; when += 7 * ms {
		busy, quiet := newRadio(c), newRadio(c)
		for now := range int64(when) / int64(ms) {
			busy.deliver(now * int64(ms))
		}
		if a, b := busy.deliver(int64(when)), quiet.deliver(int64(when)); a != b {
			t.Fatalf("at %v: %d and %d", when, a, b)
		}
	}
}
