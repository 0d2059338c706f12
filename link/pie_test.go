// SPDX-License-Identifier: Apache-2.0

package link

import (
	"math"
	"testing"
	"time"
)

// RFC 8033, section 4.2: "p = alpha*(current_qdelay - QDELAY_REF) + beta*(current_qdelay - PIE->qdelay_old_)",
// with alpha 0.125 Hz and beta 1.25 Hz, scaled by the table of auto-tuning.
func TestPIEUpdates(t *testing.T) {
	for _, c := range []struct {
		prob         float64
		latency, old time.Duration
		want         float64
	}{
		{0, 35 * ms, 15 * ms, (0.125*0.020 + 1.25*0.020) / 2048},
		{0.000005, 35 * ms, 15 * ms, 0.000005 + (0.125*0.020+1.25*0.020)/512},
		{0.00005, 35 * ms, 35 * ms, 0.00005 + 0.125*0.020/128},
		{0.0005, 35 * ms, 35 * ms, 0.0005 + 0.125*0.020/32},
		{0.005, 35 * ms, 35 * ms, 0.005 + 0.125*0.020/8},
		{0.05, 35 * ms, 35 * ms, 0.05 + 0.125*0.020/2},
		{0.5, 35 * ms, 35 * ms, 0.5 + 0.125*0.020},
		{0.5, 5 * ms, 15 * ms, 0.5 - 0.125*0.010 - 1.25*0.010},
		{0.5, 500 * ms, 0, 0.52}, // by 2 % at most
		{0.99, 300 * ms, 0, 1},
		{0.00001, 0, 15 * ms, 0},
		{0.5, 0, 0, (0.5 - 0.125*0.015) * 0.98},
	} {
		p := newPIE(PIE{})
		p.prob, p.old = c.prob, int64(c.old)
		p.tick(int64(c.latency))
		if math.Abs(p.prob-c.want) > 1e-12 || p.old != int64(c.latency) {
			t.Errorf("%v, latency %v after %v: %v, want %v", c.prob, c.latency, c.old, p.prob, c.want)
		}
	}
}

// "As long as PIE->burst_allowance_ is above zero, an incoming packet will be enqueued, bypassing the
// random drop process."
func TestPIEAllowsABurst(t *testing.T) {
	for _, burst := range []time.Duration{150 * ms, 60 * ms} {
		l := New[int](epoch, Config{Rate: 1e6, AQM: PIE{MaxBurst: burst}, Seed: 1})
		first := time.Duration(0)
		for now := time.Duration(0); now < 20*time.Second && first == 0; now += ms {
			if l.Send(at(now), datagram(1250, 0)) == DroppedAQM { // ten times the rate
				first = now
			}
		}
		if first < burst || first > burst+time.Second {
			t.Errorf("a burst of %v allowed, the first drop came after %v", burst, first)
		}
	}
}

// RFC 8033, section 5.1: marks while the probability is below 10 %, drops above, and only drops what is
// not ECN-capable.
func TestPIEMarksOnlyWhileMarksMayHelp(t *testing.T) {
	always := uint64(0)
	for _, c := range []struct {
		prob float64
		ecn  bool
		want aqmVerdict
	}{{0.09, true, aqmMark}, {0.1, true, aqmDrop}, {0.09, false, aqmDrop}, {0, true, aqmPass}} {
		p := newPIE(PIE{ECN: c.ecn})
		p.prob, p.allowance, p.old = c.prob, 0, int64(30*ms)
		if got := p.enters(always, 1e6, int64(30*ms)); got != c.want {
			t.Errorf("probability %v, ECN %v: %v, want %v", c.prob, c.ecn, got, c.want)
		}
	}
}

func TestPIELeavesShortQueuesAlone(t *testing.T) {
	p := newPIE(PIE{})
	p.prob, p.allowance, p.old = 1, 0, int64(time.Second)
	if p.enters(0, 3000, int64(time.Second)) != aqmPass {
		t.Error("two packets wait, and it dropped the third")
	}
	if p.enters(0, 3001, int64(time.Second)) != aqmDrop {
		t.Error("more than two packets wait, the probability is 1, and it did not drop")
	}
}

// A link that nobody used for a year answers at once, and is as new.
func TestPIESkipsWhatChangesNothing(t *testing.T) {
	l := New[int](epoch, Config{Rate: 1e6, AQM: PIE{}, Seed: 1})
	for now := time.Duration(0); now < 10*time.Second; now += ms {
		l.Send(at(now), datagram(1250, 0))
	}
	if l.buffer.pie.prob < 0.1 {
		t.Fatalf("probability %v under ten times the rate", l.buffer.pie.prob)
	}
	l.Take(at(365 * 24 * time.Hour))
	if p := l.buffer.pie; p.prob != 0 || p.old != 0 || p.next%int64(15*ms) != 0 || p.next < int64(365*24*time.Hour) {
		t.Fatalf("%+v", p)
	}
}
