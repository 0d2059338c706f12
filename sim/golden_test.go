// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ebbproject/ebb/golden"
	"github.com/ebbproject/ebb/link"
)

// A scene is a world that has run, and how to draw it.
type scene struct {
	about  string
	path   *Path
	flows  []*Bulk
	topBit float64 // Mbit/s
	from   time.Duration
	to     time.Duration
}

// draw plots the rates, the queue and the windows, and says the figures between from and to.
func (s scene) draw() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n", s.about)
	var rates, windows []Series
	for i, f := range s.flows {
		rates = append(rates, Series{Mark: byte('a' + i), Values: f.Rates()})
		windows = append(windows, Series{Mark: byte('a' + i), Values: f.Windows()})
	}
	b.WriteString(Plot("goodput, Mbit/s", s.topBit, rates...))
	b.WriteString(Plot("queue, ms", 160, Series{Mark: '*', Values: s.path.Queues()}))
	b.WriteString(Plot("window, kB", 400, windows...))
	q := s.path.QueueBetween(s.from, s.to)
	fmt.Fprintf(&b, "from %v to %v: queue mean %.1f ms, p95 %.1f ms, most %.1f ms\n", s.from, s.to, inMS(q.Mean), inMS(q.P95), inMS(q.Max))
	for i, f := range s.flows {
		fmt.Fprintf(&b, "%c: %.2f Mbit/s, %d datagrams lost, %d timeouts\n   %v\n",
			'a'+i, f.Goodput(s.from, s.to)/1e6, f.Lost(), f.Timeouts(), f)
	}
	return b.String()
}

func inMS(d time.Duration) float64 { return d.Seconds() * 1000 }

// The course of window, queue and rate is compared with golden files: a change of behaviour shows as a diff that a person can
// judge. -v prints the plots.
func TestGolden(t *testing.T) {
	for name, play := range map[string]func(*testing.T) scene{
		"alone": playAlone, "random-loss-1": playRandomLoss(0.01), "random-loss-5": playRandomLoss(0.05), "latecomer": playLatecomer,
		"blackout": playBlackout, "rate-step": playRateStep, "on-off": playOnOff,
	} {
		t.Run(name, func(t *testing.T) {
			got := play(t).draw()
			t.Log("\n" + got)
			golden.Check(t, filepath.Join("testdata", name+".txt"), got)
		})
	}
}

// The bar: the queue within 5 ms of the target at the 95th percentile, and at least 95 % of the line.
func playAlone(t *testing.T) scene {
	l := line{mbit: 20, rtt: 50 * ms, buffer: 100 * ms, seed: 1}
	p, f := alone(l, shipped(t), 60*sec)
	if q := p.QueueBetween(20*sec, 60*sec); q.P95 < 55*ms || q.P95 > 65*ms {
		t.Errorf("queue p95 is %v, want 60ms +- 5ms", q.P95)
	}
	if got := f.Goodput(5*sec, 60*sec); got < 0.95*l.ceiling() {
		t.Errorf("goodput is %.2f Mbit/s of %.2f", got/1e6, l.ceiling()/1e6)
	}
	return scene{"One flow on 20 Mbit/s, 50 ms, 100 ms buffer; target 60 ms.", p, []*Bulk{f}, 24, 20 * sec, 60 * sec}
}

// The bar: 80 % of 10 Mbit/s at 1 % loss, and 65 % at 5 %.
func playRandomLoss(loss float64) func(*testing.T) scene {
	return func(t *testing.T) scene {
		l := line{mbit: 10, rtt: 50 * ms, buffer: 200 * ms, loss: loss, seed: 1}
		p, f := alone(l, shipped(t), 60*sec)
		want := map[float64]float64{0.01: 8.0e6, 0.05: 6.5e6}[loss]
		if got := f.Goodput(0, 60*sec); got < want {
			t.Errorf("goodput is %.2f Mbit/s, want %.1f", got/1e6, want/1e6)
		}
		about := fmt.Sprintf("One flow on 10 Mbit/s, 50 ms, 200 ms buffer, %.0f %% of the datagrams lost at random.", 100*loss)
		return scene{about, p, []*Bulk{f}, 12, 5 * sec, 60 * sec}
	}
}

