// SPDX-License-Identifier: Apache-2.0

package scheduler

import (
	"math"
	"slices"
	"time"
)

// left returns which of the chunks x of a word are not asked of a source because they are left to nearer peers: all that a
// neighbour holds; and of what only hosts beyond the location hold, what the nearer ones bring no later than the source would, by
// the same measure that moves requests away from slow peers (see judge). Nearest first saves the origin and the
// long links, and must not make a location wait for somebody else's thin uplink while its own link is idle.
func (s *Scheduler) left(now time.Time, src *source, w int, x uint64) uint64 {
	f, class := src.flow, src.peer.class
	neighbours := x & f.nearer(min(class, Near), w)
	if class <= Near {
		return neighbours
	}
	left := x & f.nearer(class, w) &^ neighbours
	if left == 0 {
		return neighbours
	}
	size := f.bytes / int64(len(f.chunks))
	most := slowFactor*src.peer.eta(now, size) + max(slowMargin, s.config.NearerWait).Seconds()
	if s.await(now, src, size, nil) > most {
		return neighbours
	}
	for y := left; y != 0; y &= y - 1 {
		rank := first(w, y)
		if s.await(now, src, size, &rank) > most {
			left &^= y & -y
		}
	}
	return neighbours | left
}

// await is how many seconds peers beyond the location that are nearer than a source need to bring all chunks that are ready, of size
// bytes each: those peers that are counted on, are asked although the source is there and, unless rank is nil, hold that one.
func (s *Scheduler) await(now time.Time, than *source, size int64, rank *uint32) float64 {
	f := than.flow
	var rate float64
	soonest, bytes := math.Inf(1), size*int64(f.ready)
	s.round++
	for _, src := range f.sources {
		if src != nil && src.peer.site != nil && src.peer.working(now) {
			src.peer.site.busy = s.round
		}
	}
	for _, src := range f.sources {
		if src == nil || !src.counted || src.peer.class.local() || src.peer.class >= than.peer.class || rank != nil && !src.has(*rank) {
			continue
		}
		if s.outrun(now, src.peer, than.peer, size) || src.peer.takes(now, than.peer) || !src.peer.stands(s.round) {
			continue
		}
		rate += src.peer.speed(now)
		bytes += src.peer.owed
		soonest = min(soonest, src.peer.eta(now, size))
	}
	return max(soonest, float64(bytes)/rate)
}

// stands reports whether a peer counts for its location in a round: those at work do, and if there are none the first that is looked at.
func (p *peer) stands(round int) bool {
	if p.site == nil || p.owed > 0 {
		return true
	}
	first := p.site.busy < round && p.site.seen < round
	p.site.seen = round
	return first
}

// relieved reports whether a source beyond the location is asked for nothing because another host of its location is: they share an uplink, so
// two of them bring no more than one, and hold two chunks in part.
func (src *source) relieved(now time.Time) bool {
	p := src.peer
	return p.site != nil && p.owed == 0 && slices.ContainsFunc(src.flow.sources, func(o *source) bool {
		return o != nil && o.peer.site == p.site && o.peer.working(now)
	})
}

// working reports whether something comes from a peer, or was to come a moment ago.
func (p *peer) working(now time.Time) bool {
	return p.owed > 0 && now.Sub(p.lastByte) < silence+4*p.rtt
}

// tooSlow reports whether a chunk is not asked of a source beyond the location because another one there that holds it is so much quicker, or
// fills the link. Each source that is asked holds a chunk in part, a slow one for long; all of them are lost when this host dies, and whoever goes on brings them
// over the location's link again. So slow ones are asked when there is nobody else, and otherwise one at a time, to find out whether they still are.
func (s *Scheduler) tooSlow(now time.Time, src *source, rank uint32) bool {
	f, p, size := src.flow, src.peer, int64(src.flow.chunk(rank).Size)
	var best, filler *peer
	slow := func(q *peer) bool {
		return q != best && s.outrun(now, q, best, size) || filler != nil && q.takes(now, filler)
	}
	for _, other := range f.sources {
		if other == nil || !other.counted || other.peer.class.local() || other.peer.quiet(now) || !other.has(rank) {
			continue
		}
		if best == nil || other.peer.eta(now, size) < best.eta(now, size) {
			best = other.peer
		}
		if p.takes(now, other.peer) {
			filler = other.peer
		}
	}
	if best == nil || !slow(p) {
		return false
	}
	if p.owed > 0 || !s.unknown(now, p) {
		return true
	}
	return slices.ContainsFunc(f.sources, func(o *source) bool {
		return o != nil && o.counted && !o.peer.class.local() && o.peer.owed > 0 && slow(o.peer)
	})
}

// unknown reports whether nothing is known of the rate of a peer or of its location's uplink, or nothing new for a while.
func (s *Scheduler) unknown(now time.Time, p *peer) bool {
	return p.unknown(now) && (p.site == nil || !slices.ContainsFunc(s.slots, func(q *peer) bool {
		return q != nil && q.site == p.site && !q.unknown(now)
	}))
}

// takes reports whether a peer would bring little but what it takes from another: that one fills the location's link by itself.
func (p *peer) takes(now time.Time, from *peer) bool {
	return p != from && p.class > Near && !from.class.local() && from.working(now) && from.fills(now) && !p.fills(now)
}

// outrun reports whether p needs much longer for size bytes than by does. Only near locations get time for being nearer.
func (s *Scheduler) outrun(now time.Time, p, by *peer, size int64) bool {
	margin := slowMargin
	if p.class == Near && by.class > Near {
		margin = max(margin, s.config.NearerWait)
	}
	return p.eta(now, size) > slowFactor*by.eta(now, size)+margin.Seconds()
}
