// SPDX-License-Identifier: Apache-2.0

package scheduler

import (
	"slices"
	"time"
)

// look is the once-a-second round: who has stalled, what would be here sooner from elsewhere,
// whether silent peers hold memory that others could use, and whether whatever waited has waited
// long enough.
func (s *Scheduler) look(now time.Time) {
	for _, p := range s.slots {
		if p != nil && p.owed > 0 {
			s.judge(now, p)
		}
	}
	s.makeRoom(now)
	for _, f := range s.flows {
		if f.wants() {
			f.wake(now)
		}
	}
}

// judge moves requests away from a peer that has stalled or is much slower than another one that
// holds the same chunk. What no other peer can give stays where it is: the path may come back, and
// what has arrived is not thrown away.
func (s *Scheduler) judge(now time.Time, p *peer) {
	if !p.stalled && now.Sub(p.lastByte) >= s.config.StallAfter+4*p.rtt {
		p.stalled = true
		s.doubt(now, p)
	}
	moved := false
	for _, q := range slices.Backward(slices.Clone(p.open)) {
		if q.other != nil || q.got == q.size {
			continue
		}
		limit, ok := s.elsewhere(now, q.flow, q.rank, p)
		switch {
		case !ok || p.eta(now, 0) <= limit:
		case q.flow.mayCopy() && !q.late:
			q.late = true // until the next look it may be copied, which throws nothing away
		default:
			s.cancel(now, q)
			moved = true
		}
	}
	if moved {
		s.doubt(now, p)
		s.rest(now, p, 0)
	}
}

// elsewhere returns how many seconds a peer may take for a chunk before the best other peer is to
// be preferred, if there is one.
func (s *Scheduler) elsewhere(now time.Time, f *flow, rank uint32, p *peer) (limit float64, ok bool) {
	size := int64(f.chunk(rank).Size)
	for _, src := range f.sources {
		if src == nil || src.peer == p || !src.counted || src.peer.quiet(now) || !src.has(rank) {
			continue
		}
		if !src.peer.class.local() && !f.mayTurn(now, rank) {
			continue
		}
		margin := slowMargin
		if src.peer.class > p.class {
			margin = max(margin, s.config.NearerWait)
		}
		l := slowFactor*src.peer.eta(now, size) + margin.Seconds() + s.backlog(src)
		if !ok || l < limit {
			limit, ok = l, true
		}
	}
	return limit, ok
}

// backlog is how many seconds of other work a busy peer has with a flow. While there is some, a
// slow peer's request is nothing the flow waits for.
func (s *Scheduler) backlog(src *source) float64 {
	p, f := src.peer, src.flow
	if len(p.open) == 0 || f.rarity.ready == 0 {
		return 0
	}
	bytes := f.bytes / int64(len(f.chunks)) * int64(f.rarity.ready)
	return float64(bytes) / max(p.meter.rate, unknownRate)
}

// makeRoom takes memory in flight from the slowest peer when another peer has had to do without and
// slow ones hold more than half of it: silent hosts must not stop the others.
func (s *Scheduler) makeRoom(now time.Time) {
	starved := s.starved
	s.starved = nil
	if starved == nil || starved.doubted || s.peers[starved.id] != starved {
		return
	}
	limit := 2*slowFactor*starved.eta(now, 0) + s.config.NearerWait.Seconds()
	var slowest *peer
	var held int64
	for _, p := range s.slots {
		if p == nil || p == starved || p.owed == 0 || p.eta(now, 0) <= limit {
			continue
		}
		for _, q := range p.open {
			held += q.size
		}
		if slowest == nil || p.eta(now, 0) > slowest.eta(now, 0) {
			slowest = p
		}
	}
	if held <= s.config.MaxInFlight/2 {
		return
	}
	for len(slowest.open) > 0 {
		s.cancel(now, slowest.open[0])
	}
	s.doubt(now, slowest)
	s.rest(now, slowest, 0)
}

// worthCopying is the end game: when the last chunks of a flow are all asked for and the source has
// nothing else to do for it, the chunk that is farthest from done is asked for twice, if this
// halves the wait. The slower copy is canceled when the other arrives. At most one chunk in a
// hundred (but one in any case) is copied.
func (s *Scheduler) worthCopying(now time.Time, src *source) *request {
	f := src.flow
	if !f.mayCopy() || src.peer.doubted {
		return nil
	}
	var worst *request
	var wait float64
	for _, q := range f.asked {
		if q.other != nil || q.peer == src.peer || !src.has(q.rank) {
			continue
		}
		if !src.peer.class.local() && !f.mayTurn(now, q.rank) {
			continue
		}
		if src.peer.class > q.peer.class && !q.peer.doubted && !q.late {
			continue // it is on its way from a nearer peer, and soon enough
		}
		eta := q.peer.eta(now, 0)
		if eta < slowFactor*src.peer.eta(now, q.size) {
			continue
		}
		if worst == nil || eta > wait || eta == wait && q.id < worst.id {
			worst, wait = q, eta
		}
	}
	return worst
}

func (f *flow) mayCopy() bool {
	return f.rarity.ready == 0 && f.copies < max(1, f.distinct/copyShare)
}
