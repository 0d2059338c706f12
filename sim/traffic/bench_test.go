// SPDX-License-Identifier: Apache-2.0

package traffic

import (
	"testing"
	"time"

	"github.com/ebbproject/ebb/sim"
)

// shuttle carries packets between two machines with a fixed delay: what the machines cost, without a world.
type shuttle struct {
	s        sim.Machine
	r        sim.Machine
	now      time.Duration
	data     []sim.Packet // a ring
	at       []time.Duration
	in, out  int
	p        sim.Packet
	every    time.Duration // between two packets at the bottleneck
	free     time.Duration
	lossless int // a packet is lost after so many
}

func (u *shuttle) send() {
	for {
		u.p = sim.Packet{}
		if !u.s.Take(u.now, &u.p) {
			return
		}
		u.lossless++
		if u.lossless%4000 == 0 || u.in-u.out > 900 {
			continue
		}
		u.free = max(u.free, u.now) + u.every
		u.data[u.in%len(u.data)], u.at[u.in%len(u.data)] = u.p, u.free+30*ms
		u.in++
	}
}

// step carries one packet and what it causes.
func (u *shuttle) step() {
	next := u.s.Deadline()
	if u.in > u.out {
		next = min(next, u.at[u.out%len(u.data)])
	}
	u.now = max(u.now, next)
	if u.s.Deadline() <= u.now {
		u.s.Advance(u.now)
	}
	u.send()
	if u.in > u.out && u.at[u.out%len(u.data)] <= u.now {
		u.r.Deliver(u.now, &u.data[u.out%len(u.data)])
		u.out++
		for u.p = (sim.Packet{}); u.r.Take(u.now, &u.p); u.p = (sim.Packet{}) {
			u.s.Deliver(u.now, &u.p)
			u.send()
		}
	}
}

func BenchmarkMachines(b *testing.B) {
	for _, control := range controls {
		b.Run(control, func(b *testing.B) {
			s, r := NewTCP(Config{Control: control})
			u := &shuttle{s: s, r: r, data: make([]sim.Packet, 1024), at: make([]time.Duration, 1024), every: 240 * time.Microsecond}
			for u.out < 40_000 {
				u.step()
			}
			b.ReportAllocs()
			from := u.out
			b.ResetTimer()
			for u.out-from < b.N {
				u.step()
			}
		})
	}
}

// In a world, with its links and samples.
func BenchmarkWorld(b *testing.B) {
	for _, control := range controls {
		b.Run(control, func(b *testing.B) {
			w := sim.NewWorld()
			s, r := NewTCP(Config{Control: control})
			w.Add(w.Path(line{mbit: 50, rtt: 30 * ms, bdp: 4}.both()), s, r)
			w.Run(10 * sec)
			_, from := w.Events()
			b.ReportAllocs()
			b.ResetTimer()
			at := 10 * sec
			_, packets := w.Events()
			for packets-from < int64(b.N) {
				at += 100 * ms
				w.Run(at)
				_, packets = w.Events()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(packets-from), "ns/moved")
		})
	}
}

// Forty connections at a time.
func BenchmarkPoisson(b *testing.B) {
	w := sim.NewWorld()
	s, r := NewPoisson(PoissonConfig{Load: 0.7, LinkRate: 50e6, Sizes: Sizes{Mean: 50_000}, Control: "cubic", Seed: 1})
	w.Add(w.Path(line{mbit: 50, rtt: 30 * ms, bdp: 4}.both()), s, r)
	w.Run(30 * sec)
	_, from := w.Events()
	b.ReportAllocs()
	b.ResetTimer()
	packets, at := from, 30*sec
	for packets-from < int64(b.N) {
		at += 100 * ms
		w.Run(at)
		_, packets = w.Events()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(packets-from), "ns/moved")
}
