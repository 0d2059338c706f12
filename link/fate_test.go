// SPDX-License-Identifier: Apache-2.0

package link

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestExponentialHasTheRightDistribution(t *testing.T) {
	const draws, mean = 200_000, 1_000_000
	p := rand.NewPCG(1, 2)
	sum, all := 0.0, make([]int64, draws)
	for i := range all {
		all[i] = exponential(p, mean)
		sum += float64(all[i])
	}
	// The standard deviation of the mean of n draws is mean/sqrt(n).
	if got := sum / draws; math.Abs(got-mean) > 4*mean/math.Sqrt(draws) {
		t.Errorf("mean %v, want %v", got, mean)
	}
	// Kolmogorov-Smirnov: 1.95/sqrt(n) is exceeded once in a thousand seeds.
	slices.Sort(all)
	worst := 0.0
	for i, x := range all {
		worst = max(worst, math.Abs(1-math.Exp(-float64(x)/mean)-float64(i)/draws))
	}
	if worst > 1.95/math.Sqrt(draws) {
		t.Errorf("distance %v from the exponential distribution", worst)
	}
}

// run sends packets one a millisecond and says what became of each: lost, and how
// much later than the propagation delay it came.
func run(c Config) (lost map[int]bool, extra map[int]time.Duration) {
	l := New[int](epoch, c)
	lost, extra = map[int]bool{}, map[int]time.Duration{}
	for i := range 2000 {
		lost[i] = l.Send(at(time.Duration(i)*ms), datagram(100, i)) == DroppedLoss
	}
	for d := l.Deadline(); !d.IsZero(); d = l.Deadline() {
		took, _ := l.Take(d)
		p := took.Payload
		extra[p] = d.Sub(at(time.Duration(p)*ms)) - c.Delay
	}
	return lost, extra
}

func TestOneMishapDoesNotDisturbTheOthers(t *testing.T) {
	all := Config{Delay: 10 * ms, Loss: 0.1, Jitter: ms, JitterReorders: true, Reorder: 0.1, ReorderDelay: time.Second, Seed: 9}
	noLoss, noJitter, noLate, dark := all, all, all, all
	noLoss.Loss = 0
	noJitter.Jitter, noJitter.JitterReorders = 0, false
	noLate.Reorder = 0
	dark.Blackouts = []Window{{0, time.Second}}

	lost, extra := run(all)
	_, extraNoLoss := run(noLoss)
	lostNoJitter, extraNoJitter := run(noJitter)
	lostNoLate, extraNoLate := run(noLate)
	_, extraDark := run(dark)
	late := 0
	for i := range 2000 {
		if lost[i] != lostNoJitter[i] || lost[i] != lostNoLate[i] {
			t.Fatalf("packet %d: loss depends on jitter or reordering", i)
		}
		if lost[i] {
			continue
		}
		if extra[i] != extraNoLoss[i] || i >= 1000 && extra[i] != extraDark[i] {
			t.Fatalf("packet %d: its delay depends on loss or blackouts", i)
		}
		if extra[i] != extraNoJitter[i]+extraNoLate[i] {
			t.Fatalf("packet %d: jitter and reordering depend on one another", i)
		}
		if extra[i] >= time.Second {
			late++
		}
	}
	// A tenth of the nine tenths that are not lost; 13 is the standard deviation.
	if late < 180-52 || late > 180+52 {
		t.Fatalf("%d of those not lost were late, want 180: the streams are not independent", late)
	}
}

func TestSeedsDiffer(t *testing.T) {
	lost := map[uint64]int64{}
	for seed := range uint64(8) {
		l := New[int](epoch, Config{Loss: 0.5, Seed: seed})
		for i := range 64 {
			if l.Send(epoch, datagram(1, 0)) == DroppedLoss {
				lost[seed] |= 1 << i
			}
		}
		for other := range seed {
			if lost[other] == lost[seed] {
				t.Fatalf("seeds %d and %d lose the same packets", other, seed)
			}
		}
	}
}
