// SPDX-License-Identifier: Apache-2.0

package carrier

import (
	"errors"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ebbproject/ebb/link"
)

var ordinary = link.Config{Rate: 10e6, Delay: 25 * ms, BufferTime: 100 * ms}

// "The transfer goes on by itself within 5 s of the path's return."
const backWithin = 5 * time.Second

// returns measures how long after now it takes until the flow has half the link again, and fails the test if it is too long.
func (w *world) returns(f *flow) {
	w.t.Helper()
	w.returnsWithin(f, backWithin)
}

func (w *world) returnsWithin(f *flow, limit time.Duration) {
	w.t.Helper()
	begin := time.Now()
	for f.bits(500*ms) < ordinary.Rate/2 {
		if time.Since(begin) > limit {
			w.t.Errorf("not back after %v; %+v", time.Since(begin), w.dialed.Stats())
			return
		}
	}
	w.t.Logf("back at half the link after %v", time.Since(begin))
}

func TestBlackouts(t *testing.T) {
	for _, c := range []struct {
		name  string
		dark  time.Duration
		there bool // which way is cut
		back  bool
	}{
		{"a blink", 700 * ms, true, true},
		{"3 s", 3 * time.Second, true, true},
		{"30 s", 30 * time.Second, true, true},
		{"30 s, only there", 30 * time.Second, true, false},
		{"30 s, only back", 30 * time.Second, false, true},
		{"10 min", 10 * time.Minute, true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			inWorld(t, ordinary, ordinary, func(w *world) {
				f := pour(w.dialed, w.accepted)
				f.bits(5 * time.Second)
				if c.there {
					w.there.Cut(c.dark)
				}
				if c.back {
					w.back.Cut(c.dark)
				}
				time.Sleep(c.dark)
				if c.dark > 5*time.Second && !w.dialed.Stats().Blackout {
					t.Error("the blackout was not noticed")
				}
				before := w.dialed.Stats()
				w.returns(f)
				if got := f.bits(5 * time.Second); got < .85*ordinary.Rate {
					t.Errorf("goodput %s after the return", share(got, ordinary.Rate))
				}
				f.end()
				s := w.dialed.Stats()
				t.Logf("%d datagrams were sent into the dark; %+v", before.Lost, s)
			})
		})
	}
}

// Blackouts that look like a path that has become narrow: ebb begins anew with fragments, of which it gets few to learn from at first.
func TestFlappingPath(t *testing.T) {
	t.Run("rfc6817", func(t *testing.T) { flaps(t, "rfc6817", backWithin) })
	t.Run("ebb", func(t *testing.T) { flaps(t, "ebb", 2*backWithin) })
}

func flaps(t *testing.T, controller string, within time.Duration) {
	inWorldOf(t, controller, ordinary, ordinary, func(w *world) {
		f := pour(w.dialed, w.accepted)
		for range 10 {
			f.bits(2 * time.Second)
			w.there.Cut(2 * time.Second)
			w.back.Cut(2 * time.Second)
			time.Sleep(2 * time.Second)
		}
		w.returnsWithin(f, within)
		f.end()
	})
}

// "A changed local address": a NAT forgets its mapping, or a host moves; in mid-flight and while the path is dark.
func TestChangedAddress(t *testing.T) {
	moved := netip.MustParseAddrPort("198.51.100.7:4007")
	for _, dark := range []time.Duration{0, 30 * time.Second} {
		for _, direction := range []string{"sender moves", "receiver moves"} {
			t.Run(direction+" after "+dark.String(), func(t *testing.T) {
				inWorld(t, ordinary, ordinary, func(w *world) {
					from, to := w.dialed, w.accepted
					if direction == "receiver moves" {
						from, to = to, from
					}
					f := pour(from, to)
					f.bits(5 * time.Second)
					if dark > 0 {
						w.there.Cut(dark)
						w.back.Cut(dark)
						time.Sleep(dark - time.Second)
					}
					w.hostA.Rebind(moved)
					time.Sleep(min(dark, time.Second))
					w.returns(f)
					f.end()
					if a := w.accepted.RemoteAddr(); a != moved {
						t.Errorf("the peer moved to %v and is seen at %v", moved, a)
					}
				})
			})
		}
	}
}

