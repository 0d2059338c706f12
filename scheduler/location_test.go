// SPDX-License-Identifier: Apache-2.0

package scheduler

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ebbproject/ebb/golden"
	"github.com/ebbproject/ebb/scheduler/lease"
)

const locationFile = "testdata/location.txt"

// location is a site of n hosts that start to fetch one content together, from a hub behind the
// site's WAN link.
func location(t testing.TB, n, chunks int, link float64) (*world, []*node) {
	w := newWorld(t)
	w.links["shop"] = link
	w.relaxed = 50
	hub := newNode("hub", "centre", 100<<20)
	w.nodes = append(w.nodes, hub)
	var hosts []*node
	for i := range n {
		h := newNode(PeerID(fmt.Sprintf("till-%d", i+1)), "shop", 50<<20)
		h.s = New(w.now, Default(h.name))
		hosts = append(hosts, h)
	}
	w.nodes = append(w.nodes, hosts...)
	for _, h := range hosts {
		spec := FlowSpec{Content: idOf("image"), Chunks: chunksOf("image", chunks, 1<<20, nil)}
		if err := h.s.AddFlow(w.now, spec); err != nil {
			t.Fatal(err)
		}
		w.comes(h, hub, Far)
		h.s.PeerHas(w.now, "hub", idOf("image"), Holding{All: true})
		for _, other := range hosts {
			if other != h {
				w.comes(h, other, Subnet)
				h.s.PeerWants(w.now, other.name, idOf("image"), true)
			}
		}
	}
	return w, hosts
}

func complete(hosts []*node) func() bool {
	return func() bool {
		for _, h := range hosts {
			if !h.gone && !h.s.flows[0].done() {
				return false
			}
		}
		return true
	}
}

// amplification is how often the content crossed the WAN link.
func amplification(hosts []*node) float64 {
	var wan int64
	for _, h := range hosts {
		wan += h.wan
	}
	return float64(wan) / float64(hosts[0].s.flows[0].bytes)
}

// Hosts of one location that start together choose different chunks for the WAN and swap them over
// the LAN. The golden file shows how well; the assertion is what the figures must not exceed.
func TestLocationStartsTogether(t *testing.T) {
	var b strings.Builder
	fmt.Fprintln(&b, "# Hosts of one location start together; a hub behind their WAN link (20 Mbit/s) holds all.")
	fmt.Fprintln(&b, "# Three tills, 64 chunks of 1 MiB: KiB received over the WAN and over the LAN so far.")
	const link = 20e6 / 8
	w, hosts := location(t, 3, 64, link)
	for !complete(hosts)() {
		w.run(5 * time.Second)
		fmt.Fprintf(&b, "%4.0fs", w.now.Sub(dawn).Seconds())
		for _, h := range hosts {
			fmt.Fprintf(&b, "   %s %2d chunks wan %5d lan %5d", h.name, h.s.flows[0].heldChunks, h.wan>>10, h.lan>>10)
		}
		fmt.Fprintln(&b)
		if w.now.Sub(dawn) > 5*time.Minute {
			t.Fatal("not complete after five minutes")
		}
	}
	fmt.Fprintf(&b, "# The content crossed the WAN link %.3f times.\n\n", amplification(hosts))
	fmt.Fprintln(&b, "# Other sizes: hosts, chunks, seconds (the link alone needs ...), times across the WAN.")
	for _, c := range []struct{ hosts, chunks int }{{2, 16}, {3, 200}, {10, 64}, {10, 400}, {30, 300}} {
		w, hosts := location(t, c.hosts, c.chunks, link)
		if !w.until(time.Hour, complete(hosts)) {
			t.Fatalf("%d hosts, %d chunks: not complete after an hour", c.hosts, c.chunks)
		}
		fmt.Fprintf(&b, "%3d hosts %4d chunks %6.1fs (%6.1fs)  %.3f\n", c.hosts, c.chunks, w.now.Sub(dawn).Seconds(),
			float64(c.chunks<<20)/link, amplification(hosts))
		if a := amplification(hosts); a > 1.05 {
			t.Errorf("%d hosts, %d chunks crossed the WAN %.3f times", c.hosts, c.chunks, a)
		}
	}
	golden.Check(t, locationFile, b.String())
}

