// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"slices"
	"time"

	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/fleet/relay"
)

// reports is by way of whom this host reports to its hub, and who reports by way of it. Package relay decides.
type reports struct {
	sender   relay.Sender
	gatherer *relay.Gatherer
	under    fleet.SyncRequest // what is under way
}

// Hand hands letters of hosts of the location on to the hub. The answer is Handed or NotHanded.
type Hand struct {
	Number  uint64
	Letters [][]byte
}

// Reply gives a neighbour, or this host itself, the hub's answer to its letter. An empty one is none: who reports must do so itself.
type Reply struct {
	Peer   string
	Number uint64
	Answer []byte
	Next   time.Duration // until its next report is welcome
}

func (Hand) action()  {}
func (Reply) action() {}

// report sends news to the hub: directly what is urgent, because others gather for a while, and what tells all, because it is answered with all,
// and the hub knows only of those whom it hears themselves where they are.
func (c *Core) report(now time.Time, r fleet.SyncRequest, urgent bool) {
	through := ""
	if !urgent && r.Partial {
		through = c.through(now)
	}
	c.reports.under = r
	c.reports.sender.Said(now, through)
	c.reported()
}

// through is by way of whom news go now: the elected host if we are in conversation with it, ourselves if it is us; empty: directly.
func (c *Core) through(now time.Time) string {
	super := c.book.Super()
	if !c.hub.relays || c.hub.problem != "" || super != c.cfg.Self.Peer && c.peers[super] == nil {
		return ""
	}
	return c.reports.sender.Through(now, super)
}

// reported does what follows from what happened to reports.
func (c *Core) reported() {
	for a, ok := c.reports.sender.Take(); ok; a, ok = c.reports.sender.Take() {
		s := Sync{Request: c.reports.under}
		if to, by := a.(relay.ToPeer); by {
			s.Through, s.Number = to.Peer, to.Number
		}
		c.do(s)
	}
	for a, ok := c.reports.gatherer.Take(); ok; a, ok = c.reports.gatherer.Take() {
		switch a := a.(type) {
		case relay.Batch:
			c.do(Hand{Number: a.Number, Letters: a.Reports})
		case relay.Answer:
			c.do(Reply{Peer: a.Peer, Number: a.Number, Answer: a.Reply, Next: a.Next})
		case relay.Refuse:
			c.do(Reply{Peer: a.Peer, Number: a.Number})
		}
	}
}

// reportsDue lets time pass for reports.
func (c *Core) reportsDue(now time.Time) {
	c.reports.sender.Advance(now)
	c.reports.gatherer.Advance(now)
	c.reported()
}

// reporterLost: the conversation with a host has ended.
func (c *Core) reporterLost(now time.Time, peer string) {
	c.reports.sender.Gone(now, peer)
	c.reported()
}

// Unsealed: the news of that number cannot go by way of others.
func (c *Core) Unsealed(number uint64) {
	c.reports.sender.Directly(number)
	c.reported()
}

// Lettered: a neighbour, or this host itself, hands us a letter for the hub. While the hub does not answer us, others learn so at once.
func (c *Core) Lettered(now time.Time, peer string, number uint64, letter []byte) {
	own := peer == c.cfg.Self.Peer
	if !own && !c.book.Neighbour(peer) {
		return
	}
	c.book.Used(now, peer)
	if !c.hub.relays || c.hub.problem != "" {
		c.do(Reply{Peer: peer, Number: number})
		return
	}
	c.reports.gatherer.Said(now, peer, number, letter)
	c.reported()
}

// Handed: the hub answered a Hand, with an answer to each letter.
func (c *Core) Handed(now time.Time, number uint64, answers [][]byte) {
	c.reports.gatherer.Answered(now, number, answers)
	c.reported()
}

// NotHanded: the hub could not be asked.
func (c *Core) NotHanded(number uint64) {
	c.reports.gatherer.Failed(number)
	c.reported()
}

// Awaits reports whether the answer to our letter of that number is waited for from that host.
func (c *Core) Awaits(peer string, number uint64) bool { return c.reports.sender.Waits(peer, number) }

// Replied: the super-peer gave us the hub's answer to our letter. Unless there is something urgent to report, the next one goes when it
// gathers next.
func (c *Core) Replied(now time.Time, a Reply, r fleet.SyncReply) {
	if !c.reports.sender.Answered(a.Peer, a.Number) {
		return
	}
	if a.Next > 0 && c.every() == syncEvery && c.hub.nextSync.Equal(c.hub.planned) {
		c.hub.planned = now.Add(a.Next)
		c.hub.nextSync = c.hub.planned
	}
	c.counts.Relayed++
	c.answered(now, r)
}

// NotReplied: the super-peer refuses our letter, or what it gave us is not the hub's answer.
func (c *Core) NotReplied(now time.Time, peer string, number uint64) {
	c.reports.sender.Refused(now, peer, number)
	c.reported()
}

// Super is the host by way of which this one should report; empty: there is none.
func (b *Book) Super() string {
	b.wanted()
	return b.super
}

// elect chooses the super-peer, and lists who is to be talked to for that: it, and those that would be before it if they could be reached.
func (b *Book) elect() (list []*contact) {
	if b.super = ""; b.self.Role == fleet.RoleHub {
		return nil
	}
	hosts := []string{b.self.Peer}
	for _, c := range b.people {
		if c.Relay && !c.listed.IsZero() && b.near(c) {
			hosts = append(hosts, c.Peer)
		}
	}
	for {
		b.super = relay.Elect(b.self.Location, b.self.Peer, hosts)
		c := b.people[b.super]
		if c == nil { // ourselves, or nobody
			return list
		}
		if list = append(list, c); c.connected && !c.silent || !c.connected && c.backoff == 0 {
			return list
		}
		hosts = slices.DeleteFunc(hosts, func(h string) bool { return h == c.Peer })
	}
}
