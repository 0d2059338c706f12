// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"time"

	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/scheduler"
)

// peer is a host we are in conversation with.
type peer struct {
	fleet.Identity
	class   scheduler.Class
	follows map[content.ID]bool // contents it wants to hear about
}

// PeerUp: a conversation with an authenticated host has begun, whoever dialled.
func (c *Core) PeerUp(now time.Time, id fleet.Identity) {
	if _, again := c.peers[id.Peer]; again {
		c.PeerDown(now, id.Peer)
	}
	if c.book.Refuses(now, id.Peer) || c.orders.book.Revoked(now, id.Peer) {
		c.do(Hangup{Peer: id.Peer})
		return
	}
	c.peers[id.Peer] = &peer{Identity: id, follows: map[content.ID]bool{}}
	c.book.Connected(now, id)
	c.finder.Present(now, id.Peer, true)
	c.peers[id.Peer].class = c.book.Class(id.Peer)
	c.sched.PeerJoined(now, scheduler.PeerID(id.Peer), c.peers[id.Peer].class)
	if id.Role != fleet.RoleHub { // which has a better uplink than the hosts beside it
		c.sched.PeerAt(scheduler.PeerID(id.Peer), id.Location)
	}
	for _, f := range c.openFlows() {
		switch {
		case f.known:
			c.follow(id.Peer, f.content, true)
		case f.askPeers:
			c.askPeer(id.Peer, f)
		}
	}
}

// PeerDown: the conversation has ended, or dialling has failed.
func (c *Core) PeerDown(now time.Time, name string) {
	c.book.Lost(now, name)
	if c.peers[name] == nil {
		return
	}
	delete(c.peers, name)
	c.finder.Present(now, name, false)
	c.reporterLost(now, name)
	c.desk.PeerLost(name)
	c.door.PeerLost(name)
	c.busy.lost(name)
	c.sched.PeerLost(now, scheduler.PeerID(name))
	for _, n := range c.askNumbers() {
		if c.asks[n].peer == name {
			delete(c.asks, n)
		}
	}
}

// PeerDied: the conversation has ended because the peer's process has.
func (c *Core) PeerDied(now time.Time, name string) {
	c.sched.PeerDied(now, scheduler.PeerID(name))
	c.PeerDown(now, name)
}

// Misbehaved: a peer said something that the protocol does not allow, and the conversation is over.
func (c *Core) Misbehaved(now time.Time, name string) {
	if c.book.Offended(now, name) {
		c.do(Hangup{Peer: name})
	}
}
