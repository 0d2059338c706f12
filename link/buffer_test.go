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

// Whatever a queue manager drops or marks, over any stretch of time no more leaves than the rate allows.
func TestPropertyManagersNeverExceedTheRate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ecn := rapid.Bool().Draw(t, "ecn")
		c := Config{
			Rate:        rapid.SampledFrom([]float64{64e3, 1e6, 7e6 + 1, 20e6}).Draw(t, "rate"),
			BufferBytes: rapid.SampledFrom([]int{0, 20_000}).Draw(t, "bufferBytes"),
			Overhead:    28,
			AQM: rapid.SampledFrom([]AQM{CoDel{Target: ms, Interval: 10 * ms, ECN: ecn}, PIE{MaxBurst: ms, ECN: ecn},
				RED{Min: 3000, Max: 9000, Weight: 0.1, ECN: ecn}, FQCoDel{Target: ms, Interval: 10 * ms, Quantum: 300, ECN: ecn}}).Draw(t, "aqm"),
		}
		l := New[int](epoch, c)
		sizes, now := []int{}, time.Duration(0)
		var got []arrival
		take := func(until time.Duration) {
			for d := l.Deadline(); !d.IsZero() && !d.After(at(until)); d = l.Deadline() {
				if p, ok := l.Take(d); ok {
					got = append(got, arrival{p.Payload, d.Sub(epoch)})
				}
			}
		}
		for range rapid.IntRange(1, 150).Draw(t, "packets") {
			now += time.Duration(rapid.SampledFrom([]int64{0, 0, 1000, int64(ms), int64(17 * ms)}).Draw(t, "pass"))
			take(now)
			size := rapid.SampledFrom([]int{1, 100, 1200, 1472}).Draw(t, "size")
			l.Send(at(now), Datagram[int]{Size: size, Flow: uint32(len(sizes) % 3), ECN: ECT0, Payload: len(sizes)})
			sizes = append(sizes, size+28)
		}
		take(1000 * time.Hour)
		if s := l.Stats(); s.Inside.Packets != 0 || s.Delivered.Packets != int64(len(got)) || s.Sent.Packets != s.Delivered.Packets+s.Dropped.Packets {
			t.Fatal(s)
		}
		for i := range got {
			bits := int64(0)
			for _, a := range got[i+1:] {
				bits += int64(sizes[a.packet]) * 8
				if span := int64(a.at-got[i].at) + 1; bits*1e9 > span*int64(c.Rate) {
					t.Fatalf("%d bits left in %d ns at %.0f bit/s", bits, span, c.Rate)
				}
			}
		}
	})
}

// A buffer that has grown is used again: nothing it held is kept.
func TestABufferLetsPayloadsGo(t *testing.T) {
	for _, aqm := range []AQM{CoDel{Target: ms, Interval: 2 * ms}, FQCoDel{}} {
		l := New[*int](epoch, Config{Rate: 1e6, BufferBytes: 20_000, AQM: aqm})
		for i := range 100 {
			l.Send(at(time.Duration(i)*ms), Datagram[*int]{Size: 1000, Flow: uint32(i), Payload: new(int)})
		}
		l.Cut(at(99*ms), ms)
		for d := l.Deadline(); !d.IsZero(); d = l.Deadline() {
			l.Take(d)
		}
		for i := range l.buffer.slots {
			if l.buffer.slots[i].payload != nil {
				t.Fatalf("%T: an empty buffer holds on to a payload", aqm)
			}
		}
		if s := l.Stats(); s.Inside != (Count{}) || s.DroppedBlackout == 0 {
			t.Fatal(s)
		}
	}
}

// The waits that Stats tells are those of the packets.
func TestStatsTellTheWaits(t *testing.T) {
	for _, c := range []Config{{Rate: 1e6}, {Rate: 1e6, AQM: CoDel{Target: time.Second, Interval: time.Minute}}} {
		l := New[int](epoch, c)
		for i := range 5 {
			l.Send(epoch, datagram(1250, i)) // waits for 0, 10, 20, 30 and 40 ms
		}
		drain(t, l)
		if s := l.Stats(); s.Waits != 5 || s.QueueMean() != 20*ms || s.QueueMax != 40*ms {
			t.Fatalf("%+v", s)
		}
	}
	if (Stats{}).QueueMean() != 0 {
		t.Fatal("nothing waited, and the mean is not 0")
	}
}

// Who asks seldom gets the same as who asks at every deadline.
func TestPropertyAskingChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := anyConfig(t)
		often, seldom := New[int](epoch, c), New[int](epoch, c)
		now := time.Duration(0)
		for n := range rapid.IntRange(1, 200).Draw(t, "packets") {
			pass := time.Duration(rapid.SampledFrom([]int64{0, 1000, int64(ms), int64(17 * ms)}).Draw(t, "pass"))
			for end := now + pass; now < end; now = min(end, now+ms/3) {
				often.QueueDelay(at(now))
				for d := often.Deadline(); !d.IsZero() && d.Before(at(now)); d = often.Deadline() {
					often.Take(d)
				}
			}
			d := Datagram[int]{Size: rapid.SampledFrom([]int{0, 100, 1200}).Draw(t, "size"), Flow: uint32(n % 3), ECN: ECN(n % 4), Payload: n}
			if va, vb := often.Send(at(now), d), seldom.Send(at(now), d); va != vb {
				t.Fatalf("packet %d at %v: %v and %v", n, now, va, vb)
			}
		}
		now += time.Hour
		for _, l := range []*Link[int]{often, seldom} {
			for _, ok := l.Take(at(now)); ok; _, ok = l.Take(at(now)) {
			}
		}
		if a, b := often.Stats(), seldom.Stats(); a != b {
			t.Fatalf("often:  %v\nseldom: %v", a, b)
		}
	})
}
