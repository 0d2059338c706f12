// SPDX-License-Identifier: Apache-2.0

package link

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// A buffer with nothing to manage does what the arithmetic of the bottleneck computes: the same
// packets arrive at the same nanosecond. A schedule with a step that is far away gives a link a buffer.
func TestPropertyBufferAndArithmeticAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		plain := anyPlainConfig(t)
		// After a change of the rate, the arithmetic has rounded what waits up, the buffer has not; and it
		// moves what was held up with what held it up.
		changes, tolerance := rapid.Bool().Draw(t, "changes"), time.Duration(0)
		if changes {
			plain.BufferBytes, plain.BufferTime, plain.Blackouts = 0, 0, nil
			plain.Reorder, plain.Jitter, plain.JitterReorders, tolerance = 0, 0, false, 5000
		}
		buffered := plain
		buffered.Schedule.Steps = []Step{{At: 1000 * time.Hour}}
		a, b := New[int](epoch, plain), New[int](epoch, buffered)
		now := time.Duration(0)
		arrivals := func(l *Link[int], got []arrival, until time.Duration) []arrival {
			for d := l.Deadline(); !d.IsZero() && !d.After(at(until)); d = l.Deadline() {
				if p, ok := l.Take(d); ok {
					got = append(got, arrival{p.Payload, d.Sub(epoch)})
				}
			}
			return got
		}
		var fromA, fromB []arrival
		for n := range rapid.IntRange(1, 200).Draw(t, "packets") {
			now += time.Duration(rapid.SampledFrom([]int64{0, 0, 0, 1, 1000, int64(ms), int64(17 * ms)}).Draw(t, "pass"))
			size := rapid.SampledFrom([]int{0, 1, 100, 1200, 1472}).Draw(t, "size")
			fromA, fromB = arrivals(a, fromA, now), arrivals(b, fromB, now)
			if qa, qb := a.QueueDelay(at(now)), b.QueueDelay(at(now)); (qa-qb).Abs() > tolerance && len(plain.Blackouts) == 0 {
				t.Fatalf("at %v: queues of %v and %v", now, qa, qb)
			}
			va, vb := a.Send(at(now), datagram(size, n)), b.Send(at(now), datagram(size, n))
			if va != vb && !(va == DroppedBlackout && vb == Queued) { // the buffer learns of a blackout when it begins
				t.Fatalf("packet %d at %v: %v and %v", n, now, va, vb)
			}
			if changes && rapid.IntRange(0, 20).Draw(t, "change") == 0 {
				rate := rapid.SampledFrom([]float64{0, 64e3, 1e6, 50e6}).Draw(t, "rate")
				a.SetRate(at(now), rate)
				b.SetRate(at(now), rate)
			}
		}
		fromA, fromB = arrivals(a, fromA, time.Hour*900), arrivals(b, fromB, time.Hour*900)
		near := func(a, b arrival) bool { return a.packet == b.packet && (a.at-b.at).Abs() <= tolerance }
		if !slices.EqualFunc(fromA, fromB, near) {
			t.Fatalf("arithmetic:\n%v\nbuffer:\n%v", fromA, fromB)
		}
		sa, sb := a.Stats(), b.Stats()
		if sa.Delivered != sb.Delivered || sa.DroppedBuffer != sb.DroppedBuffer || sa.DroppedBlackout != sb.DroppedBlackout {
			t.Fatalf("arithmetic: %v\nbuffer:     %v", sa, sb)
		}
	})
}
