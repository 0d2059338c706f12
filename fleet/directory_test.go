// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ebbproject/ebb/content"
)

var theHub = Member{Peer: "hub", Role: RoleHub, Location: "hub", Lan: "192.0.2.1:1", Wan: "192.0.2.1:1"}

func host(location, peer string) Identity {
	return Identity{Fleet: someone.Fleet, Role: RoleAgent, Location: location, Peer: peer}
}

func holding(ids ...byte) (r SyncRequest) {
	for _, id := range ids {
		r.Holdings = append(r.Holdings, Holding{Content: content.ID{id}, Chunks: 1})
	}
	return r
}

func names(list []Member) []string {
	out := []string{}
	for _, m := range list {
		out = append(out, fmt.Sprint(m.Peer, m.Holds))
	}
	slices.Sort(out)
	return out
}

// A morning in a fleet: who hears of whom.
func TestWhoHearsOfWhom(t *testing.T) {
	d := NewDirectory(theHub)
	now := morning
	expect := func(caller Identity, wanted content.ID, want ...Member) {
		t.Helper()
		r := d.Reply(now, caller, []content.ID{wanted})
		if got := names(r.Peers); !slices.Equal(got, names(want)) {
			t.Errorf("%s hears of %v, want %v", caller.Peer, got, names(want))
		}
		if r.Hub.Peer != "hub" || !r.Time.Equal(now) {
			t.Errorf("hub %v, time %v", r.Hub, r.Time)
		}
	}
	one, two := content.ID{1}, content.ID{2}
	a, b, c := host("berlin", "a"), host("berlin", "b"), host("oslo", "c")
	d.Announced(now, a, holding())
	expect(a, one) // alone, and never oneself
	d.Announced(now, b, holding(2))
	d.Announced(now, c, holding(1, 3))
	expect(a, one, Member{Peer: "b"}, Member{Peer: "c", Holds: []content.ID{one}})
	expect(a, two, Member{Peer: "b", Holds: []content.ID{two}}) // c has nothing for a, and is elsewhere
	expect(c, two, Member{Peer: "b", Holds: []content.ID{two}})

	// What the last report does not name is not held any more.
	d.Announced(now, c, holding(3))
	expect(a, one, Member{Peer: "b"})

	// b falls silent, and comes back.
	now = now.Add(SilentAfter)
	d.Announced(now, c, holding(1))
	expect(a, one, Member{Peer: "c", Holds: []content.ID{one}})
	d.Announced(now, b, holding())
	expect(a, one, Member{Peer: "b"}, Member{Peer: "c", Holds: []content.ID{one}})

	// b moves to oslo: it is no neighbour of a any more.
	d.Announced(now, host("oslo", "b"), holding())
	expect(a, one, Member{Peer: "c", Holds: []content.ID{one}})
}

func TestAddressesAreKept(t *testing.T) {
	d := NewDirectory(theHub)
	seen := netip.MustParseAddrPort("198.51.100.7:99")
	d.Observed("a", seen) // nobody knows it yet
	d.Announced(morning, host("berlin", "a"), SyncRequest{Lan: "10.0.0.1:5"})
	if m := d.Members(morning)[0]; m.Lan != "10.0.0.1:5" || m.Wan != "" {
		t.Errorf("%+v", m)
	}
	d.Observed("a", seen)
	d.Observed("a", netip.AddrPort{})
	d.Announced(morning, host("berlin", "a"), SyncRequest{Lan: "10.0.0.2:5"})
	if m := d.Members(morning)[0]; m.Lan != "10.0.0.2:5" || m.Wan != seen.String() {
		t.Errorf("%+v", m)
	}
	d.Forget(morning.Add(forgetAfter))
	if len(d.members) != 1 {
		t.Error("forgotten early")
	}
	d.Forget(morning.Add(forgetAfter + 1))
	if len(d.members) != 0 {
		t.Error("never forgotten")
	}
	if m := d.Members(morning); m == nil || len(m) != 0 {
		t.Errorf("%v: nobody is an empty list", m)
	}
}

