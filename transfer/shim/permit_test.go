// SPDX-License-Identifier: Apache-2.0

package shim

import (
	"testing"
	"time"

	"github.com/ebbproject/ebb/ledbat"
)

// gate is a controller that allows what it is told to.
type gate struct {
	ledbat.Controller
	window   int
	rate     float64
	opens    time.Time
	advanced int
}

func (g *gate) Window() int         { return g.window }
func (g *gate) Rate() float64       { return g.rate }
func (g *gate) Deadline() time.Time { return g.opens }
func (g *gate) Advance(time.Time)   { g.advanced++ }

func gated(t *testing.T) (*Shim, *gate) {
	g := &gate{Controller: controller(t)}
	return New(epoch, Config{Controller: g, Remote: addr(2), Overhead: overhead, Seed: 1}), g
}

// "One datagram may always leave when nothing is in flight, unless Window is 0."
func TestAWindowOfNothingAllowsNothing(t *testing.T) {
	s, g := gated(t)
	for _, c := range []struct{ window, pending, want int }{
		{0, 0, 0}, {1, 0, 1440}, {1, 1, 0}, {1440, 0, 1440}, {4000, 0, 4000}, {4000, 2000, 2000}, {4000, 3000, 0},
	} {
		g.window = c.window
		if n, again := s.Allow(epoch, c.pending, 1440, 2880); n != c.want || !again.IsZero() {
			t.Errorf("window %d, pending %d: %d, %v", c.window, c.pending, n, again)
		}
	}
}

// What is sent again takes its place in the window before anything new, and waits while that is 0.
func TestRepeatsComeFirst(t *testing.T) {
	s, g := gated(t)
	g.window = 1 << 20
	if !s.Offer(epoch, data.Payload) {
		t.Fatal("a packet sent for the first time was kept")
	}
	s.Stamp(epoch, nil, data)
	if n := s.Fresh(); n == 0 {
		t.Error("nothing was sent for the first time")
	}
	g.window = 0
	fresh, late := s.Fresh(), epoch.Add(2*time.Second) // it is overdue
	if s.Offer(late, data.Payload) || s.Fresh() != fresh {
		t.Error("a repeat left through a window of 0, or was news")
	}
	if _, ok := s.Take(late); ok {
		t.Error("a window of 0 let something go")
	}
	g.window = s.InFlight() + len(data.Payload) + HeaderSize + overhead
	if n, _ := s.Allow(late, 0, 100, 100); n != 0 {
		t.Errorf("%d bytes of news before the repeat", n)
	}
	if n := s.Spare(0, 100); n >= 100 {
		t.Errorf("room for %d bytes beside the repeat", n)
	}
	if f, ok := s.Take(late); !ok || f.Kind != Packet {
		t.Errorf("the repeat did not go when there was room: %+v", f)
	}
}

func TestThePaceSaysWhen(t *testing.T) {
	s, g := gated(t)
	g.window, g.rate = 1<<20, 100_000
	now := epoch
	for range 10 {
		s.Stamp(now, nil, data)
	}
	n, again := s.Allow(now, 0, packetSize, packetSize)
	if n != 0 || !again.After(now) || again.Sub(now) > time.Second {
		t.Fatalf("%d bytes, again after %v", n, again.Sub(now))
	}
	if n, _ := s.Allow(again, 0, packetSize, packetSize); n < packetSize {
		t.Errorf("%d bytes when it was time", n)
	}
}

// A window that opens for nobody is not waited for; for somebody it is.
func TestDeadlinesAreKeptForThoseWhoWait(t *testing.T) {
	s, g := gated(t)
	g.opens = epoch.Add(time.Second)
	if n, _ := s.Allow(epoch, 0, 1440, 1440); n != 0 || !s.Deadline().Equal(g.opens) {
		t.Errorf("%d bytes, deadline %v", n, s.Deadline())
	}
	s.Advance(g.opens)
	g.window, g.opens = 5000, epoch.Add(2*time.Second)
	if n, _ := s.Allow(epoch.Add(time.Second), 0, 1440, 1440); n == 0 || s.Deadline().Equal(g.opens) || g.advanced != 1 {
		t.Errorf("%d bytes, deadline %v, advanced %d times", n, s.Deadline(), g.advanced)
	}
	if s.Allow(epoch.Add(3*time.Second), 0, 1440, 1440); g.advanced != 2 {
		t.Error("what was not waited for was not made up for")
	}
}