// A newcomer measures the standing queue as its base delay and pushes the older flow aside: what LEDBAT is known for, shown
// and not cured.
func playLatecomer(t *testing.T) scene {
	w := NewWorld()
	p := w.Path(line{mbit: 10, rtt: 40 * ms, buffer: 250 * ms, seed: 1}.both())
	a := w.Flow(p, FlowConfig{Controller: byTheBook(t, 60*ms), MSS: mss, Headers: 54})
	b := w.Flow(p, FlowConfig{Controller: byTheBook(t, 60*ms), MSS: mss, Headers: 54, Start: 60 * sec})
	w.Run(180 * sec)
	return scene{"Two flows by the book on 10 Mbit/s, 40 ms, 250 ms buffer, target 60 ms; b comes after 60 s.",
		p, []*Bulk{a, b}, 12, 120 * sec, 180 * sec}
}

// The bar: back at 80 % of the line within 3 s of the path's return.
func playBlackout(t *testing.T) scene {
	l := line{mbit: 20, rtt: 50 * ms, buffer: 100 * ms, seed: 1}
	forward, reverse := l.both()
	forward.Blackouts = []link.Window{{From: 20 * sec, For: 30 * sec}}
	reverse.Blackouts = forward.Blackouts
	w := NewWorld()
	p := w.Path(forward, reverse)
	f := w.Flow(p, FlowConfig{Controller: shipped(t), MSS: mss, Headers: 54})
	w.Run(70 * sec)
	if got := f.Goodput(53*sec, 56*sec); got < 0.8*l.ceiling() {
		t.Errorf("3 s after the path came back goodput is %.2f Mbit/s of %.2f", got/1e6, l.ceiling()/1e6)
	}
	if during := f.Lost(); during > 400 {
		t.Errorf("%d datagrams were sent into the blackout", during)
	}
	return scene{"20 Mbit/s, 50 ms, 100 ms buffer; nothing passes either way from 20 s to 50 s.", p, []*Bulk{f}, 24, 53 * sec, 70 * sec}
}

func playRateStep(t *testing.T) scene {
	w := NewWorld()
	p := w.Path(line{mbit: 20, rtt: 50 * ms, buffer: 200 * ms, seed: 1}.both())
	f := w.Flow(p, FlowConfig{Controller: shipped(t), MSS: mss, Headers: 54})
	w.At(20*sec, func(now time.Time) { p.Forward[0].SetRate(now, 8e6) })
	w.At(45*sec, func(now time.Time) { p.Forward[0].SetRate(now, 20e6) })
	w.Run(80 * sec)
	if got := f.Goodput(30*sec, 45*sec); got < 0.95*8e6*mss/(mss+54) {
		t.Errorf("goodput is %.2f Mbit/s on a line of 8", got/1e6)
	}
	if got := f.Goodput(70*sec, 80*sec); got < 0.95*20e6*mss/(mss+54) {
		t.Errorf("25 s after the line is back at 20 Mbit/s goodput is %.2f", got/1e6)
	}
	return scene{"50 ms, 200 ms buffer; the line has 20 Mbit/s, 8 from 20 s to 45 s, then 20 again.", p, []*Bulk{f}, 24, 30 * sec, 45 * sec}
}

// An application with pauses collects no window in them, and loses none of it in short ones.
func playOnOff(t *testing.T) scene {
	w := NewWorld()
	p := w.Path(line{mbit: 20, rtt: 50 * ms, buffer: 100 * ms, seed: 1}.both())
	f := w.Flow(p, FlowConfig{Controller: shipped(t), MSS: mss, Headers: 54, Source: Source{On: 3 * sec, Off: 2 * sec}})
	w.Run(40 * sec)
	if got := f.Goodput(0, 40*sec); got < 0.8*0.6*20e6*mss/(mss+54) {
		t.Errorf("goodput is %.2f Mbit/s with data for 60 %% of the time", got/1e6)
	}
	return scene{"20 Mbit/s, 50 ms, 100 ms buffer; the application has data for 3 s, then none for 2 s.", p, []*Bulk{f}, 24, 5 * sec, 40 * sec}
}
