// SPDX-License-Identifier: Apache-2.0

package gentle

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ebbproject/ebb/transfer"
)

const chunk = 1 << 20

func wants(t *testing.T, d *Door, now time.Time, peer string, request uint32, expect transfer.Reason) {
	t.Helper()
	why, ok := d.Requested(now, Ask{Peer: peer, Request: request, Size: chunk})
	if ok != (expect == 0) || why != expect {
		t.Errorf("%s asks as %d: %t, %v; expected %v", peer, request, ok, why, expect)
	}
}

// Two slots: the third peer is refused, and gets in when one of the others has asked for nothing for a while.
func TestSlots(t *testing.T) {
	d, now := NewDoor(Policy{Slots: 2}), dawn
	wants(t, d, now, "a", 1, 0)
	wants(t, d, now, "b", 1, 0)
	wants(t, d, now, "c", 1, transfer.ReasonSlots)
	wants(t, d, now, "a", 2, 0)
	d.Released("b", 1)
	now = now.Add(lingerFor)
	wants(t, d, now, "c", 2, transfer.ReasonSlots)
	wants(t, d, now.Add(time.Second), "c", 3, 0)
	wants(t, d, now.Add(time.Second), "b", 2, transfer.ReasonSlots)
	d.PeerLost("a")
	wants(t, d, now.Add(time.Second), "b", 3, 0)
}

// What was promised may keep the cap busy for eight seconds; one request is always taken. The caps of the two sides are apart.
func TestRefusesWhatTheCapCannotCarry(t *testing.T) {
	d := NewDoor(Policy{Rates: Rates{Upload: chunk / 4}})
	for i := range uint32(2) {
		wants(t, d, dawn, "a", i+1, 0)
	}
	wants(t, d, dawn, "b", 1, transfer.ReasonRate)
	if _, ok := d.Requested(dawn, Ask{Peer: "n", Request: 1, Size: chunk, Near: true}); !ok {
		t.Error("a neighbour is refused for the sake of the WAN")
	}
	d.Released("a", 1)
	wants(t, d, dawn, "b", 2, 0)
	d = NewDoor(Policy{Rates: Rates{Upload: 1000}})
	wants(t, d, dawn, "a", 1, 0)
	wants(t, d, dawn, "a", 2, transfer.ReasonRate)
}

// When the door closes that is told once.
func TestTellsThatItHasClosed(t *testing.T) {
	d := NewDoor(DefaultPolicy())
	if d.Sampled(dawn, on(Wired)) || !d.Sampled(dawn, on(VPN)) || d.Sampled(dawn, on(VPN)) {
		t.Error("closing is told at the wrong time")
	}
	wants(t, d, dawn, "a", 1, transfer.ReasonVPN)
}

// Whatever happens, what is owed is the sum of what is open, no more peers have open requests than there are slots, and nothing is left
// when all have gone.
func TestDoorKeepsItsBooks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d, now := NewDoor(Policy{Slots: 3, Rates: Rates{Upload: chunk}}), dawn
		for i := range rapid.IntRange(0, 100).Draw(t, "steps") {
			peer := fmt.Sprint(rapid.IntRange(0, 5).Draw(t, "peer"))
			now = now.Add(time.Duration(rapid.IntRange(0, 3000).Draw(t, "ms")) * time.Millisecond)
			switch rapid.IntRange(0, 3).Draw(t, "do") {
			case 0, 1:
				d.Requested(now, Ask{Peer: peer, Request: uint32(i), Size: rapid.Int64Range(1, 4*chunk).Draw(t, "size"), Near: peer == "0"})
			case 2:
				d.Released(peer, uint32(rapid.IntRange(0, i).Draw(t, "request")))
			case 3:
				d.PeerLost(peer)
			}
			var owed [2]int64
			for _, a := range d.open {
				owed[sideOf(a.Near)] += a.Size
			}
			if owed != d.owed || len(d.slots) > 3 {
				t.Fatalf("%v owed, booked %v; %d slots", owed, d.owed, len(d.slots))
			}
		}
		for i := range 6 {
			d.PeerLost(fmt.Sprint(i))
		}
		if d.owed != [2]int64{} || len(d.slots) > 0 || len(d.open) > 0 {
			t.Fatal(d)
		}
	})
}
