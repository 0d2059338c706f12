// SPDX-License-Identifier: Apache-2.0

package scheduler

import (
	"math/bits"
	"slices"
	"time"

	"github.com/ebbproject/ebb/content"
)

// A neighbour of a flow is a host of the same location that fetches the content too: it said so, or
// it had a chunk that was new to the location. A chunk that nobody in the location holds has to
// cross the WAN, and once is enough. So every such chunk is left to the host that is first in line
// for it by rendezvous hashing, and taken from that host over the LAN afterwards.
//
// Nobody waits for a neighbour for ever: it is relied on while there is news of it, which is a
// chunk new to the location, and for as long as this host's own fetches from beyond the location
// make plausible. And a host that has nothing left of its own helps the neighbour that has the
// most, from the far end of what that has before it, until too little is left to do so without
// fetching the same chunk.
//
// This needs no agreement and gives no guarantee: hosts that know different neighbours, or that
// lose one, fetch some chunks twice.
type neighbours struct {
	list   []*source     // those relied on, as of the last refresh
	epoch  uint32        // counts changes of the list
	until  time.Time     // when the first of them is due; zero: there is none
	dirty  bool          // somebody came, left or changed
	beyond bool          // whether there is a source beyond the location ...
	since  time.Time     // ... since when ...
	before time.Duration // ... and how long there was one before
	took   time.Duration // what our last chunk from beyond the location took
	masks  []uint64      // by word of ranks: those that nobody in the list is before us for ...
	epochs []uint32      // ... in this epoch
	leases map[uint32]lease
	leased bitset
}

// lease is a chunk that a neighbour said it is fetching.
type lease struct {
	peer  *peer
	until time.Time
}

const (
	helpAbove  = 8   // chunks a neighbour must have before it to be helped
	helpSample = 256 // chunks looked at to find the one to help with
)

// heard enters news of a neighbour: it has a chunk that is new to the location.
func (n *neighbours) heard(now time.Time, src *source) {
	src.fetches, src.idle, src.news = true, false, n.clock(now)
	for _, known := range n.list {
		if known == src {
			return
		}
	}
	n.dirty = true
}

// left forgets what a peer said it is fetching.
func (n *neighbours) left(p *peer) {
	n.dirty = true
	n.dropLeases(func(l lease) bool { return l.peer == p })
}

// arrived ends the lease of a chunk that is here.
func (n *neighbours) arrived(rank uint32) {
	if n.leased.clear(rank) {
		delete(n.leases, rank)
	}
}

func (n *neighbours) dropLeases(over func(lease) bool) {
	for rank, l := range n.leases {
		if over(l) {
			n.arrived(rank)
		}
	}
}

// PeerWants says that a peer fetches a content too. Like PeerHas it is dropped when the content has
// no flow.
func (s *Scheduler) PeerWants(now time.Time, id PeerID, of content.ID) {
	p, f := s.peers[id], s.byID[of]
	if p == nil || f == nil || !p.class.local() {
		return
	}
	src := f.source(p)
	src.count(s.countable(now, src))
	if !src.fetches && !src.idle {
		f.neighbours.heard(now, src)
	}
}

// PeerFetching says that a peer of the location has asked for a chunk beyond it. Until it has had
// time to arrive, the chunk is left to that peer. Telling is optional: without, the rendezvous
// order alone keeps neighbours apart.
func (s *Scheduler) PeerFetching(now time.Time, id PeerID, of content.ID, index int) {
	p, f := s.peers[id], s.byID[of]
	if p == nil || f == nil || !p.class.local() || index < 0 || index >= len(f.rank) {
		return
	}
	n, rank := &f.neighbours, f.rank[index]
	if f.held.has(rank) || n.leased.has(rank) || f.source(p).idle {
		return
	}
	if n.leases == nil {
		n.leases = make(map[uint32]lease)
		n.leased = newBitset(f.distinct)
	}
	n.leases[rank] = lease{peer: p, until: now.Add(s.patience(now, f))}
	n.leased.set(rank)
	s.PeerWants(now, id, of)
}

// patience is how long a neighbour may take for a chunk: twice what ours takes, which shares the
// link.
func (s *Scheduler) patience(now time.Time, f *flow) time.Duration {
	took := f.neighbours.took
	for _, q := range f.asked {
		if !q.peer.class.local() {
			took = max(took, now.Sub(q.since))
		}
	}
	return max(2*took, s.config.NearerWait)
}

