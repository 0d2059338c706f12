// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"time"

	"github.com/ebbproject/ebb/scheduler"
	"github.com/ebbproject/ebb/scheduler/lease"
	"github.com/ebbproject/ebb/transfer"
)

// The words of leases are the scheduler's, their form on the wire is the session's; here they are carried across.

// PeerStands: a peer said with which weight it stands in the line of those that fetch a content for the location.
func (c *Core) PeerStands(now time.Time, name string, m transfer.Stand) {
	c.sched.PeerStands(now, scheduler.PeerID(name), m.Content, int(m.Weight))
}

// PeerClaims: a peer told of a lease.
func (c *Core) PeerClaims(now time.Time, name string, m transfer.Claim) {
	c.sched.PeerClaims(now, scheduler.PeerID(name), m.Content, lease.Claim{Range: m.Range, Token: m.Token, Holder: m.Holder, Life: m.Life,
		Weight: int(m.Weight), Beat: m.Beat, State: lease.State(m.State), Left: m.Left, Bytes: m.Bytes})
}

func claimTo(s scheduler.Say) Claim {
	x := s.Claim
	return Claim{Peer: string(s.Peer), Claim: transfer.Claim{Content: s.Content, Range: x.Range, Token: x.Token, Holder: x.Holder,
		Life: x.Life, Weight: uint8(x.Weight), Beat: x.Beat, State: transfer.LeaseState(x.State), Left: x.Left, Bytes: x.Bytes}}
}

func standTo(s scheduler.Stand) Stand {
	return Stand{Peer: string(s.Peer), Stand: transfer.Stand{Content: s.Content, Weight: uint8(s.Weight)}}
}

// locationKnown tells the scheduler whether there are other hosts here to share with.
func (c *Core) locationKnown(now time.Time) { c.sched.LocationKnown(now, c.book.Others()) }

// Others reports whether the location has other hosts, as far as is known.
func (b *Book) Others() bool {
	for _, c := range b.people {
		if b.near(c) {
			return true
		}
	}
	return false
}

// enough is how many connected neighbours do without news of more: a location of hundreds would fill its link with lists.
const enough = maxNeighbours / 2

// Lacking reports whether there are so few neighbours in conversation that news of others is urgent.
func (b *Book) Lacking() bool {
	n := 0
	for _, c := range b.wanted() {
		if c.connected && !c.silent && b.near(c) {
			n++
		}
	}
	return n < enough
}
