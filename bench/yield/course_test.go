// SPDX-License-Identifier: Apache-2.0

package yield

import (
	"math"
	"testing"
	"time"
)

var epoch = time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)

// steady is a course of so many bytes a step, from a step on.
func steady(steps, from int, bytes int) *course {
	c := &course{begin: epoch}
	for i := from; i < steps; i++ {
		c.came(epoch.Add(time.Duration(i)*step+step/2), bytes)
	}
	return c
}

func TestACourseCounts(t *testing.T) {
	c := steady(20, 0, 1000)
	c.came(epoch.Add(-time.Second), 1)
	if got := c.rate(2 * time.Second); got != 80000 {
		t.Errorf("%v bit/s", got)
	}
	if got := c.rate(4 * time.Second); got != 40000 {
		t.Errorf("a flow that ends early: %v bit/s", got)
	}
}

func TestGivingWay(t *testing.T) {
	const span = 5 * time.Second
	alone := []*course{steady(50, 0, 900), steady(50, 0, 1100)}
	for want, beside := range map[time.Duration]*course{
		0:                      steady(50, 0, 800),
		span:                   steady(50, 0, 799),
		800 * time.Millisecond: steady(50, 10, 1000), // the second from 0.8 s on has eight full steps
	} {
		if got := gaveWay(beside, alone, span); got != want {
			t.Errorf("%v, want %v", got, want)
		}
	}
}

// log is a link that carries bytes per reading from a time on.
func log(seconds int, from time.Duration, bytes int64) (r readings) {
	var sum int64
	for d := time.Duration(0); d < time.Duration(seconds)*time.Second; d += 10 * time.Millisecond {
		if d >= from {
			sum += bytes
		}
		r = append(r, reading{at: epoch.Add(d), queue: d, bytes: sum})
	}
	return r
}

func TestComingBack(t *testing.T) {
	const rate = 8e6 // 10 kB a reading
	if got := log(6, 2*time.Second, 1e4).back(epoch.Add(time.Second), 4*time.Second, rate); got != 900*time.Millisecond {
		t.Errorf("back after %v", got) // 0.4 of 0.5 s
	}
	if got := log(6, 0, 7900).back(epoch, 4*time.Second, rate); got != 4*time.Second {
		t.Errorf("79 %% were enough after %v", got)
	}
	if got := log(6, 0, 1e4).back(epoch, 4*time.Second, rate); got != 0 {
		t.Errorf("never away, and back after %v", got)
	}
}

func TestReadings(t *testing.T) {
	r := log(2, 0, 1e4).between(epoch.Add(time.Second), epoch.Add(1500*time.Millisecond))
	if len(r) != 50 || math.Abs(r.rate()-8e6) > 1 {
		t.Errorf("%d readings, %v bit/s", len(r), r.rate())
	}
	if q := quantile(r.queues(), 0.5); q != 1240 {
		t.Errorf("median queue %v ms", q)
	}
	if r := (readings{}).between(epoch, epoch); r.rate() != 0 || !math.IsNaN(quantile(r.queues(), 0.5)) {
		t.Error("nothing has figures")
	}
}

func TestQuantileIsByNearestRank(t *testing.T) {
	v := []float64{5, 1, 4, 2, 3}
	for q, want := range map[float64]float64{0: 1, 0.5: 3, 0.8: 4, 0.81: 5, 0.95: 5, 1: 5} {
		if got := quantile(v, q); got != want {
			t.Errorf("%v: %v, want %v", q, got, want)
		}
	}
}
