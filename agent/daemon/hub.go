// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"time"

	"github.com/ebbproject/ebb/agent"
	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/fleet/client"
	"github.com/ebbproject/ebb/scheduler"
	"github.com/ebbproject/ebb/store"
	"github.com/ebbproject/ebb/store/export"
)

const (
	// syncTimeout bounds one exchange of news with the hub.
	syncTimeout = 5 * time.Second
	// manifestTimeout bounds fetching a manifest, which may have many megabytes and a slow line.
	manifestTimeout = 10 * time.Minute
)

// askHub exchanges news with the hub, one after the other.
func (d *Daemon) askHub() {
	defer d.running.Done()
	defer func() { d.ride(nil) }()
	for {
		select {
		case <-d.toHub.signal:
		case <-d.ctx.Done():
			return
		}
		for _, a := range d.toHub.all() {
			switch a := a.(type) {
			case agent.Sync:
				d.sync(a)
			case agent.Reply:
				d.replied(a)
			}
		}
	}
}

func (d *Daemon) sync(a agent.Sync) {
	r := &a.Request
	r.Lan, r.TLS, r.Bus = d.lan(), d.lanPort(), d.bus.Version()
	if a.Through != "" {
		d.writeLetter(a)
		return
	}
	ctx, cancel := context.WithTimeout(d.ctx, syncTimeout)
	defer cancel()
	reply, err := d.o.Hub.Sync(ctx, *r)
	d.placed(reply)
	if err == nil {
		d.ride(reply.Bus)
	}
	d.do(func(c *agent.Core, now time.Time) {
		if err != nil {
			c.SyncFailed(now, whyNot(err), err.Error())
			if !errors.Is(err, client.ErrUnreachable) {
				c.Misheard()
			}
			return
		}
		reply.Hub = atHub(reply.Hub, d.o.Node.HubAddr)
		c.Synced(now, reply)
	})
}

// compare tells the hub what is held whole here, and asks how that stands in the location.
func (d *Daemon) compare(r fleet.CopiesRequest) {
	ctx, cancel := context.WithTimeout(d.ctx, syncTimeout)
	defer cancel()
	reply, err := d.o.Hub.Copies(ctx, r)
	d.do(func(c *agent.Core, now time.Time) {
		if err != nil {
			c.NotCompared(now)
			return
		}
		c.Compared(now, r, reply)
	})
}

// placed looks at what the hub says of where this host is. A move counts when it was said twice: an address may be between
// two networks for a moment. It runs in the goroutine that asks the hub.
func (d *Daemon) placed(r fleet.SyncReply) {
	if r.Move != "" && r.Move == d.advice.Move && d.o.Moved != nil {
		d.o.Moved()
	}
	if r.Warning != "" && r.Warning != d.advice.Warning {
		d.o.Log.Warn("this host is not where its certificate says", "location", d.o.Node.Identity.Location, "err", r.Warning)
	}
	if r.Twin != "" && d.advice.Twin == "" {
		d.warnOfTwin(r.Twin)
	}
	d.advice = r
	d.advice.Peers = nil
}

func (d *Daemon) warnOfTwin(other string) {
	d.o.Log.Warn("another host reports under this host's identity, such as the clone of a disk; enrol one of the two again: ebb enroll --again",
		"peer", d.o.Node.Identity.Peer, "other", other)
}

// lan is where neighbours reach this host: the address it listens on or, when it listens on all, the one it speaks to
// the hub from.
func (d *Daemon) lan() string {
	addr := d.Addr()
	if !addr.Addr().IsUnspecified() {
		return addr.String()
	}
	probe, err := net.Dial("udp", d.o.Node.HubAddr) // chooses an address and sends nothing
	if err != nil {
		return ""
	}
	defer probe.Close()
	here := probe.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap()
	return netip.AddrPortFrom(here, addr.Port()).String()
}

