// SPDX-License-Identifier: Apache-2.0

package scheduler

import "math/bits"

// bitset is a set of the numbers below a fixed bound. A summary, one bit for each word, lets a
// search step over 4,096 absent numbers at once. The zero bitset is empty and holds nothing;
// newBitset makes one that can.
type bitset struct {
	words []uint64
	sum   []uint64 // invariant: bit w is set exactly when words[w] is not zero
	count int      // invariant: number of bits set in words
}

func newBitset(n int) bitset {
	words := (n + 63) / 64
	return bitset{words: make([]uint64, words), sum: make([]uint64, (words+63)/64)}
}

func (b *bitset) has(i uint32) bool {
	return b.words != nil && b.words[i/64]&(1<<(i%64)) != 0
}

// set reports whether i is new.
func (b *bitset) set(i uint32) bool {
	w, bit := i/64, uint64(1)<<(i%64)
	if b.words[w]&bit != 0 {
		return false
	}
	b.words[w] |= bit
	b.sum[w/64] |= 1 << (w % 64)
	b.count++
	return true
}

// clear reports whether i was there.
func (b *bitset) clear(i uint32) bool {
	if !b.has(i) {
		return false
	}
	w := i / 64
	b.words[w] &^= 1 << (i % 64)
	if b.words[w] == 0 {
		b.sum[w/64] &^= 1 << (w % 64)
	}
	b.count--
	return true
}

// word returns the bits 64w to 64w+63; of an empty bitset too.
func (b *bitset) word(w int) uint64 {
	if b.words == nil {
		return 0
	}
	return b.words[w]
}

// each visits the members in ascending order.
func (b *bitset) each(visit func(i uint32)) {
	for w, x := range b.words {
		for ; x != 0; x &= x - 1 {
			visit(uint32(w*64 + bits.TrailingZeros64(x)))
		}
	}
}

// slots is a set of peer slots. It grows with the highest slot put in.
type slots []uint64

func (s *slots) set(i int) {
	for len(*s) <= i/64 {
		*s = append(*s, 0)
	}
	(*s)[i/64] |= 1 << (i % 64)
}

func (s slots) clear(i int) {
	if i/64 < len(s) {
		s[i/64] &^= 1 << (i % 64)
	}
}

// eachIn visits the members that are in other too, in ascending order.
func (s slots) eachIn(other slots, visit func(i int)) {
	for w := range min(len(s), len(other)) {
		for x := s[w] & other[w]; x != 0; x &= x - 1 {
			visit(w*64 + bits.TrailingZeros64(x))
		}
	}
}
