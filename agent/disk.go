// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"time"

	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/scheduler"
)

// Stored: a chunk is whole and durable on disk. Only now is it counted, announced and served, unless it is about to leave.
func (c *Core) Stored(now time.Time, id content.ID) {
	if c.keeper.Leaving(id) {
		return
	}
	for _, h := range c.sortedHoldings() {
		i, ok := h.index(id)
		if !ok || !h.gained(i) {
			continue
		}
		c.announceGained(now, h, i)
		c.sched.Stored(now, h.id, i)
	}
}

// StoreFailed: chunks cannot be written now. They stay with the edge, which writes them once it can; nothing more is
// fetched until StoreReady.
func (c *Core) StoreFailed(now time.Time, full bool) {
	why := scheduler.StoreFailing
	if full {
		why = scheduler.DiskFull
	}
	const noChunk = -1 // none is lost
	c.sched.StoreFailed(now, content.ID{}, noChunk, why)
}

// StoreReady: the disk takes chunks again.
func (c *Core) StoreReady(now time.Time) { c.sched.StoreReady(now) }

// Damaged: a chunk that was held turned out wrong on disk and is gone from the store.
func (c *Core) Damaged(now time.Time, id content.ID) {
	c.counts.Rejected[RejectedDisk]++
	c.strays.lost(id)
	for _, h := range c.sortedHoldings() {
		i, ok := h.index(id)
		if !ok || !h.lost(i) {
			continue
		}
		c.announce(h, i, 1)
		c.sched.Dropped(now, h.id, i)
	}
}

func (c *Core) sortedHoldings() []*holding {
	list := make([]*holding, 0, len(c.holdings))
	for _, id := range sortedIDs(c.holdings) {
		list = append(list, c.holdings[id])
	}
	return list
}
