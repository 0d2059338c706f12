// SPDX-License-Identifier: Apache-2.0

package link

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// With a weight of 1 the average is what waits. p_b grows from 0 at Min to MaxP at Max, and on to 1 at
// twice Max.
func TestREDInitialProbability(t *testing.T) {
	for _, c := range []struct{ waiting, want float64 }{
		{0, 0}, {9_999, 0}, {10_000, 0}, {15_000, 0.05}, {20_000, 0.1}, {30_000, 0.55}, {40_000, 1}, {50_000, 1},
	} {
		r := newRED(RED{Min: 10_000, Max: 20_000, Weight: 1}, 1e6)
		r.enters(0, 0, int64(c.waiting))
		if got := r.initialProbability(); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%v bytes: %v, want %v", c.waiting, got, c.want)
		}
	}
}

// Floyd and Jacobson, section 7: the number of packets between two drops is uniform from 1 to 1/p_b.
func TestREDSpreadsDropsEvenly(t *testing.T) {
	r := newRED(RED{Min: 10_000, Max: 20_000, Weight: 1}, 1e6)
	draws := rand.NewPCG(1, 2)
	gaps := map[int]int{}
	const drops = 20_000
	for n, gap := 0, 0; n < drops; {
		gap++
		if r.enters(0, draws.Uint64()>>1, 15_000) == aqmDrop { // p_b is 1/20
			if n > 0 {
				gaps[gap]++
			}
			n, gap = n+1, 0
		}
	}
	for gap, n := range gaps {
		if gap > 20 || math.Abs(float64(n)-drops/20) > 4*math.Sqrt(drops/20) {
			t.Errorf("a gap of %d packets %d times, want %d", gap, n, drops/20)
		}
	}
}

func TestREDAverages(t *testing.T) {
	r := newRED(RED{Min: 1000, Max: 2000, Weight: 0.25}, 12e6) // a packet a millisecond
	r.enters(0, 0, 0)
	r.enters(0, 0, 800)
	r.enters(0, 0, 800)
	if r.avg != 350 {
		t.Fatalf("average %v, want 350", r.avg)
	}
	// While it was idle, ten packets of nothing might have passed.
	r.emptied(int64(5 * ms))
	r.enters(int64(15*ms), 0, 0)
	if want := 350 * math.Pow(0.75, 11); math.Abs(r.avg-want) > 1e-9 {
		t.Fatalf("average %v, want %v", r.avg, want)
	}
}

func TestREDMarksBelowTheUpperThresholdOnly(t *testing.T) {
	r := newRED(RED{Min: 10_000, Max: 20_000, Weight: 1, ECN: true}, 1e6)
	if v := r.enters(0, 0, 30_000); v != aqmMark {
		t.Errorf("between the thresholds: %v", v)
	}
	// RFC 3168, section 7, has routers drop when the average is above an upper threshold.
	if v := r.enters(0, 0, 40_000); v != aqmDrop {
		t.Errorf("above twice Max: %v", v)
	}
}

func TestPower(t *testing.T) {
	for _, c := range []struct {
		x float64
		n int64
	}{{0.998, 0}, {0.998, 1}, {0.998, 12345}, {0.5, 10}, {0, 3}, {0, 0}, {0.998, 1 << 62}} {
		if got, want := power(c.x, c.n), math.Pow(c.x, float64(c.n)); math.Abs(got-want) > 1e-12 {
			t.Errorf("%v to the %d-th is %v, want %v", c.x, c.n, got, want)
		}
	}
}

// A year without packets costs nothing to average over.
func TestREDIsQuickAfterAPause(t *testing.T) {
	l := New[int](epoch, Config{Rate: 1e6, AQM: RED{Min: 10_000, Max: 20_000}})
	for range 100 {
		l.Send(epoch, datagram(1250, 0))
	}
	l.Send(at(365*24*time.Hour), datagram(1250, 0))
	if l.buffer.red.avg != 0 {
		t.Fatalf("average %v", l.buffer.red.avg)
	}
}

// An opportunity that carries the last byte leaves the queue empty, and the average forgets from then on.
func TestREDKnowsWhenATraceEmptiesTheQueue(t *testing.T) {
	l := New[int](epoch, Config{Trace: trace(1), AQM: RED{Min: 3000, Max: 9000, Weight: 0.5}})
	for range 3 {
		l.Send(epoch, datagram(1500, 0))
	}
	drain(t, l)
	if r := l.buffer.red; r.idle != int64(3*ms) || r.avg == 0 {
		t.Fatalf("idle since %v with an average of %v", time.Duration(r.idle), r.avg)
	}
	l.Send(at(time.Second), datagram(1500, 0))
	if r := l.buffer.red; r.avg > 1e-9 {
		t.Fatalf("an average of %v after a second", r.avg)
	}
}
