// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"context"
	"net/netip"
	"time"

	"github.com/ebbproject/ebb/agent"
	"github.com/ebbproject/ebb/transfer/carrier"
	"github.com/ebbproject/ebb/transfer/lan"
)

const (
	// lanWithin is how long TCP has to reach a neighbour before UDP is tried: a handshake takes a few milliseconds, on a busy host more.
	lanWithin = 1500 * time.Millisecond
	// lanAgain is how long UDP alone is used after TCP did not get through where UDP did.
	lanAgain = 10 * time.Minute
)

// detours knows the neighbours that TCP does not reach though UDP does, as behind a firewall that only knows of the one. The goroutine that
// owns the core owns it.
type detours map[netip.AddrPort]time.Time // until when

// took says that UDP got through where TCP had not.
func (x detours) took(now time.Time, addr netip.AddrPort) {
	for a, until := range x {
		if !now.Before(until) {
			delete(x, a)
		}
	}
	x[addr] = now.Add(lanAgain)
}

// past reports whether TCP is not to be tried there now.
func (x detours) past(now time.Time, addr netip.AddrPort) bool { return now.Before(x[addr]) }

// listenLan opens the carrier for neighbours, at the number of the UDP port if that is free. Without it all goes over UDP.
func (o Options) listenLan() *lan.Endpoint {
	if o.Carrier == CarrierUDP {
		return nil
	}
	c := lan.Config{Address: o.Socket.LocalAddr(),
		Trust: carrier.Trust{Certificate: o.Node.Certificate, Roots: o.Node.Roots, Verify: verifier(o.Node.Identity)}}
	e, err := lan.Listen(c)
	if err != nil {
		c.Address = netip.AddrPortFrom(c.Address.Addr(), 0)
		o.Log.Warn("the TCP port is taken; neighbours are told another one", "port", o.Socket.LocalAddr().Port(), "err", err)
		e, err = lan.Listen(c)
	}
	if err != nil {
		o.Log.Warn("neighbours are reached over UDP only", "err", err)
		return nil
	}
	return e
}

// lanPort is what neighbours are told; 0: they use UDP.
func (d *Daemon) lanPort() uint16 {
	if d.near == nil {
		return 0
	}
	return d.near.Addr().Port()
}

// fast is where TCP is to be tried first; not valid: nowhere. The goroutine that owns the core calls it.
func (d *Daemon) fast(now time.Time, a agent.Dial) netip.AddrPort {
	if d.near == nil || a.TLS == 0 {
		return netip.AddrPort{}
	}
	addr := netip.AddrPortFrom(a.Addr.Addr(), a.TLS)
	if d.detours.past(now, addr) {
		return netip.AddrPort{}
	}
	return addr
}

// reach connects with a peer: over TCP if that is fast, else over UDP.
func (d *Daemon) reach(ctx context.Context, a agent.Dial, fast netip.AddrPort) (connection, error) {
	if fast.IsValid() {
		short, cancel := context.WithTimeout(ctx, lanWithin)
		conn, err := d.near.Dial(short, fast)
		cancel()
		if err == nil {
			return conn, nil
		}
		d.o.Log.Debug("neighbour not reached over TCP; UDP is tried", "peer", a.Peer, "addr", fast, "err", err)
	}
	conn, err := d.endpoint.Dial(ctx, a.Addr)
	if err != nil {
		return nil, err
	}
	if fast.IsValid() {
		d.do(func(_ *agent.Core, now time.Time) { d.detours.took(now, fast) })
	}
	return conn, nil
}

// acceptNear takes in the neighbours that come over TCP.
func (d *Daemon) acceptNear() {
	for {
		conn, err := d.near.Accept(d.ctx)
		if err != nil {
			return // closed
		}
		d.met(conn, meeting{})
	}
}
