// SPDX-License-Identifier: Apache-2.0

package scheduler

import "time"

// source is what one peer holds of one flow.
type source struct {
	peer    *peer
	flow    *flow
	all     bool
	bits    bitset // the ranks it holds, unless all; allocated with the first
	counted bool   // whether the flow's rarity counts it

	// A refusal that is about this content (paused, policy) rests the source, not the peer.
	setbacks   int
	quietUntil time.Time
}

func (src *source) has(rank uint32) bool { return src.all || src.bits.has(rank) }

func (src *source) word(w int) uint64 {
	if src.all {
		return ^uint64(0)
	}
	return src.bits.word(w)
}

// holds is the number of distinct chunks the peer holds.
func (src *source) holds() int {
	if src.all {
		return src.flow.distinct
	}
	return src.bits.count
}

// count brings the flow's rarity in line with whether the source is to be counted on.
func (src *source) count(want bool) {
	if src.counted == want {
		return
	}
	src.counted = want
	by := -1
	if want {
		by = 1
	}
	r, class := &src.flow.rarity, src.peer.class
	if src.all {
		r.full[class] += by
	} else {
		src.bits.each(func(rank uint32) { r.count(class, rank, by) })
	}
}

// set enters one chunk, and reports whether it is news.
func (src *source) set(rank uint32) bool {
	if src.all {
		return false
	}
	if src.bits.words == nil {
		src.bits = newBitset(src.flow.distinct)
	}
	if !src.bits.set(rank) {
		return false
	}
	if src.counted {
		src.flow.rarity.count(src.peer.class, rank, 1)
	}
	if src.bits.count == src.flow.distinct {
		src.fill()
	}
	return true
}

// fill says that the peer holds everything.
func (src *source) fill() {
	counted := src.counted
	src.count(false)
	src.all, src.bits = true, bitset{}
	src.count(counted)
}

// empty says that the peer holds nothing.
func (src *source) empty() {
	counted := src.counted
	src.count(false)
	src.all, src.bits = false, bitset{}
	src.count(counted)
}

// unset takes one chunk back: the peer says that it has it no longer.
func (src *source) unset(rank uint32) {
	counted := src.counted
	if src.all {
		src.count(false)
		src.all, src.bits = false, newBitset(src.flow.distinct)
		for r := range src.flow.distinct {
			src.bits.set(uint32(r))
		}
		src.count(counted)
	}
	if src.bits.clear(rank) && counted {
		src.flow.rarity.count(src.peer.class, rank, -1)
	}
}
