// SPDX-License-Identifier: Apache-2.0

package scheduler

import "math/bits"

// Rarity is counted in steps, because nobody needs to know whether a chunk is held 20 or 21 times:
// 0, 1, 2, 3, 4 to 7, 8 and more.
const steps = 6

func step(n int) int {
	switch {
	case n < 4:
		return n
	case n < 8:
		return 4
	}
	return 5
}

// rarity knows which chunks of one flow are ready to be asked for (neither stored nor asked for),
// how many peers hold each, and keeps the ready ones apart by how rare they are: first by the
// number of holders within the location, then by the number beyond it. Peers that hold everything
// make nothing rarer than anything else and are only counted as peers.
type rarity struct {
	distinct int // chunks of the flow
	ready    int
	counts   [classes][]uint16     // holders of each rank, by class; nil until there is one
	some     [classes]bitset       // invariant: ranks whose count in the class is not zero
	full     [classes]int          // peers that hold everything
	levels   [steps * steps]bitset // invariant: a ready rank is in the level of its counts and in no other
}

func (r *rarity) level(rank uint32) int {
	var local, beyond int
	for c := range r.counts {
		if r.counts[c] == nil {
			continue
		}
		if n := int(r.counts[c][rank]); Class(c).local() {
			local += n
		} else {
			beyond += n
		}
	}
	return step(local)*steps + step(beyond)
}

// put enters a rank into a level, and reports whether it is new there.
func (r *rarity) put(level int, rank uint32) bool {
	if r.levels[level].words == nil {
		r.levels[level] = newBitset(r.distinct)
	}
	return r.levels[level].set(rank)
}

// add makes a rank ready.
func (r *rarity) add(rank uint32) {
	if r.put(r.level(rank), rank) {
		r.ready++
	}
}

// remove makes a rank not ready: it is asked for, or here.
func (r *rarity) remove(rank uint32) {
	if r.levels[r.level(rank)].clear(rank) {
		r.ready--
	}
}

// count says that one peer more (by = 1) or less (by = -1) of the class holds the rank.
func (r *rarity) count(c Class, rank uint32, by int) {
	if r.counts[c] == nil {
		r.counts[c] = make([]uint16, r.distinct)
		r.some[c] = newBitset(r.distinct)
	}
	from := r.level(rank)
	n := int(r.counts[c][rank]) + by
	r.counts[c][rank] = uint16(n)
	if n == 0 {
		r.some[c].clear(rank)
	} else {
		r.some[c].set(rank)
	}
	if to := r.level(rank); to != from && r.levels[from].clear(rank) {
		r.put(to, rank)
	}
}

// heldWithin reports whether a peer of the class, or of a nearer one, holds a chunk.
func (r *rarity) heldWithin(c Class, rank uint32) bool {
	return r.nearer(c+1, int(rank/64))&(1<<(rank%64)) != 0
}

// nearer returns the chunks of a word that a peer of a nearer class holds: they are left to it.
func (r *rarity) nearer(than Class, w int) uint64 {
	if r.fullNearer(than) {
		return ^uint64(0)
	}
	var x uint64
	for c := range than {
		x |= r.some[c].word(w)
	}
	return x
}

func (r *rarity) fullNearer(than Class) bool {
	for c := range than {
		if r.full[c] > 0 {
			return true
		}
	}
	return false
}

// search visits the chunks that may be asked of a source, rarest first: the words of ready ranks
// that it holds and that no nearer peer within the location holds, until visit returns true. Bit b of the word x stands
// for rank 64w+b.
func (r *rarity) search(src *source, visit func(w int, x uint64) bool) {
	than := min(src.peer.class, Near)
	if src.holds() == 0 || r.fullNearer(than) {
		return
	}
	levels := r.levels[:]
	if !src.peer.class.local() {
		levels = levels[:steps] // what is held within the location is nearer
	}
	for l := range levels {
		level := &levels[l]
		if level.count == 0 {
			continue
		}
		for sw, sum := range level.sum {
			if !src.all {
				sum &= src.bits.sum[sw]
			}
			for ; sum != 0; sum &= sum - 1 {
				w := sw*64 + bits.TrailingZeros64(sum)
				x := level.words[w] & src.word(w)
				if x != 0 {
					x &^= r.nearer(than, w)
				}
				if x != 0 && visit(w, x) {
					return
				}
			}
		}
	}
}
