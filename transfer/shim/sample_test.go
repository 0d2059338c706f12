// SPDX-License-Identifier: Apache-2.0

package shim

import (
	"testing"
	"time"

	"github.com/ebbproject/ebb/ledbat"
	"github.com/ebbproject/ebb/ledbat/harm"
)

// listener is a controller that remembers what it was told.
type listener struct {
	ledbat.Controller
	sent, lost, timeouts int
	acks                 []ledbat.Ack
	paused, resumed      int
}

func (l *listener) Sent(now time.Time, n int) { l.sent++; l.Controller.Sent(now, n) }
func (l *listener) Acked(now time.Time, a ledbat.Ack) {
	l.acks = append(l.acks, a)
	l.Controller.Acked(now, a)
}
func (l *listener) Lost(now time.Time, n int, at time.Time) { l.lost++; l.Controller.Lost(now, n, at) }
func (l *listener) TimedOut(now time.Time)                  { l.timeouts++; l.Controller.TimedOut(now) }
func (l *listener) Paused(time.Time)                        { l.paused++ }
func (l *listener) Resumed(time.Time)                       { l.resumed++ }

// talk is two shims whose datagrams take 10 ms there and 5 ms back, one at a time.
type talk struct {
	t    *testing.T
	now  time.Time
	a, b *Shim
	ear  *listener
}

func newTalk(t *testing.T) *talk {
	ear := &listener{Controller: controller(t)}
	return &talk{
		t: t, now: epoch, ear: ear,
		a: New(epoch, Config{Controller: ear, Remote: addr(2), Overhead: overhead, Seed: 1}),
		b: New(epoch, Config{Controller: controller(t), Remote: addr(1), Overhead: overhead, Seed: 2}),
	}
}

// say sends a frame from a; it arrives, marked if ce says so, or is lost.
func (k *talk) say(f Frame, ce, lost bool) {
	k.t.Helper()
	frame, seq := k.a.Stamp(k.now, nil, f)
	k.now = k.now.Add(10 * ms)
	if lost {
		return
	}
	if _, _, err := k.b.Deliver(k.now, Arrival{Sequence: seq, Frame: frame, Size: len(frame) + overhead, From: addr(1), CE: ce}); err != nil {
		k.t.Fatal(err)
	}
}

// answer has b report to a.
func (k *talk) answer() {
	k.t.Helper()
	if due := k.b.Deadline(); due.After(k.now) {
		k.now = due
	}
	k.b.Advance(k.now)
	f, ok := k.b.Take(k.now)
	if !ok {
		k.t.Fatal("nothing to report")
	}
	frame, seq := k.b.Stamp(k.now, nil, f)
	k.now = k.now.Add(5 * ms)
	if _, _, err := k.a.Deliver(k.now, Arrival{Sequence: seq, Frame: frame, Size: len(frame) + overhead, From: addr(2)}); err != nil {
		k.t.Fatal(err)
	}
}

var data = Frame{Kind: Packet, Payload: dataPacket(1, packetSize)}

// "CE marks ... reach ledbat.Ack.CE": what a router marked on the way there comes back as a count, and is told once.
func TestMarksReachTheController(t *testing.T) {
	k := newTalk(t)
	for _, ce := range []bool{false, true, false} {
		k.say(data, ce, false)
		k.answer()
		if a := k.ear.acks[len(k.ear.acks)-1]; a.CE != ce {
			t.Errorf("marked %t: the controller is told %t", ce, a.CE)
		}
	}
	if len(k.ear.acks) != 3 {
		t.Errorf("%d acknowledgements of 3 datagrams", len(k.ear.acks))
	}
}

// A mark on a sample while nothing is in flight is kept for the next acknowledgement of data; so are the delays.
func TestAMarkOnASampleIsNotForgotten(t *testing.T) {
	k := newTalk(t)
	sample, _ := k.a.Sample()
	k.say(sample, true, false)
	k.answer()
	if len(k.ear.acks) != 0 {
		t.Errorf("the controller was told of a sample: %+v", k.ear.acks)
	}
	k.say(data, false, false)
	k.answer()
	if len(k.ear.acks) != 1 || !k.ear.acks[0].CE || k.ear.acks[0].OneWayDelay != 10*ms {
		t.Errorf("the controller was told %+v", k.ear.acks)
	}
}

// Samples are timed, and that is all: they are not in flight, and nobody misses those that are lost.
func TestSamplesAreOnlyTimed(t *testing.T) {
	k := newTalk(t)
	var want []time.Time
	for i := range 20 {
		sample, ok := k.a.Sample()
		if !ok {
			t.Fatal("no sample in the light")
		}
		if i%5 != 4 {
			want = append(want, k.now)
		}
		k.say(sample, false, i%5 == 4)
		if i%5 == 3 {
			k.answer()
		}
		if s := k.a.Stats(); s.InFlight != 0 {
			t.Fatalf("%d bytes in flight", s.InFlight)
		}
	}
	k.now = k.now.Add(10 * time.Second)
	k.a.Advance(k.now)
	k.say(data, false, false)
	k.answer()
	got := k.a.Sampled(nil)
	if len(got) != len(want) {
		t.Fatalf("%d samples, want %d", len(got), len(want))
	}
	for i, s := range got {
		if s.Delay != 10*ms || !s.Sent.Equal(want[i]) || s.RTT < 15*ms || s.RTT > 16*ms {
			t.Errorf("sample %d: %+v, sent at %v", i, s, want[i])
		}
	}
	if k.ear.sent != 1 || len(k.ear.acks) != 1 || k.ear.lost != 0 || k.ear.timeouts != 0 || k.a.Stats().Lost != 0 || k.a.Dark() {
		t.Errorf("the controller was told of samples: %+v, %v", k.ear, k.a)
	}
	if again := k.a.Sampled([]harm.Sample{{}}); len(again) != 1 {
		t.Errorf("told twice: %v", again)
	}
}

func TestTheControllerIsToldOfAPause(t *testing.T) {
	k := newTalk(t)
	k.a.Paused(k.now)
	k.a.Resumed(k.now)
	if k.ear.paused != 1 || k.ear.resumed != 1 {
		t.Errorf("paused %d, resumed %d times", k.ear.paused, k.ear.resumed)
	}
	k.b.Paused(k.now) // a controller may also not want to know
}
