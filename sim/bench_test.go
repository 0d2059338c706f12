// SPDX-License-Identifier: Apache-2.0

package sim_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/ebbproject/ebb/ledbat"
	"github.com/ebbproject/ebb/link"
	"github.com/ebbproject/ebb/sim"
	"github.com/ebbproject/ebb/sim/traffic"
)

// A metronome sends a packet at a fixed pace.
type metronome struct {
	every, next time.Duration
}

func (m *metronome) Deliver(time.Duration, *sim.Packet) {}
func (m *metronome) Advance(time.Duration)              {}
func (m *metronome) Deadline() time.Duration            { return m.next }

func (m *metronome) Take(now time.Duration, p *sim.Packet) bool {
	if now < m.next {
		return false
	}
	m.next += m.every
	p.Size = 1500
	return true
}

// A drain takes packets and says nothing.
type drain struct{}

func (drain) Deliver(time.Duration, *sim.Packet)         {}
func (drain) Advance(time.Duration)                      {}
func (drain) Deadline() time.Duration                    { return sim.Never }
func (drain) Take(now time.Duration, p *sim.Packet) bool { return false }

// ticking is n metronomes on a path each, without protocol.
func ticking(n int) *sim.World {
	w := sim.NewWorld()
	for i := range n {
		p := w.Path(link.Config{Rate: 100e6, Delay: 10 * time.Millisecond, BufferBytes: 1 << 20}, link.Config{})
		w.Add(p, &metronome{every: 150*time.Microsecond + time.Duration(i)}, drain{})
	}
	return w
}

// cubics is n flows of CUBIC on one bottleneck of 100 Mbit/s, 30 ms and one BDP for each ten of them.
func cubics(n int) *sim.World {
	w := sim.NewWorld()
	p := bottleneck(w, n)
	for i := range n {
		s, r := traffic.NewTCP(traffic.Config{Control: "cubic", Seed: uint64(i), Start: time.Duration(i) * 7 * time.Millisecond})
		w.Add(p, s, r)
	}
	return w
}

// bulks is n flows of ours over the shim that ships.
func bulks(n int, name string) *sim.World {
	w := sim.NewWorld()
	p := bottleneck(w, n)
	c := ledbat.Default()
	for i := range n {
		ctl, err := ledbat.New(name, c)
		if err != nil {
			panic(err)
		}
		w.Flow(p, sim.FlowConfig{Controller: ctl, MSS: c.MSS, Start: time.Duration(i) * 7 * time.Millisecond})
	}
	return w
}

func bottleneck(w *sim.World, n int) *sim.Path {
	return w.Path(link.Config{Rate: 100e6, Delay: 15 * time.Millisecond, BufferTime: 100 * time.Millisecond}, link.Config{Rate: 1e9, Delay: 15 * time.Millisecond})
}

// run runs a world on, a second at a time, and says what it costs in time of the CPU. The first 20 seconds, in which windows and memory grow, do not count.
func run(b *testing.B, w *sim.World) {
	const warm = 21 * time.Second
	w.Run(warm - time.Second)
	w.Run(warm)
	events, packets := w.Events()
	at := warm
	b.ReportAllocs()
	begin := cpu()
	for b.Loop() {
		at += time.Second
		w.Run(at)
	}
	e, p := w.Events()
	seconds := (cpu() - begin).Seconds()
	b.ReportMetric(float64(e-events)/seconds/1e6, "Mevents/s")
	b.ReportMetric(float64(p-packets)/seconds/1e6, "Mpackets/s")
}

// The engine: timers and links, no protocol. The bar is 10 million events and 3 million packets a second on one core.
func BenchmarkEngine(b *testing.B) {
	for _, n := range []int{1, 10, 100} {
		b.Run(fmt.Sprint(n), func(b *testing.B) { run(b, ticking(n)) })
	}
}

func BenchmarkCubic(b *testing.B) {
	for _, n := range []int{1, 10, 100} {
		b.Run(fmt.Sprint(n), func(b *testing.B) { run(b, cubics(n)) })
	}
}

func BenchmarkBulk(b *testing.B) {
	for _, name := range ledbat.Names() {
		for _, n := range []int{1, 10, 100} {
			b.Run(fmt.Sprint(name, "/", n), func(b *testing.B) { run(b, bulks(n, name)) })
		}
	}
}
