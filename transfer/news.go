// SPDX-License-Identifier: Apache-2.0

package transfer

import "slices"

// news is what the other side has not been told yet about one content: stretches of chunks, held or not. A later word
// about a chunk replaces an earlier one that still waits, so the memory of a peer that does not listen stays within
// one word a chunk, and it hears only what is true when it listens again.
type news struct {
	content ID
	total   uint32
	waiting []stretch // ascending, apart; may touch
}

// stretch is Count chunks from First on of which all or none are held.
type stretch struct {
	Run
	held bool
}

// put lays h over what waits.
func (n *news) put(h Have) {
	from, to := h.First, h.First+h.Count
	i := 0
	for i < len(n.waiting) && n.waiting[i].end() <= from {
		i++
	}
	j := i
	for j < len(n.waiting) && n.waiting[j].First < to {
		j++
	}
	var fresh []stretch
	if i < j && n.waiting[i].First < from { // sticks out to the left
		fresh = append(fresh, n.waiting[i].cut(n.waiting[i].First, from))
	}
	at := from
	for _, r := range h.Held {
		fresh = appendStretch(fresh, stretch{Run{at, r.First - at}, false})
		fresh = appendStretch(fresh, stretch{r, true})
		at = r.end()
	}
	fresh = appendStretch(fresh, stretch{Run{at, to - at}, false})
	if i < j && n.waiting[j-1].end() > to { // sticks out to the right
		fresh = append(fresh, n.waiting[j-1].cut(to, n.waiting[j-1].end()))
	}
	n.waiting = slices.Replace(n.waiting, i, j, fresh...)
}

func appendStretch(list []stretch, s stretch) []stretch {
	if s.Count == 0 {
		return list
	}
	return append(list, s)
}

func (s stretch) cut(from, to uint32) stretch {
	return stretch{Run{from, to - from}, s.held}
}

// page takes as much of what waits, in one range without a gap, as a message of max bytes can say.
func (n *news) page(max int) Have {
	h := Have{Content: n.content, Total: n.total, First: n.waiting[0].First}
	room := max - haveOverhead
	taken, runs, at := 0, 0, h.First // runs: what the runs up to chunk at take on the wire, or a little more
	for _, s := range n.waiting {
		if s.First != h.First+h.Count {
			break
		}
		longer := runs
		if s.held {
			longer += uvarintLen(uint64(s.First-at)) + uvarintLen(uint64(s.Count))
		}
		if min(longer, bitsSize(h.Count+s.Count)) > room {
			break
		}
		if s.held {
			h.Held = appendRun(h.Held, s.Run)
			runs, at = longer, s.end()
		}
		h.Count += s.Count
		taken++
	}
	if n.waiting = n.waiting[taken:]; len(n.waiting) == 0 {
		n.waiting = nil // lets go of what a large set took
	}
	return h
}
