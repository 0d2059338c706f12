// SPDX-License-Identifier: Apache-2.0

package shim

import (
	"errors"
	"testing"
	"time"

	"github.com/ebbproject/ebb/link"
	"pgregory.net/rapid"
)

func ordinary() link.Config {
	return link.Config{Rate: 10e6, Delay: 25 * ms, BufferTime: 100 * ms, Seed: 1}
}

func TestCleanPathMeasuresExactly(t *testing.T) {
	p := newPair(t, ordinary(), ordinary())
	p.a.todo = 5000
	if !p.run(time.Minute, p.finished) {
		t.Fatalf("not done: %v", p)
	}
	s := p.a.shim.Stats()
	if s.Spurious != 0 || s.Timeouts != 0 || p.a.expiries != 0 || p.b.duplicates() > int(s.Lost) {
		t.Errorf("%+v, %d duplicates", s, p.b.duplicates())
	}
	// 25 ms there and back, and the sending of 1460 bytes at 10 Mbit/s.
	if s.MinRTT < 50*ms || s.MinRTT > 52*ms {
		t.Errorf("the round trip of 50 ms was measured as %v", s.MinRTT)
	}
	if q := p.a.shim.Stats().QueueDelay; q > 70*ms {
		t.Errorf("queue %v", q)
	}
	t.Log(p)
}

// Reordering makes the messenger repeat what is only late; nothing of that leaves.
func TestReorderingCostsNothing(t *testing.T) {
	l := ordinary()
	l.Reorder, l.ReorderDelay = .01, 15*ms
	p := newPair(t, l, ordinary())
	p.a.todo = 10000
	if !p.run(time.Minute, p.finished) {
		t.Fatalf("not done: %v", p)
	}
	s := p.a.shim.Stats()
	t.Logf("%d impatient repetitions, %d left; %v", len(p.a.repeated), s.Retransmitted, p)
	if len(p.a.repeated) < 50 {
		t.Errorf("the messenger repeated only %d", len(p.a.repeated))
	}
	if p.b.duplicates() > 5 || s.Spurious > 5 {
		t.Errorf("%d duplicates, %d spurious losses", p.b.duplicates(), s.Spurious)
	}
}

// A retransmission that is lost again is repeated without waiting for the messenger's timer.
func TestLostRetransmissionsDoNotWaitForT3(t *testing.T) {
	l := ordinary()
	l.Loss = .1
	p := newPair(t, l, ordinary())
	p.a.todo = 10000
	if !p.run(time.Minute, p.finished) {
		t.Fatalf("not done: %v", p)
	}
	t.Logf("%d expiries, %d duplicates; %v", p.a.expiries, p.b.duplicates(), p)
	if p.a.expiries > 1 { // the very last packet may need one
		t.Errorf("the messenger's timer expired %d times", p.a.expiries)
	}
}

// In the dark only probes leave; what the messenger wants sent meanwhile leaves afterwards, once, as the window allows.
func TestDark(t *testing.T) {
	l := ordinary()
	l.Blackouts = []link.Window{{From: 3 * time.Second, For: time.Minute}}
	p := newPair(t, l, l)
	p.a.todo = 20000
	p.run(5*time.Second, func() bool { return p.a.shim.Dark() })
	before := p.a.shim.Stats()
	p.run(55*time.Second, func() bool { return false })
	dark := p.a.shim.Stats()
	if n := dark.Datagrams - before.Datagrams; n > 65 || dark.BytesSent-before.BytesSent > 65*100 {
		t.Errorf("%d datagrams, %d bytes were sent into the dark", n, dark.BytesSent-before.BytesSent)
	}
	if len(p.a.shim.guard.kept) == 0 {
		t.Error("nothing is kept")
	}
	p.run(10*time.Second, func() bool { return !p.a.shim.Dark() })
	back := p.now
	if late := back.Sub(epoch.Add(63 * time.Second)); late > 1500*ms {
		t.Errorf("noticed the return of the path %v late", late)
	}
	if !p.run(time.Minute, p.finished) {
		t.Fatalf("not done: %v", p)
	}
	t.Logf("%d duplicates; %v", p.b.duplicates(), p)
	if p.b.duplicates() > 130 { // what was in flight when the dark began may have arrived
		t.Errorf("%d duplicates", p.b.duplicates())
	}
}

func TestPeerMoves(t *testing.T) {
	p := newPair(t, ordinary(), ordinary())
	p.a.todo = 3000
	p.run(time.Second, func() bool { return false })
	p.a.from = addr(9)
	if !p.run(time.Minute, p.finished) {
		t.Fatal(p)
	}
	if r := p.b.shim.Remote(); r != addr(9) {
		t.Errorf("the peer moved and is seen at %v", r)
	}
	// A datagram that was delayed on the old way does not move the path back.
	if p.b.shim.path.heard(p.b.shim.now, 5, addr(1)); p.b.shim.Remote() != addr(9) {
		t.Error("an old datagram moved the path")
	}
}

