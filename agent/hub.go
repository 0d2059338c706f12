// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/fleet/pulse"
	"github.com/ebbproject/ebb/scheduler"
)

// News is exchanged with the hub this often, give or take a fifth so that a fleet does not ask in step; while something is being
// fetched as often as the hub can bear, and while it has not said, more often if neighbours are lacking, because holders come and go.
const (
	syncEvery = 10 * time.Second
	syncFetch = 2 * time.Second
	syncLeast = 500 * time.Millisecond
	// syncLater is how many times as long a host waits that has asked in vain so often or oftener: those who come back to a hub all at once
	// would keep it busy with those that it has no time for.
	syncLater = 3
	// tellAnew bounds the holdings that are told whole after a failure: a hub that has started again knows none, and would ask for them with a
	// second exchange. More are told when it asks.
	tellAnew = 64
)

// hubView is what this host knows of its hub.
type hubView struct {
	nextSync time.Time
	planned  time.Time // nextSync as long as nothing is urgent
	asking   bool
	failed   int // exchanges in a row, up to syncLater
	lastAsk  time.Time
	lastOK   time.Time
	problem  string // of the last exchange; empty when it went well
	why      scheduler.Reason

	// What the hub knows, so that only what is new is told and asked: see fleet.SyncRequest.
	cursor  string
	told    map[content.ID]fleet.Holding // holdings that it has confirmed
	said    map[content.ID]bool          // and those that it may have heard of
	sent    map[content.ID]fleet.Holding // with the question under way
	pulse   *pulse.Pulse                 // that it has confirmed
	beat    pulse.Pulse                  // with the question under way
	every   time.Duration                // how often it wants news while something is fetched; zero: it has not said
	relays  bool                         // it takes what hosts report by way of others
	counts  bool                         // it takes who does not answer, and says who is there all the same
	move    string                       // the location that it sees us in
	warning string                       // what is wrong with where we are
	twin    string                       // the address of another host with our identity
	ahead   time.Duration                // of this machine's clock before the hub's, as of the last answer
}

func (c *Core) syncIfDue(now time.Time) {
	if now.Before(c.hub.nextSync) {
		return
	}
	if c.hub.asking || now.Sub(c.hub.lastAsk) < syncLeast {
		c.hub.nextSync = now.Add(syncLeast)
		return
	}
	c.saveLedger()
	urgent := now.Before(c.hub.planned)
	c.planSync(now)
	c.hub.nextSync = c.hub.planned
	if c.cfg.Self.Role == fleet.RoleHub {
		return // it is its own directory
	}
	c.hub.asking, c.hub.lastAsk = true, now
	c.report(now, c.news(now), urgent)
}

func (c *Core) planSync(now time.Time) {
	every := c.every()
	if c.book.Super() != c.cfg.Self.Peer { // by way of whom others report: until it is back, all of them go to the hub themselves
		every *= time.Duration(max(c.hub.failed, 1))
	}
	c.hub.planned = now.Add(every*4/5 + time.Duration(c.rnd.Int64N(int64(every*2/5))))
}

// every is how often news is exchanged now.
func (c *Core) every() time.Duration {
	switch {
	case c.active() && c.hub.every > 0:
		return min(max(c.hub.every, syncFetch), syncEvery)
	case c.active() && c.book.Lacking():
		return syncFetch
	}
	return syncEvery
}

// news is what the hub should know of this host.
func (c *Core) news(now time.Time) fleet.SyncRequest {
	r := fleet.SyncRequest{Relay: c.hub.relays, Desired: c.saidOrders(), Instance: fmt.Sprintf("%016x", c.cfg.Seed), Cursor: c.hub.cursor,
		Partial: c.hub.cursor != "" && (c.hub.failed == 0 || len(c.holdings) > tellAnew)}
	c.hub.sent = map[content.ID]fleet.Holding{}
	if report, ok := c.ledger.Report(); ok { // after the records of saveLedger, and so of what is durable
		r.Ledger = &report
	}
	for _, h := range c.sortedHoldings() {
		if h.count == 0 && len(h.chunks) > 0 {
			continue
		}
		x := fleet.Holding{Content: h.id, Chunks: h.count, Complete: h.complete()}
		c.hub.sent[h.id] = x
		if told, ok := c.hub.told[h.id]; !r.Partial || !ok || told != x {
			r.Holdings = append(r.Holdings, x)
		}
	}
	for _, id := range sortedIDs(c.hub.said) {
		if _, held := c.hub.sent[id]; !held && r.Partial {
			r.Dropped = append(r.Dropped, id)
			delete(c.hub.told, id)
		}
	}
	for _, x := range r.Holdings { // until the answer is here, nobody knows what the hub knows of these
		c.hub.said[x.Content] = true
		delete(c.hub.told, x.Content)
	}
	if c.hub.beat = c.pulse(now); !r.Partial || c.hub.pulse == nil || !c.hub.pulse.Equal(c.hub.beat) {
		beat := c.hub.beat
		r.Pulse, c.hub.pulse = &beat, nil // until the answer is here, nobody knows what the hub knows
	}
	if c.hub.counts {
		r.Unanswered = c.book.Unanswered(now)
	}
	for _, f := range c.openFlows() {
		if f.known && f.state == api.StateFetching && !slices.Contains(r.Wanted, f.content) {
			r.Wanted = append(r.Wanted, f.content)
		}
	}
	return r
}

