// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/ebbproject/ebb/agent/budget"
	"github.com/ebbproject/ebb/agent/cache"
	"github.com/ebbproject/ebb/agent/discovery"
	"github.com/ebbproject/ebb/agent/gentle"
	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/fleet/desired"
	"github.com/ebbproject/ebb/fleet/ledger"
	"github.com/ebbproject/ebb/fleet/relay"
	"github.com/ebbproject/ebb/scheduler"
	"github.com/ebbproject/ebb/transfer"
)

// Config is what the edge decides. Self, Publishers and Held are required.
type Config struct {
	Self        fleet.Identity
	Control     *ecdsa.PublicKey      // of the fleet's CA, which signs orders
	Publishers  []ed25519.PublicKey   // whose contents are accepted
	Seed        uint64                // of jitter
	MaxInFlight int64                 // bytes of chunks asked for and not yet on disk; 0: the scheduler's default
	Weight      *int                  // in the line of those that fetch for the location, 0 to lease.MaxWeight; nil: by what is sensed, at first a wired host's
	Held        func(content.ID) bool // whether a chunk is on disk
	Gentle      gentle.Policy         // whether, whom and how fast to serve
	Stored      func() int64          // bytes of chunks on disk; nil: not counted
	Limits      cache.Limits          // of what is kept
	Budget      budget.Config         // of the location; where there is one, conversations with neighbours are kept although no flow needs them
	Own         []string              // settings that the owner gave, as package policy names them
	Zone        *time.Location        // of the windows of flows; nil: UTC
	Free, Total int64                 // bytes of the volume at the start; Total 0: not known
	Discovery   discovery.Config      // how neighbours are found without the hub; its Seed is the core's
}

// Core is the endpoint's mind; see the package comment. It is owned by one goroutine.
type Core struct {
	cfg          Config
	rnd          *rand.Rand
	sched        *scheduler.Scheduler
	book         *Book
	finder       *discovery.Finder
	rivals       rivals
	twin         string // where a host with our own identity was met, ...
	twinUntil    time.Time
	door         *gentle.Door
	desk         *Desk
	herald       Herald
	busy         busy
	keeper       *cache.Keeper
	strays       strays
	copies       copies
	shelfSaved   time.Duration // when ages were last written down, on the keeper's clock
	peers        map[string]*peer
	holdings     map[content.ID]*holding
	names        *fleet.Catalogue // what each name stands for, which never goes back
	flows        map[string]*flow
	orders       orders
	place        place
	order        []string // of flows, as they were asked for
	ledger       *ledger.Book
	epochSaved   bool
	counts       figures
	asks         map[uint64]ask // questions about names and manifests under way
	asked        uint64         // last number of an ask
	hub          hubView
	reports      reports
	out          []Action
	savedMembers []byte // as last written
}

// New is a core that knows nothing yet; the edge tells it what the journal remembers with Restore.
func New(now time.Time, c Config) *Core {
	sc := scheduler.Default(scheduler.PeerID(c.Self.Peer))
	sc.Seed = c.Seed
	if c.MaxInFlight > 0 {
		sc.MaxInFlight = c.MaxInFlight
	}
	if c.Weight != nil {
		sc.Weight = *c.Weight
	}
	c.Discovery.Seed = c.Seed
	core := &Core{
		cfg: c, rnd: rand.New(rand.NewPCG(c.Seed, 0x636f7265)),
		sched: scheduler.New(now, sc), book: NewBook(c.Self, c.Seed), finder: discovery.New(c.Discovery), rivals: rivals{}, herald: Herald{Self: c.Self.Peer}, door: gentle.NewDoor(c.Gentle), desk: NewDesk(),
		busy: busy{}, keeper: cache.NewKeeper(c.Limits), strays: strays{gone: map[content.ID]bool{}},
		copies: copies{tried: map[content.ID]time.Time{}}, ledger: newLedger(c.Seed), counts: newFigures(),
		peers: map[string]*peer{}, holdings: map[content.ID]*holding{}, names: fleet.NewCatalogue(),
		flows: map[string]*flow{}, asks: map[uint64]ask{},
		orders: orders{book: desired.NewBook(c.Control, &c.Self), settings: c.settings()},
		hub:    hubView{nextSync: now, said: map[content.ID]bool{}}, reports: reports{gatherer: relay.NewGatherer(c.Seed)},
	}
	core.book.keeps = c.Budget.Any()
	core.sched.LocationKnown(now, true) // until the hub has said otherwise
	if c.Total > 0 {
		core.keeper.Measured(now, c.Free, c.Total, core.stored())
	}
	return core
}