// A path that silently becomes narrower than the datagrams in use. Where they are that large, daemons use rfc6817.
func TestBlackHole(t *testing.T) {
	wide := ordinary
	wide.MTU = 9000
	wide.Rate = 100e6
	inWorldOf(t, "rfc6817", wide, wide, func(w *world) {
		f := pour(w.dialed, w.accepted)
		f.bits(300 * ms)
		if mtu := w.dialed.Stats().MTU; mtu != largestDatagram {
			t.Fatalf("datagrams of %d bytes on a path that takes %d", mtu, wide.MTU)
		}
		narrow := wire(ordinary)
		narrow.MTU = 1300
		there, back := w.net.Path(narrow), w.net.Path(narrow)
		w.net.Route(w.hostA, w.hostB, there)
		w.net.Route(w.hostB, w.hostA, back)
		w.returnsWithin(f, backWithin)
		got := f.bits(10 * time.Second)
		t.Logf("goodput %s; %+v", share(got, narrow.Rate), w.dialed.Stats())
		if got < .6*narrow.Rate {
			t.Errorf("goodput %s in fragments", share(got, narrow.Rate))
		}
		if mtu := w.dialed.Stats().MTU; mtu != minDatagram {
			t.Errorf("datagrams of %d bytes", mtu)
		}
		f.end()
		w.net.Route(w.hostA, w.hostB, w.there)
		w.net.Route(w.hostB, w.hostA, w.back)
		time.Sleep(40 * time.Second)
		if mtu := w.dialed.Stats().MTU; mtu != largestDatagram {
			t.Errorf("datagrams of %d bytes after the path is wide again", mtu)
		}
	})
}

// The same on an ordinary path, by ebb: its pulses, and what it learns of the link, go in parts.
func TestBlackHoleOnTheWay(t *testing.T) {
	inWorldOf(t, "ebb", ordinary, ordinary, func(w *world) {
		f := pour(w.dialed, w.accepted)
		f.bits(5 * time.Second)
		narrow := wire(ordinary)
		narrow.MTU = 1300
		w.net.Route(w.hostA, w.hostB, w.net.Path(narrow))
		w.net.Route(w.hostB, w.hostA, w.net.Path(narrow))
		w.returnsWithin(f, 2*backWithin)
		f.bits(10 * time.Second)
		if got := f.bits(10 * time.Second); got < .8*narrow.Rate {
			t.Errorf("goodput %s in parts; %+v", share(got, narrow.Rate), w.dialed.Stats())
		}
		f.end()
	})
}

func TestNarrowPathFromTheBeginning(t *testing.T) {
	for _, c := range []struct{ mtu, datagram int }{{1500, 1440}, {1400, 1360}, {1280, 1200}} {
		l := ordinary
		l.MTU = c.mtu
		inWorld(t, l, l, func(w *world) {
			f := pour(w.dialed, w.accepted)
			f.bits(time.Second)
			got := f.bits(5 * time.Second)
			f.end()
			if s := w.dialed.Stats(); s.MTU != c.datagram || got < .85*l.Rate {
				t.Errorf("packets of %d pass: datagrams of %d, goodput %s", c.mtu, s.MTU, share(got, l.Rate))
			}
		})
	}
}

func TestSilentPeerIsDeadAfterAWhile(t *testing.T) {
	inWorld(t, ordinary, ordinary, func(w *world) {
		time.Sleep(29 * time.Minute) // keepalives keep it
		if err := w.dialed.Err(); err != nil {
			t.Fatal(err)
		}
		w.there.Cut(time.Hour)
		time.Sleep(29 * time.Minute)
		if err := w.accepted.Err(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if err := w.accepted.Err(); !errors.Is(err, ErrDead) {
			t.Error(err)
		}
	})
}
