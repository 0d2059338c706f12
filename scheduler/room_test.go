// SPDX-License-Identifier: Apache-2.0

package scheduler

import (
	"testing"
	"time"
)

// What may be asked for is bounded by the room on the disk, and who waits for it says so.
func TestRoomBoundsWhatIsAskedFor(t *testing.T) {
	s, id := start(t, Default("us"), 8)
	s.PeerJoined(dawn, "near", Location)
	s.PeerHas(dawn, "near", id, Holding{All: true})
	size := int64(s.byID[id].chunk(0).Size)
	s.Room(dawn, 0, CacheFull)
	if f := takeAll(t, s, dawn); len(f) != 0 {
		t.Fatalf("asked without room: %v", f)
	}
	if why := s.Why(dawn, id); len(why) != 1 || why[0].Reason != CacheFull || why[0].Chunks != 8 {
		t.Errorf("it waits for %+v", why)
	}
	s.Room(dawn, size, DiskFull)
	f := takeAll(t, s, dawn)
	if len(f) != 1 {
		t.Fatalf("asked for %d chunks, there is room for one", len(f))
	}
	if why := s.Why(dawn, id); why[len(why)-1].Reason != DiskFull {
		t.Errorf("the rest waits for %+v", why)
	}
	s.Received(dawn, f[0].Request, true)
	s.Stored(dawn, id, f[0].Index)
	s.Room(dawn, 0, None)
	if f := takeAll(t, s, dawn); len(f) == 0 {
		t.Error("nothing is asked for though there is room")
	}
}

// A host without room does not stand in the way of its neighbours: it claims nothing from beyond the location.
func TestWhoHasNoRoomClaimsNothing(t *testing.T) {
	s, id := start(t, Default("us"), 8)
	s.Room(dawn, 0, CacheFull)
	s.PeerJoined(dawn, "hub", Origin)
	s.PeerHas(dawn, "hub", id, Holding{All: true})
	now := dawn
	for range 30 {
		if f := takeAll(t, s, now); len(f) != 0 {
			t.Fatalf("asked without room: %v", f)
		}
		now = now.Add(time.Second)
		s.Advance(now)
	}
	if why := s.Why(now, id); len(why) != 1 || why[0].Reason != CacheFull || why[0].Chunks != 8 {
		t.Errorf("it waits for %+v", why)
	}
	if s.byID[id].once.table.Mine(0) {
		t.Error("it holds a lease")
	}
	s.Room(now, 0, None)
	for range 5 {
		if f := takeAll(t, s, now); len(f) > 0 {
			return
		}
		now = now.Add(time.Second)
		s.Advance(now)
	}
	t.Error("nothing is asked for though there is room")
}
