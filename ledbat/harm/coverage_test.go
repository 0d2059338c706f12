// SPDX-License-Identifier: Apache-2.0

package harm

import (
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/ebbproject/ebb/ledbat"
)

func rfc6817() ledbat.Controller {
	c := ledbat.Default()
	c.MSS = fullSize
	ctrl, err := ledbat.New("rfc6817", c)
	if err != nil {
		panic(err)
	}
	return ctrl
}

// ordinary is a link of 5 Mbit/s and 30 ms with other traffic on and off, of four tenths in the mean. Silences are more frequent
// than in use, so that four minutes make some twenty pairs.
var ordinary = scene{
	rate: 5e6, base: 15 * ms, buffer: 2 * time.Second, bursts: .5, steady: .15, lasts: 220 * time.Second, from: 5 * time.Second,
	flow: rfc6817, size: fullSize, share: .07,
	// The stamps wrap in the middle of the run, and the receiver's clock runs 100 ppm fast.
	offset: stampWrap/2 - 20*time.Millisecond, drift: 100e-6,
}

// harmless is the same with a flow that queues for next to nothing: small datagrams, 2 % of the link.
func harmless() scene {
	s := ordinary
	s.trickle, s.size = .02, 200
	s.lasts = 180 * time.Second
	return s
}

// over plays a scene with seeds from 1 on.
func over(t *testing.T, runs int, s scene) *summary {
	t.Helper()
	all := make([]outcome, runs)
	lanes := runtime.GOMAXPROCS(0)
	var wg sync.WaitGroup
	for lane := range lanes {
		wg.Go(func() {
			for i := lane; i < runs; i += lanes {
				mine := s
				mine.seed = uint64(i + 1)
				all[i] = mine.play()
			}
		})
	}
	wg.Wait()
	sum := &summary{}
	for i, o := range all {
		sum.add(o)
		if i < 3 {
			t.Logf("seed %d: %v", i+1, o)
		}
	}
	t.Log(sum)
	return sum
}

// "The interval covers it in 90-99 % of 200 runs."
func TestTheIntervalCoversTheTruth(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	if s := over(t, 200, ordinary); s.covered < 180 || s.covered > 198 || s.harm < 198 {
		t.Errorf("want 180 to 198 intervals that cover the truth, and harm found: %v", s)
	}
}

// "No evidence is a valid answer": where there is no harm to speak of, the interval contains zero and is narrow.
func TestNoHarmIsNotFound(t *testing.T) {
	s := over(t, 100, harmless())
	if s.covered < 90 || s.zero < 90 || s.none < 90 {
		t.Errorf("want at least 90 intervals of 100 that cover the truth and zero: %v", s)
	}
	if width := s.width / 100; width > ms {
		t.Errorf("intervals are %v wide in the mean", width)
	}
}

// Silences cost less than 2 % of what is carried, and a flow comes back from them at once.
func TestSilencesAreCheap(t *testing.T) {
	s := ordinary
	s.bursts, s.steady, s.share, s.lasts, s.seed = 0, 0, 0, 600*time.Second, 1
	with := s.play()
	s.share = 1e-6
	without := s.play()
	cost := 1 - float64(with.sent)/float64(without.sent)
	t.Logf("alone: %d pairs, silent %.2f %% of the time, goodput less by %.2f %%", with.report.Pairs,
		100*with.silent.Seconds()/s.lasts.Seconds(), 100*cost)
	if cost > .02 || with.report.Pairs < 10 {
		t.Errorf("cost %.2f %%, %v", 100*cost, with.report)
	}
}

// Few pairs claim nothing.
func TestTooFewPairsAreNoEvidence(t *testing.T) {
	s := ordinary
	s.lasts, s.seed = 60*time.Second, 1
	if o := s.play(); o.report.Finding != NoEvidence || o.report.Pairs == 0 || o.report.High != 0 {
		t.Error(o)
	}
}

// A step of the receiver's clock spoils the trial in which it happens, at most, and no estimate.
func TestAStepOfTheClockIsNoHarm(t *testing.T) {
	s := harmless()
	s.step = 100 * ms
	s.bursts = 0
	for s.seed = 1; s.seed <= 10; s.seed++ {
		if o := s.play(); o.report.Finding == Harm && o.report.Low > ms || o.report.Pairs < 10 {
			t.Error(o)
		}
	}
}

// Trials with half of the probes missing make no pair, and without pairs there is no evidence.
func TestLostProbesAreNoEvidence(t *testing.T) {
	s := ordinary
	s.lossy, s.seed, s.lasts = true, 1, 100*time.Second
	o := s.play()
	t.Log(o)
	if o.report.Void == 0 || o.report.Finding != NoEvidence {
		t.Error(o)
	}
}
