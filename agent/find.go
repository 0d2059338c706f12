// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"net/netip"
	"time"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/agent/discovery"
	"github.com/ebbproject/ebb/fleet"
)

// seek takes what the finder wants done, in the words of the core.
func (c *Core) seek(now time.Time) (Action, bool) {
	anybody := c.cfg.Self.Role != fleet.RoleHub && c.active() && c.book.Shares() && c.book.Lacking()
	c.finder.Wanted(now, discovery.Want{Anybody: anybody, HubAway: c.hub.problem != ""})
	switch a, _ := c.finder.Take(now); a := a.(type) {
	case discovery.Ask:
		return Look{}, true
	case discovery.Dial:
		return Reach{Where: a.Where, TLS: a.TLS}, true
	}
	return nil, false
}

// Heard: somebody on the own network answered as a host of the fleet would. It is a hint, and nothing of it is believed.
func (c *Core) Heard(now time.Time, h discovery.Hint) {
	if !c.book.Lists(h.Addr) { // who is known by name is dialled by name
		c.finder.Heard(now, h)
	}
}

// Looked: the network was asked; problem says why that was not possible, if it was not.
func (c *Core) Looked(now time.Time, problem string) { c.finder.Asked(now, problem) }

// Reached: at an address of which nobody had said who is there, a host of the fleet has shown its certificate.
func (c *Core) Reached(now time.Time, where string, m fleet.Member) {
	self := m.Peer == c.cfg.Self.Peer
	c.finder.Answered(now, where, m.Peer, !self)
	if !self && c.book.Found(m) {
		c.locationKnown(now)
		c.saveMembers()
	}
}

// NotReached: nobody was there, or nobody of the fleet.
func (c *Core) NotReached(now time.Time, where string) { c.finder.Missed(now, where) }

// Discovery is how neighbours are found without the hub.
func (c *Core) Discovery() api.Discovery {
	s := c.finder.Status()
	return api.Discovery{Multicast: s.Multicast, Static: s.Static, Heard: s.Heard, Problem: s.Problem}
}

// Lists reports whether somebody is known to be at that address.
func (b *Book) Lists(addr netip.AddrPort) bool {
	for _, c := range b.people {
		if at, ok := b.address(c); ok && at == addr {
			return true
		}
	}
	return false
}

// Found takes over where a host is that was found without the hub. What the hub says of a host that is where it says stays.
// It reports whether anything of that is to be written to the journal.
func (b *Book) Found(m fleet.Member) (changed bool) {
	c := b.people[m.Peer]
	if c == nil {
		c = b.meet(fleet.Member{Peer: m.Peer})
	}
	c.Role, c.Location = m.Role, m.Location // its certificate has said so
	if _, ok := b.address(c); ok && (c.connected || c.backoff == 0) {
		return false
	}
	c.Lan, c.TLS = m.Lan, m.TLS
	if c.Wan == "" || !b.near(c) {
		c.Wan = m.Lan
	}
	c.retryAt, c.backoff, b.stale = time.Time{}, 0, true
	return true
}