// atHub fills in the hub's own address where the hub listens on all and cannot tell: it is where we reach it.
func atHub(hub fleet.Member, control string) fleet.Member {
	data, err := netip.ParseAddrPort(hub.Lan)
	if err != nil || !data.Addr().IsUnspecified() {
		return hub
	}
	host, _, err := net.SplitHostPort(control)
	if err != nil {
		return hub
	}
	found, err := net.ResolveUDPAddr("udp", net.JoinHostPort(host, strconv.Itoa(int(data.Port()))))
	if err != nil {
		return hub
	}
	hub.Lan = netip.AddrPortFrom(found.AddrPort().Addr().Unmap(), data.Port()).String()
	hub.Wan = hub.Lan
	return hub
}

// Ordered takes documents of desired state; they may come twice, late or never.
func (d *Daemon) Ordered(raws [][]byte) {
	d.do(func(c *agent.Core, now time.Time) { c.Ordered(now, raws) })
}

// resolve fetches a manifest beside everything else: a large one must not hold up the news.
func (d *Daemon) resolve(ref string) {
	if d.o.Hub == nil {
		d.do(func(c *agent.Core, now time.Time) {
			c.Unresolved(now, ref, scheduler.None, "no content of that name or id was published here")
		})
		return
	}
	ctx, cancel := context.WithTimeout(d.ctx, manifestTimeout)
	defer cancel()
	raw, err := d.o.Hub.Content(ctx, ref)
	d.do(func(c *agent.Core, now time.Time) {
		if err != nil {
			c.Unresolved(now, ref, whyNot(err), err.Error())
			return
		}
		c.Resolved(now, ref, raw)
	})
}

// whyNot is why the hub did not answer; None: it did, and knows nothing.
func whyNot(err error) scheduler.Reason {
	switch {
	case errors.Is(err, client.ErrNotFound):
		return scheduler.None
	case errors.Is(err, client.ErrDenied), errors.Is(err, client.ErrForeign), errors.Is(err, client.ErrExpired):
		return scheduler.HubRefuses
	default:
		return scheduler.HubUnreachable
	}
}

// exports writes contents out, one after the other: the disk is shared with the people at this machine.
func (d *Daemon) exports() {
	defer d.running.Done()
	for {
		select {
		case <-d.toDisk.signal:
		case <-d.ctx.Done():
			return
		}
		for _, x := range d.toDisk.all() {
			d.export(x)
		}
	}
}

func (d *Daemon) export(x agent.Export) {
	err := export.Write(x.Manifest, d.o.Store, x.Out, export.Options{Overwrite: x.Overwrite})
	code, detail := "", ""
	var corrupt *store.CorruptError
	switch {
	case err == nil:
	case errors.As(err, &corrupt):
		code, detail = api.CodeIntegrity, err.Error()
		d.do(func(c *agent.Core, now time.Time) { c.Damaged(now, corrupt.ID) })
	case errors.Is(err, export.ErrExists):
		code, detail = api.CodeExists, err.Error()
	case errors.Is(err, store.ErrNoSpace):
		code, detail = api.CodeNoSpace, err.Error()
	default:
		code, detail = api.CodeInternal, err.Error()
	}
	d.do(func(c *agent.Core, now time.Time) { c.Exported(now, x.Flow, code, detail) })
}

// Observed is where each connected peer is seen from here; the hub tells it to the others.
func (d *Daemon) Observed() map[string]netip.AddrPort {
	seen := map[string]netip.AddrPort{}
	d.ask(func(*agent.Core, time.Time) {
		for name, p := range d.peers {
			seen[name] = p.conn.RemoteAddr()
		}
	})
	return seen
}

// Published tells the daemon of a content that was signed and stored on this very host.
func (d *Daemon) Published(raw []byte) error {
	err := errors.New("the daemon is shutting down")
	d.ask(func(c *agent.Core, now time.Time) { _, err = c.Published(now, raw) })
	return err
}