func TestLiarsAreCaught(t *testing.T) {
	lie := func(p *pair, ranges ...span) error {
		frame := append([]byte{byte(Nothing) | withFeedback}, 0, 0, 0, 0)
		frame = appendFeedback(frame, &feedback{ranges: ranges})
		_, _, err := p.a.shim.Deliver(p.now, Arrival{Sequence: 1 << 20, Frame: frame, From: addr(2)})
		return err
	}
	p := newPair(t, ordinary(), ordinary())
	p.a.todo = 3000
	p.run(2*time.Second, func() bool { return false })
	next := p.a.shim.send.next()
	if err := lie(p, span{next, next}); !errors.Is(err, ErrLiar) {
		t.Errorf("what was not sent yet was acknowledged: %v", err)
	}
	// One number in a few hundred is left out; whoever acknowledges everything acknowledges it.
	p = newPair(t, ordinary(), ordinary())
	p.a.todo = 30000
	left := func() bool {
		for _, r := range p.a.shim.send.log[p.a.shim.send.head:] {
			if r.fate == skipped {
				return true
			}
		}
		return false
	}
	if !p.run(time.Minute, left) {
		t.Fatal("no number was left out")
	}
	s := &p.a.shim.send
	if err := lie(p, span{s.base, s.next() - 1}); !errors.Is(err, ErrLiar) {
		t.Errorf("what was never sent was acknowledged: %v", err)
	}
}

func TestBigPacketsGoInPartsOnANarrowPath(t *testing.T) {
	p := newPair(t, ordinary(), ordinary())
	s := p.a.shim
	s.TooBig(p.now)
	packet := dataPacket(7, packetSize)
	for i := range packet[40:] {
		packet[40+i] = byte(i)
	}
	n := s.Split(packet)
	if n != 2 {
		t.Fatalf("%d parts", n)
	}
	var whole []byte
	for _, i := range []int{1, 0, 0} {
		f := s.Part(Frame{Kind: Packet, Payload: packet}, i, n)
		if f.Kind != Fragment || len(f.Payload) > s.Room(floorSize) {
			t.Fatalf("%v of %d bytes", f.Kind, len(f.Payload))
		}
		if w := p.b.shim.Join(f.Payload); w != nil {
			whole = w
		}
	}
	if string(whole) != string(packet) {
		t.Errorf("%d bytes came together of %d", len(whole), len(packet))
	}
}

// Whatever the path does, short of cutting it for ever, everything arrives, nothing is withheld in the end, and the books balance.
func TestEverythingArrives(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string) link.Config {
			c := link.Config{
				Rate:       rapid.Float64Range(64e3, 50e6).Draw(t, name+" rate"),
				Delay:      time.Duration(rapid.IntRange(0, 300).Draw(t, name+" delay ms")) * ms,
				BufferTime: time.Duration(rapid.IntRange(20, 500).Draw(t, name+" buffer ms")) * ms,
				Loss:       rapid.Float64Range(0, .2).Draw(t, name+" loss"),
				Seed:       rapid.Uint64().Draw(t, name+" seed"),
			}
			if rapid.Bool().Draw(t, name+" reorders") {
				c.Reorder = rapid.Float64Range(0, .2).Draw(t, name+" share")
				c.ReorderDelay = time.Duration(rapid.IntRange(1, 400).Draw(t, name+" late ms")) * ms
			}
			if rapid.Bool().Draw(t, name+" fails") {
				c.Blackouts = []link.Window{{
					From: time.Duration(rapid.IntRange(0, 3000).Draw(t, name+" dark from ms")) * ms,
					For:  time.Duration(rapid.IntRange(1, 20000).Draw(t, name+" dark for ms")) * ms,
				}}
			}
			return c
		}
		p := newPair(t, draw("there"), draw("back"))
		p.a.todo = rapid.IntRange(1, 300).Draw(t, "packets")
		if !p.run(20*time.Minute, p.finished) {
			t.Fatalf("not done: %v", p)
		}
		empty := func() bool {
			for _, e := range []*end{p.a, p.b} {
				g := &e.shim.guard
				if e.shim.send.inFlight+len(g.held)+len(g.kept)+len(g.urgent)+len(g.repeats) > 0 || g.bytes != 0 {
					return false
				}
			}
			return true
		}
		if !p.run(5*time.Minute, empty) {
			t.Fatalf("something is left over: %v", p)
		}
	})
}
