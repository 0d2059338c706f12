// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"context"
	"crypto/ecdsa"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ebbproject/ebb/agent"
	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/agent/budget"
	"github.com/ebbproject/ebb/agent/cache"
	"github.com/ebbproject/ebb/agent/discovery"
	"github.com/ebbproject/ebb/agent/gentle"
	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/fleet/bus"
	"github.com/ebbproject/ebb/fleet/node"
	"github.com/ebbproject/ebb/fleet/pulse"
	"github.com/ebbproject/ebb/ledbat"
	"github.com/ebbproject/ebb/ledbat/harm"
	"github.com/ebbproject/ebb/store"
	"github.com/ebbproject/ebb/transfer"
	"github.com/ebbproject/ebb/transfer/carrier"
	"github.com/ebbproject/ebb/transfer/lan"
	"github.com/ebbproject/ebb/transfer/udp"
)

// Memory of one conversation.
const (
	inboxBytes = 24 << 20 // of incomplete chunks
	serveBytes = 8 << 20  // of chunks read for the peer
)

// dialTimeout bounds one attempt to reach a peer.
const dialTimeout = 10 * time.Second

// settle is how long two hosts that dialled each other at once may both insist; after it a new connection from a peer
// always means that its old one is dead.
const settle = 10 * time.Second

// Hub is what the daemon asks of its control plane.
type Hub interface {
	Sync(ctx context.Context, r fleet.SyncRequest) (fleet.SyncReply, error)
	Content(ctx context.Context, ref string) ([]byte, error)
	Copies(ctx context.Context, r fleet.CopiesRequest) (fleet.CopiesReply, error)
	Post
}

// Options of a daemon. Node, Store, Socket and Log are required; Hub is nil on the hub itself.
type Options struct {
	Node        *node.Node
	Store       *store.Store
	Socket      udp.Socket // owned by the daemon from Start on
	Hub         Hub
	Log         *slog.Logger
	Version     string
	Console     string       // where the hub's console is; empty: there is none
	MaxInFlight int64        // bytes of chunks under way; 0: the scheduler's default
	Limits      cache.Limits // of what is kept; zero: none
	Controller  string       // of congestion towards other locations, one of ledbat.Names; empty: the carrier's default
	Carrier     string       // between hosts of this location, CarrierTLS or CarrierUDP; empty: the first
	Gentle      gentle.Policy
	Budget      budget.Config        // of the location; zero: none
	Own         []string             // settings that the owner gave, as package agent/policy names them
	Weight      *int                 // as in agent.Config
	Sense       func() gentle.Sample // reads the sensors that Gentle watches; nil: there are none
	Multicast   bool                 // whether neighbours are found by multicast while the hub is away
	Static      []string             // host:port of others that are tried when neighbours are lacking
	Anew        func()               // told when a policy says something that only another daemon can obey; nil: nobody
	Moved       func()               // told when the hub sees this host in another location than its certificate says; nil: nobody
}

// Daemon is a running endpoint.
type Daemon struct {
	o        Options
	endpoint *carrier.Endpoint
	near     *lan.Endpoint // nil: neighbours are reached as all others are
	presence presence
	started  time.Time
	ctx      context.Context
	cancel   context.CancelFunc
	running  sync.WaitGroup

	events  chan func(*agent.Core, time.Time)
	toWrite *mailbox[agent.Store]
	toEvict *mailbox[agent.Evict]
	floor   atomic.Int64 // bytes of the volume that stay free, whatever is to be written
	toRead  *mailbox[agent.Serve]
	toHub   *mailbox[any] // agent.Sync and agent.Reply
	toDisk  *mailbox[agent.Export]
	trials  *trials
	groups  *carrier.Groups // what goes to other locations
	caps    caps
	leases  leases
	moved   *mailbox[agent.Movement]
	core    *agent.Core // loop's, and Close's after loop has ended

	advice fleet.SyncReply // the last one, without its lists; owned by askHub
	bus    *bus.Host       // nil: none; owned by askHub

	written written // owned by askHub

	node atomic.Pointer[node.Node] // as the host is enrolled now

	// Owned by loop.
	peers    map[string]*conversation
	dials    map[string]context.CancelFunc // under way
	totals   map[string]*totals
	detours  detours
	observed netip.AddrPort // our own address as the hub sees it
	counted  api.Sources
	sent     int64
	heard    uint64 // number of our last letter that was answered
}

