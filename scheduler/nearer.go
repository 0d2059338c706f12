// SPDX-License-Identifier: Apache-2.0

package scheduler

import (
	"math"
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
	if f.await(now, class, size, nil) > most {
		return neighbours
	}
	for y := left; y != 0; y &= y - 1 {
		rank := first(w, y)
		if f.await(now, class, size, &rank) > most {
			left &^= y & -y
		}
	}
	return neighbours | left
}

// await is how many seconds peers beyond the location that are nearer than a class need to bring all chunks that are ready, of size
// bytes each: those peers that are counted on and, unless rank is nil, hold that one.
func (f *flow) await(now time.Time, class Class, size int64, rank *uint32) float64 {
	var rate float64
	soonest, bytes := math.Inf(1), size*int64(f.ready)
	for _, src := range f.sources {
		if src == nil || !src.counted || src.peer.class.local() || src.peer.class >= class || rank != nil && !src.has(*rank) {
			continue
		}
		rate += src.peer.speed(now)
		bytes += src.peer.owed
		soonest = min(soonest, src.peer.eta(now, size))
	}
	return max(soonest, float64(bytes)/rate)
}