// The hosts are there, and want the content, long before the hub is. It goes away for a minute,
// too.
func TestLocationWaitsForTheHub(t *testing.T) {
	w, hosts := location(t, 3, 100, 20e6/8)
	hub := w.nodes[0]
	away := func() {
		w.leave(hub)
		w.run(time.Minute)
		for _, h := range hosts {
			w.comes(h, hub, Far)
			h.s.PeerHas(w.now, "hub", idOf("image"), Holding{All: true})
		}
	}
	away()
	w.run(10 * time.Second)
	hub.mood = "silent"
	w.run(time.Minute)
	hub.mood = ""
	w.run(5 * time.Second)
	if a := amplification(hosts); a > 0.5 {
		t.Fatalf("nothing is left to test: %.2f", a)
	}
	w.run(10 * time.Second)
	away()
	if !w.until(5*time.Minute, complete(hosts)) {
		t.Fatal("not complete after five minutes")
	}
	if a := amplification(hosts); a > 1.05 {
		t.Errorf("the content crossed the WAN %.3f times", a)
	} else {
		t.Logf("%.3f times", a)
	}
}

// A host that leaves takes nothing with it: what was left to it is fetched by the others.
func TestLocationLosesAHost(t *testing.T) {
	w, hosts := location(t, 3, 64, 20e6/8)
	w.run(8 * time.Second)
	w.leave(hosts[1])
	if !w.until(2*time.Minute, complete(hosts)) {
		t.Fatal("not complete after two minutes")
	}
	if a := amplification(hosts); a > 1.10 {
		t.Errorf("the content crossed the WAN %.3f times", a)
	}
}

// A neighbour on a bad path is helped: the others do not wait for its share, nor fetch it twice.
func TestSlowNeighbourIsHelped(t *testing.T) {
	w, hosts := location(t, 3, 200, 20e6/8)
	hosts[2].narrow = 200 << 10 // 5 s a chunk, and a third of the chunks: 340 s
	if !w.until(150*time.Second, complete(hosts)) {
		t.Fatalf("not complete after 150 s: %d, %d, %d chunks", hosts[0].s.flows[0].heldChunks,
			hosts[1].s.flows[0].heldChunks, hosts[2].s.flows[0].heldChunks)
	}
	if a := amplification(hosts); a > 1.05 {
		t.Errorf("the content crossed the WAN %.3f times", a)
	}
}

// A range that a neighbour has the lease of is left to it, until the lease ends; then this host goes on.
func TestLeaseIsKeptAndRunsOut(t *testing.T) {
	w, hosts := location(t, 2, 8, 0)
	s, f := hosts[0].s, hosts[0].s.flows[0]
	claim := func(r, token int, left time.Duration) {
		s.PeerClaims(w.now, "till-2", idOf("image"), lease.Claim{Range: uint32(r), Token: uint64(token), Holder: "till-2", Weight: lease.Wired,
			Beat: 1, State: lease.Held, Left: left})
	}
	for r := range f.once.table.Ranges() {
		claim(r, 7, time.Hour) // nobody can promise more than a term
	}
	fetches := func() (n int) {
		for a, ok := s.Take(w.now); ok; a, ok = s.Take(w.now) {
			if _, is := a.(Fetch); is {
				n++
			}
		}
		return n
	}
	if n := fetches(); n > 0 {
		t.Fatalf("%d requests, though the neighbour is fetching everything", n)
	}
	waits := s.Why(w.now, idOf("image"))
	if len(waits) != 1 || waits[0].Reason != LeftToNeighbour || waits[0].Chunks != 8 ||
		!strings.Contains(waits[0].Detail, "by till-2") {
		t.Fatalf("%+v", waits)
	}
	w.now = w.now.Add(15 * time.Second)
	fetches() // from now on the ranges are free
	w.now = w.now.Add(5 * time.Second)
	if fetches() == 0 {
		t.Fatalf("nothing is asked for, though the leases have ended: %s", f.once.table)
	}
	ours := f.once.ours.count
	for r := range f.once.table.Ranges() {
		claim(r, 7, 15*time.Second) // from the past
	}
	if fetches(); f.once.ours.count < ours {
		t.Fatal("a lease from the past was believed")
	}
	for r := range f.once.table.Ranges() {
		claim(r, 100, 15*time.Second)
	}
	if f.once.ours.count != 0 || len(s.open) != 0 {
		t.Fatalf("%d chunks are still ours, and %d requests open, though others have the leases", f.once.ours.count, len(s.open))
	}
}

