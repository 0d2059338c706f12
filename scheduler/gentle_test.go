// SPDX-License-Identifier: Apache-2.0

package scheduler

import (
	"testing"
	"time"
)

// "A refused asker turns to others at once and comes back with backoff." A neighbour that spares its owner is not waited for, not even
// by hosts beyond the WAN; Why and Refusal name its reason; and when it serves again, it is asked before them.
func TestTurnsAwayFromWhoSparesItsOwner(t *testing.T) {
	for _, x := range []struct {
		why  Refusal
		code string
	}{{RefusedCPU, "cpu"}, {RefusedDisk, "disk"}, {RefusedBattery, "battery"}, {RefusedVPN, "vpn"}, {RefusedMetered, "metered"}} {
		s, id := start(t, Default("us"), 40)
		now := dawn
		s.PeerJoined(now, "near", Location)
		s.PeerHas(now, "near", id, Holding{All: true})
		if n := len(takeAll(t, s, now)); n == 0 {
			t.Fatal("the neighbour is not asked")
		}
		s.PeerJoined(now, "far", Far)
		s.PeerHas(now, "far", id, Holding{All: true})
		if n := len(takeAll(t, s, now)); n != 0 {
			t.Fatalf("%d requests beyond the WAN for what the neighbour holds", n)
		}
		for len(s.peers["near"].open) > 0 {
			s.Refused(now, s.peers["near"].open[0].id, x.why)
		}
		fetches := takeAll(t, s, now)
		if len(fetches) == 0 || fetches[0].Peer != "far" {
			t.Fatalf("%s: %v at once after it", x.code, fetches)
		}
		why, until := s.Refusal(now, "near")
		if why.String() != x.code || until.Sub(now) < 2*time.Second || until.Sub(now) > 6*time.Second {
			t.Errorf("%v until %v", why, until.Sub(now))
		}
		s.PeerLost(now, "far")
		takeAll(t, s, now)
		if waits := s.Why(now, id); waits[0].Reason.String() != x.code || waits[0].Peer != "near" {
			t.Errorf("%+v", waits)
		}
		// It is asked for one chunk, and refuses again: longer and longer until a minute.
		for range 10 {
			was := until.Sub(now)
			now = until
			s.Advance(now)
			fetches = takeAll(t, s, now)
			if len(fetches) != 1 {
				t.Fatalf("%d requests to find out whether it serves", len(fetches))
			}
			s.Refused(now, fetches[0].Request, x.why)
			_, until = s.Refusal(now, "near")
			if next := until.Sub(now); next > 75*time.Second || next < was && next < 45*time.Second {
				t.Errorf("rests for %v after %v", next, was)
			}
		}
		now = until
		s.Advance(now)
		fetches = takeAll(t, s, now)
		s.Received(now, fetches[0].Request, true)
		s.Stored(now, id, fetches[0].Index)
		if n := len(takeAll(t, s, now)); n < 2 {
			t.Errorf("%d requests after it served again", n)
		}
	}
}

// For a slot or a rate that is taken the neighbour is left alone for a moment; the WAN is not crossed for that.
func TestWaitsForASlot(t *testing.T) {
	s, id := start(t, Default("us"), 40)
	s.PeerJoined(dawn, "near", Location)
	s.PeerHas(dawn, "near", id, Holding{All: true})
	s.PeerJoined(dawn, "far", Far)
	s.PeerHas(dawn, "far", id, Holding{All: true})
	for _, f := range takeAll(t, s, dawn) {
		s.Refused(dawn, f.Request, RefusedSlots)
	}
	if n := len(takeAll(t, s, dawn)); n != 0 {
		t.Errorf("%d requests at once", n)
	}
	if why, _ := s.Refusal(dawn, "near"); why != HolderSlots {
		t.Error(why)
	}
	if why, _ := s.Refusal(dawn, "far"); why != None {
		t.Error(why)
	}
}
