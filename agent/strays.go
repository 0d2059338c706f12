// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"slices"

	"github.com/ebbproject/ebb/agent/cache"
	"github.com/ebbproject/ebb/content"
)

// strays are chunks on disk that belonged to no content when the host started: their manifests were lost with a damaged
// journal, or forgotten while a chunk was still being written. A manifest that comes back finds them; until then they are
// the first to go when room is needed.
type strays struct {
	chunks []content.Chunk // ascending
	gone   map[content.ID]bool
	bytes  int64 // of those not gone
}

func (s *strays) Len() int                              { return len(s.chunks) }
func (s *strays) At(i int) (c content.Chunk, held bool) { return s.chunks[i], !s.gone[s.chunks[i].ID] }
func (s *strays) Index(id content.ID) (int, bool) {
	return slices.BinarySearchFunc(s.chunks, id, func(c content.Chunk, id content.ID) int { return c.ID.Compare(id) })
}

func (s *strays) lost(id content.ID) {
	if i, ok := s.Index(id); ok && !s.gone[id] {
		s.gone[id] = true
		s.bytes -= int64(s.chunks[i].Size)
	}
}

func (s *strays) item() cache.Item { return cache.Item{Superseded: true, Chunks: s} }

// Found is told, after Restore, of every chunk on disk, in the order of ids: those that no content has are strays.
func (c *Core) Found(each func(visit func(id content.ID, size uint32) bool) error) error {
	holdings := c.sortedHoldings()
	at := make([]int, len(holdings)) // how far each was compared
	return each(func(id content.ID, size uint32) bool {
		for n, h := range holdings {
			for at[n] < len(h.sorted) && h.chunks[h.sorted[at[n]]].ID.Compare(id) < 0 {
				at[n]++
			}
			if at[n] < len(h.sorted) && h.chunks[h.sorted[at[n]]].ID == id {
				return true
			}
		}
		c.strays.chunks = append(c.strays.chunks, content.Chunk{ID: id, Size: size})
		c.strays.bytes += int64(size)
		return true
	})
}
