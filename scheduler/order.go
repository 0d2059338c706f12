// SPDX-License-Identifier: Apache-2.0

package scheduler

import (
	"cmp"
	"encoding/binary"
	"math"
	"slices"
	"sort"

	"github.com/ebbproject/ebb/content"
)

// Rendezvous hashing (Thaler and Ravishankar, "Using name-based mappings to increase hit rates",
// 1998): every host has a score for every chunk, anybody can compute it, and the host with the
// lowest score is first in line. When a host joins or leaves, only the chunks it is first for
// change hands.

// hostKey is what a host brings into its scores.
func hostKey(p PeerID) uint64 {
	sum := content.Sum([]byte(p))
	return binary.LittleEndian.Uint64(sum[:])
}

// score mixes host and chunk with the finalizer of SplitMix64 (Steele, Lea, Flood, 2014). Chunk ids
// are hashes already, so eight bytes of them serve.
func score(host uint64, chunk content.ID) uint64 {
	return mix(host ^ binary.LittleEndian.Uint64(chunk[:]))
}

func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// order numbers the distinct chunks of a content by this host's score: rank 0 is the one it is most
// likely first in line for. All sets of chunks below are sets of ranks, so that "the first set bit"
// is the tie-break of the rarest-first rule. Identical chunks (the zeros of a disk image) share a
// rank, and so are fetched once.
type order struct {
	chunks []content.Chunk
	self   uint64
	index  []uint32          // rank -> index of the first chunk of that rank
	rank   []uint32          // index -> rank
	times  map[uint32]uint32 // rank -> how often the chunk occurs, where that is not once
}

func newOrder(self uint64, chunks []content.Chunk) order {
	o := order{chunks: chunks, self: self, rank: make([]uint32, len(chunks))}
	type scored struct {
		score uint64
		index uint32
	}
	all := make([]scored, len(chunks))
	for i, c := range chunks {
		all[i] = scored{score(self, c.ID), uint32(i)}
	}
	slices.SortFunc(all, func(a, b scored) int {
		if a.score != b.score {
			return cmp.Compare(a.score, b.score)
		}
		if c := chunks[a.index].ID.Compare(chunks[b.index].ID); c != 0 {
			return c
		}
		return cmp.Compare(a.index, b.index)
	})
	o.index = make([]uint32, 0, len(chunks))
	for i, a := range all {
		if i > 0 && chunks[a.index].ID == chunks[all[i-1].index].ID {
			if o.times == nil {
				o.times = make(map[uint32]uint32)
			}
			r := uint32(len(o.index) - 1)
			o.times[r] = max(o.times[r], 1) + 1
			o.rank[a.index] = r
			continue
		}
		o.rank[a.index] = uint32(len(o.index))
		o.index = append(o.index, a.index)
	}
	return o
}

// chunk returns the chunk of a rank.
func (o *order) chunk(r uint32) content.Chunk { return o.chunks[o.index[r]] }

// occurs returns how often the chunk of a rank occurs in the content.
func (o *order) occurs(r uint32) int {
	if n, ok := o.times[r]; ok {
		return int(n)
	}
	return 1
}

// find looks a chunk up by its id in O(log n), without memory of its own: the ranks are sorted by
// score.
func (o *order) find(id content.ID) (uint32, bool) {
	want := score(o.self, id)
	r := sort.Search(len(o.index), func(r int) bool { return score(o.self, o.chunks[o.index[r]].ID) >= want })
	for ; r < len(o.index); r++ {
		found := o.chunks[o.index[r]].ID
		if found == id {
			return uint32(r), true
		}
		if score(o.self, found) != want {
			break
		}
	}
	return math.MaxUint32, false
}