// meet brings the list of neighbours and their leases up to date. When it changes, what was left to
// a neighbour may be ours now.
func (s *Scheduler) meet(now time.Time, f *flow) {
	n := &f.neighbours
	if !n.dirty && (n.until.IsZero() || now.Before(n.until)) {
		return
	}
	n.dirty, n.until = false, time.Time{}
	changed := false
	if beyond := f.beyond(now); beyond != n.beyond {
		n.before = n.clock(now)
		n.beyond, n.since, changed = beyond, now, true
	}
	n.dropLeases(func(l lease) bool {
		late := !now.Before(l.until)
		if late {
			f.source(l.peer).inVain()
			changed = true
		} else {
			n.wait(l.until)
		}
		return late
	})
	old := n.list
	n.list = nil
	for _, src := range f.sources {
		if src == nil || !src.counted || src.all || !src.peer.class.local() || !src.fetches {
			continue
		}
		left := src.news + s.patience(now, f) - n.clock(now)
		if left <= 0 {
			src.inVain()
			continue
		}
		n.list = append(n.list, src)
		n.wait(now.Add(left))
	}
	if !slices.Equal(old, n.list) {
		n.epoch++
		changed = true
	}
	if changed {
		f.wake(now)
	}
}

// beyond reports whether a source beyond the location is there to fetch from.
func (f *flow) beyond(now time.Time) bool {
	for _, src := range f.sources {
		if src != nil && !src.peer.class.local() && src.holds() > 0 && !src.peer.stalled && !src.peer.banned(now) {
			return true
		}
	}
	return false
}

// clock tells the time on which neighbours are judged: it stands still while there is no source
// beyond the location, because then no neighbour can be expected to fetch anything.
func (n *neighbours) clock(now time.Time) time.Duration {
	if n.beyond {
		return n.before + now.Sub(n.since)
	}
	return n.before
}

// inVain says that the peer was waited for long enough.
func (src *source) inVain() { src.fetches, src.idle = false, true }

func (n *neighbours) wait(until time.Time) {
	if n.until.IsZero() || until.Before(n.until) {
		n.until = until
	}
}

// pickShared chooses the next chunk for a source beyond the location: the rarest of those that no
// neighbour is before us for, or one to help with.
func (s *Scheduler) pickShared(now time.Time, src *source) (rank uint32, ok bool) {
	f := src.flow
	n := &f.neighbours
	if !n.beyond {
		n.dirty = true
	}
	s.meet(now, f)
	f.rarity.search(src, func(w int, x uint64) bool {
		if x &= f.unreserved(w); x != 0 {
			rank, ok = first(w, x), true
		}
		return ok
	})
	if !ok && len(n.list) > 0 {
		return f.help(src)
	}
	return rank, ok
}

func first(w int, x uint64) uint32 { return uint32(w*64 + bits.TrailingZeros64(x)) }

// unreserved returns the chunks of a word of ranks that are not left to a neighbour.
func (f *flow) unreserved(w int) uint64 {
	x := ^f.neighbours.leased.word(w)
	if len(f.neighbours.list) > 0 {
		x &= f.ours(w)
	}
	return x
}

// ours returns the chunks of a word of ranks that no neighbour is before us for. It is worked out a
// word at a time, when first needed after a change.
func (f *flow) ours(w int) uint64 {
	n := &f.neighbours
	if n.masks == nil {
		words := len(f.held.words)
		n.masks, n.epochs = make([]uint64, words), make([]uint32, words)
	}
	if n.epochs[w] == n.epoch {
		return n.masks[w]
	}
	mask := uint64(0)
	for b := 0; b < 64 && w*64+b < f.distinct; b++ {
		if before, _ := f.line(uint32(w*64 + b)); before == 0 {
			mask |= 1 << b
		}
	}
	n.masks[w], n.epochs[w] = mask, n.epoch
	return mask
}

// line returns how many neighbours are before us in the line for a chunk, counting no further than
// two, and the first of them by its place in the list.
func (f *flow) line(rank uint32) (before, one int) {
	id := f.chunk(rank).ID
	own := score(f.self, id)
	for i, src := range f.neighbours.list {
		if score(src.peer.key, id) < own {
			one = i
			if before++; before == 2 {
				break
			}
		}
	}
	return before, one
}

// help picks a chunk that we are second in line for: no other helper can pick the same. Of the
// neighbour with the most before it, the chunk that it would come to last.
func (f *flow) help(src *source) (uint32, bool) {
	n := &f.neighbours
	type work struct {
		chunks int
		last   uint32
		score  uint64
	}
	all := make([]work, len(n.list))
	seen := 0
	f.rarity.search(src, func(w int, x uint64) bool {
		for x &^= n.leased.word(w); x != 0; x &= x - 1 {
			rank := first(w, x)
			before, i := f.line(rank)
			seen++
			if before != 1 {
				continue
			}
			all[i].chunks++
			if late := score(n.list[i].peer.key, f.chunk(rank).ID); late >= all[i].score {
				all[i].score, all[i].last = late, rank
			}
		}
		return seen >= helpSample
	})
	most := 0
	for i := range all {
		if all[i].chunks > all[most].chunks {
			most = i
		}
	}
	return all[most].last, all[most].chunks >= helpAbove
}
