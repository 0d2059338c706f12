// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"fmt"
	"hash/fnv"
	"slices"
	"testing"
	"time"

	"github.com/ebbproject/ebb/ledbat"
)

// Controllers of this kind have shipped with faults that showed only above 130 ms, because tests stopped at 50.
func TestTargetIsHeldAtEveryRoundTrip(t *testing.T) {
	for _, rtt := range []time.Duration{1 * ms, 3 * ms, 10 * ms, 30 * ms, 60 * ms, 100 * ms, 130 * ms, 160 * ms, 200 * ms, 250 * ms, 300 * ms} {
		l := line{mbit: 20, rtt: rtt, buffer: 150 * ms, seed: 1}
		p, f := alone(l, shipped(t), 150*sec)
		q, use := p.QueueBetween(100*sec, 150*sec), f.Goodput(100*sec, 150*sec)/l.ceiling()
		t.Logf("%v: queue %.1f ms, p95 %.1f; use %.3f; %d lost, %d timeouts", rtt, inMS(q.Mean), inMS(q.P95), use, f.Lost(), f.Timeouts())
		if q.P95 < 55*ms || q.P95 > 65*ms || use < 0.99 || f.Timeouts() > 0 {
			t.Errorf("%v: queue p95 %.1f ms, use %.3f, %d timeouts", rtt, inMS(q.P95), use, f.Timeouts())
		}
	}
}

// Ebb builds no queue, at any round trip: "U 97 %, q95 < 5 ms".
func TestEbbAtEveryRoundTrip(t *testing.T) {
	for _, rtt := range []time.Duration{1 * ms, 3 * ms, 10 * ms, 30 * ms, 60 * ms, 100 * ms, 130 * ms, 160 * ms, 200 * ms, 250 * ms, 300 * ms} {
		c := ledbat.Default()
		c.MSS = mss
		ctl, err := ledbat.New("ebb", c)
		if err != nil {
			t.Fatal(err)
		}
		l := line{mbit: 20, rtt: rtt, buffer: 150 * ms, seed: 1}
		p, f := alone(l, ctl, 60*sec)
		q, use := p.QueueBetween(20*sec, 60*sec), f.Goodput(20*sec, 60*sec)/l.ceiling()
		t.Logf("%v: queue %.1f ms, p95 %.1f; use %.3f; %d lost, %d timeouts", rtt, inMS(q.Mean), inMS(q.P95), use, f.Lost(), f.Timeouts())
		if use < 0.97 || q.P95 > 5*ms || f.Timeouts() > 0 {
			t.Errorf("%v: queue p95 %.1f ms, use %.3f, %d timeouts: %v", rtt, inMS(q.P95), use, f.Timeouts(), f)
		}
	}
}

// 1 Gbit/s in a LAN is reached at once, with datagrams of any size.
func TestFastLineIsReachedAtOnce(t *testing.T) {
	for _, size := range []int{1400, 8000} {
		c := ledbat.Default()
		c.MSS = size
		w := NewWorld()
		l := line{mbit: 1000, rtt: 300 * time.Microsecond, buffer: 10 * ms, seed: 1}
		p := w.Path(l.both())
		f := w.Flow(p, FlowConfig{Controller: controller(t, c), MSS: size, Headers: 54})
		w.Run(sec)
		if got := f.Goodput(100*ms, sec); got < 0.9e9 {
			t.Errorf("datagrams of %d: %.0f Mbit/s in the first second", size, got/1e6)
		}
	}
}

