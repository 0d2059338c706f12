// SPDX-License-Identifier: Apache-2.0

package harm

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ebbproject/ebb/golden"
)

var office = Path{RTT: 40 * ms, MinRTT: 30 * ms, Queue: 10 * ms}

// drive lets a plan run as an edge does, and gives each order to see.
func drive(p *Plan, from, to time.Time, path Path, see func(now time.Time, o Order)) {
	tick := from
	for now := from; now.Before(to); {
		if !now.Before(tick) {
			p.Sending(now, path)
			tick = tick.Add(250 * ms)
		}
		if d := p.Deadline(); !d.IsZero() && !now.Before(d) {
			p.Advance(now)
		}
		for o, ok := p.Take(now); ok; o, ok = p.Take(now) {
			see(now, o)
		}
		now = tick
		if d := p.Deadline(); !d.IsZero() && d.Before(now) {
			now = d
		}
	}
}

func at(d time.Duration) time.Time { return epoch.Add(d) }

// Whatever the path and the seed: a trial is a silence with ten probes at its end and ten outside of it, at random instants; both
// orders come up as often; silences take 1.5 % of the time, and none comes in the first seconds.
func TestTrials(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		path := Path{
			MinRTT: time.Duration(rapid.IntRange(0, 800).Draw(t, "min rtt")) * ms,
			Queue:  time.Duration(rapid.IntRange(0, 300).Draw(t, "queue")) * ms,
		}
		path.RTT = path.MinRTT + path.Queue
		p := New(Config{Seed: rapid.Uint64().Draw(t, "seed")})
		var trial Trial
		var on, off, ended, onFirst int
		var silent time.Duration
		const day = 4 * time.Hour
		drive(p, epoch, at(day), path, func(now time.Time, o Order) {
			switch o.Do {
			case Begin:
				trial, on, off = o.Trial, 0, 0
				if now.Before(at(defaultWarmup)) {
					t.Fatalf("%v after %v", trial, now.Sub(epoch))
				}
				if trial.On.From.Before(trial.Off.From) {
					onFirst++
				}
				length := trial.On.To.Sub(trial.On.From)
				if length != trial.Off.To.Sub(trial.Off.From) || length < minWindow || length > maxWindow {
					t.Fatalf("windows of %v: %v", length, trial)
				}
				if trial.Off.To != trial.Silence.To || !trial.Off.From.After(trial.Silence.From) ||
					trial.On.From.Before(trial.Silence.To) && trial.On.To.After(trial.Silence.From) {
					t.Fatalf("%+v", trial)
				}
			case Silence:
				if now != trial.Silence.From {
					t.Fatalf("silent at %v, not at %v", now, trial.Silence.From)
				}
				silent += trial.Silence.To.Sub(now)
			case Probe:
				switch {
				case trial.On.contains(now):
					on++
				case trial.Off.contains(now):
					off++
				default:
					t.Fatalf("a probe outside the windows of %v", trial)
				}
			case End:
				if ended++; on != probes || off != probes {
					t.Fatalf("%d and %d probes in %v", on, off, trial)
				}
				if ended%orders == 0 && onFirst*2 != ended {
					t.Fatalf("on came first in %d of %d trials", onFirst, ended)
				}
			case Abandon:
				t.Fatalf("abandoned: %v", trial)
			}
		})
		if share := silent.Seconds() / day.Seconds(); share > defaultShare*1.01 || silent != p.Silent() || ended < 50 {
			t.Fatalf("silent for %.2f %% of the time in %d trials; %v", 100*share, ended, p)
		}
	})
}

// "Every state prints itself": the story of two trials, and of what ends one early.
func TestTheStoryOfAPlan(t *testing.T) {
	var b strings.Builder
	p := New(Config{Seed: 7})
	tell := func(now time.Time, o Order) {
		if o.Do != Probe {
			fmt.Fprintf(&b, "%8.3fs %v: %v\n", now.Sub(epoch).Seconds(), o.Do, o.Trial)
		}
	}
	fmt.Fprintln(&b, p)
	drive(p, epoch, at(60*time.Second), office, tell)
	fmt.Fprintln(&b, p)
	for now := at(60 * time.Second); p.left == 0; { // into the next trial, and the path goes dark
		if d := p.Deadline(); d.After(now) {
			now = d
		}
		p.Sending(now, office)
		p.Advance(now)
		if o, ok := p.Take(now); ok {
			tell(now, o)
			fmt.Fprintln(&b, p)
			p.Stopped(now)
			o, _ = p.Take(now)
			tell(now, o)
			break
		}
	}
	fmt.Fprintln(&b, p)
	if !p.Deadline().IsZero() {
		t.Errorf("a plan without flows wants to be called at %v", p.Deadline())
	}
	golden.Check(t, "testdata/story.txt", b.String())
}

// A flow that falls silent by itself is not experimented with, and a trial without a flow is given up.
func TestNoFlowNoTrial(t *testing.T) {
	p := New(Config{Seed: 1})
	p.Sending(epoch, office)
	begun, abandoned := 0, 0
	for now := epoch; now.Before(at(time.Hour)); now = now.Add(10 * ms) {
		p.Advance(now)
		for o, ok := p.Take(now); ok; o, ok = p.Take(now) {
			switch o.Do {
			case Begin:
				begun++
			case Abandon:
				abandoned++
			}
		}
	}
	if begun != abandoned || begun > 1 || p.Silent() > time.Second {
		t.Errorf("%d trials begun, %d abandoned: %v", begun, abandoned, p)
	}
}

// An edge that was away, as a laptop that slept, does not begin a silence late.
func TestALateSilenceIsNone(t *testing.T) {
	for seed := range uint64(20) {
		p := New(Config{Seed: seed})
		now := epoch
		for p.left == 0 {
			p.Sending(now, office)
			p.Advance(now)
			now = now.Add(10 * ms)
		}
		for o, ok := p.Take(now); ok; o, ok = p.Take(now) {
			if o.Do == Silence {
				t.Fatal("silent at once") // off first: on time
			}
			if o.Do == Begin && o.Trial.Off.From.Before(o.Trial.On.From) {
				break
			}
		}
		now = now.Add(2 * time.Second)
		p.Sending(now, office)
		p.Advance(now)
		for o, ok := p.Take(now); ok; o, ok = p.Take(now) {
			if o.Do == Silence {
				t.Fatalf("seed %d: silent two seconds late", seed)
			}
		}
	}
}

func TestAPlanDoesNotAllocate(t *testing.T) {
	p := New(Config{Seed: 1})
	now := epoch
	if n := testing.AllocsPerRun(200, func() {
		drive(p, now, now.Add(10*time.Second), office, func(time.Time, Order) {})
		now = now.Add(10 * time.Second)
	}); n > 0 {
		t.Errorf("%v allocations in ten seconds", n)
	}
}