func (c *Core) do(a Action) { c.out = append(c.out, a) }

func (c *Core) String() string {
	return fmt.Sprintf("core peers=%d flows=%d contents=%d asks=%d %v", len(c.peers), len(c.flows), len(c.holdings),
		len(c.asks), c.sched)
}

// Advance lets time pass.
func (c *Core) Advance(now time.Time) {
	c.sched.Advance(now)
	c.resolveAgain(now)
	c.announceLate(now)
	c.keepHours(now)
	c.ordersIfDue(now)
	c.compareIfDue(now)
	c.reportsDue(now)
	c.syncIfDue(now)
}

// Deadline is when Advance must be called at the latest; zero: never.
func (c *Core) Deadline() time.Time {
	first := c.hub.nextSync
	for _, t := range []time.Time{c.sched.Deadline(), c.book.Deadline(), c.herald.Deadline(), c.nextResolve(), c.nextHours(), c.orders.change,
		c.nextCompare(), c.keeper.Deadline(), c.finder.Deadline(), c.reports.sender.Deadline(), c.reports.gatherer.Deadline()} {
		if !t.IsZero() && t.Before(first) {
			first = t
		}
	}
	return first
}

// Take returns the next thing to do.
func (c *Core) Take(now time.Time) (Action, bool) {
	c.book.Active(now, c.active())
	if len(c.out) == 0 {
		c.tidy(now)
	}
	for len(c.out) == 0 {
		if a, ok := c.sched.Take(now); ok {
			c.scheduled(now, a)
			continue
		}
		if a, ok := c.desk.Take(); ok {
			return a, true
		}
		if a, ok := c.book.Take(now); ok {
			return a, true
		}
		return c.seek(now)
	}
	a := c.out[0]
	c.out[0] = nil
	c.out = c.out[1:]
	return a, true
}

// scheduled turns what the scheduler decided into something for the edge.
func (c *Core) scheduled(now time.Time, a scheduler.Action) {
	switch a := a.(type) {
	case scheduler.Fetch:
		c.do(Fetch{Peer: string(a.Peer), Fetch: a.Request, Kind: transfer.KindChunk, ID: a.Chunk.ID, Size: a.Chunk.Size,
			Priority: wirePriority(a.Priority), Content: a.Content})
	case scheduler.Cancel:
		c.do(Cancel{Peer: string(a.Peer), Fetch: a.Request})
	case scheduler.Ban:
		c.book.Banned(string(a.Peer), a.Until)
		c.do(Hangup{Peer: string(a.Peer)})
	case scheduler.Done:
		c.chunksComplete(now, a.Content)
	case scheduler.Say:
		c.do(claimTo(a))
	case scheduler.Stand:
		c.do(standTo(a))
	}
}

// wirePriority folds a flow's priority into the wire's octet, 100 being ordinary.
func wirePriority(p int) uint8 { return uint8(min(max(100+p, 0), 255)) }

// Interested: a peer wants to hear what we hold of a content, or no longer.
func (c *Core) Interested(now time.Time, name string, id content.ID, on bool) {
	p := c.peers[name]
	if p == nil {
		return
	}
	if !on {
		delete(p.follows, id)
		c.sched.PeerWants(now, scheduler.PeerID(name), id, false)
		return
	}
	p.follows[id] = true
	c.book.Used(now, name)
	c.sched.PeerWants(now, scheduler.PeerID(name), id, true)
	if h := c.holdings[id]; h != nil {
		c.announceAll(name, h)
	}
}

// follow asks a peer for news of a content, or for no more of them.
func (c *Core) follow(name string, id content.ID, on bool) {
	c.do(Follow{Peer: name, Content: id, Chunks: uint32(len(c.holdings[id].chunks)), On: on})
}

func (c *Core) announceAll(name string, h *holding) {
	if len(h.chunks) > 0 {
		c.do(Announce{Peer: name, Have: h.say(0, len(h.chunks))})
	}
}

// announce tells the followers of a content about count chunks from first on, of which some were lost, or gained in a
// body; of a single new chunk announceGained tells.
func (c *Core) announce(h *holding, first, count int) {
	for _, name := range sortedKeys(c.peers) {
		if c.peers[name].follows[h.id] {
			c.do(Announce{Peer: name, Have: h.say(first, count)})
		}
	}
}