// Random loss at its worst still lets a transfer complete, and costs little where losses are no congestion.
func TestBadPaths(t *testing.T) {
	for _, c := range []struct {
		rtt   time.Duration
		loss  float64
		back  float64 // loss on the way back
		least float64
	}{
		{50 * ms, 0.20, 0, 10}, {50 * ms, 0.20, 0.20, 5}, {600 * ms, 0.05, 0, 5}, {600 * ms, 0.20, 0, 3}, {600 * ms, 0.20, 0.20, 2},
	} {
		w := NewWorld()
		forward, reverse := line{mbit: 20, rtt: c.rtt, buffer: 100 * ms, loss: c.loss, seed: 1}.both()
		reverse.Loss = c.back
		p := w.Path(forward, reverse)
		f := w.Flow(p, FlowConfig{Controller: shipped(t), MSS: mss, Headers: 54})
		w.Run(120 * sec)
		got := f.Goodput(0, 120*sec) / 1e6
		t.Logf("%v, %.0f %% out, %.0f %% back: %.2f Mbit/s of 20, %d timeouts", c.rtt, 100*c.loss, 100*c.back, got, f.Timeouts())
		if got < c.least {
			t.Errorf("%v, %.0f %% out, %.0f %% back: %.2f Mbit/s, want %.0f", c.rtt, 100*c.loss, 100*c.back, got, c.least)
		}
	}
}

// The bars at 1 and 5 % hold for any course of the losses, and with jitter.
func TestRandomLossForManySeeds(t *testing.T) {
	for _, jitter := range []time.Duration{0, 2 * ms} {
		for loss, least := range map[float64]float64{0.01: 8.0, 0.05: 6.5} {
			var got []float64
			for seed := range uint64(5) {
				forward, reverse := line{mbit: 10, rtt: 50 * ms, buffer: 200 * ms, loss: loss, seed: 10 + seed}.both()
				forward.Jitter = jitter
				w := NewWorld()
				f := w.Flow(w.Path(forward, reverse), FlowConfig{Controller: shipped(t), MSS: mss, Headers: 54})
				w.Run(60 * sec)
				got = append(got, f.Goodput(0, 60*sec)/1e6)
			}
			slices.Sort(got)
			t.Logf("jitter %v, loss %.0f %%: %.2f to %.2f Mbit/s of 10", jitter, 100*loss, got[0], got[4])
			if got[0] < least {
				t.Errorf("jitter %v, loss %.0f %%: as little as %.2f Mbit/s of 10", jitter, 100*loss, got[0])
			}
		}
	}
}

// A step of the receiver's clock changes neither queue nor goodput.
func TestClockSteps(t *testing.T) {
	for _, by := range []time.Duration{-sec, -100 * ms, -50 * ms, 50 * ms, 100 * ms, sec} {
		w := NewWorld()
		l := line{mbit: 20, rtt: 50 * ms, buffer: 150 * ms, seed: 1}
		p := w.Path(l.both())
		clock := Clock{Offset: -3 * time.Hour, Steps: []ClockStep{{At: 30 * sec, By: by}}}
		f := w.Flow(p, FlowConfig{Controller: shipped(t), MSS: mss, Headers: 54, Clock: clock})
		w.Run(60 * sec)
		q := p.QueueBetween(31*sec, 60*sec)
		if use := f.Goodput(31*sec, 60*sec) / l.ceiling(); q.P95 < 55*ms || q.P95 > 67*ms || use < 0.99 {
			t.Errorf("after a step of %v the queue is %.1f ms (p95 %.1f), use %.3f: %v", by, inMS(q.Mean), inMS(q.P95), use, f)
		}
	}
}

// Stamps wrap after 71 minutes: here in the middle of the run.
func TestStampsWrap(t *testing.T) {
	w := NewWorld()
	l := line{mbit: 20, rtt: 50 * ms, buffer: 150 * ms, seed: 1}
	p := w.Path(l.both())
	half := time.Duration(1<<31) * time.Microsecond
	f := w.Flow(p, FlowConfig{Controller: shipped(t), MSS: mss, Headers: 54, Clock: Clock{Offset: half - 60*ms}})
	w.Run(60 * sec)
	if q := p.QueueBetween(30*sec, 60*sec); q.P95 < 55*ms || q.P95 > 65*ms {
		t.Errorf("queue p95 is %v: %v", q.P95, f)
	}
}

