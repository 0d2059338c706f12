// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/scheduler"
)

// exportRetry is how long an export that found no room on the disk waits.
const exportRetry = 5 * time.Second

// flow is one content on its way here. Several flows may want the same content, each with an output of its own; the
// scheduler knows the content once.
type flow struct {
	id        string
	ref       string // a name or a content id
	out       string // where the content is written to; empty: it stays in the cache
	overwrite bool
	priority  int
	content   content.ID // valid when known
	known     bool       // the manifest is here
	state     string     // api.State*
	code      string     // why it failed, or waits while assembling
	detail    string
	created   time.Time
	finished  time.Time
	tryAt     time.Time // when a name is resolved again, or an export tried again
	asking    bool      // the hub is being asked for the manifest
	askPeers  bool      // the hub cannot be asked
	last      scheduler.FlowStatus
	plan
}

func (f *flow) ended() bool {
	return f.state == api.StateDone || f.state == api.StateFailed || f.state == api.StateCancelled
}

// Get: somebody wants a content. The answer is the id of the new flow.
func (c *Core) Get(now time.Time, g api.Get) string { return c.begin(now, g, planned(g)) }

func (c *Core) begin(now time.Time, g api.Get, p plan) string {
	f := &flow{id: c.newFlowID(), ref: g.Ref, out: g.Out, overwrite: g.Overwrite, priority: g.Priority, state: api.StateResolving,
		created: now, plan: p}
	c.flows[f.id] = f
	c.order = append(c.order, f.id)
	c.saveFlow(f)
	c.resolve(now, f)
	return f.id
}

func (c *Core) newFlowID() string {
	n := 0
	for _, id := range c.order {
		if i, err := strconv.Atoi(strings.TrimPrefix(id, "f")); err == nil {
			n = max(n, i)
		}
	}
	return "f" + strconv.Itoa(n+1)
}

// manifestKnown: the flow's manifest is here and verified; fetching may begin.
func (c *Core) manifestKnown(now time.Time, f *flow, id content.ID) {
	f.content, f.known, f.state, f.askPeers, f.code, f.detail = id, true, api.StateFetching, false, "", ""
	c.saveFlow(f)
	for _, name := range sortedKeys(c.peers) {
		if c.peers[name].follows[id] { // it asked before we knew the manifest
			c.announceAll(name, c.holdings[id])
		}
	}
	c.hub.nextSync = now     // to learn who holds it
	c.endIfCancelled(now, f) // now that its name and type are known
	c.reconcile(now, id)
}

// reconcile makes the scheduler want what the flows want of one content: it is fetched while some flow misses it, at
// the highest priority among them, and paused when all of them are.
func (c *Core) reconcile(now time.Time, id content.ID) {
	priority, wanted, held := 0, false, scheduler.None // held is why it is paused, if all flows are
	foreground := false
	for _, f := range c.openFlows() {
		if !f.known || f.content != id || f.state == api.StateAssembling {
			continue
		}
		if p := c.effective(now, f); !wanted || p > priority {
			priority = p
		}
		if why := c.heldBack(now, f); !wanted || held != scheduler.None && why != scheduler.PausedByUser {
			held = why
		}
		wanted, foreground = true, foreground || f.awaited()
	}
	st, running := c.sched.Flow(now, id)
	if !wanted {
		if running {
			c.snapshot(id, st)
			c.sched.RemoveFlow(now, id)
			for _, name := range sortedKeys(c.peers) {
				c.follow(name, id, false)
			}
		}
		return
	}
	c.used(c.holdings[id])
	if !running {
		h := c.holdings[id]
		if !c.fits(now, h) {
			return
		}
		spec := scheduler.FlowSpec{Content: id, Type: h.manifest.Type, Chunks: h.chunks, Priority: priority, Foreground: foreground,
			Held: func(i int) bool { return h.have[i] }}
		if err := c.sched.AddFlow(now, spec); err != nil {
			c.failContent(now, id, api.CodeInternal, err.Error())
			return
		}
		for _, name := range sortedKeys(c.peers) {
			c.follow(name, id, true)
			if c.peers[name].follows[id] {
				c.sched.PeerWants(now, scheduler.PeerID(name), id, true)
			}
		}
	}
	c.sched.SetPriority(now, id, priority)
	c.sched.SetForeground(now, id, foreground)
	if held != scheduler.None {
		c.sched.Pause(now, id, held)
	} else {
		c.sched.Resume(now, id)
	}
}