// A neighbour that is out of reach may still be heard through others for as long as it takes to renew its leases. One whose process has
// ended is not waited for.
func TestTheDeadAreNotWaitedFor(t *testing.T) {
	for _, c := range []struct {
		end  func(*Scheduler, time.Time, PeerID)
		wait time.Duration
	}{{(*Scheduler).PeerDied, 0}, {(*Scheduler).PeerLost, 7 * time.Second}} {
		w, hosts := location(t, 3, 8, 0)
		s := hosts[0].s
		for r := range s.flows[0].once.table.Ranges() {
			s.PeerClaims(w.now, "till-2", idOf("image"), lease.Claim{Range: uint32(r), Token: 7, Holder: "till-2", Weight: lease.Wired, Beat: 1,
				State: lease.Held, Left: 15 * time.Second})
		}
		w.now = w.now.Add(time.Second)
		for _, ok := s.Take(w.now); ok; _, ok = s.Take(w.now) {
		}
		died := w.now
		c.end(s, w.now, "till-2")
		for len(s.open) == 0 && w.now.Sub(died) < time.Minute {
			for _, ok := s.Take(w.now); ok; _, ok = s.Take(w.now) {
			}
			w.now = w.now.Add(tick)
		}
		// Another host may stand before this one in the line, and is left a moment to take the seat.
		if took := w.now.Sub(died); took < c.wait || took > c.wait+3*time.Second {
			t.Errorf("its ranges are asked for after %v, want %v and a moment", took, c.wait)
		}
	}
}

// A neighbour that never fetches anything is waited for no longer than it is plausible.
func TestIdleNeighbour(t *testing.T) {
	w, hosts := location(t, 2, 32, 20e6/8)
	hosts[1].s.Pause(w.now, idOf("image"), PausedByUser)
	start := w.now
	if !w.until(time.Minute, func() bool { return hosts[0].s.flows[0].done() }) {
		t.Fatalf("not complete after a minute: %v", hosts[0].s.Why(w.now, idOf("image")))
	}
	if took := w.now.Sub(start); took > 45*time.Second {
		t.Errorf("took %s", took)
	}
}

// A neighbour that keeps its leases and brings nothing is waited for, and for half as long when somebody waits here.
func TestWhoWaitsIsServedSooner(t *testing.T) {
	for foreground, wait := range map[bool]time.Duration{false: time.Minute, true: 30 * time.Second} {
		w, hosts := location(t, 3, 8, 0)
		s := hosts[0].s
		s.SetForeground(w.now, idOf("image"), foreground)
		began, beat := w.now, uint32(0)
		for len(s.open) == 0 && w.now.Sub(began) < 2*time.Minute {
			if w.now.Sub(began) >= time.Duration(beat)*5*time.Second {
				beat++
				for r := range s.flows[0].once.table.Ranges() {
					s.PeerClaims(w.now, "till-2", idOf("image"), lease.Claim{Range: uint32(r), Token: 7, Holder: "till-2", Weight: lease.Wired,
						Beat: beat, State: lease.Held, Left: 15 * time.Second})
				}
			}
			for _, ok := s.Take(w.now); ok; _, ok = s.Take(w.now) {
			}
			w.now = w.now.Add(tick)
		}
		if took := w.now.Sub(began); took < wait || took > wait+5*time.Second {
			t.Errorf("somebody waits: %v; it goes out itself after %v, want %v and a moment", foreground, took, wait)
		}
	}
}
