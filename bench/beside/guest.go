// SPDX-License-Identifier: Apache-2.0

package beside

import (
	"context"
	"crypto/ecdsa"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ebbproject/ebb/agent"
	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/agent/cache"
	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/fleet/bus"
	"github.com/ebbproject/ebb/fleet/client"
	"github.com/ebbproject/ebb/fleet/desired"
	hosts "github.com/ebbproject/ebb/fleet/node"
	letters "github.com/ebbproject/ebb/fleet/relay"
	"github.com/ebbproject/ebb/scheduler"
)

// exchangeWithin bounds one exchange of news, as the daemon does.
const exchangeWithin = 5 * time.Second

// keyDesired is in the keys of records that are documents.
const keyDesired = agent.KeyPrefix + "desired/"

// paused is the reason of a flow that stands still because the operator wants it.
var paused = scheduler.PausedByPolicy.String()

type guest struct {
	number  int
	node    *hosts.Node
	client  *client.Client
	core    *agent.Core   // owned by loop
	seen    *desired.Book // what the core has written down
	events  chan func(now time.Time)
	crowd   *company
	running sync.WaitGroup
	news    sync.Mutex // held by who exchanges news; guards what follows
	bus     *bus.Host
	letter  letters.Sent // the last
}

// company is what the guests of a process have in common.
type company struct {
	ctx    context.Context
	tell   func(Event)
	watch  atomic.Bool
	deaf   atomic.Bool
	mu     sync.Mutex
	byName map[string]*guest
}

// enrol makes a guest.
func (c *company) enrol(s Spec, i int) (*guest, error) {
	e := client.Enrollment{Hub: s.Hub, Token: s.Tokens[i], Location: s.Locations[i%len(s.Locations)],
		State: filepath.Join(s.Dir, fmt.Sprintf("guest%d", s.First+i))}
	n, err := client.Enroll(c.ctx, e)
	if err != nil {
		return nil, err
	}
	g := &guest{number: s.First + i, node: n, events: make(chan func(time.Time), 64), crowd: c}
	if g.client, err = client.New(n); err != nil {
		return nil, err
	}
	ca, ok := n.CA.PublicKey.(*ecdsa.PublicKey)
	if !ok {
		return nil, fmt.Errorf("the CA's key is a %T", n.CA.PublicKey)
	}
	now := time.Now()
	g.seen = desired.NewBook(ca, &n.Identity)
	g.core = agent.New(now, agent.Config{Self: n.Identity, Control: ca, Publishers: n.Publishers, Seed: uint64(now.UnixNano()) + uint64(g.number),
		Limits: cache.Limits{MaxAge: cache.Default().MaxAge}, // with any, a host asks every minute who else holds what it holds
		Held:   func(content.ID) bool { return false }})
	g.core.HubKnown(now, n.Hub)
	c.mu.Lock()
	c.byName[n.Identity.Peer] = g
	c.mu.Unlock()
	return g, nil
}

func (g *guest) tell(what string, text string) {
	g.crowd.tell(Event{What: what, Guest: g.number, At: time.Now(), Text: text})
}

// post sends something to the goroutine that owns the core. It gives up with the company.
func (g *guest) post(f func(now time.Time)) {
	select {
	case g.events <- f:
	case <-g.crowd.ctx.Done():
	}
}

// loop owns the core.
func (g *guest) loop() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case f := <-g.events:
			f(time.Now())
		case <-timer.C:
			g.core.Advance(time.Now())
		case <-g.crowd.ctx.Done():
			g.running.Wait()
			g.ride(nil)
			g.client.Close()
			return
		}
		for {
			a, ok := g.core.Take(time.Now())
			if !ok {
				break
			}
			g.carryOut(a)
		}
		if t := g.core.Deadline(); !t.IsZero() {
			timer.Reset(max(time.Until(t), time.Millisecond))
		}
	}
}

func (g *guest) carryOut(a agent.Action) {
	switch a := a.(type) {
	case agent.Sync:
		g.running.Go(func() { g.exchange(a) })
	case agent.Hand:
		g.running.Go(func() { g.hand(a) })
	case agent.Reply:
		to := g.crowd.named(a.Peer)
		g.running.Go(func() { to.replied(g.node.Identity.Peer, a) })
	case agent.Compare:
		g.running.Go(func() { g.compare(a.Request) })
	case agent.Resolve:
		g.running.Go(func() { g.resolve(a.Ref) })
	case agent.Record:
		g.written(a)
	case agent.Dial:
		g.meet(a.Peer)
	case agent.Reach:
		g.core.NotReached(time.Now(), a.Where)
	case agent.Look:
		g.core.Looked(time.Now(), "a guest has no network")
	}
}

