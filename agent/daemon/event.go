// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"time"

	"github.com/ebbproject/ebb/agent"
	"github.com/ebbproject/ebb/agent/budget"
	"github.com/ebbproject/ebb/agent/gentle"
	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/transfer"
)

// tell passes on what the session has heard.
func (p *conversation) tell() {
	for {
		e, ok := p.session.Take()
		if !ok {
			return
		}
		switch e := e.(type) {
		case transfer.Received:
			p.received(e)
		case transfer.Served:
			release(e.Data)
			p.released(e.Request)
		case transfer.Canceled:
			release(e.Data)
			p.released(e.Request)
		default:
			p.pass(e)
		}
	}
}

// received hashes a chunk here, in the goroutine of the conversation that brought it, so that several conversations
// hash at once.
func (p *conversation) received(e transfer.Received) {
	x := p.forget(e.Request)
	if x.kind == transfer.KindManifest {
		p.d.do(func(c *agent.Core, now time.Time) { c.ManifestArrived(now, x.fetch, e.Data) })
		return
	}
	a := agent.Arrival{Peer: p.id.Peer, Fetch: x.fetch, ID: x.id, Data: e.Data, Good: content.Sum(e.Data) == x.id, Content: x.of}
	if !a.Good {
		p.d.o.Log.Warn("a peer sent wrong bytes; they are dropped", "peer", p.id.Peer, "location", p.id.Location, "chunk", x.id.Short())
	}
	p.d.do(func(c *agent.Core, now time.Time) { c.Arrived(now, a) })
}

// pass hands an event to the core.
func (p *conversation) pass(e transfer.Event) {
	name := p.id.Peer
	var tell func(*agent.Core, time.Time)
	switch e := e.(type) {
	case transfer.PeerHello:
		tell = func(c *agent.Core, now time.Time) { p.greeted(c, now, e) }
	case transfer.Interested:
		tell = func(c *agent.Core, now time.Time) { c.Interested(now, name, e.Content, e.On) }
	case transfer.PeerHave:
		tell = func(c *agent.Core, now time.Time) { c.PeerHas(now, name, e.Have) }
	case transfer.PeerStand:
		tell = func(c *agent.Core, now time.Time) { c.PeerStands(now, name, e.Stand) }
	case transfer.PeerClaim:
		tell = func(c *agent.Core, now time.Time) { c.PeerClaims(now, name, e.Claim) }
	case transfer.PeerBudget:
		if !p.d.local(p.id) {
			return
		}
		tell = func(_ *agent.Core, now time.Time) {
			p.d.leasing(now, func(s *budget.Share) { s.Deliver(now, name, e.Budget) })
		}
	case transfer.PeerLetter:
		if !p.d.local(p.id) {
			return
		}
		tell = func(c *agent.Core, now time.Time) { p.d.lettered(c, now, name, e.Letter) }
	case transfer.Requested:
		s := agent.Serve{Peer: name, Request: e.Request, Kind: e.Kind, ID: e.ID, Size: e.Size}
		tell = func(c *agent.Core, now time.Time) { c.Requested(now, s, e.Priority) }
	case transfer.Finding:
		tell = func(c *agent.Core, _ time.Time) { c.Finding(name, e.Request, e.Name) }
	case transfer.Found:
		x := p.forget(e.Request)
		tell = func(c *agent.Core, now time.Time) { c.Named(now, name, x.fetch, e.ID) }
	case transfer.Refused:
		x := p.forget(e.Request)
		tell = func(c *agent.Core, now time.Time) { c.Refused(now, name, x.fetch, e.Reason) }
	case transfer.PeerLimit:
		p.obeyLimit(e.Rate)
		return
	case transfer.PeerBye:
		p.died = e.Reason == transfer.ByeShuttingDown
		p.leave(transfer.ByeIdle)
		return
	case transfer.PingTimeout:
		p.leave(transfer.ByeIdle)
		return
	default: // Stalled: the scheduler watches progress itself
		return
	}
	p.d.do(tell)
}

// greeted: the session is open; only now does the core hear of the peer.
func (p *conversation) greeted(c *agent.Core, now time.Time, e transfer.PeerHello) {
	if p.d.peers[p.id.Peer] != p {
		return // replaced meanwhile
	}
	if p.id.Role == fleet.RoleHub && e.Hello.Observed.IsValid() {
		p.d.observed = e.Hello.Observed
	}
	// What was said to an earlier conversation, or for this one before its hello, the peer does not know: the first fetch says it anew.
	p.d.sharing(p.id, func(s *gentle.Shares) { s.Lost(p.id.Peer) })
	p.d.partakes(now, p.id, e.Capabilities)
	c.PeerUp(now, p.id)
}
