// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"fmt"
	"time"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/fleet"
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

// split says that hosts of the location do not answer while a content is fetched: the location is divided, and counts as two.
func (c *Core) split(now time.Time, id content.ID) []api.Reason {
	if _, ok := c.sched.Flow(now, id); !ok {
		return nil
	}
	apart, of := c.book.Apart(now)
	if apart == 0 {
		return nil
	}
	why := scheduler.LocationSplit
	return []api.Reason{{Code: why.String(), Hint: why.Remedy(),
		Detail: fmt.Sprintf("%d of the %d hosts of this location that are wanted do not answer; what both sides fetch crosses the WAN twice", apart, of)}}
}

// Others reports whether the location has other hosts, as far as is known.
func (b *Book) Others() bool {
	for _, c := range b.people {
		if b.near(c) {
			return true
		}
	}
	return false
}

// Apart is how many of the wanted neighbours cannot be reached though the hub has heard of them lately, and of how many.
func (b *Book) Apart(now time.Time) (apart, of int) {
	for _, c := range b.wanted() {
		if !b.near(c) {
			continue
		}
		of++
		if (c.silent || !c.connected && c.backoff > 0) && now.Sub(c.listed) < fleet.SilentAfter {
			apart++
		}
	}
	return apart, of
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
