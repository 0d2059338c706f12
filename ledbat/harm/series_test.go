// SPDX-License-Identifier: Apache-2.0

package harm

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

func trialAt(d time.Duration) Trial {
	return Trial{
		Number: 1, Probes: 10, Silence: Window{at(d + 250*ms), at(d + 600*ms)},
		On: Window{at(d), at(d + 250*ms)}, Off: Window{at(d + 350*ms), at(d + 600*ms)},
	}
}

// fill gives a tally ten samples in each window.
func fill(t *Tally, trial Trial, delay func(sent time.Time, on bool) Sample) {
	t.Begin(trial)
	for i := range 20 {
		from := trial.On.From
		if i >= 10 {
			from = trial.Off.From
		}
		t.Deliver(delay(from.Add(time.Duration(i%10)*20*ms), i < 10))
	}
}

func TestATallyIsTheDifferenceOfMeans(t *testing.T) {
	trial := trialAt(0)
	queue := func(on bool) time.Duration {
		if on {
			return 30 * ms
		}
		return 2 * ms
	}
	for _, c := range []struct {
		name   string
		sample func(sent time.Time, on bool) Sample
		want   Verdict
	}{
		{"plain", func(sent time.Time, on bool) Sample {
			return Sample{Sent: sent, Delay: 5*ms + queue(on), RTT: 20*ms + queue(on)}
		}, Good},
		{"stamps wrap between the windows", func(sent time.Time, on bool) Sample {
			d := stampWrap/2 - 10*ms + queue(on)
			if d >= stampWrap/2 {
				d -= stampWrap
			}
			return Sample{Sent: sent, Delay: d, RTT: 20*ms + queue(on)}
		}, Good},
		{"no round trip known", func(sent time.Time, on bool) Sample { return Sample{Sent: sent, Delay: 5*ms + queue(on)} }, Good},
		{"the clock steps between the windows", func(sent time.Time, on bool) Sample {
			return Sample{Sent: sent, Delay: 5*ms + queue(on), RTT: 20 * ms}
		}, Stepped},
		{"every second is lost", func(sent time.Time, on bool) Sample {
			if sent.Sub(epoch)%(40*ms) != 0 {
				sent = epoch.Add(-time.Hour)
			}
			return Sample{Sent: sent, Delay: queue(on), RTT: 20*ms + queue(on)}
		}, Missing},
	} {
		var tally Tally
		fill(&tally, trial, c.sample)
		p, v := tally.Pair()
		if v != c.want || v == Good && (p.Added != 28*ms || p.Gap != 350*ms || p.Probes != 20) {
			t.Errorf("%s: %v, %+v; %v", c.name, v, p, &tally)
		}
	}
}

// The reference values are those of every table.
func TestStudent(t *testing.T) {
	for degrees, want := range map[int]float64{1: 12.706, 8: 2.306, 9: 2.262, 10: 2.228, 19: 2.093, 29: 2.045, 60: 2.000, 120: 1.980, 100000: 1.960} {
		if got := Student(degrees); math.Abs(got-want) > 0.0011 {
			t.Errorf("%d degrees: %.4f, want %.3f", degrees, got, want)
		}
	}
}

// Means and intervals by hand: ten pairs of 9 and 11 ms in turn have mean 10, deviation 1.054, and half an interval of 2.262 *
// 1.054 / sqrt(10) = 0.754 ms.
func TestTheIntervalOfStudent(t *testing.T) {
	var s Series
	for i := range 10 {
		if r := s.Report(); r.Finding != NoEvidence || r.Estimated() || r.Pairs != i {
			t.Errorf("after %d pairs: %v", i, r)
		}
		s.Add(Pair{At: at(time.Duration(i) * time.Minute), Added: time.Duration(9+2*(i%2)) * ms, Probes: 20})
	}
	s.Void()
	r := s.Report()
	if r.Finding != Harm || (r.Added-10*ms).Abs() > time.Microsecond || (r.High-r.Added-754*time.Microsecond).Abs() > 2*time.Microsecond ||
		r.Pairs != 10 || r.Probes != 200 || r.Void != 1 || r.Since != epoch {
		t.Errorf("%v, %+v", r, r)
	}
}

// An interval that contains zero is no harm if it is narrow, and no evidence if it is not.
func TestFindings(t *testing.T) {
	for _, c := range []struct {
		added, spread time.Duration
		want          Finding
	}{{5 * ms, ms, Harm}, {0, ms, NoneFound}, {-5 * ms, ms, NoneFound}, {0, 50 * ms, NoEvidence}, {5 * ms, 50 * ms, NoEvidence}, {100 * ms, 50 * ms, Harm}} {
		var s Series
		for i := range 40 {
			s.Add(Pair{At: at(time.Duration(i) * time.Minute), Added: c.added + c.spread*time.Duration(2*(i%2)-1)})
		}
		if r := s.Report(); r.Finding != c.want {
			t.Errorf("%v ± %v: %v", c.added, c.spread, r)
		}
	}
}

// A drift of 500 ppm makes 0.5 ms between windows a second apart. It is taken out even if on always comes first, and steps and wraps of the
// clocks between the trials do not matter.
func TestDriftIsTakenOut(t *testing.T) {
	for _, drift := range []float64{-500e-6, 20e-6, 500e-6} {
		var s Series
		rnd := rand.New(rand.NewPCG(1, 1))
		for i := range 60 {
			now := time.Duration(i) * 40 * time.Second
			base := stampWrap/2 - 100*ms + time.Duration(drift*float64(now)) + time.Duration(rnd.IntN(2000))*time.Microsecond
			if base >= stampWrap/2 {
				base -= stampWrap
			}
			s.Add(Pair{At: at(now), Gap: time.Second, Base: base, Added: 10*ms - time.Duration(drift*float64(time.Second))})
		}
		if r := s.Report(); (r.Added - 10*ms).Abs() > 10*time.Microsecond {
			t.Errorf("drift of %v: %v", drift, r)
		}
	}
}

// "Bounded memory": the last 512 pairs count, and adding to them allocates nothing.
func TestASeriesForgets(t *testing.T) {
	var s Series
	for i := range 3 * maxPairs {
		p := Pair{At: at(time.Duration(i) * time.Minute), Added: time.Second}
		if i >= 2*maxPairs {
			p.Added = 10 * ms
		}
		s.Add(p)
	}
	if r := s.Report(); r.Pairs != maxPairs || (r.Added-10*ms).Abs() > time.Microsecond || r.Since != at(2*maxPairs*time.Minute) {
		t.Errorf("%v since %v", r, r.Since)
	}
	if n := testing.AllocsPerRun(100, func() { s.Add(Pair{At: at(0)}); _ = s.Report() }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// Paths to one location are one observation a trial, however many they are: ten that say the same are no better than one.
func TestPathsOfATrialAreOneObservation(t *testing.T) {
	var one, many Series
	for i := range 20 {
		p := Pair{At: at(time.Duration(i) * time.Minute), Added: time.Duration(9+2*(i%2)) * ms, Probes: 20}
		same := make([]Pair, 10)
		for j := range same {
			same[j] = p
		}
		one.Add(Together([]Pair{p}))
		many.Add(Together(same))
	}
	a, b := one.Report(), many.Report()
	if a.Low != b.Low || a.High != b.High || b.Pairs != 20 || b.Probes != 10*a.Probes {
		t.Errorf("one: %v; ten: %v", a, b)
	}
}
