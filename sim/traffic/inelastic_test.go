// SPDX-License-Identifier: Apache-2.0

package traffic

import (
	"testing"
	"time"

	"github.com/ebbproject/ebb/sim"
)

// alone runs one pair of machines on a line.
func alone(l line, d time.Duration, s, r sim.Machine) (*sim.Path, *sim.Flow) {
	w := sim.NewWorld()
	p := w.Path(l.both())
	f := w.Add(p, s, r)
	w.Run(d)
	return p, f
}

func middle(v []time.Duration) time.Duration {
	if len(v) == 0 {
		return 0
	}
	return v[len(v)/2]
}

// 200 bytes at 10 Mbit/s are 160 us, and the way is 20 ms.
func TestCallMeasuresTheWay(t *testing.T) {
	s, r := NewCall(CallConfig{Start: 100 * ms, Stop: 10 * sec})
	_, f := alone(line{mbit: 10, rtt: 40 * ms}, 11*sec, s, r)
	d := r.Delays(0, 10*sec)
	if d.Sent != 495 || d.Lost != 0 || d.Least != 20160*time.Microsecond || d.Max != d.Least || d.P99 != d.Least {
		t.Errorf("alone: %+v", d)
	}
	if f.DeliveredBy(11*sec) != 495*160 {
		t.Errorf("delivered %d bytes", f.DeliveredBy(11*sec))
	}
	if half := r.Delays(5*sec, 6*sec); half.Sent != 50 {
		t.Errorf("a second has %d packets", half.Sent)
	}
}

func TestCallCountsWhatIsLost(t *testing.T) {
	s, r := NewCall(CallConfig{Stop: 100 * sec})
	alone(line{mbit: 10, rtt: 40 * ms, loss: 0.1, seed: 3}, 101*sec, s, r)
	d := r.Delays(0, 100*sec)
	within(t, "lost", float64(d.Lost), 500, 0.15)
}

// A call beside CUBIC waits in CUBIC's queue: between 2.5 and 4 BDP of it.
func TestCallSuffersFromCubic(t *testing.T) {
	w := sim.NewWorld()
	p := w.Path(line{mbit: 50, rtt: 30 * ms, bdp: 4}.both())
	s, r := NewCall(CallConfig{Start: 5 * sec, Stop: 15 * sec})
	w.Add(p, s, r)
	bulk, sink := NewTCP(Config{Control: "cubic"})
	w.Add(p, bulk, sink)
	w.Run(16 * sec)
	if d := r.Delays(5*sec, 15*sec); d.Median < 80*ms || d.Max > 136*ms {
		t.Errorf("%+v", d)
	}
}

// The load is what was asked for, every transfer ends, and the emptier the link the closer the times to those of a transfer alone.
func TestPoissonHasItsLoad(t *testing.T) {
	for _, load := range []float64{0.3, 0.7} {
		s, r := NewPoisson(PoissonConfig{
			Load: load, LinkRate: 50e6, Sizes: Sizes{List: []int64{20_000, 50_000, 230_000}}, Control: "cubic", Stop: 60 * sec, Seed: 7,
		})
		_, f := alone(line{mbit: 50, rtt: 30 * ms, bdp: 4}, 70*sec, s, r)
		got := f.Goodput(0, 60*sec) / 1e6
		times := Times(s.Completions(), 0, 60*sec)
		t.Logf("load %.1f: %.2f Mbit/s, %d transfers in %d slots, median %v, 95 %% %v, sent again %d", load, got, len(times), len(s.slots),
			middle(times), quantile(times, 0.95), s.Retransmissions())
		within(t, "Mbit/s", got, load*50*Payload/full, 0.07)
		if s.Running() != 0 {
			t.Errorf("load %.1f: %d transfers never end", load, s.Running())
		}
		if times[0] < 90*ms || times[0] > 95*ms { // handshake, and 14 packets: 10 and 4
			t.Errorf("load %.1f: the fastest took %v", load, times[0])
		}
		sum := int64(0)
		for _, c := range s.Completions() {
			sum += c.Bytes
		}
		if sum != f.DeliveredBy(70*sec) {
			t.Errorf("load %.1f: %d bytes completed, %d delivered", load, sum, f.DeliveredBy(70*sec))
		}
	}
}

