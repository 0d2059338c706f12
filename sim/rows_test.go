// SPDX-License-Identifier: Apache-2.0

package sim_test

import (
	"slices"
	"testing"
	"time"

	"github.com/ebbproject/ebb/ledbat"
	"github.com/ebbproject/ebb/link"
	"github.com/ebbproject/ebb/sim"
	"github.com/ebbproject/ebb/sim/traffic"
)

// What the reference table and the published table say about LEDBAT beside TCP. What is not met is in REFERENCES.md with its reason, and
// here with the figure that this model has instead, so that a change shows.

const (
	ms  = time.Millisecond
	sec = time.Second
)

// A scavenger is a controller as published.
type scavenger struct {
	name   string
	target time.Duration
}

var (
	ledbat60  = scavenger{"rfc6817", 60 * ms}
	ledbat100 = scavenger{"rfc6817", 100 * ms}
	plusPlus  = scavenger{"ledbatpp", 60 * ms}
)

func (s scavenger) String() string { return s.name + " " + s.target.String() }

func (s scavenger) flow(w *sim.World, p *sim.Path, start time.Duration) *sim.Bulk {
	c := ledbat.Published()
	c.MSS, c.Target = 1460, s.target
	ctl, err := ledbat.New(s.name, c)
	if err != nil {
		panic(err)
	}
	return w.Flow(p, sim.FlowConfig{Controller: ctl, MSS: c.MSS, Headers: 54, ReportEvery: 1, Start: start, NotECT: true})
}

// beside adds a flow of TCP.
func beside(w *sim.World, p *sim.Path, c traffic.Config) (*sim.Flow, *traffic.Sender) {
	s, r := traffic.NewTCP(c)
	return w.Add(p, s, r), s
}

// row is the link of the reference table.
func row(w *sim.World, rtt, buffer time.Duration, m link.AQM) *sim.Path {
	return w.Path(link.Config{Rate: 10e6, Delay: rtt / 2, BufferTime: buffer, AQM: m}, link.Config{Rate: 100e6, Delay: rtt / 2})
}

// starts are the beginnings of the second flow: where a buffer is shallow or managed, they change the course.
var starts = []time.Duration{0, 137 * ms, 274 * ms}

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}

// met checks a figure against the reference where the model meets it, and against the model's own figure where it does not.
func met(t *testing.T, what string, got, reference, model, tolerance float64) {
	t.Helper()
	t.Logf("%s: %.2f, reference %.2f (%+.0f %%)", what, got, reference, 100*(got/reference-1))
	want := reference
	if model > 0 {
		want = model
	}
	if got < want-tolerance || got > want+tolerance {
		t.Errorf("%s: %.3f, want %.2f +- %.2f", what, got, want, tolerance)
	}
}

func TestReferenceAgainstCubic(t *testing.T) {
	for _, c := range []struct {
		s                           scavenger
		buffer                      time.Duration
		reference, model, tolerance float64 // what LEDBAT keeps, Mbit/s
	}{
		// 0.5 % of the goodput where the buffer exceeds target + 40 ms.
		{ledbat60, 250 * ms, 0.1, 0, 0.05}, {ledbat100, 250 * ms, 0.1, 0, 0.05}, {plusPlus, 250 * ms, 0.1, 0, 0.05},
		{plusPlus, 100 * ms, 0.2, 0, 0.05},
		// Shallower buffers: see REFERENCES.md.
		{ledbat60, 100 * ms, 0.4, 0.19, 0.05}, {ledbat60, 50 * ms, 4.2, 5.9, 0.6}, {ledbat100, 50 * ms, 6.3, 5.5, 0.6},
		{ledbat100, 100 * ms, 3.0, 5.7, 1.2}, {plusPlus, 50 * ms, 3.5, 4.4, 0.5},
	} {
		var kept []float64
		for _, at := range starts {
			w := sim.NewWorld()
			p := row(w, 40*ms, c.buffer, nil)
			f := c.s.flow(w, p, 0)
			beside(w, p, traffic.Config{Control: "cubic", Start: 30*sec + at})
			w.Run(180 * sec)
			kept = append(kept, f.Goodput(60*sec, 180*sec)/1e6)
		}
		met(t, c.s.String()+" beside CUBIC, buffer "+c.buffer.String(), median(kept), c.reference, c.model, c.tolerance)
	}
}

func TestReferenceCoDelAgainstCubic(t *testing.T) {
	for _, c := range []struct {
		s             scavenger
		ledbat, cubic float64 // reference, Mbit/s
		model         [2]float64
	}{{ledbat60, 5.7, 3.4, [2]float64{5.04, 4.37}}, {plusPlus, 3.9, 5.2, [2]float64{3.59, 5.82}}} {
		var ours, theirs []float64
		for _, at := range starts {
			w := sim.NewWorld()
			p := row(w, 40*ms, 250*ms, link.CoDel{})
			f := c.s.flow(w, p, 0)
			g, _ := beside(w, p, traffic.Config{Control: "cubic", Start: 30*sec + at})
			w.Run(180 * sec)
			ours, theirs = append(ours, f.Goodput(60*sec, 180*sec)/1e6), append(theirs, g.Goodput(60*sec, 180*sec)/1e6)
		}
		met(t, c.s.String()+" on CoDel", median(ours), c.ledbat, c.model[0], 0.3)
		met(t, "CUBIC beside "+c.s.String()+" on CoDel", median(theirs), c.cubic, c.model[1], 0.3)
	}
}

