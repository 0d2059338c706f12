// SPDX-License-Identifier: Apache-2.0

package scheduler

import (
	"slices"
	"time"

	"github.com/ebbproject/ebb/content"
)

// request is one chunk asked of one peer.
type request struct {
	id    uint64
	peer  *peer
	flow  *flow
	rank  uint32
	size  int64
	got   int64 // bytes that have arrived
	late  bool  // another peer would be sooner
	since time.Time
	other *request // end game: the second request for the same chunk, and the first for the second
}

// ask makes a request. With an original it is a copy of it.
func (s *Scheduler) ask(now time.Time, src *source, rank uint32, original *request) Fetch {
	p, f := src.peer, src.flow
	chunk := f.chunk(rank)
	s.number++
	q := &request{id: s.number, peer: p, flow: f, rank: rank, size: int64(chunk.Size), since: now, other: original}
	p.open = append(p.open, q)
	p.owe(now, q.size)
	s.open[q.id] = q
	s.inFlight += q.size
	if original != nil {
		original.other = q
		f.copies++
	} else {
		f.asked[rank] = q
		for _, g := range s.flows {
			if !g.done() {
				g.claim(chunk.ID)
			}
		}
		s.charge(f, q.size)
	}
	s.refresh(now, p)
	return Fetch{
		Request: q.id, Peer: p.id, Content: f.id, Index: int(f.index[rank]), Chunk: chunk,
		Priority: f.priority, Copy: original != nil,
	}
}

// charge is start-time fair queueing (Goyal, Vin, Cheng, 1996): a flow that was idle starts where
// the others are and cannot make up for what it did not use.
func (s *Scheduler) charge(f *flow, bytes int64) {
	s.tag = max(s.tag, f.tag)
	s.delist(f)
	f.tag = s.tag + bytes
	s.enlist(f)
}

// close takes a request out of the books. It reports whether the chunk is asked for no more.
func (s *Scheduler) close(now time.Time, q *request) (last bool) {
	p, f := q.peer, q.flow
	delete(s.open, q.id)
	p.open = slices.DeleteFunc(p.open, func(r *request) bool { return r == q })
	p.owe(now, q.got-q.size)
	s.inFlight -= q.size
	if f.asked[q.rank] == q {
		delete(f.asked, q.rank)
		if q.other != nil {
			f.asked[q.rank] = q.other
		}
	}
	if q.other != nil {
		q.other.other = nil
	}
	s.refresh(now, p)
	return q.other == nil
}

// giveUp closes a request that will not be answered; its chunk is ready again.
func (s *Scheduler) giveUp(now time.Time, q *request) {
	q.flow.canceled += q.got
	if s.close(now, q) {
		s.release(now, q.flow.chunk(q.rank).ID)
	}
}

// cancel gives a request up that the peer may still answer.
func (s *Scheduler) cancel(now time.Time, q *request) {
	s.out = append(s.out, Cancel{Request: q.id, Peer: q.peer.id})
	s.giveUp(now, q)
}

// cancelAll cancels the requests of one flow, or of all (nil).
func (s *Scheduler) cancelAll(now time.Time, f *flow) {
	for _, p := range s.slots {
		if p == nil {
			continue
		}
		for _, q := range slices.Clone(p.open) {
			if f == nil || q.flow == f {
				s.cancel(now, q)
			}
		}
	}
}

// Progress says that got bytes of a request have arrived in total. The more often it is said, the
// better rates are known; a transport that cannot say leaves it out.
func (s *Scheduler) Progress(now time.Time, id uint64, got int64) {
	q := s.open[id]
	if q == nil || got <= q.got {
		return
	}
	bytes := min(got, q.size) - q.got
	q.got += bytes
	p := q.peer
	p.lastByte = now
	p.stalled = false
	p.meter.add(now, bytes)
	p.owe(now, -bytes)
	q.flow.meter.add(now, bytes)
	if p.class.local() {
		q.flow.gave(now)
	} else {
		s.width.add(now, bytes)
		s.width.bring(now, p)
		q.flow.once.table.Fetched(int(q.flow.index[q.rank]), bytes)
	}
	s.refresh(now, p)
}