// Synced: the hub answered this host itself.
func (c *Core) Synced(now time.Time, r fleet.SyncReply) {
	c.counts.Direct++
	c.answered(now, r)
}

func (c *Core) answered(now time.Time, r fleet.SyncReply) {
	c.hub.asking, c.hub.failed, c.hub.lastOK, c.hub.problem = false, 0, now, ""
	c.hub.relays, c.hub.move, c.hub.warning, c.hub.twin, c.hub.counts = r.Relay, r.Move, r.Warning, r.Twin, r.TakesUnanswered
	c.book.HeardElsewhere(r.Apart)
	if c.hub.ahead = 0; !r.Time.IsZero() {
		c.hub.ahead = now.Sub(r.Time)
	}
	c.confirmed(now, r)
	changed := c.book.Listed(now, r.Hub)
	if r.Partial {
		c.book.StillListed(now)
	} else {
		c.placed(r.Here)
	}
	for _, m := range r.Peers {
		changed = c.book.Listed(now, m) || changed
	}
	for _, name := range r.Gone {
		changed = c.book.Gone(name) || changed
	}
	c.classify(now)
	c.locationKnown(now)
	if changed {
		c.saveMembers()
	}
	c.toldOrders(now, r.Desired)
	if r.Ledger != nil {
		c.ledger.Acknowledged(*r.Ledger)
	}
	for _, f := range c.openFlows() {
		if f.state == api.StateResolving && f.askPeers { // the hub is back
			f.askPeers, f.code, f.detail = false, "", ""
			c.resolve(now, f)
		}
	}
}

// confirmed notes what the hub knows of us now. Where it knows less than it should, everything is told again at once.
func (c *Core) confirmed(now time.Time, r fleet.SyncReply) {
	c.hub.cursor, c.hub.told, c.hub.said = r.Cursor, c.hub.sent, map[content.ID]bool{}
	beat := c.hub.beat
	c.hub.pulse, c.hub.every = &beat, time.Duration(r.Every)*time.Second
	for id := range c.hub.told {
		c.hub.said[id] = true
	}
	if r.Again {
		c.hub.cursor, c.hub.nextSync = "", now
	}
}

// BusUp: the bus is there, for the first time or again. What was pushed meanwhile is asked for, not by all hosts at once, and by way of the
// super-peer if it can be.
func (c *Core) BusUp(now time.Time) {
	t := now.Add(time.Duration(c.rnd.Int64N(int64(syncFetch))))
	if !t.Before(c.hub.nextSync) {
		return
	}
	if c.hub.nextSync = t; c.hub.problem == "" && !c.hub.asking {
		c.hub.planned = t
	}
}

// classify tells the scheduler who has come nearer or gone farther by what the hub says of networks.
func (c *Core) classify(now time.Time) {
	for _, name := range sortedKeys(c.peers) {
		if p, class := c.peers[name], c.book.Class(name); p.class != class {
			p.class = class
			c.sched.PeerJoined(now, scheduler.PeerID(name), class)
		}
	}
}

// SyncFailed: the hub could not be asked, for which why is the reason.
func (c *Core) SyncFailed(now time.Time, why scheduler.Reason, detail string) {
	c.hub.asking, c.hub.why, c.hub.problem = false, why, detail
	c.hub.failed = min(c.hub.failed+1, syncLater)
	if why == scheduler.HubUnreachable {
		c.reports.sender.Blameless()
	}
	urgent := !c.hub.nextSync.Equal(c.hub.planned)
	if c.planSync(now); !urgent {
		c.hub.nextSync = c.hub.planned
	}
}

// Misheard: the hub was reached, and gave no answer to the news. Perhaps it is an older one now, and understands less.
func (c *Core) Misheard() { c.hub.relays, c.hub.counts = false, false }

func sortedIDs[V any](m map[content.ID]V) []content.ID {
	return slices.SortedFunc(maps.Keys(m), content.ID.Compare)
}

// HubKnown tells where the hub was when this host enrolled.
func (c *Core) HubKnown(now time.Time, m fleet.Member) { c.book.Listed(now, m) }