// RFC 6817 grows by a packet in a round trip: 75 round trips for 90 % of a BDP of 83 packets, at 100 ms. LEDBAT++ by half a packet. The
// reference does not say its round trip; at 40 ms both would be back within 2 and 4 s.
func TestReferenceBackAfterCubic(t *testing.T) {
	for _, c := range []struct {
		s                           scavenger
		reference, model, tolerance float64 // seconds
	}{{ledbat60, 10, 0, 1}, {ledbat100, 10, 0, 1}, {plusPlus, 13, 18.8, 1}} {
		const stop = 120 * sec
		w := sim.NewWorld()
		p := row(w, 100*ms, 250*ms, nil)
		f := c.s.flow(w, p, 0)
		beside(w, p, traffic.Config{Control: "cubic", Start: 60 * sec, Stop: stop})
		w.Run(180 * sec)
		at := stop
		for at < 170*sec && f.Goodput(at, at+sec) < 0.9*10e6*1460/1514 {
			at += 100 * ms
		}
		met(t, c.s.String()+" back at 90 %, s", (at + sec - stop).Seconds(), c.reference, c.model, c.tolerance)
	}
}

// A handshake, then 35 packets in three rounds: "a delay target is not enough for tills".
func TestReferenceTransaction(t *testing.T) {
	for _, c := range []struct {
		name                        string
		s                           scavenger
		reference, model, tolerance float64 // median, ms
	}{
		{"alone", scavenger{}, 148, 0, 1},
		{"beside CUBIC", scavenger{}, 956, 0, 60}, // a distribution: of CUBIC's sawtooth
		{"", ledbat60, 419, 0, 8},
		{"", ledbat100, 568, 0, 12},
		{"", plusPlus, 329, 367, 10},
	} {
		w := sim.NewWorld()
		p := row(w, 40*ms, 250*ms, nil)
		switch {
		case c.s.name != "":
			c.s.flow(w, p, 0)
			c.name = "beside " + c.s.String()
		case c.name != "alone":
			beside(w, p, traffic.Config{Control: "cubic"})
		}
		var senders []*traffic.Sender
		var began []time.Duration
		for i := range 40 {
			at := 60*sec + time.Duration(i)*3*sec + time.Duration(i*i%17)*53*ms
			_, s := beside(w, p, traffic.Config{Control: "cubic", Start: at, Bytes: 50_000, Handshake: true})
			senders, began = append(senders, s), append(began, at)
		}
		w.Run(200 * sec)
		var times []float64
		for i, s := range senders {
			times = append(times, (s.Done()-began[i]-20*ms).Seconds()*1000) // the last byte came half a round trip before its acknowledgement
		}
		met(t, "50 kB "+c.name+", ms", median(times), c.reference, c.model, c.tolerance)
	}
}

// 50 Mbit/s, 30 ms, 4 BDP: read off the published plots of another author's implementations. Who began first is not known: against CUBIC
// both begin at once, against BBR the scavenger is there first.
func TestPublishedBenchmark(t *testing.T) {
	for _, c := range []struct {
		s       scavenger
		control string
		began   time.Duration // the primary
		// Mbit/s as published, what the model has where that is not met, and the tolerance of the primary's and ours.
		primary, ours           float64
		modelPrimary, modelOurs float64
		within                  [2]float64
	}{
		{s: ledbat100, ours: 48.6, within: [2]float64{0, 1}},
		{s: plusPlus, ours: 46.35, within: [2]float64{0, 1.45}}, // 44.9 to 47.8
		{s: ledbat100, control: "cubic", primary: 41.3, ours: 6.6, within: [2]float64{6.2, 2.5}},
		{s: plusPlus, control: "cubic", began: 10 * sec, primary: 45.6, ours: 2.3, modelOurs: 0.68, within: [2]float64{6.8, 0.4}},
		{s: ledbat100, control: "bbr", began: 10 * sec, primary: 22.2, ours: 26.0, within: [2]float64{3.3, 3.9}},
		{s: plusPlus, control: "bbr", began: 10 * sec, primary: 5.7, ours: 42.0, modelPrimary: 32, modelOurs: 16, within: [2]float64{4, 4}},
	} {
		var primary, ours []float64
		for i, at := range starts {
			w := sim.NewWorld()
			p := w.Path(link.Config{Rate: 50e6, Delay: 15 * ms, BufferBytes: 750_000}, link.Config{Rate: 1e9, Delay: 15 * ms})
			var scavenges, begins time.Duration = 0, c.began + at
			if c.began == 0 {
				scavenges, begins = at, 0
			}
			f := c.s.flow(w, p, scavenges)
			var g *sim.Flow
			if c.control != "" {
				g, _ = beside(w, p, traffic.Config{Control: c.control, Start: begins, Seed: uint64(i)})
			}
			w.Run(100 * sec)
			ours = append(ours, f.Goodput(10*sec, 100*sec)/1e6)
			if g != nil {
				primary = append(primary, g.Goodput(10*sec, 100*sec)/1e6)
			}
			if c.control == "" {
				break
			}
		}
		what := c.s.String() + " alone"
		if c.control != "" {
			what = c.s.String() + " beside " + c.control
			met(t, c.control+" beside "+c.s.String(), median(primary), c.primary, c.modelPrimary, c.within[0])
		}
		met(t, what, median(ours), c.ours, c.modelOurs, c.within[1])
	}
}
