// SPDX-License-Identifier: Apache-2.0

package link

import (
	"math"
	"testing"
	"time"
)

// congest sends packets of 1250 bytes, of one flow each, at 12 Mbit/s for a second into 10 Mbit/s, and answers
// when the queue manager dropped or marked one.
func congest(c Config, ecn ECN) (acted []time.Duration, s Stats) {
	c.Rate = 10e6
	l := New[int](epoch, c)
	for i := range 1200 {
		now := time.Duration(i) * time.Second / 1200
		before := l.Stats()
		l.Send(at(now), Datagram[int]{Size: 1250, ECN: ecn})
		s = l.Stats()
		for range s.DroppedAQM - before.DroppedAQM + s.Marked - before.Marked {
			acted = append(acted, now)
		}
	}
	return acted, s
}

// RFC 8289, section 3.3: "the next drop time is decreased in inverse proportion to the square root
// of the number of drops since the drop state was entered". An unresponsive flow keeps CoDel
// in that state: drop n+1 follows an interval/sqrt(n) after drop n.
func TestCoDelDropsByTheControlLaw(t *testing.T) {
	for _, c := range []CoDel{{}, {ECN: true}, {Target: 10 * ms, Interval: 50 * ms}} {
		for _, ecn := range []ECN{NotECT, ECT0, ECT1} {
			acted, s := congest(Config{AQM: c}, ecn)
			full := c.filled()
			if got := s.Marked > 0; got != (c.ECN && ecn != NotECT) || got && s.DroppedAQM > 0 {
				t.Fatalf("%+v, %v: %v", c, ecn, s)
			}
			if len(acted) < 10 {
				t.Fatalf("%+v, %v: only %d drops", c, ecn, len(acted))
			}
			// The queue grows by 0.2 ms a packet of 1 ms. It acts an interval after the target was
			// passed; every drop takes a packet's time off the queue, and it looks once a packet.
			passed := 6 * full.Target
			due := passed + full.Interval
			for n, got := range acted {
				if got < due-3*ms || got > due+5*ms {
					t.Fatalf("%+v, %v: drop %d at %v, want %v", c, ecn, n+1, got, due)
				}
				if n == 0 {
					due = got
				}
				due += time.Duration(float64(full.Interval) / math.Sqrt(float64(n+1)))
			}
		}
	}
}

// A queue that is gone within an interval is a good one, however long it was.
func TestCoDelLeavesBurstsAlone(t *testing.T) {
	l := New[int](epoch, Config{Rate: 10e6, AQM: CoDel{}})
	for burst := range 10 {
		for i := range 90 { // 90 ms
			l.Send(at(time.Duration(burst)*100*ms), datagram(1250, i))
		}
	}
	drain(t, l)
	if s := l.Stats(); s.DroppedAQM != 0 || s.Delivered.Packets != 900 || s.QueueMax != 89*ms {
		t.Fatal(s)
	}
}

// A queue of no more than a packet is left alone however slow the link is.
func TestCoDelLeavesTheLastPacketAlone(t *testing.T) {
	l := New[int](epoch, Config{Rate: 64e3, AQM: CoDel{}})
	for i := range 100 {
		l.Send(at(time.Duration(i)*188*ms), datagram(1500, i)) // of 187.5 ms each
		l.Send(at(time.Duration(i)*188*ms), datagram(1, i))
	}
	if drain(t, l); l.Stats().DroppedAQM != 0 {
		t.Fatal(l.Stats())
	}
}

// After less than 16 intervals without drops CoDel begins where it was: with count - lastcount drops.
func TestCoDelRemembers(t *testing.T) {
	c := newCoDel(CoDel{}, 0)
	q := &endless{sojourn: int64(10 * ms)}
	run := func(from, until time.Duration) (drops int) {
		before := q.drops
		for now := from; now < until; now += ms {
			c.choose(int64(now), q)
		}
		return q.drops - before
	}
	run(ms, time.Second)
	count := c.count
	if count < 15 {
		t.Fatalf("only %d drops", count)
	}
	q.sojourn = 0
	run(time.Second, 1100*ms)
	q.sojourn = int64(10 * ms)
	run(1100*ms, 1202*ms)
	if c.count != count-1 {
		t.Fatalf("began anew with a count of %d, want %d", c.count, count-1)
	}
	q.sojourn = 0
	run(1202*ms, 4*time.Second)
	q.sojourn = int64(10 * ms)
	run(4*time.Second, 4102*ms)
	if c.count != 1 {
		t.Fatalf("began anew with a count of %d after 16 intervals", c.count)
	}
}

// endless is a queue in which every packet has waited equally long.
type endless struct {
	sojourn int64
	drops   int
}

func (q *endless) head(int64) (sojourn, behind int64, ok bool) { return q.sojourn, 1 << 20, true }
func (q *endless) drop(int64)                                  { q.drops++ }
func (q *endless) mark() bool                                  { return false }
