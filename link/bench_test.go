// SPDX-License-Identifier: Apache-2.0

package link

import (
	"testing"
	"time"
)

// One packet in, one packet out, with a full pipe and a standing queue.
func BenchmarkLink(b *testing.B) {
	type benchmark struct {
		name string
		c    Config
		gap  time.Duration
	}
	const light, heavy = 115 * time.Microsecond, 100 * time.Microsecond
	for _, bench := range []benchmark{
		{"plain", Config{Rate: 100e6, Delay: 20 * ms, BufferTime: 100 * ms}, light},
		{"loss", Config{Rate: 100e6, Delay: 20 * ms, BufferTime: 100 * ms, Loss: 0.01}, light},
		{"jitter", Config{Rate: 100e6, Delay: 20 * ms, BufferTime: 100 * ms, Jitter: 2 * ms}, light},
		{"reordering", Config{Rate: 100e6, Delay: 20 * ms, BufferTime: 100 * ms, Reorder: 0.01, ReorderDelay: 5 * ms}, light},
		{"everything", Config{Rate: 100e6, Delay: 20 * ms, BufferTime: 100 * ms, Loss: 0.01, Jitter: 2 * ms,
			JitterReorders: true, Reorder: 0.01, ReorderDelay: 5 * ms, Overhead: 28, MTU: 1500}, light},
		{"policer", Config{Rate: 100e6, Delay: 20 * ms, BufferTime: 100 * ms, Policer: Policer{Rate: 110e6, Burst: 15_000}}, light},
		{"bursts", Config{Rate: 100e6, Delay: 20 * ms, BufferTime: 100 * ms, BurstLoss: GilbertElliott{ToBad: 0.01, ToGood: 0.3, LossBad: 0.5}}, light},
		{"codel", Config{Rate: 100e6, Delay: 20 * ms, BufferTime: 100 * ms, AQM: CoDel{}}, light},
		{"pie", Config{Rate: 100e6, Delay: 20 * ms, BufferTime: 100 * ms, AQM: PIE{}}, light},
		{"red", Config{Rate: 100e6, Delay: 20 * ms, BufferTime: 100 * ms, AQM: RED{Min: 100_000, Max: 300_000}}, light},
		{"fq-codel", Config{Rate: 100e6, Delay: 20 * ms, BufferTime: 100 * ms, AQM: FQCoDel{}}, light},
		{"codel overloaded", Config{Rate: 100e6, Delay: 20 * ms, BufferTime: 100 * ms, AQM: CoDel{}}, heavy},
		{"pie overloaded", Config{Rate: 100e6, Delay: 20 * ms, BufferTime: 100 * ms, AQM: PIE{ECN: true}}, heavy},
		{"red overloaded", Config{Rate: 100e6, Delay: 20 * ms, BufferTime: 100 * ms, AQM: RED{Min: 100_000, Max: 300_000}}, heavy},
		{"fq-codel overloaded", Config{Rate: 100e6, Delay: 20 * ms, BufferTime: 100 * ms, AQM: FQCoDel{ECN: true}}, heavy},
		{"wifi", Config{Rate: 100e6, Delay: 20 * ms, BufferTime: 100 * ms, WiFi: WiFi{Interval: 4 * ms, Access: ms}}, light},
		{"lte", Config{Rate: 100e6, Delay: 20 * ms, BufferTime: 100 * ms, LTE: LTE{Interval: ms, Retransmit: 0.1}}, light},
		{"trace", Config{Delay: 20 * ms, BufferTime: 100 * ms, Trace: trace(1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2)}, light},
		{"schedule", Config{Rate: 100e6, Delay: 20 * ms, BufferTime: 100 * ms,
			Schedule: Schedule{Steps: []Step{{At: 0, Rate: 90e6, Delay: 20 * ms}, {At: ms, Rate: 110e6, Delay: 20 * ms}}, Period: 2 * ms}}, light},
	} {
		b.Run(bench.name, func(b *testing.B) {
			l := New[[2]uint64](epoch, bench.c)
			now, n := epoch, uint32(0)
			step := func() {
				now = now.Add(bench.gap) // of 120 µs that a packet takes
				n++
				l.Send(now, Datagram[[2]uint64]{Size: 1472, Flow: n & 15, ECN: ECT0})
				for d := l.Deadline(); !d.IsZero() && !d.After(now); d = l.Deadline() {
					l.Take(d)
				}
			}
			for range 20_000 {
				step()
			}
			b.ReportAllocs()
			for b.Loop() {
				step()
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds()/1e6, "Mpackets/s")
		})
	}
}
