// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"slices"
	"time"

	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/transfer"
)

// holding is one content whose manifest is known here, and the chunks of it that are on disk.
//
// Chunks are counted once each however often the manifest repeats them (an image full of zeroes repeats one chunk
// thousands of times): on the wire and in the scheduler an index is the position among the *distinct* chunks, in the
// order of their first appearance. Both ends derive it from the same manifest.
type holding struct {
	id       content.ID
	manifest *content.Manifest
	chunks   []content.Chunk // distinct
	times    []uint32        // how often each stands in the manifest
	sorted   []uint32        // indices ordered by id, for lookup
	have     []bool
	count    int   // of have
	bytes    int64 // of the content covered by what is held; == manifest.Size() when complete
	size     int64 // bytes of all distinct chunks
	onDisk   int64 // bytes of those of have

	used   time.Duration // when somebody last wanted it, on the keeper's clock
	saved  time.Duration // of used, as last written down
	pinned bool          // by an operator: it stays
	ahead  int           // hosts of the location that hold it and would keep it rather than this one, as far as is known
}

func newHolding(id content.ID, m *content.Manifest, held func(content.ID) bool) *holding {
	h := &holding{id: id, manifest: m}
	seen := make(map[content.ID]uint32, len(m.Chunks))
	for _, c := range m.Chunks {
		if i, ok := seen[c.ID]; ok {
			h.times[i]++
			continue
		}
		seen[c.ID] = uint32(len(h.chunks))
		h.chunks = append(h.chunks, c)
		h.times = append(h.times, 1)
		h.size += int64(c.Size)
	}
	h.sorted = make([]uint32, len(h.chunks))
	h.have = make([]bool, len(h.chunks))
	for i := range h.chunks {
		h.sorted[i] = uint32(i)
		if held(h.chunks[i].ID) {
			h.gained(i)
		}
	}
	slices.SortFunc(h.sorted, func(a, b uint32) int { return h.chunks[a].ID.Compare(h.chunks[b].ID) })
	return h
}

// index finds a chunk by its id.
func (h *holding) index(id content.ID) (int, bool) {
	at, ok := slices.BinarySearchFunc(h.sorted, id, func(i uint32, id content.ID) int { return h.chunks[i].ID.Compare(id) })
	if !ok {
		return 0, false
	}
	return int(h.sorted[at]), true
}

// gained marks a chunk as held; false if it was already.
func (h *holding) gained(i int) bool {
	if h.have[i] {
		return false
	}
	h.have[i] = true
	h.count++
	h.onDisk += int64(h.chunks[i].Size)
	h.bytes += int64(h.times[i]) * int64(h.chunks[i].Size)
	return true
}

// lost marks a chunk as no longer held; false if it was not.
func (h *holding) lost(i int) bool {
	if !h.have[i] {
		return false
	}
	h.have[i] = false
	h.count--
	h.onDisk -= int64(h.chunks[i].Size)
	h.bytes -= int64(h.times[i]) * int64(h.chunks[i].Size)
	return true
}

func (h *holding) complete() bool { return h.count == len(h.chunks) }

// say tells which of count chunks from first on are held.
func (h *holding) say(first, count int) transfer.Have {
	m := transfer.Have{Content: h.id, Total: uint32(len(h.chunks)), First: uint32(first), Count: uint32(count)}
	for i := first; i < first+count; i++ {
		if !h.have[i] {
			continue
		}
		if n := len(m.Held); n > 0 && m.Held[n-1].First+m.Held[n-1].Count == uint32(i) {
			m.Held[n-1].Count++
			continue
		}
		m.Held = append(m.Held, transfer.Run{First: uint32(i), Count: 1})
	}
	return m
}
