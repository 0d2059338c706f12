// SPDX-License-Identifier: Apache-2.0

package group

import (
	"testing"
	"time"

	"github.com/ebbproject/ebb/ledbat"
	"pgregory.net/rapid"
)

// check says what must hold of a group at any time.
func check(t *rapid.T, g *Group) {
	flight, granted, busy, busyFlight := 0, 0, 0, 0
	for _, s := range g.members {
		flight += s.flight
		granted += s.grant
		if s.busy {
			busy++
			busyFlight += s.flight
		}
		if s.grant > 0 != (s.granting.in == &g.grants) || s.grant > 0 && s.waiting.in != nil {
			t.Fatalf("a share has a grant and waits, or is not in the line of grants: %v", s)
		}
		if s.flight < 0 || s.grant < 0 || s.Window() < s.flight {
			t.Fatalf("window %d: %v", s.Window(), s)
		}
	}
	if flight != g.flight || granted != g.granted || busy != g.busy || busyFlight != g.busyFlight {
		t.Fatalf("the sums are %d %d %d %d: %+v", flight, granted, busy, busyFlight, g)
	}
	if d := g.deadline(); !d.IsZero() && d.Before(g.now) {
		t.Fatalf("the deadline %v has passed: %v", d, g)
	}
	if g.String() == "" {
		t.Fatal("the group says nothing")
	}
}

// Whatever happens in any order: the members' accounts add up, and who heeds Window never exceeds the group's.
func TestAccountsAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := &fixed{window: mss * rapid.IntRange(1, 50).Draw(t, "window"), cto: sec}
		if rapid.Bool().Draw(t, "paced") {
			c.rate = float64(rapid.IntRange(1, 1_000_000).Draw(t, "rate"))
		}
		g, now := New(c, mss), epoch
		shares := []*Share{g.Join()}
		for range 200 {
			now = now.Add(time.Duration(rapid.IntRange(0, 30_000).Draw(t, "µs")) * time.Microsecond)
			i := rapid.IntRange(0, len(shares)-1).Draw(t, "who")
			s := shares[i]
			switch rapid.IntRange(0, 9).Draw(t, "event") {
			case 0, 1, 2:
				n := rapid.IntRange(1, mss).Draw(t, "bytes")
				if s.Window() < s.flight+n {
					s.Waiting(now, n)
				}
				if s.Window() >= s.flight+n {
					s.Sent(now, n)
					if g.flight+g.granted > max(c.window, mss) {
						t.Fatalf("more than the window is in flight: %v", g)
					}
				}
			case 3, 4, 5:
				left := s.flight - min(s.flight, rapid.IntRange(0, 5*mss).Draw(t, "acked"))
				s.Acked(now, ledbat.Ack{Bytes: s.flight - left, OneWayDelay: 25 * ms, RTT: 50 * ms, InFlight: left})
			case 6:
				s.Lost(now, min(s.flight, mss), now.Add(-ms))
			case 7:
				s.TimedOut(now)
			case 8:
				if d := s.Deadline(); !d.IsZero() && d.After(now) {
					now = d
				}
				s.Advance(now)
				for _, ok := g.Take(); ok; _, ok = g.Take() {
				}
			case 9:
				if len(shares) > 1 && rapid.Bool().Draw(t, "leaves") {
					s.Leave(now)
					shares = append(shares[:i], shares[i+1:]...)
				} else {
					shares = append(shares, g.Join())
				}
			}
			check(t, g)
		}
	})
}

// A share that waits is granted something in the end, whoever else waits and whatever they leave unused.
func TestNobodyWaitsForEver(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := gather(nil, rapid.IntRange(2, 20).Draw(t, "members"), mss*rapid.IntRange(1, 30).Draw(t, "window"))
		w.run(sec / 2)
		for i := range w.greedy {
			w.greedy[i] = rapid.Bool().Draw(t, "greedy")
		}
		w.run(sec / 2)
		clear(w.sent)
		w.run(2 * sec)
		for i, greedy := range w.greedy {
			if greedy && w.sent[i] == 0 {
				t.Fatalf("member %d sent nothing in two seconds: %v", i, w.shares[i])
			}
		}
	})
}
