// SPDX-License-Identifier: Apache-2.0

package scheduler

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ebbproject/ebb/content"
)

// ErrFlowExists says that a content has a flow already.
var ErrFlowExists = errors.New("the content is being fetched already")

// ErrChunkSize says that a chunk is empty or larger than content.MaxChunk.
var ErrChunkSize = errors.New("impossible chunk size")

// flow is one content on its way here. Each of its distinct chunks is in one of four states: held;
// storing; asked (here or in another flow that has the same chunk); ready, which is what rarity
// keeps.
type flow struct {
	id       content.ID
	kind     string
	priority int
	paused   Reason
	number   int   // order of arrival
	tag      int64 // fair queueing: where its next request starts

	order
	rarity
	held    bitset
	asked   map[uint32]*request // by rank: the older of at most two requests for a chunk
	storing map[uint32]int64    // by rank: bytes

	sources   []*source      // by peer slot; nil: nothing known
	connected int            // invariant: sources that are not nil
	hungry    [classes]slots // peers that may have something for us: not yet found to have nothing
	once      once

	bytes, heldBytes             int64
	heldChunks                   int
	received, rejected, canceled int64
	copies                       int
	meter                        meter
	given                        map[PeerID]*gift
}

// gift is what a peer gave to a flow, for as long as the flow lives.
type gift struct {
	class Class
	bytes int64
}

func (f *flow) done() bool { return f.held.count == f.distinct }

// wants reports whether the flow is to be fetched now.
func (f *flow) wants() bool { return f.paused == None && !f.done() }

// before is the order of service: see Turn.
func (f *flow) before(g *flow) int { return f.turn().Compare(g.turn()) }

func (f *flow) turn() Turn { return Turn{Priority: f.priority, Tag: f.tag, Number: f.number} }

// AddFlow starts fetching a content. The errors are ErrFlowExists and ErrChunkSize.
func (s *Scheduler) AddFlow(now time.Time, spec FlowSpec) error {
	if s.byID[spec.Content] != nil {
		return fmt.Errorf("content %s: %w", spec.Content.Short(), ErrFlowExists)
	}
	f := &flow{
		id: spec.Content, kind: spec.Type, priority: spec.Priority, paused: spec.Paused,
		number: s.added, tag: s.tag,
		asked: make(map[uint32]*request), storing: make(map[uint32]int64), given: make(map[PeerID]*gift),
		meter: meter{since: now},
	}
	for i, c := range spec.Chunks {
		if c.Size == 0 || c.Size > content.MaxChunk {
			return fmt.Errorf("content %s, chunk %d of %d bytes: %w", f.id.Short(), i, c.Size, ErrChunkSize)
		}
		f.bytes += int64(c.Size)
	}
	s.added++
	f.order = newOrder(s.self, spec.Chunks)
	f.rarity.distinct = len(f.index)
	f.held = newBitset(f.distinct)
	for r := range f.index {
		f.rarity.add(uint32(r))
	}
	for i := range f.chunks {
		if spec.Held != nil && spec.Held(i) {
			f.keep(f.rank[i])
		}
	}
	s.newOnce(now, f, spec.Foreground)
	s.share(f)
	s.byID[f.id] = f
	s.enlist(f)
	if f.done() {
		s.out = append(s.out, Done{Content: f.id})
	}
	return nil
}

// share takes out of a new flow what is on its way for another.
func (s *Scheduler) share(f *flow) {
	for _, g := range s.flows {
		for r := range g.asked {
			f.claim(g.chunk(r).ID)
		}
		for r := range g.storing {
			f.claim(g.chunk(r).ID)
		}
	}
}

// enlist puts a flow into the order of service; delist takes it out.
func (s *Scheduler) enlist(f *flow) {
	at, _ := slices.BinarySearchFunc(s.flows, f, (*flow).before)
	s.flows = slices.Insert(s.flows, at, f)
}

func (s *Scheduler) delist(f *flow) {
	at := slices.Index(s.flows, f)
	s.flows = slices.Delete(s.flows, at, at+1)
}

