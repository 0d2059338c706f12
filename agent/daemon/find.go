// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"time"

	"github.com/ebbproject/ebb/agent"
	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/agent/discovery"
	"github.com/ebbproject/ebb/agent/discovery/dnssd"
	"github.com/ebbproject/ebb/fleet"
)

// presence is what this host answers to neighbours that ask who is there, and what it asks them.
type presence struct {
	responder *dnssd.Responder // nil: it answers nobody
	question  dnssd.Question
	deaf      string // why it answers nobody
	problem   string // as last logged; owned by the look under way
}

// announce begins to answer, if that is wanted.
func (d *Daemon) announce() {
	if !d.o.Multicast {
		return
	}
	key := d.o.Node.CA.RawSubjectPublicKeyInfo
	d.presence.question = dnssd.Question{Key: key, Listen: d.Addr().Addr()}
	r, err := dnssd.Respond(dnssd.Config{Key: key, Listen: d.Addr(), TLS: d.lanPort()})
	if err != nil {
		d.presence.deaf = err.Error()
		d.o.Log.Debug("neighbours that ask who is there get no answer", "err", err)
		return
	}
	d.presence.responder, d.presence.question.Not = r, r.Name()
}

func (d *Daemon) closePresence() error {
	if d.presence.responder == nil {
		return nil
	}
	return d.presence.responder.Close()
}

// look asks the own network who of the fleet is there.
func (d *Daemon) look() {
	err := dnssd.Ask(d.ctx, d.presence.question, func(h discovery.Hint) {
		d.do(func(c *agent.Core, now time.Time) {
			if !d.speaksWith(h.Addr) {
				c.Heard(now, h)
			}
		})
	})
	problem := ""
	if err != nil {
		problem = err.Error()
	}
	if problem != d.presence.problem {
		d.o.Log.Debug("asking the own network", "err", problem)
	}
	d.presence.problem = problem
	d.do(func(c *agent.Core, now time.Time) { c.Looked(now, problem) })
}

// speaksWith reports whether there is a conversation with whoever is at an address. One that came over TCP does not show the port where
// the peer listens.
func (d *Daemon) speaksWith(addr netip.AddrPort) bool {
	for _, p := range d.peers {
		at := p.conn.RemoteAddr()
		if at == addr || carriedBy(p.conn) == CarrierTLS && at.Addr() == addr.Addr() {
			return true
		}
	}
	return false
}

// reachOut is called by the goroutine that owns the core.
func (d *Daemon) reachOut(a agent.Reach) {
	d.running.Go(func() {
		ctx, cancel := context.WithTimeout(d.ctx, dialTimeout)
		defer cancel()
		to := agent.Dial{TLS: a.TLS}
		var err error
		if to.Addr, err = resolve(ctx, a.Where); err == nil {
			var fast netip.AddrPort
			d.ask(func(_ *agent.Core, now time.Time) { fast = d.fast(now, to) })
			var conn connection
			if conn, err = d.reach(ctx, to, fast); err == nil {
				d.met(conn, meeting{where: a.Where, addr: to.Addr, tls: a.TLS})
				return
			}
		}
		d.o.Log.Debug("nobody of the fleet reached", "addr", a.Where, "err", err)
		d.do(func(c *agent.Core, now time.Time) { c.NotReached(now, a.Where) })
	})
}

// resolve finds the address of a host and port.
func resolve(ctx context.Context, where string) (netip.AddrPort, error) {
	if addr, err := netip.ParseAddrPort(where); err == nil {
		return addr, nil
	}
	host, service, err := net.SplitHostPort(where)
	if err != nil {
		return netip.AddrPort{}, err
	}
	port, err := strconv.ParseUint(service, 10, 16)
	if err != nil {
		return netip.AddrPort{}, err
	}
	found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return netip.AddrPort{}, err
	}
	if len(found) == 0 {
		return netip.AddrPort{}, fmt.Errorf("%s has no address", host)
	}
	return netip.AddrPortFrom(found[0].Unmap(), uint16(port)), nil
}

// found tells the core who was met where; nobody: the certificate names none, or another than was expected.
func (d *Daemon) found(c *agent.Core, now time.Time, m meeting, id fleet.Identity) {
	switch {
	case m.where != "" && id.Peer == "":
		c.NotReached(now, m.where)
	case m.where != "":
		c.Reached(now, m.where, fleet.Member{Peer: id.Peer, Role: id.Role, Location: id.Location, Lan: m.addr.String(), TLS: m.tls})
	case m.expected != "" && m.expected != id.Peer: // another host has the address now
		d.missed(c, now, m.expected)
	}
}

// discovery is for the status.
func (d *Daemon) discovery(c *agent.Core) api.Discovery {
	v := c.Discovery()
	if v.Problem == "" {
		v.Problem = d.presence.deaf
	}
	return v
}
