// SPDX-License-Identifier: Apache-2.0

package gentle

import (
	"fmt"
	"time"

	"github.com/ebbproject/ebb/transfer"
)

const (
	lingerFor = 5 * time.Second // a peer keeps its slot between two requests
	patience  = 8 * time.Second // of sending at the cap; an asker takes a silence of 10 s for a stall
)

// Ask is a request for a chunk.
type Ask struct {
	Peer    string
	Request uint32
	Size    int64
	Near    bool // the peer is of our own location
}

type askKey struct {
	peer    string
	request uint32
}

// slot is a peer that is served.
type slot struct {
	open  int
	asked time.Time // last
}

// Door lets requests through to be read from disk, or says why not.
type Door struct {
	policy Policy
	gate   *Gate
	slots  map[string]*slot
	open   map[askKey]Ask
	owed   [2]int64 // bytes of open requests: beyond the location, within it
}

// NewDoor is open.
func NewDoor(p Policy) *Door {
	return &Door{policy: p, gate: NewGate(p), slots: map[string]*slot{}, open: map[askKey]Ask{}}
}

// SetRates says which caps hold from now on. What was promised stays promised.
func (d *Door) SetRates(r Rates) { d.policy.Rates = r }

// Sampled: the sensors were read. It reports whether the door has closed just now.
func (d *Door) Sampled(now time.Time, s Sample) (closed bool) {
	_, before := d.gate.May(now)
	d.gate.Sampled(now, s)
	_, after := d.gate.May(now)
	return before && !after
}

// May reports whether anybody is served now; if not, why.
func (d *Door) May(now time.Time) (why transfer.Reason, ok bool) { return d.gate.May(now) }

// Last is what the sensors said last.
func (d *Door) Last(now time.Time) Sample { return d.gate.Last(now) }

// Requested: a peer wants a chunk. If it is let through, Released must follow.
func (d *Door) Requested(now time.Time, a Ask) (why transfer.Reason, ok bool) {
	if why, ok := d.gate.May(now); !ok {
		return why, false
	}
	if !d.admits(now, a.Peer) {
		return transfer.ReasonSlots, false
	}
	side, limit := sideOf(a.Near), d.policy.Rates.Upload
	if a.Near {
		limit = d.policy.Rates.LAN
	}
	if limit > 0 && d.owed[side] > 0 && float64(d.owed[side]+a.Size) > limit*patience.Seconds() {
		return transfer.ReasonRate, false
	}
	key := askKey{a.Peer, a.Request}
	if _, again := d.open[key]; again {
		return 0, true // request numbers are used once; the peer has nothing from saying one twice
	}
	s := d.slots[a.Peer]
	if s == nil {
		s = &slot{}
		d.slots[a.Peer] = s
	}
	s.open, s.asked = s.open+1, now
	d.open[key] = a
	d.owed[side] += a.Size
	return 0, true
}

func sideOf(near bool) int {
	if near {
		return 1
	}
	return 0
}

// admits reports whether the peer has a slot or may take one. The slots of those who are gone are swept here.
func (d *Door) admits(now time.Time, peer string) bool {
	if d.slots[peer] != nil || d.policy.Slots == 0 || len(d.slots) < d.policy.Slots {
		return true
	}
	for name, s := range d.slots {
		if s.open == 0 && now.Sub(s.asked) > lingerFor {
			delete(d.slots, name)
		}
	}
	return len(d.slots) < d.policy.Slots
}

// Released: a request was answered, refused or taken back.
func (d *Door) Released(peer string, request uint32) {
	a, ok := d.open[askKey{peer, request}]
	if !ok {
		return
	}
	delete(d.open, askKey{peer, request})
	d.owed[sideOf(a.Near)] -= a.Size
	d.slots[peer].open--
}

// PeerLost: its requests are void, and its slot is free.
func (d *Door) PeerLost(peer string) {
	for key := range d.open {
		if key.peer == peer {
			d.Released(peer, key.request)
		}
	}
	delete(d.slots, peer)
}

func (d *Door) String() string {
	return fmt.Sprintf("door: %d slots taken, %d requests of %d bytes open; %v", len(d.slots), len(d.open), d.owed[0]+d.owed[1], d.gate)
}