// Received says that a request's chunk is here whole, and whether its hash is right. The answer
// says whether to store it: not a wrong one, and not one of a request that was canceled.
func (s *Scheduler) Received(now time.Time, id uint64, ok bool) bool {
	q := s.open[id]
	if q == nil {
		return false
	}
	p, f := q.peer, q.flow
	s.Progress(now, id, q.size)
	f.received += q.size
	if !ok {
		f.rejected += q.size
		if s.close(now, q) {
			s.release(now, f.chunk(q.rank).ID)
		}
		s.strike(now, p)
		return false
	}
	f.give(p, q.size)
	p.most = min(p.most+1, s.config.MaxPipeline)
	if src := f.sources[p.slot]; src != nil {
		src.setbacks = 0
	}
	other := q.other
	s.close(now, q)
	if other != nil {
		s.cancelCopy(now, other)
	}
	f.storing[q.rank] = q.size
	s.inFlight += q.size
	s.prove(now, p)
	s.refresh(now, p)
	return true
}

// cancelCopy cancels the slower of two requests for a chunk that has arrived.
func (s *Scheduler) cancelCopy(now time.Time, q *request) {
	s.out = append(s.out, Cancel{Request: q.id, Peer: q.peer.id})
	q.flow.canceled += q.got
	s.close(now, q)
}

func (f *flow) give(p *peer, bytes int64) {
	g := f.given[p.id]
	if g == nil {
		g = &gift{}
		f.given[p.id] = g
	}
	g.class = p.class
	g.bytes += bytes
}

// Stored says that a chunk is on disk: one that Received asked to store, or one that came
// otherwise. It counts for every flow that has the chunk.
func (s *Scheduler) Stored(now time.Time, id content.ID, index int) {
	f := s.byID[id]
	if f == nil || index < 0 || index >= len(f.rank) {
		return
	}
	chunk := f.chunks[index].ID
	for _, g := range s.flows {
		if g.done() && len(g.storing) == 0 {
			continue
		}
		r, ok := g.find(chunk)
		if !ok {
			continue
		}
		s.unstore(g, r)
		if g.held.has(r) {
			continue
		}
		for q := g.asked[r]; q != nil; q = g.asked[r] {
			s.cancelCopy(now, q)
		}
		g.keep(r)
		s.appeared(now, g, r)
		if g.done() {
			s.out = append(s.out, Done{Content: g.id})
		}
	}
}

func (s *Scheduler) unstore(f *flow, r uint32) {
	s.inFlight -= f.storing[r]
	delete(f.storing, r)
}

// StoreFailed says that a chunk could not be stored. The reason is DiskFull or StoreFailing.
// Everything is canceled, and nothing is asked for until StoreReady.
func (s *Scheduler) StoreFailed(now time.Time, id content.ID, index int, why Reason) {
	f := s.byID[id]
	if f != nil && index >= 0 && index < len(f.rank) {
		s.unstore(f, f.rank[index])
		s.release(now, f.chunks[index].ID)
	}
	s.stopped = StoreFailing
	if why == DiskFull {
		s.stopped = DiskFull
	}
	s.cancelAll(now, nil)
	for _, g := range s.flows {
		s.meet(now, g)
	}
}

// StoreReady says that the disk takes chunks again.
func (s *Scheduler) StoreReady(now time.Time) {
	s.stopped = None
	for _, f := range s.flows {
		s.meet(now, f)
	}
	s.wakeAt(now)
}

// Dropped says that a stored chunk is not there any more, or damaged: it is fetched again.
func (s *Scheduler) Dropped(now time.Time, id content.ID, index int) {
	f := s.byID[id]
	if f == nil || index < 0 || index >= len(f.rank) {
		return
	}
	chunk := f.chunks[index].ID
	for _, g := range s.flows {
		if r, ok := g.find(chunk); ok && g.held.clear(r) {
			if !g.heldWithin(Location, r) {
				g.once.table.Vanished(now, int(g.index[r]))
			}
			g.heldChunks -= g.occurs(r)
			g.heldBytes -= int64(g.occurs(r)) * int64(g.chunk(r).Size)
		}
	}
	s.release(now, chunk)
}
