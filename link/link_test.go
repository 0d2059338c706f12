// SPDX-License-Identifier: Apache-2.0

package link

import (
	"math"
	"testing"
	"time"
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func at(d time.Duration) time.Time { return epoch.Add(d) }

const ms = time.Millisecond

// datagram is one of a transport that does not speak ECN.
func datagram[T any](size int, payload T) Datagram[T] {
	return Datagram[T]{Size: size, Payload: payload}
}

// arrival is one packet out of a link: which one, and when.
type arrival struct {
	packet int
	at     time.Duration
}

// tester is what *testing.T and *rapid.T have in common.
type tester interface {
	Helper()
	Fatalf(format string, args ...any)
}

// drain takes everything out at the very times of the deadlines.
func drain(t tester, l *Link[int]) []arrival {
	t.Helper()
	var got []arrival
	for d := l.Deadline(); !d.IsZero(); d = l.Deadline() {
		if d.After(at(time.Duration(l.now))) {
			if _, ok := l.Take(d.Add(-1)); ok {
				t.Fatalf("a packet came before its deadline %v", d.Sub(epoch))
			}
		}
		p, ok := l.Take(d)
		if !ok && l.buffer != nil {
			continue // a deadline may be early where a buffer has to be served
		}
		if !ok {
			t.Fatalf("nothing arrived at the deadline %v", d.Sub(epoch))
		}
		got = append(got, arrival{p.Payload, d.Sub(epoch)})
	}
	return got
}

func TestOnePacketTakesSerialisationAndPropagation(t *testing.T) {
	// 1250 bytes at 1 Mbit/s are 10 ms.
	l := New[int](epoch, Config{Rate: 1e6, Delay: 30 * ms})
	if v := l.Send(at(5*ms), datagram(1250, 7)); v != Queued {
		t.Fatal(v)
	}
	got := drain(t, l)
	if len(got) != 1 || got[0] != (arrival{7, 45 * ms}) {
		t.Fatalf("got %v, want packet 7 at 45 ms", got)
	}
}

func TestOverheadCostsTimeOnTheWireOnly(t *testing.T) {
	l := New[int](epoch, Config{Rate: 1e6, Overhead: 250})
	l.Send(epoch, datagram(1000, 0))
	if got := drain(t, l)[0].at; got != 10*ms {
		t.Fatalf("1000 + 250 bytes at 1 Mbit/s took %v", got)
	}
	if s := l.Stats(); s.Delivered.Bytes != 1000 {
		t.Fatalf("%d bytes counted", s.Delivered.Bytes)
	}
}

func TestRoundingNeverAddsUp(t *testing.T) {
	// 3 bytes at 7 Mbit/s are 3428 and 4/7 ns.
	const packets = 7000
	l := New[int](epoch, Config{Rate: 7e6})
	for i := range packets {
		l.Send(epoch, datagram(3, i))
	}
	for i, a := range drain(t, l) {
		exact := float64(i+1) * 24e9 / 7e6
		if want := time.Duration(math.Ceil(exact - 1e-6)); a.at != want {
			t.Fatalf("packet %d left at %d ns, want %d", i, a.at, want)
		}
	}
}

func TestBandwidthDelayProductIsInside(t *testing.T) {
	// 10 Mbit/s x 50 ms are 62500 bytes on the way, beside the buffer.
	l := New[int](epoch, Config{Rate: 10e6, Delay: 50 * ms, BufferBytes: 50 * 1250})
	for now := time.Duration(0); now < time.Second; now += ms / 2 { // twice the rate
		l.Send(at(now), datagram(1250, 0))
		for _, ok := l.Take(at(now)); ok; _, ok = l.Take(at(now)) {
		}
	}
	want := int64(62500 + 50*1250)
	if got := l.Stats().Inside.Bytes; got < want-1250 || got > want+1250 {
		t.Fatalf("%d bytes inside, want %d within a packet", got, want)
	}
}

func TestFullBuffer(t *testing.T) {
	for name, c := range map[string]Config{
		"bytes":           {Rate: 1e6, BufferBytes: 12500},
		"time":            {Rate: 1e6, BufferTime: 100 * ms},
		"the smaller one": {Rate: 1e6, BufferTime: 100 * ms, BufferBytes: 1e6},
	} {
		t.Run(name, func(t *testing.T) {
			l := New[int](epoch, c)
			for i := range 10 { // ten packets of 10 ms fill it to the last bit
				if v := l.Send(epoch, datagram(1250, i)); v != Queued {
					t.Fatalf("packet %d: %v", i, v)
				}
			}
			if got := l.QueueDelay(epoch); got != 100*ms {
				t.Fatalf("queue of %v, want 100 ms", got)
			}
			if v := l.Send(epoch, datagram(1, 0)); v != DroppedBuffer {
				t.Fatalf("one byte more: %v", v)
			}
			if v := l.Send(at(10*ms), datagram(1250, 10)); v != Queued {
				t.Fatalf("after one has left: %v", v)
			}
			s := l.Stats()
			if s.DroppedBuffer != 1 || s.QueueMax != 90*ms {
				t.Fatalf("%v", s)
			}
			if got := len(drain(t, l)); got != 11 {
				t.Fatalf("%d packets came", got)
			}
		})
	}
}

func TestAnIdleLinkTakesAPacketLargerThanItsBuffer(t *testing.T) {
	l := New[int](epoch, Config{Rate: 1e6, BufferBytes: 1})
	if v := l.Send(epoch, datagram(1250, 0)); v != Queued {
		t.Fatal(v)
	}
	if v := l.Send(at(5*ms), datagram(1250, 0)); v != DroppedBuffer {
		t.Fatalf("behind half a packet: %v", v)
	}
}

func TestMTU(t *testing.T) {
	l := New[int](epoch, Config{MTU: 1500, Overhead: 28})
	if v := l.Send(epoch, datagram(1472, 0)); v != Queued {
		t.Fatalf("1472 bytes: %v", v)
	}
	if v := l.Send(epoch, datagram(1473, 0)); v != DroppedTooBig {
		t.Fatalf("1473 bytes: %v", v)
	}
}

func TestLossShareIsWithinBinomialBounds(t *testing.T) {
	const packets = 100_000
	for _, p := range []float64{0, 0.0001, 0.01, 0.05, 0.2, 1} {
		l := New[int](epoch, Config{Loss: p, Seed: 42})
		for i := range packets {
			l.Send(epoch, datagram(100, i))
			l.Take(epoch)
		}
		got, mean := float64(l.Stats().DroppedLoss), p*packets
		if dev := math.Sqrt(packets * p * (1 - p)); math.Abs(got-mean) > 4*dev {
			t.Errorf("loss %v: %v of %v packets, want %v within %.0f", p, got, packets, mean, 4*dev)
		}
	}
}

func TestReorderedPacketsComeLateAndTheOthersDoNotWait(t *testing.T) {
	c := Config{Rate: 10e6, Delay: 20 * ms, Reorder: 0.1, ReorderDelay: 5 * ms, Seed: 1}
	l := New[int](epoch, c)
	const packets = 1000
	for i := range packets {
		l.Send(epoch, datagram(1250, i))
	}
	late := 0
	for _, a := range drain(t, l) {
		switch prompt := time.Duration(a.packet+1)*ms + 20*ms; a.at {
		case prompt:
		case prompt + 5*ms:
			late++
		default:
			t.Fatalf("packet %d came at %v, neither prompt nor 5 ms late", a.packet, a.at)
		}
	}
	if late < 60 || late > 140 {
		t.Fatalf("%d of %d were late, want a tenth", late, packets)
	}
}

func TestJitterKeepsTheOrderUnlessToldOtherwise(t *testing.T) {
	for _, reorders := range []bool{false, true} {
		l := New[int](epoch, Config{Delay: 10 * ms, Jitter: 5 * ms, JitterReorders: reorders, Seed: 3})
		for i := range 1000 {
			l.Send(at(time.Duration(i)*ms), datagram(100, i))
		}
		inverted, last := 0, -1
		for _, a := range drain(t, l) {
			if a.packet < last {
				inverted++
			}
			last = max(last, a.packet)
			if a.at < time.Duration(a.packet)*ms+10*ms {
				t.Fatalf("packet %d came before the propagation delay", a.packet)
			}
		}
		if reorders != (inverted > 0) {
			t.Errorf("reorders %v: %d packets were overtaken", reorders, inverted)
		}
	}
}

func TestABlackoutLosesWhatEntersAndWhatWaits(t *testing.T) {
	// Packets of 10 ms each: the link is dark from 25 to 45 ms.
	l := New[int](epoch, Config{Rate: 1e6, Delay: 30 * ms, Blackouts: []Window{{From: 25 * ms, For: 20 * ms}}})
	want := map[time.Duration][]Verdict{
		// The third would leave at 30 ms, the last at 70.
		0:       {Queued, Queued, DroppedBlackout, DroppedBlackout, DroppedBlackout, DroppedBlackout, DroppedBlackout},
		25 * ms: {DroppedBlackout},
		44 * ms: {DroppedBlackout},
		45 * ms: {Queued}, // and finds an empty buffer
	}
	n := 0
	for _, when := range []time.Duration{0, 25 * ms, 44 * ms, 45 * ms} {
		for _, w := range want[when] {
			if v := l.Send(at(when), datagram(1250, n)); v != w {
				t.Fatalf("packet %d at %v: %v, want %v", n, when, v, w)
			}
			n++
		}
	}
	got := drain(t, l)
	if len(got) != 3 || got[1] != (arrival{1, 50 * ms}) || got[2] != (arrival{9, 85 * ms}) {
		t.Fatalf("%v: what was on the way must arrive, and the queue start anew", got)
	}
}

func TestCutLosesWhatWaits(t *testing.T) {
	l := New[int](epoch, Config{Rate: 1e6, Delay: 30 * ms})
	for i := range 5 {
		l.Send(epoch, datagram(1250, i))
	}
	l.Cut(at(20*ms), 100*ms) // two have left
	if v := l.Send(at(50*ms), datagram(1250, 5)); v != DroppedBlackout {
		t.Fatal(v)
	}
	l.Cut(at(60*ms), 100*ms) // longer: until 160 ms
	if v := l.Send(at(159*ms), datagram(1250, 6)); v != DroppedBlackout {
		t.Fatal(v)
	}
	if v := l.Send(at(160*ms), datagram(1250, 7)); v != Queued {
		t.Fatal(v)
	}
	got := drain(t, l)
	if len(got) != 3 || got[2] != (arrival{7, 200 * ms}) {
		t.Fatal(got)
	}
	if s := l.Stats(); s.DroppedBlackout != 5 {
		t.Fatal(s)
	}
}

func TestCutsAndScheduledBlackoutsMerge(t *testing.T) {
	l := New[int](epoch, Config{Blackouts: []Window{{20 * ms, 10 * ms}, {40 * ms, 10 * ms}, {60 * ms, 10 * ms}}})
	l.Cut(at(0), 5*ms)
	dark := ""
	for now := time.Duration(0); now < 80*ms; now += 5 * ms {
		if now == 25*ms {
			l.Cut(at(now), 20*ms) // joins the first two
		}
		if l.Send(at(now), datagram(1, 0)) == DroppedBlackout {
			dark += "#"
		} else {
			dark += "-"
		}
	}
	if want := "#---######--##--"; dark != want {
		t.Fatalf("dark at %s, want %s", dark, want)
	}
}

func TestANewRateHoldsForWhatWaits(t *testing.T) {
	l := New[int](epoch, Config{Rate: 1e6, Delay: 30 * ms, BufferBytes: 10 * 1250})
	for i := range 4 {
		l.Send(epoch, datagram(1250, i))
	}
	l.SetRate(at(15*ms), 2e6) // half of packet 1, and packets 2 and 3, go at double speed
	want := []arrival{{0, 40 * ms}, {1, 47500 * time.Microsecond}, {2, 52500 * time.Microsecond}, {3, 57500 * time.Microsecond}}
	if d := l.QueueDelay(at(15 * ms)); d != 12500*time.Microsecond {
		t.Fatalf("queue of %v", d)
	}
	for i := range 20 { // the buffer holds as many bytes as before
		if v := l.Send(at(15*ms), datagram(1250, 4+i)); (v == Queued) != (i < 7) {
			t.Fatalf("%d more: %v", i+1, v)
		}
	}
	l.SetRate(at(15*ms), 0)
	l.SetRate(at(15*ms), 1e6)
	if d := l.QueueDelay(at(15 * ms)); d != 0 {
		t.Fatalf("an infinitely fast link left a queue of %v", d)
	}
	got := drain(t, l)
	if got[0] != want[0] || got[1].at != 45*ms || got[10].at != 45*ms {
		t.Fatal(got)
	}
}

func TestANewRateMovesArrivals(t *testing.T) {
	l := New[int](epoch, Config{Rate: 1e6, Delay: 30 * ms})
	for i := range 4 {
		l.Send(epoch, datagram(1250, i))
	}
	l.SetRate(at(15*ms), 0.5e6)
	want := []arrival{{0, 40 * ms}, {1, 55 * ms}, {2, 75 * ms}, {3, 95 * ms}}
	for i, a := range drain(t, l) {
		if a != want[i] {
			t.Fatalf("got %v, want %v", a, want[i])
		}
	}
}

func TestAShorterRouteOvertakes(t *testing.T) {
	for _, jitter := range []time.Duration{0, 1} { // ordered jitter orders within a route
		l := New[int](epoch, Config{Delay: 50 * ms, Jitter: jitter})
		l.Send(epoch, datagram(100, 0))
		l.SetDelay(at(10*ms), 20*ms)
		l.Send(at(10*ms), datagram(100, 1))
		l.SetRate(at(11*ms), 1e6) // nothing waits: nothing changes
		l.Send(at(60*ms), datagram(100, 2))
		got := drain(t, l)
		if got[0].packet != 1 || got[0].at.Truncate(ms) != 30*ms || got[1].packet != 0 || got[2].packet != 2 {
			t.Fatalf("jitter %v: %v", jitter, got)
		}
	}
}

func TestANewRateKeepsTheOrderOfAShorterRoute(t *testing.T) {
	l := New[int](epoch, Config{Rate: 1e6, Delay: time.Second, Jitter: 1})
	l.Send(epoch, datagram(1250, 0))
	l.SetDelay(epoch, 20*ms)
	for i := range 6 { // these overtake packet 0
		l.Send(epoch, datagram(1250, i+1))
	}
	if p, ok := l.Take(at(41 * ms)); !ok || p.Payload != 1 {
		t.Fatal(p, ok)
	}
	l.SetRate(at(40*ms), 2e6) // packets 4, 5 and 6 still wait
	want := []time.Duration{50 * ms, 60 * ms, 65 * ms, 70 * ms, 75 * ms, 1010 * ms}
	for i, a := range drain(t, l) {
		if a.packet != (i+2)%7 || a.at.Truncate(time.Microsecond) != want[i] {
			t.Fatalf("%v, want packet %d at %v", a, (i+2)%7, want[i])
		}
	}
}

func TestPacketsThatArriveTogetherKeepTheirOrder(t *testing.T) {
	l := New[int](epoch, Config{Reorder: 0.5, ReorderDelay: 10 * ms, Seed: 1})
	for i := range 100 {
		l.Send(epoch, datagram(1, i))
	}
	last := arrival{packet: -1}
	for _, a := range drain(t, l) {
		if a.at == last.at && a.packet < last.packet {
			t.Fatalf("packet %d came after packet %d", a.packet, last.packet)
		}
		last = a
	}
}

func TestTimeNeverRunsBackwards(t *testing.T) {
	l := New[int](epoch, Config{Delay: 10 * ms})
	l.Send(at(20*ms), datagram(1, 0))
	l.Send(at(5*ms), datagram(1, 1))
	l.Send(at(-5*ms), datagram(1, 2))
	for i, a := range drain(t, l) {
		if a != (arrival{i, 30 * ms}) {
			t.Fatal(a)
		}
	}
}

func TestPayloadsAreLetGo(t *testing.T) {
	l := New[*int](epoch, Config{Reorder: 0.5, ReorderDelay: ms, Seed: 1})
	for range 100 {
		l.Send(epoch, datagram(1, new(int)))
	}
	l.SetRate(epoch, 1e6)
	for _, ok := l.Take(at(2 * ms)); ok; _, ok = l.Take(at(2 * ms)) {
	}
	for _, held := range [][]packet[*int]{l.inside.ring, l.inside.heap[:cap(l.inside.heap)], l.inside.spare[:cap(l.inside.spare)]} {
		for i := range held {
			if held[i].payload != nil {
				t.Fatal("an empty link holds on to a payload")
			}
		}
	}
}