// RemoveFlow stops fetching a content and forgets it.
func (s *Scheduler) RemoveFlow(now time.Time, id content.ID) {
	f := s.byID[id]
	if f == nil {
		return
	}
	s.cancelAll(now, f)
	f.once.table.GiveBack(now)
	s.heed(now, f)
	s.delist(f)
	delete(s.byID, id)
	for r, size := range f.storing {
		s.inFlight -= size
		s.release(now, f.chunk(r).ID)
	}
}

// Pause stops a flow, at once: open requests are canceled, chunks being stored are not. The reason
// is PausedByUser, PausedByPolicy or OutsideWindow.
func (s *Scheduler) Pause(now time.Time, id content.ID, why Reason) {
	f := s.byID[id]
	if f == nil || why == None {
		return
	}
	f.paused = why
	s.cancelAll(now, f)
	s.meet(now, f)
}

// Resume lets a paused flow go on.
func (s *Scheduler) Resume(now time.Time, id content.ID) {
	f := s.byID[id]
	if f != nil {
		f.paused = None
		s.meet(now, f)
	}
}

// SetPriority changes what is served first from the next request on; open requests stay.
func (s *Scheduler) SetPriority(_ time.Time, id content.ID, priority int) {
	f := s.byID[id]
	if f == nil {
		return
	}
	s.delist(f)
	f.priority = priority
	s.enlist(f)
}

// SetForeground says whether somebody waits for a flow, as FlowSpec.Foreground does at its beginning.
func (s *Scheduler) SetForeground(_ time.Time, id content.ID, foreground bool) {
	if f := s.byID[id]; f != nil {
		f.once.patience = s.patience(foreground)
		f.once.table.Wait(f.once.patience)
	}
}

// source returns what is known of a peer's holdings, nothing at first.
func (f *flow) source(p *peer) *source {
	for len(f.sources) <= p.slot {
		f.sources = append(f.sources, nil)
	}
	if f.sources[p.slot] == nil {
		f.sources[p.slot] = &source{peer: p, flow: f}
		f.connected++
	}
	return f.sources[p.slot]
}

// feed lets a peer be tried for work of this flow.
func (f *flow) feed(now time.Time, src *source) {
	if !now.Before(src.quietUntil) {
		f.hungry[src.peer.class].set(src.peer.slot)
	}
}

// wake does so for all peers.
func (f *flow) wake(now time.Time) {
	for _, src := range f.sources {
		if src != nil {
			f.feed(now, src)
		}
	}
}

// keep enters that a chunk is stored.
func (f *flow) keep(r uint32) {
	if !f.held.set(r) {
		return
	}
	f.rarity.remove(r)
	f.heldChunks += f.occurs(r)
	f.heldBytes += int64(f.occurs(r)) * int64(f.chunk(r).Size)
}

// claim takes a chunk out of those that are ready; release, below, puts it back.
func (f *flow) claim(id content.ID) {
	if r, ok := f.find(id); ok {
		f.rarity.remove(r)
	}
}

// pick chooses the source's next chunk: the rarest that is not left to somebody else.
func (s *Scheduler) pick(now time.Time, src *source) (rank uint32, ok bool) {
	f, p := src.flow, src.peer
	if p.class.local() {
		f.rarity.search(src, func(w int, x uint64) bool {
			rank, ok = first(w, x), true
			return true
		})
	} else {
		rank, ok = s.pickShared(now, src)
		ok = ok && !src.relieved(now) && !s.tooSlow(now, src, rank)
	}
	if ok && p.doubted { // not what would be moved elsewhere in a moment
		limit, better := s.elsewhere(now, f, rank, p)
		ok = !better || p.eta(now, int64(f.chunk(rank).Size)) <= limit
	}
	return rank, ok
}

// release makes a chunk ready again in every flow that misses it, unless it is on its way after
// all.
func (s *Scheduler) release(now time.Time, id content.ID) {
	for _, f := range s.flows {
		if r, ok := f.find(id); ok && (f.asked[r] != nil || f.storing[r] > 0) {
			return
		}
	}
	for _, f := range s.flows {
		r, ok := f.find(id)
		if !ok || f.held.has(r) {
			continue
		}
		f.rarity.add(r)
		for _, src := range f.sources {
			if src != nil && src.has(r) {
				f.feed(now, src)
			}
		}
	}
}
