// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"time"

	"github.com/ebbproject/ebb/agent/api"
	"github.com/ebbproject/ebb/agent/cache"
	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/fleet"
)

const (
	// repairAgain is how long a repair that found no room here is not tried again.
	repairAgain = time.Hour
	// repairPriority is behind everything that somebody asked for.
	repairPriority = -100
)

// copies is what this host knows of the copies in its location.
type copies struct {
	next   time.Time // when the hub is asked again
	heard  time.Time // when it last answered
	asking bool
	tried  map[content.ID]time.Time // repairs
}

// compareIfDue asks the hub who else holds what this host holds. Without limits nothing ever goes, and copies do not
// matter.
func (c *Core) compareIfDue(now time.Time) {
	if c.copies.next.IsZero() { // hosts that start together do not ask together
		c.copies.next = now.Add(time.Duration(c.rnd.Int64N(int64(fleet.CopiesEvery))))
	}
	if now.Before(c.copies.next) || c.copies.asking || c.cfg.Self.Role == fleet.RoleHub || c.keeper.Limits() == (cache.Limits{}) {
		return
	}
	c.copies.next = now.Add(fleet.CopiesEvery*4/5 + time.Duration(c.rnd.Int64N(int64(fleet.CopiesEvery*2/5))))
	if c.hub.problem != "" { // it would be one question more that a hub that comes back has no time for
		c.NotCompared(now)
		return
	}
	c.copies.asking = true
	r := fleet.CopiesRequest{Replicas: max(c.keeper.Limits().Replicas, 1)}
	for _, h := range c.sortedHoldings() {
		if h.complete() && h.count > 0 {
			r.Kept = append(r.Kept, h.id)
		}
	}
	c.do(Compare{Request: r})
}

func (c *Core) nextCompare() time.Time {
	if c.copies.asking || c.cfg.Self.Role == fleet.RoleHub || c.keeper.Limits() == (cache.Limits{}) {
		return time.Time{}
	}
	return c.copies.next
}

// Compared: the hub told how what was asked about stands in the location.
func (c *Core) Compared(now time.Time, asked fleet.CopiesRequest, r fleet.CopiesReply) {
	c.copies.asking, c.copies.heard = false, now
	c.forgetCopies()
	for i, n := range r.Ahead {
		if i < len(asked.Kept) && c.holdings[asked.Kept[i]] != nil {
			c.holdings[asked.Kept[i]].ahead = n
		}
	}
	for _, id := range r.Fetch {
		c.repair(now, id)
	}
}

// NotCompared: the hub could not be asked. What it said long ago is not believed any more.
func (c *Core) NotCompared(now time.Time) {
	c.copies.asking = false
	if now.Sub(c.copies.heard) > 3*fleet.CopiesEvery {
		c.forgetCopies()
	}
}

func (c *Core) forgetCopies() {
	for _, h := range c.holdings {
		h.ahead = 0
	}
}

// repair fetches a content of which the location has too few copies, behind everything else.
func (c *Core) repair(now time.Time, id content.ID) {
	if c.needed(now, id) || now.Before(c.copies.tried[id].Add(repairAgain)) {
		return
	}
	for _, f := range c.openFlows() {
		if f.ref == id.String() { // its manifest is on its way
			return
		}
	}
	c.copies.tried[id] = now
	c.begin(now, api.Get{Ref: id.String(), Priority: repairPriority}, plan{repair: true})
}

// displaces reports whether a repair would need room that something else has: then it is not worth it.
func (c *Core) displaces(h *holding) bool {
	for _, f := range c.openFlows() {
		if f.known && f.content == h.id && !f.repair {
			return false
		}
	}
	room, _ := c.keeper.Room(c.stored())
	return room < h.size-h.onDisk
}