// Whatever is reported: nobody silent, not the caller, and nobody elsewhere without something wanted is listed; all
// neighbours are; equal directories give equal replies.
func TestDirectoryNeverListsTheSilent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d, twin := NewDirectory(theHub), NewDirectory(theHub)
		now := morning
		type known struct {
			id    Identity
			seen  time.Time
			holds []content.ID
		}
		last := map[string]known{}
		place := rapid.SampledFrom([]string{"berlin", "oslo", "rome"})
		for range rapid.IntRange(0, 40).Draw(t, "reports") {
			now = now.Add(time.Duration(rapid.IntRange(0, 20).Draw(t, "s")) * time.Second)
			id := host(place.Draw(t, "place"), fmt.Sprint(rapid.IntRange(0, 12).Draw(t, "peer")))
			r := holding(rapid.SliceOfN(rapid.ByteRange(0, 5), 0, 3).Draw(t, "holds")...)
			k := known{id: id, seen: now}
			for _, h := range r.Holdings {
				k.holds = append(k.holds, h.Content)
			}
			last[id.Peer] = k
			d.Announced(now, id, r)
			twin.Announced(now, id, r)
			d.Forget(now)
		}
		caller := host(place.Draw(t, "caller's place"), "0")
		wanted := []content.ID{{rapid.ByteRange(0, 5).Draw(t, "wanted")}}
		r := d.Reply(now, caller, wanted)
		if fmt.Sprint(r) != fmt.Sprint(twin.Reply(now, caller, wanted)) {
			t.Fatal("equal directories, different replies")
		}
		listed := map[string]bool{}
		for _, m := range r.Peers {
			k := last[m.Peer]
			if m.Peer == caller.Peer || listed[m.Peer] || now.Sub(k.seen) >= SilentAfter || m.Location != k.id.Location {
				t.Fatalf("%v is listed", m)
			}
			if has := slices.Contains(k.holds, wanted[0]); has != (len(m.Holds) == 1) || !has && m.Location != caller.Location {
				t.Fatalf("%v is listed, it holds %v", m, k.holds)
			}
			listed[m.Peer] = true
		}
		for _, k := range last {
			if k.id.Location == caller.Location && k.id.Peer != caller.Peer && now.Sub(k.seen) < SilentAfter && !listed[k.id.Peer] {
				t.Fatalf("neighbour %s is not listed", k.id.Peer)
			}
		}
	})
}

// A reply is bounded, and holders elsewhere are shared out evenly between those who ask.
func TestHoldersAreSharedOut(t *testing.T) {
	d := NewDirectory(theHub)
	const holders, callers = 200, 500
	for i := range holders {
		d.Announced(morning, host("far", PeerName([]byte{byte(i)})), holding(1))
	}
	load := map[string]int{}
	for i := range callers {
		r := d.Reply(morning, host("near", PeerName([]byte{1, byte(i), byte(i >> 8)})), []content.ID{{1}})
		if len(r.Peers) != maxHolders {
			t.Fatalf("%d holders in a reply", len(r.Peers))
		}
		for _, m := range r.Peers {
			load[m.Peer]++
		}
	}
	mean := callers * maxHolders / holders
	for peer, n := range load {
		if n < mean/2 || n > mean*2 {
			t.Errorf("%s is named to %d callers; the mean is %d", peer, n, mean)
		}
	}
	for i := range maxNeighbours + 10 {
		d.Announced(morning, host("near", PeerName([]byte{2, byte(i), byte(i >> 8)})), holding())
	}
	if r := d.Reply(morning, host("near", "x"), nil); len(r.Peers) != maxNeighbours {
		t.Errorf("%d neighbours in a reply", len(r.Peers))
	}
}

// The largest documents fit into what hub and client read.
func TestLargestDocuments(t *testing.T) {
	var r SyncRequest
	full := content.Sum(nil)
	for range MaxHoldings {
		r.Holdings = append(r.Holdings, Holding{Content: full, Chunks: 8 << 20, Complete: false})
	}
	for range MaxWanted {
		r.Wanted = append(r.Wanted, full)
	}
	var reply SyncReply
	for range maxHolders + maxNeighbours {
		reply.Peers = append(reply.Peers, Member{Peer: someone.Peer, Role: RoleAgent, Location: string(make([]byte, 63)),
			Lan: "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff%eth0]:65535", Wan: "255.255.255.255:65535", Holds: r.Wanted, Seen: morning})
	}
	for what, x := range map[string]struct {
		doc   any
		limit int
	}{"report": {r, 4 << 20}, "reply": {reply, 16 << 20}} {
		if b, err := json.Marshal(x.doc); err != nil || len(b) > x.limit {
			t.Errorf("a %s has up to %d bytes, %v", what, len(b), err)
		}
	}
}