// totals is what went to and came from one peer since the start, over all its connections.
type totals struct {
	received, sent int64
	stats          carrier.Stats
	location       string
	sentAt         time.Time // when something was last sent
}

// Start opens the data plane and begins to work off what the journal remembers. It returns at once; Close ends it.
func Start(o Options) (*Daemon, error) {
	if o.Carrier == "" || o.Node.Identity.Role == fleet.RoleHub {
		o.Carrier = defaultCarrier(o.Node.Identity.Role)
	}
	if o.Controller == "" {
		o.Controller = ledbat.DefaultName
	}
	groups, controller, err := controllers(o.Node.Identity, o.Controller)
	if err != nil {
		return nil, err
	}
	endpoint, err := carrier.Listen(carrier.Config{
		Socket: o.Socket, Certificate: o.Node.Certificate, Roots: o.Node.Roots, Verify: verifier(o.Node.Identity), Controller: controller,
	})
	if err != nil {
		return nil, err
	}
	d := &Daemon{o: o, endpoint: endpoint, near: o.listenLan(), started: time.Now(), detours: detours{},
		events:  make(chan func(*agent.Core, time.Time), 1024),
		toWrite: newMailbox[agent.Store](), toEvict: newMailbox[agent.Evict](), toRead: newMailbox[agent.Serve](), toHub: newMailbox[any](),
		toDisk: newMailbox[agent.Export](), peers: map[string]*conversation{}, totals: map[string]*totals{},
		dials: map[string]context.CancelFunc{}, trials: newTrials(harm.Config{}), caps: newCaps(o.Gentle.Rates), moved: newMailbox[agent.Movement](),
		groups: groups}
	d.node.Store(o.Node)
	d.ctx, d.cancel = context.WithCancel(context.Background())
	core, err := d.restore()
	if err == nil {
		err = d.lease(d.started)
	}
	if err != nil {
		d.cancel()
		return nil, errors.Join(err, d.closePlane())
	}
	d.bound()
	d.core = core
	d.announce()
	d.running.Add(5 + readers)
	go d.loop(core)
	go d.accept()
	if d.near != nil {
		d.running.Go(d.acceptNear)
	}
	go d.write()
	go d.askHub()
	go d.exports()
	for range readers {
		go d.read()
	}
	d.running.Go(func() { d.trials.run(d.ctx) })
	if o.Sense != nil && o.Gentle.Watches() {
		d.running.Go(d.sense)
	}
	d.running.Go(d.watchVolume)
	return d, nil
}

// verifier accepts hosts of our own fleet.
func verifier(self fleet.Identity) func(*x509.Certificate) error {
	return func(c *x509.Certificate) error {
		id, err := fleet.IdentityOf(c)
		if err != nil {
			return err
		}
		if id.Fleet != self.Fleet {
			return fmt.Errorf("%s is of fleet %s, not of %s", id.Peer, id.Fleet, self.Fleet)
		}
		return nil
	}
}

func (d *Daemon) restore() (*agent.Core, error) {
	records := map[string][]byte{}
	err := d.o.Store.Scan(agent.KeyPrefix, func(key string, value []byte) bool {
		records[key] = slices.Clone(value)
		return true
	})
	if err != nil {
		return nil, err
	}
	n := d.o.Node
	control, ok := n.CA.PublicKey.(*ecdsa.PublicKey)
	if !ok {
		return nil, fmt.Errorf("the CA's key is a %T, not an ECDSA key", n.CA.PublicKey)
	}
	free, total := d.volume()
	core := agent.New(d.started, agent.Config{Self: n.Identity, Control: control, Publishers: n.Publishers, Seed: uint64(d.started.UnixNano()),
		MaxInFlight: d.o.MaxInFlight, Budget: d.o.Budget, Own: d.o.Own, Held: d.o.Store.Has, Gentle: d.o.Gentle, Weight: d.o.Weight,
		Limits: d.o.Limits, Zone: time.Local, Free: free, Total: total,
		Stored: func() int64 { return d.o.Store.Stats().Bytes }, Discovery: discovery.Config{Static: d.o.Static, Multicast: d.o.Multicast}})
	if n.Hub.Peer != "" {
		core.HubKnown(d.started, atHub(n.Hub, n.HubAddr))
	}
	for _, err := range core.Restore(d.started, records) {
		d.o.Log.Warn("left out of the journal", "err", err)
	}
	d.floor.Store(core.Floor())
	d.o.Budget = core.Settings().Budget
	return core, core.Found(d.o.Store.Each)
}

