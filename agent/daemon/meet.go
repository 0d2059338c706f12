// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"context"
	"net"
	"net/netip"
	"time"

	"github.com/ebbproject/ebb/agent"
	"github.com/ebbproject/ebb/agent/budget"
	"github.com/ebbproject/ebb/agent/gentle"
	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/transfer"
	"github.com/ebbproject/ebb/transfer/carrier"
)

// dial is called by the goroutine that owns the core.
func (d *Daemon) dial(a agent.Dial) {
	ctx, cancel := context.WithTimeout(d.ctx, dialTimeout)
	d.dials[a.Peer] = cancel
	fast := d.fast(time.Now(), a)
	d.running.Go(func() {
		conn, err := d.reach(ctx, a, fast)
		cancel()
		d.do(func(*agent.Core, time.Time) { delete(d.dials, a.Peer) })
		if err != nil {
			d.o.Log.Debug("peer not reached; it is tried again", "peer", a.Peer, "addr", a.Addr, "err", err)
			d.do(func(c *agent.Core, now time.Time) { d.missed(c, now, a.Peer) })
			return
		}
		d.met(conn, meeting{expected: a.Peer})
	})
}

// meeting is how we come to a connection: not at all, if a peer dialled us.
type meeting struct {
	expected string // whom we dialled
	where    string // or the address, if nobody had said who is there
	addr     netip.AddrPort
	tls      uint16
}

// missed tells the core that a peer was not met where it was expected; we may be in conversation with it nevertheless.
func (d *Daemon) missed(c *agent.Core, now time.Time, name string) {
	if d.peers[name] == nil {
		c.PeerDown(now, name)
		return
	}
	c.PeerNotReached(now, name)
}

func (d *Daemon) accept() {
	defer d.running.Done()
	for {
		conn, err := d.endpoint.Accept(d.ctx)
		if err != nil {
			if d.ctx.Err() != nil {
				return
			}
			d.o.Log.Debug("a peer did not get in", "err", err)
			continue
		}
		d.met(conn, meeting{})
	}
}

// met begins the conversation with whoever the certificate says is there, unless we are in one already.
func (d *Daemon) met(conn connection, m meeting) {
	id, err := fleet.IdentityOf(conn.PeerCertificate())
	if err != nil || id.Peer == d.o.Node.Identity.Peer {
		from := conn.RemoteAddr().Addr()
		conn.Close()
		d.do(func(c *agent.Core, now time.Time) {
			d.found(c, now, m, id)
			if id.Peer != "" && from != d.observed.Addr() && !ownAddress(from) && c.TwinMet(now, from) {
				d.warnOfTwin(from.String())
			}
		})
		return
	}
	p := newConversation(d, conn, id, m != meeting{})
	d.do(func(c *agent.Core, now time.Time) {
		d.found(c, now, m, id)
		old := d.peers[id.Peer]
		if old != nil && (d.keeps(old, p) || d.rivals(c, now, old, p)) {
			d.running.Go(func() { conn.Close() })
			c.PeerNotReached(now, id.Peer)
			return
		}
		if old != nil {
			old.mail.put(end{transfer.ByeReplaced})
			d.leasing(now, func(s *budget.Share) { s.Left(now, id.Peer) })
			c.PeerDown(now, id.Peer)
		}
		d.peers[id.Peer] = p
		d.running.Add(1)
		go p.run()
	})
	if d.ctx.Err() != nil {
		conn.Close()
	}
}

// keeps decides between two connections to the same host so that both ends decide alike: when both dialled at the
// same time, the one over TCP stays, and of two alike the one that the smaller name dialled; otherwise the newer one, because
// whoever dials again has lost the old one.
func (d *Daemon) keeps(old, fresh *conversation) bool {
	if old.dialled == fresh.dialled || time.Since(old.since) > settle {
		return false
	}
	if carriedBy(old.conn) != carriedBy(fresh.conn) {
		return carriedBy(old.conn) == CarrierTLS
	}
	return old.dialled == (d.o.Node.Identity.Peer < old.id.Peer)
}

// rivals reports whether two hosts with one identity drive each other out, so that the conversation there is stays. It says so once.
func (d *Daemon) rivals(c *agent.Core, now time.Time, old, fresh *conversation) bool {
	keep, trouble := c.Returned(now, old.id.Peer, fresh.conn.RemoteAddr().Addr(), old.conn.RemoteAddr().Addr())
	if trouble != "" {
		d.o.Log.Warn(trouble, "peer", old.id.Peer, "location", old.id.Location)
	}
	return keep
}

// ownAddress reports whether an address is one of this machine.
func ownAddress(addr netip.Addr) bool {
	all, err := net.InterfaceAddrs()
	if err != nil || addr.IsLoopback() {
		return true // not to be told
	}
	for _, a := range all {
		if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr() == addr.WithZone("") {
			return true
		}
	}
	return false
}

// ended is told when a conversation is over. It runs in the goroutine that owns the core.
func (d *Daemon) ended(c *agent.Core, now time.Time, p *conversation) {
	if d.peers[p.id.Peer] != p {
		return // replaced by a newer one
	}
	delete(d.peers, p.id.Peer)
	d.sharing(p.id, func(s *gentle.Shares) { s.Lost(p.id.Peer) })
	d.leasing(now, func(s *budget.Share) { s.Left(now, p.id.Peer) })
	if p.died {
		c.PeerDied(now, p.id.Peer)
		return
	}
	c.PeerDown(now, p.id.Peer)
}

// count adds what went over a conversation since it was last asked.
func (d *Daemon) count(id fleet.Identity, received, sent int64, st carrier.Stats) {
	t := d.totals[id.Peer]
	if t == nil {
		t = &totals{}
		d.totals[id.Peer] = t
	}
	t.received += received
	t.sent += sent
	t.stats, t.location = st, id.Location
	if sent > 0 {
		t.sentAt = time.Now()
	}
	d.sent += sent
	switch {
	case id.Role == fleet.RoleHub:
		d.counted.Origin += received
	case id.Location == d.o.Node.Identity.Location:
		d.counted.LAN += received
	default:
		d.counted.WAN += received
	}
}
