// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"math"
	"slices"
	"time"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/agent/cache"
	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/scheduler"
)

// Len, At and Index are what the cache wants to know of a content.
func (h *holding) Len() int                              { return len(h.chunks) }
func (h *holding) At(i int) (c content.Chunk, held bool) { return h.chunks[i], h.have[i] }
func (h *holding) Index(id content.ID) (int, bool)       { return h.index(id) }

// stored is how many bytes of chunks are on disk.
func (c *Core) stored() int64 {
	if c.cfg.Stored == nil {
		return 0
	}
	return c.cfg.Stored()
}

// held says whether a chunk is on disk and will stay there for now.
func (c *Core) held(id content.ID) bool { return !c.keeper.Leaving(id) && c.cfg.Held(id) }

// used says that somebody wants a content, here or elsewhere.
func (c *Core) used(h *holding) { h.used = c.keeper.Lived() }

func (c *Core) superseded(h *holding) bool {
	newest, ok := c.names.Newest(h.manifest.Name)
	return ok && newest != h.id
}

// needed reports whether a flow wants a content, or wanted it ahead of a time that is still to come.
func (c *Core) needed(now time.Time, id content.ID) bool {
	return c.staged(now, id) || slices.ContainsFunc(c.openFlows(), func(f *flow) bool { return f.known && f.content == id })
}

func (c *Core) item(now time.Time, h *holding) cache.Item {
	return cache.Item{ID: h.id, Superseded: c.superseded(h), Pinned: c.pinned(now, h), Age: c.age(now, h), Needed: c.needed(now, h.id), Last: c.last(h), Used: h.used, Chunks: h}
}

// shelf is what is held, for the cache to choose from.
func (c *Core) shelf(now time.Time) cache.Shelf {
	s := cache.Shelf{Busy: c.busy.chunks()}
	for _, h := range c.sortedHoldings() {
		if h.count > 0 {
			s.Items = append(s.Items, c.item(now, h))
		}
	}
	if c.strays.bytes > 0 {
		s.Items = append(s.Items, c.strays.item())
	}
	return s
}

// coming is how many bytes running flows still miss.
func (c *Core) coming() (bytes int64) {
	var seen []content.ID
	for _, f := range c.openFlows() {
		if h := c.holdings[f.content]; f.known && f.state == api.StateFetching && !f.closed && h != nil && !slices.Contains(seen, f.content) {
			seen = append(seen, f.content)
			bytes += h.size - h.onDisk
		}
	}
	return bytes
}

var shortReasons = map[cache.Short]scheduler.Reason{cache.Quota: scheduler.CacheFull, cache.Floor: scheduler.DiskFull}

// tidy makes room if there is too little, and bounds what may be asked for by what there is.
func (c *Core) tidy(now time.Time) {
	stored := c.stored()
	if r, ok := c.keeper.Take(now, cache.State{Stored: stored, Coming: c.coming(), Shelf: func() cache.Shelf { return c.shelf(now) }}); ok {
		c.discard(now, r)
	}
	room, why := c.keeper.Room(stored)
	c.sched.Room(now, room, shortReasons[why])
}

// discard has chunks removed from the disk. Nobody is told of them any more from this moment on, and those who were told
// before hear that they are gone; only then are they removed.
func (c *Core) discard(now time.Time, r cache.Removal) {
	ids := make([]content.ID, len(r.Chunks))
	for i, x := range r.Chunks {
		ids[i] = x.ID
		c.strays.lost(x.ID)
	}
	c.change(ids, func(h *holding, i int) bool {
		if !h.lost(i) {
			return false
		}
		c.sched.Dropped(now, h.id, i)
		return true
	})
	if len(ids) > 0 {
		c.do(Evict{IDs: ids})
	}
}

// change enters chunks as gained or lost, and tells the followers of each content once.
func (c *Core) change(ids []content.ID, enter func(h *holding, i int) bool) {
	for _, h := range c.sortedHoldings() {
		first, last := len(h.chunks), -1
		for _, id := range ids {
			if i, ok := h.index(id); ok && enter(h, i) {
				first, last = min(first, i), max(last, i)
			}
		}
		if last >= 0 {
			c.announce(h, first, last+1-first)
		}
	}
}

// Evicted: chunks were removed from the disk, or could not be; then they are held as before.
func (c *Core) Evicted(now time.Time, ids []content.ID) {
	c.keeper.Left(ids...)
	c.change(ids, func(h *holding, i int) bool {
		if !c.cfg.Held(h.chunks[i].ID) || !h.gained(i) {
			return false
		}
		c.sched.Stored(now, h.id, i)
		return true
	})
	for _, h := range c.sortedHoldings() {
		// The newest version is remembered, so that its name does not go back to an older one.
		if h.count == 0 && !c.pinned(now, h) && c.superseded(h) && !c.needed(now, h.id) {
			delete(c.holdings, h.id)
			c.do(Record{Key: keyManifest + h.id.String()})
			c.do(Record{Key: keyShelf + h.id.String()})
		}
	}
	c.hub.nextSync = now
}

// DiskMeasured: so many bytes of the volume are free, and so many it has, while our chunks on it had stored bytes.
func (c *Core) DiskMeasured(now time.Time, free, total, stored int64) {
	c.keeper.Measured(now, free, total, stored)
	c.saveShelf(now)
}

// Floor is how many bytes of the volume must stay free, whatever is to be written.
func (c *Core) Floor() int64 { return c.keeper.Floor() }

// fits refuses a content that can never be kept here whole.
func (c *Core) fits(now time.Time, h *holding) bool {
	if h.complete() {
		return true
	}
	if c.displaces(h) {
		for _, f := range c.openFlows() {
			if f.known && f.content == h.id {
				c.finish(now, f, api.StateCancelled, api.CodeNoSpace, "a further copy for the location would take room from something else")
			}
		}
		return false
	}
	err := c.keeper.Fits(h.size)
	if err != nil {
		c.failContent(now, h.id, api.CodeNoSpace, err.Error())
	}
	return err == nil
}

// last reports whether the location would have too few copies without ours. As long as nobody has told who else holds
// it, it is taken for the last one.
func (c *Core) last(h *holding) bool { return h.ahead < max(c.keeper.Limits().Replicas, 1) }

// everything is more than any cache holds.
const everything = math.MaxInt64