// Addr is the address of the data plane.
func (d *Daemon) Addr() netip.AddrPort { return d.endpoint.Addr() }

// Close ends every conversation with a goodbye and waits until all goroutines are gone. The store stays open.
func (d *Daemon) Close() error {
	d.cancel()
	d.running.Wait()
	return errors.Join(d.closeBooks(), d.closePresence(), d.closePlane())
}

func (d *Daemon) closePlane() error {
	if d.near == nil {
		return d.endpoint.Close()
	}
	return errors.Join(d.near.Close(), d.endpoint.Close())
}

// do sends a function to the goroutine that owns the core. After Close it does nothing.
func (d *Daemon) do(f func(*agent.Core, time.Time)) {
	select {
	case d.events <- f:
	case <-d.ctx.Done():
	}
}

// ask runs f with the core and waits for it; false when the daemon has been closed.
func (d *Daemon) ask(f func(*agent.Core, time.Time)) bool {
	done := make(chan struct{})
	d.do(func(c *agent.Core, now time.Time) {
		defer close(done)
		f(c, now)
	})
	select {
	case <-done:
		return true
	case <-d.ctx.Done():
		return false
	}
}

// loop owns the core.
func (d *Daemon) loop(core *agent.Core) {
	defer d.running.Done()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case f := <-d.events:
			f(core, time.Now())
			d.drain(core)
		case <-timer.C:
			core.Advance(time.Now())
		case <-d.ctx.Done():
			return
		}
		d.renew(time.Now())
		d.obey(core)
		if t := d.deadline(core); !t.IsZero() {
			timer.Reset(max(time.Until(t), time.Millisecond))
		}
	}
}

// drain takes what else has happened, within bounds, before anything is done about it.
func (d *Daemon) drain(core *agent.Core) {
	for range cap(d.events) / 4 {
		select {
		case f := <-d.events:
			f(core, time.Now())
		default:
			return
		}
	}
}

// obey carries out what the core wants. Records are durable before what follows them is done.
func (d *Daemon) obey(core *agent.Core) {
	var records []store.Record
	for {
		a, ok := core.Take(time.Now())
		if r, is := a.(agent.Record); ok && is {
			records = append(records, store.Record{Key: r.Key, Value: r.Value})
			continue
		}
		if len(records) > 0 {
			if err := d.o.Store.Record(records...); err != nil {
				d.o.Log.Error("the journal cannot be written; after a restart this host may have forgotten its last orders", "err", err)
			}
			records = nil
		}
		if !ok {
			return
		}
		d.carryOut(core, a)
	}
}

func (d *Daemon) carryOut(core *agent.Core, a agent.Action) {
	switch a := a.(type) {
	case agent.Dial:
		d.dial(a)
	case agent.Look:
		d.running.Go(d.look)
	case agent.Reach:
		d.reachOut(a)
	case agent.Hangup:
		if p := d.peers[a.Peer]; p != nil {
			p.mail.put(end{transfer.ByeDone})
		}
	case agent.Store:
		d.toWrite.put(a)
	case agent.Evict:
		d.toEvict.put(a)
	case agent.Serve:
		d.toRead.put(a)
	case agent.Sync:
		a.Request.Ways = d.ways(time.Now(), pulse.MaxWays)
		d.toHub.put(a)
	case agent.Apply:
		d.apply(time.Now(), a.Settings)
	case agent.Compare:
		d.running.Go(func() { d.compare(a.Request) })
	case agent.Resolve:
		d.running.Go(func() { d.resolve(a.Ref) })
	case agent.Export:
		d.toDisk.put(a)
	case agent.Fetch:
		d.fetch(a)
	case agent.Ask:
		d.toPeer(a.Peer, a)
	case agent.Cancel:
		d.toPeer(a.Peer, a)
	case agent.Follow:
		d.toPeer(a.Peer, a)
	case agent.Announce:
		d.toPeer(a.Peer, a)
	case agent.Stand:
		d.toPeer(a.Peer, a)
	case agent.Claim:
		d.toPeer(a.Peer, a)
	case agent.Decline:
		d.toPeer(a.Peer, a)
	case agent.Hand:
		d.running.Go(func() { d.hand(a) })
	case agent.Reply:
		d.reply(a)
	case agent.Tell:
		d.toPeer(a.Peer, a)
	}
}

// toPeer is called by the goroutine that owns the core.
func (d *Daemon) toPeer(name string, m any) {
	if p := d.peers[name]; p != nil {
		p.mail.put(m)
	}
}