// A foreground flow keeps beside us what it keeps beside plain RFC 6817, which halves for every loss: telling random
// losses apart is not paid by others. Shallow buffers are where that would show. The foreground comes second: who comes into a standing
// queue takes it for the path (see TestReferenceLatecomer), and with slow start at once, which is another matter (see REFERENCES.md).
func TestForegroundIsNoWorseOffThanBesideTheBook(t *testing.T) {
	for _, l := range []line{
		{mbit: 20, rtt: 40 * ms, buffer: 10 * ms, seed: 1}, {mbit: 20, rtt: 40 * ms, buffer: 20 * ms, seed: 1},
		{mbit: 20, rtt: 10 * ms, buffer: 10 * ms, seed: 1}, {mbit: 20, rtt: 40 * ms, buffer: 100 * ms, seed: 1},
	} {
		// When which datagram is lost is a matter of when the second flow begins: the mean over three.
		kept := func(beside func() ledbat.Controller) (mean float64) {
			for start := range 3 {
				w := NewWorld()
				p := w.Path(l.both())
				w.Flow(p, FlowConfig{Controller: beside(), MSS: mss, Headers: 54})
				fore := w.Flow(p, FlowConfig{Controller: newReno(mss), MSS: mss, Headers: 54, Start: 5*sec + time.Duration(start)*237*ms})
				w.Run(100 * sec)
				mean += fore.Goodput(10*sec, 100*sec) / 1e6 / 3
			}
			return mean
		}
		ours := kept(func() ledbat.Controller { return shipped(t) })
		book := kept(func() ledbat.Controller { return byTheBook(t, 60*ms) })
		t.Logf("RTT %v, buffer %v: Reno keeps %.2f Mbit/s beside us, %.2f beside the book", l.rtt, l.buffer, ours, book)
		if ours < 0.9*book {
			t.Errorf("RTT %v, buffer %v: Reno keeps %.2f Mbit/s beside us, %.2f beside the book", l.rtt, l.buffer, ours, book)
		}
	}
}

// busy is a world with a bit of everything.
func busy(t testing.TB) string {
	w := NewWorld()
	forward, reverse := line{mbit: 10, rtt: 40 * ms, buffer: 100 * ms, loss: 0.01, seed: 7}.both()
	forward.Jitter, forward.Reorder, forward.ReorderDelay = ms, 0.01, 5*ms
	p := w.Path(forward, reverse)
	flows := []*Bulk{
		w.Flow(p, FlowConfig{Controller: shipped(t), MSS: mss, Headers: 54}),
		w.Flow(p, FlowConfig{Controller: byTheBook(t, 100*ms), MSS: mss, Headers: 54, Start: 3 * sec, Source: Source{On: sec, Off: sec}}),
		w.Flow(p, FlowConfig{Controller: shipped(t), MSS: mss, Headers: 54, Stop: 8 * sec, Source: Source{Rate: 1e5}}),
	}
	w.At(5*sec, func(now time.Time) { p.Forward[0].SetRate(now, 4e6) })
	w.Run(15 * sec)
	h := fnv.New64a()
	fmt.Fprint(h, p.Queues(), p.Forward[0].Stats(), p.Reverse[0].Stats())
	for _, f := range flows {
		fmt.Fprint(h, f.Trace, f.Lost(), f.Timeouts(), f)
	}
	return fmt.Sprintf("%x", h.Sum64())
}

func TestSameWorldSameCourse(t *testing.T) {
	if a, b := busy(t), busy(t); a != b {
		t.Errorf("two runs of one world differ: %s and %s", a, b)
	}
}

// BenchmarkWorld is 10 virtual seconds of one flow at 20 Mbit/s; the metric is datagrams a second.
func BenchmarkWorld(b *testing.B) {
	b.ReportAllocs()
	datagrams := 0.0
	for b.Loop() {
		_, f := alone(line{mbit: 20, rtt: 50 * ms, buffer: 100 * ms, seed: 1}, shipped(b), 10*sec)
		datagrams += float64(f.DeliveredBy(10*sec)) / mss
	}
	b.ReportMetric(datagrams/b.Elapsed().Seconds(), "datagrams/s")
}