// The Pareto distribution has its mean.
func TestSizesHaveTheirMean(t *testing.T) {
	p := stream(1, forSizes)
	sum := 0.0
	const n = 1_000_000
	for range n {
		sum += float64(Sizes{Mean: 100_000}.draw(&p))
	}
	within(t, "mean", sum/n, 100_000, 0.02)
	within(t, "mean of a list", Sizes{List: []int64{1, 2, 6}}.mean(), 3, 0)
	between := 0.0
	for range n {
		between += exponential(&p, sec).Seconds()
	}
	within(t, "mean distance", between/n, 1, 0.01)
}

func TestPagesLoad(t *testing.T) {
	for _, c := range []struct {
		objects     int
		least, most time.Duration
	}{
		{1, 120 * ms, 150 * ms},  // handshake, 14 packets in two rounds
		{30, 390 * ms, 600 * ms}, // and 29 objects over six connections, about five rows of them
	} {
		s, r := NewPages(PageConfig{Objects: c.objects, Sizes: Sizes{List: []int64{20_000}}, Think: sec, Control: "cubic", Stop: 20 * sec})
		alone(line{mbit: 20, rtt: 40 * ms, bdp: 4}, 30*sec, s, r)
		times := Times(s.Loads(), 0, 20*sec)
		t.Logf("%d objects: %d pages, %v to %v", c.objects, len(times), times[0], times[len(times)-1])
		if times[0] < c.least || times[len(times)-1] > c.most || len(times) < 12 {
			t.Errorf("%d objects: %d pages, %v to %v, want %v to %v", c.objects, len(times), times[0], times[len(times)-1], c.least, c.most)
		}
		if _, loading := s.Loading(); loading || s.Running() != 0 || len(s.slots) > 6 {
			t.Errorf("%d objects: loading %v, %d running, %d slots", c.objects, loading, s.Running(), len(s.slots))
		}
	}
}

// Requests of 14 packets need two rounds at first; later the window is large enough for one, and is not inflated without use.
func TestRequestsComeBack(t *testing.T) {
	s, r := NewRequests(RequestConfig{Bytes: 20_000, Every: 100 * ms, Control: "cubic", Stop: 30 * sec})
	alone(line{mbit: 50, rtt: 30 * ms, bdp: 4}, 31*sec, s, r)
	all := s.Completions()
	if len(all) != 300 || all[0].Duration < 60*ms || all[1].Duration > 34*ms || all[299].Duration > 34*ms {
		t.Errorf("%d requests: first %v, second %v, last %v", len(all), all[0].Duration, all[1].Duration, all[len(all)-1].Duration)
	}
	if w := s.slots[0].ctl.window(); w > 30 {
		t.Errorf("a window of %.1f for 14 packets", w)
	}
}

// A request that finds the last unanswered waits for it.
func TestRequestsQueue(t *testing.T) {
	s, r := NewRequests(RequestConfig{Bytes: 50_000, Every: 100 * ms, Control: "reno", Stop: 2 * sec})
	alone(line{mbit: 2, rtt: 30 * ms, bdp: 8}, 10*sec, s, r)
	all := s.Completions()
	if len(all) != 20 || all[19].Duration < 2*sec || all[19].Start != 1900*ms {
		t.Errorf("%d requests, the last %+v", len(all), all[len(all)-1])
	}
}

func TestOnOffGoesAndComes(t *testing.T) {
	for _, control := range []string{"cubic", "bbr"} {
		s, r := NewOnOff(OnOffConfig{On: 2 * sec, Off: 3 * sec, Control: control, Start: sec, Stop: 13 * sec})
		_, f := alone(line{mbit: 50, rtt: 30 * ms, bdp: 2}, 20*sec, s, r)
		all := s.Completions()
		if len(all) != 3 || s.Running() != 0 {
			t.Fatalf("%s: %d of 3 ended: %v", control, len(all), all)
		}
		if on, off := f.Goodput(6500*ms, 8*sec), f.Goodput(8500*ms, 11*sec); on < 40e6 || off > 0 {
			t.Errorf("%s: %.1f Mbit/s while on, %.3f while off", control, on/1e6, off/1e6)
		}
	}
}