func (c *Core) failContent(now time.Time, id content.ID, code, detail string) {
	for _, f := range c.openFlows() {
		if f.known && f.content == id {
			c.finish(now, f, api.StateFailed, code, detail)
		}
	}
}

// snapshot keeps the last figures of a content that leaves the scheduler.
func (c *Core) snapshot(id content.ID, st scheduler.FlowStatus) {
	for _, f := range c.flows {
		if f.known && f.content == id && f.finished.IsZero() {
			f.last = st
		}
	}
}

// chunksComplete: the last chunk of a content is on disk.
func (c *Core) chunksComplete(now time.Time, id content.ID) {
	for _, f := range c.openFlows() {
		if !f.known || f.content != id || f.state != api.StateFetching {
			continue
		}
		if st, ok := c.sched.Flow(now, id); ok {
			f.last = st
		}
		if f.out == "" {
			c.finish(now, f, api.StateDone, "", "")
			continue
		}
		f.state = api.StateAssembling
		c.export(f)
	}
	c.reconcile(now, id)
	c.hub.nextSync = now // the others may come to us for it
}

func (c *Core) export(f *flow) {
	f.tryAt = time.Time{}
	c.do(Export{Flow: f.id, Manifest: c.holdings[f.content].manifest, Out: f.out, Overwrite: f.overwrite})
}

// Exported: the output was written, or not: then code is one of api's and detail says more.
func (c *Core) Exported(now time.Time, id, code, detail string) {
	f := c.flows[id]
	if f == nil || f.state != api.StateAssembling {
		return
	}
	switch {
	case code == "":
		c.finish(now, f, api.StateDone, "", "")
	case !c.holdings[f.content].complete(): // a chunk turned out damaged: fetch it again
		f.state = api.StateFetching
		c.reconcile(now, f.content)
	case code == api.CodeNoSpace:
		f.code, f.detail, f.tryAt = scheduler.DiskFull.String(), detail, now.Add(exportRetry)
	default:
		c.finish(now, f, api.StateFailed, code, detail)
	}
}

func (c *Core) finish(now time.Time, f *flow, state, code, detail string) {
	f.state, f.code, f.detail, f.finished = state, code, detail, now
	c.saveFlow(f)
	c.changed(now)
	c.keeper.Changed()
	if f.known {
		c.reconcile(now, f.content)
	}
}

// Pause stops a flow until Resume; it survives a restart.
func (c *Core) Pause(now time.Time, id string) error {
	return c.steer(now, id, func(f *flow) {
		if f.state == api.StateFetching {
			f.state = api.StatePaused
		}
	})
}

// Resume lets a paused flow go on.
func (c *Core) Resume(now time.Time, id string) error {
	return c.steer(now, id, func(f *flow) {
		if f.state == api.StatePaused {
			f.state = api.StateFetching
		}
	})
}

// Cancel ends a flow. What was fetched stays in the cache; what was fetched ahead need not any more.
func (c *Core) Cancel(now time.Time, id string) error {
	if f := c.flows[id]; f != nil && f.ended() && f.stage {
		c.unstage(f)
	}
	return c.steer(now, id, func(f *flow) { c.finish(now, f, api.StateCancelled, "", "") })
}

func (c *Core) steer(now time.Time, id string, change func(*flow)) error {
	f := c.flows[id]
	if f == nil {
		return &api.Problem{Title: fmt.Sprintf("no flow %q here", id), Status: 404, Code: api.CodeNotFound, Hint: "ebb flow ls"}
	}
	if f.ended() {
		return nil
	}
	change(f)
	c.saveFlow(f)
	c.changed(now)
	if f.known {
		c.reconcile(now, f.content)
	}
	return nil
}

// openFlows lists the flows that have not ended, oldest first.
func (c *Core) openFlows() []*flow {
	var open []*flow
	for _, id := range c.order {
		if f := c.flows[id]; !f.ended() {
			open = append(open, f)
		}
	}
	return open
}

// active reports whether some flow still needs peers.
func (c *Core) active() bool {
	return slices.ContainsFunc(c.order, func(id string) bool { // asked for with every event: no list is made
		f := c.flows[id]
		return f.state == api.StateResolving || f.state == api.StateFetching && !f.closed
	})
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
