// SPDX-License-Identifier: Apache-2.0

package link

import (
	"testing"
	"time"
)

// One packet in, one packet out, with a full pipe and a standing queue.
func BenchmarkLink(b *testing.B) {
	for _, bench := range []struct {
		name string
		c    Config
	}{
		{"plain", Config{Rate: 100e6, Delay: 20 * ms, BufferTime: 100 * ms}},
		{"loss", Config{Rate: 100e6, Delay: 20 * ms, BufferTime: 100 * ms, Loss: 0.01}},
		{"jitter", Config{Rate: 100e6, Delay: 20 * ms, BufferTime: 100 * ms, Jitter: 2 * ms}},
		{"reordering", Config{Rate: 100e6, Delay: 20 * ms, BufferTime: 100 * ms, Reorder: 0.01, ReorderDelay: 5 * ms}},
		{"everything", Config{Rate: 100e6, Delay: 20 * ms, BufferTime: 100 * ms, Loss: 0.01, Jitter: 2 * ms,
			JitterReorders: true, Reorder: 0.01, ReorderDelay: 5 * ms, Overhead: 28, MTU: 1500}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			l := New[[2]uint64](epoch, bench.c)
			now := epoch
			step := func() {
				now = now.Add(115 * time.Microsecond) // of 120 that a packet takes
				l.Send(now, datagram(1472, [2]uint64{}))
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
