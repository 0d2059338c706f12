// SPDX-License-Identifier: Apache-2.0

package scheduler

import (
	"maps"
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/ebbproject/ebb/content"
)

// check asserts every invariant of a scheduler from which nothing more can be taken.
func check(t rapid.TB, s *Scheduler, now time.Time) {
	t.Helper()
	fail := func(format string, args ...any) {
		t.Helper()
		t.Fatalf("after %s: "+format, append([]any{now.Sub(dawn)}, args...)...)
	}
	checkRequests(s, now, fail)
	for _, f := range s.flows {
		checkChunks(s, f, fail)
		checkCounts(f, fail)
	}
	checkIdle(s, now, fail)
	if !slices.IsSortedFunc(s.flows, (*flow).before) {
		fail("flows are not in the order of service")
	}
	if s.unfinished() && s.next.IsZero() {
		fail("work is left and no deadline set")
	}
}

type failing func(format string, args ...any)

// checkRequests: bytes in flight are within the bound and add up; nothing is asked of who is banned
// or gone, or for what is paused; a chunk is asked for once, or twice as a copy.
func checkRequests(s *Scheduler, now time.Time, fail failing) {
	var inFlight int64
	times := make(map[content.ID]int)
	for _, f := range s.flows {
		for _, size := range f.storing {
			inFlight += size
		}
		if limit := max(1, f.distinct/copyShare); f.copies > limit {
			fail("%d copies of %d chunks", f.copies, f.distinct)
		}
	}
	owed := make(map[*peer]int64)
	for _, id := range slices.Sorted(maps.Keys(s.open)) {
		q := s.open[id]
		p, f := q.peer, q.flow
		inFlight += q.size
		owed[p] += q.size - q.got
		times[f.chunk(q.rank).ID]++
		if s.peers[p.id] != p || s.slots[p.slot] != p {
			fail("request %d is open at %s, who is gone", id, p.id)
		}
		if p.banned(now) {
			fail("request %d is open at %s, who is banned", id, p.id)
		}
		if f.paused != None || s.stopped != None || s.byID[f.id] != f || f.held.has(q.rank) {
			fail("request %d is for a chunk that is not wanted", id)
		}
		if !slices.Contains(p.open, q) {
			fail("request %d is not in the pipeline of %s", id, p.id)
		}
		if f.asked[q.rank] != q && (q.other == nil || f.asked[q.rank] != q.other) {
			fail("request %d is not known to its flow", id)
		}
		if q.other != nil && q.other.other != q {
			fail("request %d is half of a pair", id)
		}
		if n := times[f.chunk(q.rank).ID]; n > 2 || n == 2 && q.other == nil {
			fail("a chunk is asked for %d times", n)
		}
	}
	if inFlight != s.inFlight || inFlight > s.config.MaxInFlight {
		fail("%d bytes in flight, %d accounted for, at most %d", inFlight, s.inFlight, s.config.MaxInFlight)
	}
	for _, p := range s.peers {
		if p.owed != owed[p] {
			fail("%s owes %d, accounted for %d", p.id, owed[p], p.owed)
		}
		if len(p.open) > s.config.MaxPipeline {
			fail("%d requests open at %s", len(p.open), p.id)
		}
		if p.stalled && (!p.doubted || p.owed == 0) {
			fail("%s is stalled, but trusted or free of debt", p.id)
		}
	}
}

// checkChunks: every distinct chunk is in exactly one state.
func checkChunks(s *Scheduler, f *flow, fail failing) {
	ready := 0
	for rank := range uint32(f.distinct) {
		busy := false
		for _, g := range s.flows {
			if r, ok := g.find(f.chunk(rank).ID); ok {
				_, storing := g.storing[r]
				busy = busy || storing || g.asked[r] != nil
			}
		}
		if f.levels[f.level(rank)].has(rank) {
			ready++
			if busy || f.held.has(rank) {
				fail("chunk %d of %s is ready, and busy (%t) or held", rank, nameOf(f.id), busy)
			}
		} else if !busy && !f.held.has(rank) {
			fail("chunk %d of %s is forgotten", rank, nameOf(f.id))
		}
	}
	sum := 0
	for l := range f.levels {
		sum += f.levels[l].count
	}
	if ready != f.ready || sum != ready {
		fail("%d chunks of %s are ready, %d in levels, %d counted", ready, nameOf(f.id), sum, f.ready)
	}
	held := 0
	for i := range f.chunks {
		if f.held.has(f.rank[i]) {
			held++
		}
	}
	if held != f.heldChunks {
		fail("%d chunks of %s are held, %d counted", held, nameOf(f.id), f.heldChunks)
	}
}

// checkCounts: the holders of every chunk are those that are counted on.
func checkCounts(f *flow, fail failing) {
	var counts [classes][]uint16
	var full [classes]int
	connected := 0
	for c := range counts {
		counts[c] = make([]uint16, f.distinct)
	}
	for _, src := range f.sources {
		if src == nil {
			continue
		}
		connected++
		if !src.counted {
			continue
		}
		if src.all {
			full[src.peer.class]++
			continue
		}
		src.bits.each(func(r uint32) { counts[src.peer.class][r]++ })
	}
	if connected != f.connected || full != f.full {
		fail("%s has %d sources (%d counted), full %v (%v counted)", nameOf(f.id), connected, f.connected, full, f.full)
	}
	for c := range counts {
		for r, n := range counts[c] {
			if f.counts[c] == nil && n > 0 || f.counts[c] != nil && f.counts[c][r] != n {
				fail("chunk %d of %s: %d holders of class %d, counted otherwise", r, nameOf(f.id), n, c)
			}
			if (n > 0) != f.some[c].has(uint32(r)) {
				fail("chunk %d of %s: the set of held chunks of class %d is wrong", r, nameOf(f.id), c)
			}
		}
	}
}

// checkIdle: when nothing can be taken, no peer that could be asked holds anything that could be
// asked of it. Time alone may have changed that: the next look finds out.
func checkIdle(s *Scheduler, now time.Time, fail failing) {
	if s.stopped != None || s.starved != nil {
		return
	}
	for _, f := range s.flows {
		if !f.wants() {
			continue
		}
		if f.once.table.MayClaim(now) || f.forsaken(now) { // as of this moment: the next look finds out
			continue
		}
		for _, src := range f.sources {
			if src == nil || now.Before(src.quietUntil) {
				continue
			}
			p := src.peer
			if p.banned(now) || p.quiet(now) || !p.hasRoom(&s.config) {
				continue
			}
			rank, ok := s.pick(now, src)
			if ok && p.doubted {
				_, better := s.elsewhere(now, f, rank, p)
				ok = !better // whether that is sooner changes by the moment
			}
			if ok {
				fail("%s is idle, though %s could be asked for chunk %d of %s", s, p.id, rank, nameOf(f.id))
			}
		}
	}
}
