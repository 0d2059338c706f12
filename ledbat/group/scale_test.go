// SPDX-License-Identifier: Apache-2.0

package group

import (
	"strings"
	"testing"
	"time"

	"github.com/ebbproject/ebb/ledbat"
)

// hear lets a member report a datagram that has waited that long in the queue; its clock is off, and its path longer by more.
func hear(s *Share, now time.Time, queue, offset, more time.Duration) {
	s.Acked(now, ledbat.Ack{
		OneWayDelay: offset + 25*ms + more + queue, RTT: 50*ms + 2*more + queue, Reverse: -offset + 25*ms + more, Backward: true,
		Arrivals: []ledbat.Arrival{{Sent: now, Delay: offset + 26*ms + more + queue, Bytes: mss}},
	})
}

// Remote hosts whose clocks are hours apart: the controller sees one base.
func TestDelaysOfAllMembersAreOnOneScale(t *testing.T) {
	w := gather(t, 3, 10*mss)
	offsets := []time.Duration{0, -3 * time.Hour, 20 * time.Minute}
	queues := []time.Duration{0, 10 * ms, 40 * ms, 0, 35 * ms}
	for round, queue := range queues {
		for i, s := range w.shares {
			hear(s, at(time.Duration(round*100+i*10)*ms), queue, offsets[i], time.Duration(i)*3*ms)
			got := w.c.last()
			if got.OneWayDelay != 25*ms+queue || got.Arrivals[0].Delay != 26*ms+queue {
				t.Errorf("round %d, member %d: the controller was told %v and %v, want %v: %v", round, i, got.OneWayDelay, got.Arrivals[0].Delay, 25*ms+queue, s)
			}
			if got.Reverse != 0 {
				t.Errorf("round %d, member %d: the way back had no queue, and the controller was told %v", round, i, got.Reverse)
			}
		}
	}
	if got := w.shares[1].BaseDelay(); got != offsets[1]+28*ms {
		t.Errorf("the member's own base is %v", got)
	}
}

// The arrivals in a feedback are the caller's.
func TestCallersArrivalsAreLeftAlone(t *testing.T) {
	w := gather(t, 2, 10*mss)
	arrivals := []ledbat.Arrival{{Sent: epoch, Delay: time.Hour, Bytes: mss}}
	hear(w.shares[0], epoch, 0, 0, 0)
	w.shares[1].Acked(at(ms), ledbat.Ack{OneWayDelay: time.Hour, RTT: 50 * ms, Arrivals: arrivals})
	if arrivals[0].Delay != time.Hour {
		t.Errorf("the caller's arrival was changed to %v", arrivals[0].Delay)
	}
	if got := w.c.last().Arrivals[0].Delay; got != 25*ms {
		t.Errorf("the controller was told an arrival of %v, want 25ms", got)
	}
}

// "shared by all flows over the same interface to the same remote site, so that a newcomer is no latecomer"
func TestNewcomerIsNoLatecomer(t *testing.T) {
	for _, more := range []time.Duration{-2 * ms, 0, 2 * ms} {
		w := gather(t, 2, 10*mss)
		old, fresh := w.shares[0], w.shares[1]
		hear(old, at(0), 0, 0, 0)
		now := 100 * ms
		for range 20 { // both see the standing queue
			hear(old, at(now), 40*ms, 0, 0)
			hear(fresh, at(now+5*ms), 40*ms, time.Hour, more)
			if got := w.c.last().OneWayDelay - 25*ms; got < 35*ms || got > 41*ms {
				t.Errorf("path longer by %v: the newcomer shows a queue of %v, it is 40ms: %v", more, got, fresh)
			}
			now += 50 * ms
		}
		hear(old, at(now), 0, 0, 0) // the queue empties: now the newcomer knows for itself
		for range 20 {
			hear(fresh, at(now+5*ms), 0, time.Hour, more)
			now += 50 * ms
		}
		hear(fresh, at(now), 30*ms, time.Hour, more)
		if got := w.c.last().OneWayDelay - 25*ms; got < 29*ms || got > 30*ms+ms/2 {
			t.Errorf("path longer by %v: the newcomer shows a queue of %v, it is 30ms: %v", more, got, fresh)
		}
	}
}

// When nobody has looked for a while, the round trip says how much of the first delay is queue, and is believed for a minute.
func TestNewcomerToAQuietGroup(t *testing.T) {
	w := gather(t, 2, 10*mss)
	hear(w.shares[0], at(0), 0, 0, 0)
	now := time.Minute
	for ; now < 2*time.Minute; now += sec {
		hear(w.shares[1], at(now), 30*ms, time.Hour, 0)
		if got := w.c.last().OneWayDelay; got != 55*ms {
			t.Fatalf("after %v the controller was told %v, want 55ms: %v", now, got, w.shares[1])
		}
	}
	hear(w.shares[1], at(now), 30*ms, time.Hour, 0)
	if got := w.c.last().OneWayDelay; got != 25*ms {
		t.Errorf("after a minute without a witness the inference stands: %v, %v", got, w.shares[1])
	}
}