// written looks at what the core writes down: a document must be news.
func (g *guest) written(r agent.Record) {
	if !strings.HasPrefix(r.Key, keyDesired) || r.Value == nil {
		return
	}
	d, err := g.seen.Heard(time.Now(), r.Value)
	if err != nil {
		g.tell(Wrong, fmt.Sprintf("document %d: %v", d.Version, err))
		return
	}
	g.crowd.tell(Event{What: Applied, Guest: g.number, At: time.Now(), Version: d.Version, Idle: g.fetching() == 0})
}

func (g *guest) fetching() (n int) {
	for _, f := range g.core.Flows(time.Now()) {
		if f.State == api.StateFetching && f.Reason != paused {
			n++
		}
	}
	return n
}

// meet lets two guests be in conversation, or one with its hub.
func (g *guest) meet(peer string) {
	now := time.Now()
	if peer == g.node.Hub.Peer {
		g.core.PeerUp(now, fleet.Identity{Fleet: g.node.Identity.Fleet, Role: fleet.RoleHub, Location: g.node.Hub.Location, Peer: peer})
		return
	}
	other := g.crowd.named(peer)
	if other == nil {
		g.core.PeerDown(now, peer)
		return
	}
	g.core.PeerUp(now, other.node.Identity)
	go other.post(func(now time.Time) { other.core.PeerUp(now, g.node.Identity) }) // not here: two that meet would wait for each other
}

// exchange exchanges news with the hub.
func (g *guest) exchange(a agent.Sync) {
	g.news.Lock()
	defer g.news.Unlock()
	r := a.Request
	r.Lan, r.Bus = fmt.Sprintf("127.%d.%d.%d:9", 64+g.number>>16&63, g.number>>8&255, g.number&255), g.bus.Version()
	ctx, cancel := context.WithTimeout(g.crowd.ctx, exchangeWithin)
	defer cancel()
	if a.Through != "" {
		g.write(ctx, a, r)
		return
	}
	g.asks()
	reply, err := g.client.Sync(ctx, r)
	if err != nil {
		g.tell(Failed, err.Error())
		g.post(func(now time.Time) { g.core.SyncFailed(now, scheduler.HubUnreachable, err.Error()) })
		return
	}
	g.heard(reply)
	g.post(func(now time.Time) { g.core.Synced(now, reply) })
}

func (g *guest) compare(r fleet.CopiesRequest) {
	ctx, cancel := context.WithTimeout(g.crowd.ctx, exchangeWithin)
	defer cancel()
	g.asks()
	reply, err := g.client.Copies(ctx, r)
	g.post(func(now time.Time) {
		if err != nil {
			g.core.NotCompared(now)
			return
		}
		g.core.Compared(now, r, reply)
	})
}

// asks tells that the hub is asked something.
func (g *guest) asks() {
	if g.crowd.watch.Load() {
		g.tell(Asked, "")
	}
}

// heard does what the hub's answer asks for. The caller holds news.
func (g *guest) heard(reply fleet.SyncReply) {
	g.ride(reply.Bus)
	if g.crowd.watch.Load() {
		g.tell(Synced, "")
	}
}

// ride joins the bus that the hub tells of, or leaves it.
func (g *guest) ride(b *fleet.Bus) {
	if g.bus != nil && (b == nil || !g.bus.Follows(*b)) {
		g.bus.Close()
		g.bus = nil
	}
	if b == nil || g.bus != nil {
		return
	}
	var err error
	g.bus, err = bus.Join(bus.Options{Self: func() *hosts.Node { return g.node }, Bus: *b, Log: slog.New(slog.DiscardHandler),
		Heard: func(raw []byte) {
			if !g.crowd.deaf.Load() {
				g.post(func(now time.Time) { g.core.Ordered(now, [][]byte{raw}) })
			}
		},
		Up: func() {
			g.tell(Up, "")
			g.post(func(now time.Time) { g.core.BusUp(now) })
		}})
	if err != nil {
		g.tell(Wrong, err.Error())
	}
}

func (g *guest) resolve(ref string) {
	raw, err := g.client.Content(g.crowd.ctx, ref)
	g.post(func(now time.Time) {
		if err != nil {
			g.core.Unresolved(now, ref, scheduler.HubUnreachable, err.Error())
			return
		}
		g.core.Resolved(now, ref, raw)
	})
}

// obey does what the crowd is told.
func (g *guest) obey(o Order) {
	g.post(func(now time.Time) {
		if o.Fetch != "" {
			g.core.Get(now, api.Get{Ref: o.Fetch})
		}
		if o.Ask {
			g.crowd.tell(Event{What: Stands, Guest: g.number, At: now, Version: uint64(g.fetching()), Text: g.seen.Root(g.node.Identity).String()})
		}
	})
}
