// SPDX-License-Identifier: Apache-2.0

package ledbat

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// What holds for a controller of any name, whatever happens to it, in any order and with any delays.

// ordeal is a random course of events, possible or not.
type ordeal struct {
	c      Controller
	paced  bool // it steers by rate: its window is nothing but a limit, and may be 0
	cfg    Config
	now    time.Time
	flight int
}

func (o *ordeal) step(t *rapid.T) {
	o.now = o.now.Add(time.Duration(rapid.Int64Range(0, 1<<40).Draw(t, "ns")>>uint(rapid.IntRange(0, 39).Draw(t, "short"))) * time.Nanosecond)
	size := o.cfg.MSS
	switch rapid.IntRange(0, 9).Draw(t, "event") {
	case 0, 1, 2:
		for o.c.Window() > 0 && (o.flight == 0 || o.flight+size <= o.c.Window()) {
			o.c.Sent(o.now, size)
			o.flight += size
			if rapid.IntRange(0, 7).Draw(t, "enough") == 0 {
				return
			}
		}
	case 3, 4, 5, 6:
		bytes := min(o.flight, size*rapid.IntRange(0, 64).Draw(t, "acked"))
		o.flight -= bytes
		o.c.Acked(o.now, Ack{
			Bytes:       bytes,
			OneWayDelay: time.Duration(rapid.Int64().Draw(t, "delay") >> uint(rapid.IntRange(2, 60).Draw(t, "small"))),
			RTT:         time.Duration(rapid.Int64Range(-1, 1<<38).Draw(t, "rtt") >> uint(rapid.IntRange(0, 38).Draw(t, "short"))),
			CE:          rapid.IntRange(0, 20).Draw(t, "ce") == 0,
			InFlight:    o.flight,
			Reverse:     time.Duration(rapid.Int64().Draw(t, "reverse") >> uint(rapid.IntRange(2, 60).Draw(t, "small"))),
			Backward:    rapid.Bool().Draw(t, "backward"),
			Arrivals:    o.arrivals(t),
		})
		if w := o.c.Window(); w < minCwnd*size && !o.paced {
			t.Fatalf("the window is below MIN_CWND after an acknowledgement: %v", o.c)
		}
	case 7:
		lost := min(o.flight, size)
		o.flight -= lost
		before := o.c.Window()
		o.c.Lost(o.now, lost, o.now.Add(-time.Duration(rapid.IntRange(0, 500).Draw(t, "sent ms ago"))*ms))
		if after := o.c.Window(); !o.paced && (after > before || after < min(before, max(before/2, minCwnd*size))) {
			t.Fatalf("a loss moved the window from %d to %d: %v", before, after, o.c)
		}
	case 8:
		if d := o.c.Deadline(); !d.IsZero() {
			if d.After(o.now) {
				o.now = d
			}
			o.c.Advance(o.now)
			if d := o.c.Deadline(); !d.IsZero() && !d.After(o.now) {
				t.Fatalf("the deadline %v is not later than now, after Advance: %v", d, o.c)
			}
		}
	case 9:
		o.flight = 0
		o.c.TimedOut(o.now)
		if o.c.Window() != size && !o.paced {
			t.Fatalf("after a timeout the window is %d, not 1 MSS: %v", o.c.Window(), o.c)
		}
	}
}

// arrivals are of datagrams that may or may not have been sent.
func (o *ordeal) arrivals(t *rapid.T) (all []Arrival) {
	for range rapid.IntRange(0, 16).Draw(t, "arrivals") {
		all = append(all, Arrival{
			Sent:  o.now.Add(-time.Duration(rapid.Int64Range(0, 1<<34).Draw(t, "ago"))),
			Delay: time.Duration(rapid.Int64().Draw(t, "arrival") >> uint(rapid.IntRange(2, 60).Draw(t, "small"))),
			Bytes: o.cfg.MSS,
		})
	}
	return all
}

func (o *ordeal) check(t *rapid.T) {
	switch w, r := o.c.Window(), o.c.Rate(); {
	case w < o.cfg.MSS && !o.paced || w < 0 || w > o.cfg.MaxWindow:
		t.Fatalf("the window left its bounds: %v", o.c)
	case math.IsNaN(r) || math.IsInf(r, 0) || r < 0:
		t.Fatalf("rate %v: %v", r, o.c)
	case o.c.QueueDelay() < 0:
		t.Fatalf("a negative queue: %v", o.c)
	case o.c.CTO() < minCTO || o.c.CTO() > 2*time.Hour:
		t.Fatalf("CTO is %v: %v", o.c.CTO(), o.c)
	case o.c.String() == "":
		t.Fatal("the state says nothing")
	}
}

func TestAnyControllerStaysInItsBounds(t *testing.T) {
	for _, name := range Names() {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				cfg := drawConfig(t)
				c, err := New(name, cfg)
				if err != nil {
					t.Fatal(err)
				}
				o := &ordeal{c: c, cfg: cfg, now: epoch, paced: name == "ebb"}
				for range 100 {
					o.step(t)
					o.check(t)
				}
			})
		})
	}
}