// A busy host was late with its first acknowledgements, while others saw a queue. A single punctual one tells that there is none.
func TestLateFirstRoundTripIsNoQueueForEver(t *testing.T) {
	w := gather(t, 2, 10*mss)
	old, fresh := w.shares[0], w.shares[1]
	hear(old, at(0), 0, 0, 0)
	hear(old, at(100*ms), 160*ms, 0, 0)
	late := ledbat.Ack{OneWayDelay: 25 * ms, RTT: 250 * ms, Reverse: 25 * ms, Backward: true}
	fresh.Acked(at(110*ms), late)
	if got := w.c.last().OneWayDelay; got != 185*ms {
		t.Errorf("the controller was told %v, want 185ms, as nothing else is known: %v", got, fresh)
	}
	for now := 200 * ms; now < sec; now += 50 * ms {
		queue := now % (100 * ms) / 4
		hear(fresh, at(now), queue, 0, 0)
		if got := w.c.last().OneWayDelay; got != 25*ms+queue {
			t.Errorf("at %v the controller was told %v, want %v: %v", now, got, 25*ms+queue, fresh)
		}
	}
}

// Two remote hosts are busy in turns: one stamps late, the other answers late. To one pair of clocks that would look like a step.
func TestBusyMembersAreNoStepOfAClock(t *testing.T) {
	for _, name := range []string{"rfc6817", "ebb"} {
		ctl, err := ledbat.New(name, ledbat.Default())
		if err != nil {
			t.Fatal(err)
		}
		g := New(ctl, mss)
		one, two := g.Join(), g.Join()
		ack := func(now, stamped, answered time.Duration) ledbat.Ack {
			return ledbat.Ack{OneWayDelay: 25*ms + stamped, RTT: 50*ms + stamped + answered, Arrivals: []ledbat.Arrival{{Sent: at(now), Delay: 25*ms + stamped, Bytes: ledbat.Default().MSS}}}
		}
		now := time.Duration(0)
		report := func(s *Share, stamped, answered time.Duration) {
			now += 10 * ms
			s.Acked(at(now), ack(now, stamped, answered))
		}
		report(one, 0, 0)
		report(two, 0, 0)
		for range 8 {
			report(one, 600*ms, 0)
		}
		for range 8 {
			report(two, 0, 600*ms)
		}
		for range 8 {
			report(one, 0, 0)
			report(two, 0, 0)
		}
		if q := ctl.QueueDelay(); q > ms {
			t.Errorf("%s: there is no queue, and %v is seen: %v", name, q, g)
		}
	}
}

// The clocks of all remote hosts run faster than ours, as when ours is slow: that is no queue that grows.
func TestDriftIsFoundBehindAGroup(t *testing.T) {
	for members := 1; members <= 3; members++ {
		ctl, err := ledbat.New("ebb", ledbat.Default())
		if err != nil {
			t.Fatal(err)
		}
		g := New(ctl, mss)
		var shares []*Share
		for range members {
			shares = append(shares, g.Join())
		}
		for now := 100 * ms; now < 2*time.Minute; now += 20 * ms {
			for i, s := range shares {
				drift := now * 50 / 1_000_000
				offset := time.Duration(i) * time.Hour
				s.Acked(at(now), ledbat.Ack{OneWayDelay: offset + 25*ms + drift, RTT: 50 * ms, Reverse: 25*ms - offset - drift, Backward: true,
					Arrivals: []ledbat.Arrival{{Sent: at(now - 50*ms), Delay: offset + 25*ms + drift, Bytes: ledbat.Default().MSS}}})
			}
		}
		if state := ctl.String(); !strings.Contains(state, "skew 50.0 ppm") {
			t.Errorf("%d members whose clocks run 50 ppm faster: %s", members, state)
		}
	}
}

// One remote clock is set: the others' delays, and what the controller sees, stay as they were.
func TestStepOfOneRemoteClock(t *testing.T) {
	w := gather(t, 2, 10*mss)
	offset := time.Hour
	for i := range 60 {
		if i == 30 {
			offset += 100 * ms
		}
		now := at(time.Duration(i) * 20 * ms)
		queue := time.Duration(i%2) * 10 * ms
		hear(w.shares[0], now, queue, 0, 0)
		hear(w.shares[1], now, queue, offset, 0)
		if got := w.c.last().OneWayDelay; i > 1 && (got < 25*ms || got > 35*ms) {
			t.Errorf("report %d: the controller was told %v: %v", i, got, w.shares[1])
		}
	}
}

// A datagram of 45 bytes takes 2 ms less than a full one at 5 Mbit/s. It is no base for those, whatever was heard before it; and where packets
// go in parts, those are the measure.
func TestSmallDatagramsAreNoBase(t *testing.T) {
	ctl, err := ledbat.New("ebb", ledbat.Default())
	if err != nil {
		t.Fatal(err)
	}
	full := ledbat.Default().MSS
	g := New(ctl, full)
	s := g.Join()
	now := time.Duration(0)
	report := func(delay time.Duration, bytes int) {
		now += 200 * ms
		s.Sent(at(now), bytes)
		s.Acked(at(now), ledbat.Ack{
			OneWayDelay: delay, RTT: delay + 50*ms, Bytes: bytes, Arrivals: []ledbat.Arrival{{Sent: at(now - delay - 50*ms), Delay: delay, Bytes: bytes}},
		})
	}
	report(52*ms, full)
	for range 5 {
		report(50*ms, 45)
		report(300*ms, 45) // a jump, of which it is not known yet whether it is a clock's
		report(52*ms, full)
		if q := ctl.QueueDelay(); q > ms/4 || ctl.BaseDelay() != 52*ms {
			t.Fatalf("a queue of %v above %v is seen: %v", q, ctl.BaseDelay(), g)
		}
	}
	for range 30 {
		report(51*ms, full/2+20)
	}
	report(81*ms, full/2+20)
	if got := s.forward.base(); got != 51*ms {
		t.Errorf("in parts the base is %v: %v", got, g)
	}
}
