// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"cmp"
	"encoding/binary"
	"slices"
	"time"

	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/scheduler"
)

const (
	heardFirst = 3                      // followers that hear of a new chunk at once
	heardAfter = 300 * time.Millisecond // when the others do
)

// Herald decides who hears of a new chunk when. If all followers of a host that brings a chunk into the location heard
// of it at once, all of them would ask that host for it, chunk after chunk. So a few hear of it first, other ones for
// each chunk and each host that tells, and by the time the others do, most have heard of it from those, or from whom those told.
type Herald struct {
	Self string
	late []lateNews // in the order in which it is due
}

type lateNews struct {
	at      time.Time
	content content.ID
	index   int
	told    []string // these have heard it
}

// Gained says that a chunk is held now. The answer is who of those that miss it hears of it at once.
func (h *Herald) Gained(now time.Time, id content.ID, index int, missing []string) (first []string) {
	first = missing
	if len(missing) > heardFirst+1 {
		first = h.chosen(id, index, missing)
	}
	h.late = append(h.late, lateNews{now.Add(heardAfter), id, index, first})
	return first
}

// chosen are heardFirst of those that miss a chunk: others for each host and each chunk.
func (h *Herald) chosen(id content.ID, index int, missing []string) []string {
	type entry struct {
		weight uint64
		name   string
	}
	best := make([]entry, 0, heardFirst+1) // the lightest so far, in order
	seed := append(binary.LittleEndian.AppendUint32(id[:8:8], uint32(index)), h.Self...)
	seed = append(seed, 0)
	for _, name := range missing {
		sum := content.Sum(append(seed, name...)) // names and numbers differ by little, and the order must not
		e := entry{binary.LittleEndian.Uint64(sum[:]), name}
		at, _ := slices.BinarySearchFunc(best, e, func(a, b entry) int { return cmp.Or(cmp.Compare(a.weight, b.weight), cmp.Compare(a.name, b.name)) })
		if best = slices.Insert(best, at, e); len(best) > heardFirst {
			best = best[:heardFirst]
		}
	}
	first := make([]string, len(best))
	for i, e := range best {
		first[i] = e.name
	}
	return first
}

// Deadline is when the next late news is due; zero: none waits.
func (h *Herald) Deadline() time.Time {
	if len(h.late) == 0 {
		return time.Time{}
	}
	return h.late[0].at
}

// take is the next late news, if it is due.
func (h *Herald) take(now time.Time) (lateNews, bool) {
	if len(h.late) == 0 || now.Before(h.late[0].at) {
		return lateNews{}, false
	}
	n := h.late[0]
	h.late = h.late[1:]
	return n, true
}

// announceGained tells some followers of a content about a new chunk, and the others later.
func (c *Core) announceGained(now time.Time, h *holding, index int) {
	var missing []string
	for _, name := range sortedKeys(c.peers) {
		if c.peers[name].follows[h.id] && !c.sched.PeerHolds(scheduler.PeerID(name), h.id, index) {
			missing = append(missing, name)
		}
	}
	for _, name := range c.herald.Gained(now, h.id, index, missing) {
		c.do(Announce{Peer: name, Have: h.say(index, 1)})
	}
}

// announceLate tells those that have not heard it yet.
func (c *Core) announceLate(now time.Time) {
	for n, ok := c.herald.take(now); ok; n, ok = c.herald.take(now) {
		h := c.holdings[n.content]
		if h == nil {
			continue
		}
		for _, name := range sortedKeys(c.peers) {
			if c.peers[name].follows[h.id] && !slices.Contains(n.told, name) {
				c.do(Announce{Peer: name, Have: h.say(n.index, 1)})
			}
		}
	}
}