// PeerHas: a peer said what it holds, and what it does not, within a range of the chunks.
func (c *Core) PeerHas(now time.Time, name string, have transfer.Have) {
	whole := have.First == 0 && have.Count == have.Total
	told := scheduler.Holding{Delta: !whole}
	at := have.First
	for _, r := range have.Held {
		told.Spans = append(told.Spans, scheduler.Span(r))
		if r.First > at && !whole {
			told.Lost = append(told.Lost, scheduler.Span{First: at, Count: r.First - at})
		}
		at = r.First + r.Count
	}
	if end := have.First + have.Count; end > at && !whole {
		told.Lost = append(told.Lost, scheduler.Span{First: at, Count: end - at})
	}
	c.sched.PeerHas(now, scheduler.PeerID(name), have.Content, told)
}

// Requested: a peer wants a chunk or a manifest.
func (c *Core) Requested(now time.Time, s Serve, priority uint8) {
	c.book.Used(now, s.Peer)
	if !c.canServe(s) {
		c.do(Decline{Peer: s.Peer, Request: s.Request, Reason: transfer.ReasonNotHeld})
		return
	}
	s.Content = c.contentFor(s)
	if why, ok := c.admit(now, s, priority); !ok {
		c.do(Decline{Peer: s.Peer, Request: s.Request, Reason: why})
		return
	}
	c.busy[servingKey{s.Peer, s.Request}] = s.ID
}

// canServe: only what belongs to a signed manifest known here leaves the host.
func (c *Core) canServe(s Serve) bool {
	if s.Kind == transfer.KindManifest {
		return c.holdings[s.ID] != nil
	}
	for _, h := range c.holdings {
		if i, ok := h.index(s.ID); ok && h.have[i] {
			c.used(h)
			return true
		}
	}
	return false
}

// Released: a request of a peer was answered, refused or taken back.
func (c *Core) Released(name string, request uint32) {
	c.desk.Released(name, request)
	c.door.Released(name, request)
	delete(c.busy, servingKey{name, request})
}

// Finding: a peer asks which content has a name.
func (c *Core) Finding(name string, request uint32, contentName string) {
	if id, ok := c.names.Newest(contentName); ok {
		c.do(Tell{Peer: name, Request: request, ID: id})
		return
	}
	c.do(Decline{Peer: name, Request: request, Reason: transfer.ReasonNotHeld})
}

// Arrival is a whole chunk as it came from a peer. Good says that its hash is right.
type Arrival struct {
	Peer  string
	Fetch uint64
	ID    content.ID
	Data  []byte
	Good  bool

	Content content.ID // as in Fetch
}

// Arrived: a chunk is here.
func (c *Core) Arrived(now time.Time, a Arrival) {
	c.book.Used(now, a.Peer)
	wanted := c.sched.Received(now, a.Fetch, a.Good)
	c.judge(a, wanted)
	if !wanted {
		return
	}
	c.do(Store{ID: a.ID, Data: a.Data, Peer: a.Peer})
}

// Progressed: so many bytes of a fetch have arrived in total.
func (c *Core) Progressed(now time.Time, fetch uint64, bytes int64) {
	c.sched.Progress(now, fetch, bytes)
}

// Measured: what the path from a peer carries, in bytes per second, and its round trip.
func (c *Core) Measured(now time.Time, name string, rate float64, rtt time.Duration) {
	c.sched.PeerMeasured(now, scheduler.PeerID(name), rate, rtt)
}

// Refused: a peer will not answer a fetch or a question.
func (c *Core) Refused(now time.Time, name string, fetch uint64, why transfer.Reason) {
	if a, ok := c.asks[fetch]; ok {
		delete(c.asks, fetch)
		c.unanswered(now, a)
		return
	}
	c.counts.Refused[why]++
	c.sched.Refused(now, fetch, refusals[why])
}

var refusals = map[transfer.Reason]scheduler.Refusal{
	transfer.ReasonUnknown: scheduler.RefusedUnknown, transfer.ReasonBusy: scheduler.RefusedBusy,
	transfer.ReasonNotHeld: scheduler.RefusedNotHeld, transfer.ReasonCorrupt: scheduler.RefusedCorrupt,
	transfer.ReasonPaused: scheduler.RefusedPaused, transfer.ReasonPolicy: scheduler.RefusedPolicy,
	transfer.ReasonShuttingDown: scheduler.RefusedShuttingDown, transfer.ReasonTooMany: scheduler.RefusedTooMany,
	transfer.ReasonCPU: scheduler.RefusedCPU, transfer.ReasonDisk: scheduler.RefusedDisk, transfer.ReasonBattery: scheduler.RefusedBattery,
	transfer.ReasonVPN: scheduler.RefusedVPN, transfer.ReasonMetered: scheduler.RefusedMetered, transfer.ReasonSlots: scheduler.RefusedSlots,
	transfer.ReasonRate: scheduler.RefusedRate,
}
