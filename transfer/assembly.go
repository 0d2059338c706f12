// SPDX-License-Identifier: Apache-2.0

package transfer

import (
	"fmt"
	"slices"
)

// maxSpans bounds the islands of bytes of an unfinished answer. An honest sender goes from front to back, so islands
// come only from pieces that were late, of which a path holds far fewer; a hostile one could make an island of every
// second piece and have us move a long list for each.
const maxSpans = 4096

// span is the bytes from..to, to excluded.
type span struct{ from, to uint32 }

// assembly puts an answer together from pieces in any order.
type assembly struct {
	buf   []byte // of the size of the answer, nil before the first piece
	spans []span // what has arrived: ascending, with a gap before each
	have  int    // bytes in spans
}

func (a *assembly) complete() bool { return a.buf != nil && a.have == len(a.buf) }

// place says between which spans the piece belongs: behind the first n.
func (a *assembly) place(s span) (n int) {
	if last := len(a.spans) - 1; last < 0 || a.spans[last].to <= s.from {
		return last + 1 // nearly always: pieces come in order
	}
	n, _ = slices.BinarySearchFunc(a.spans, s, func(x, s span) int { return int(int64(x.from) - int64(s.from)) })
	return n
}

// add takes a piece that lies within buf. What is wrong with it is said in words; "" is nothing. A piece that
// overlaps what has arrived is wrong and leaves everything as it was.
func (a *assembly) add(offset uint32, b []byte) (fault string, duplicate bool) {
	s := span{from: offset, to: offset + uint32(len(b))}
	n := a.place(s)
	if n > 0 && a.spans[n-1].to > s.from || n < len(a.spans) && a.spans[n].from < s.to {
		return fmt.Sprintf("bytes %d to %d have arrived before", s.from, s.to), true
	}
	joinsBefore := n > 0 && a.spans[n-1].to == s.from
	joinsAfter := n < len(a.spans) && a.spans[n].from == s.to
	switch {
	case joinsBefore && joinsAfter:
		a.spans[n-1].to = a.spans[n].to
		a.spans = slices.Delete(a.spans, n, n+1)
	case joinsBefore:
		a.spans[n-1].to = s.to
	case joinsAfter:
		a.spans[n].from = s.from
	case len(a.spans) == maxSpans:
		return fmt.Sprintf("pieces lie scattered over more than %d places", maxSpans), false
	default:
		a.spans = slices.Insert(a.spans, n, s)
	}
	copy(a.buf[s.from:s.to], b)
	a.have += len(b)
	return "", false
}

// spare keeps a few buffers of finished answers for the next ones, so that a fast transfer does not live on fresh
// memory. It holds at most limit bytes.
type spare struct {
	buffers [][]byte // ascending capacity
	bytes   int
	limit   int
}

// spareGrain rounds capacities up, so that a buffer fits the next chunk of nearly the same size.
const spareGrain = 128 << 10

// get gives a buffer of n bytes. Its content is what it was. A buffer more than twice as large as needed stays where it is.
func (p *spare) get(n int) []byte {
	i, _ := slices.BinarySearchFunc(p.buffers, n, func(b []byte, n int) int { return cap(b) - n })
	if i < len(p.buffers) && cap(p.buffers[i]) <= 2*max(n, spareGrain) {
		b := p.buffers[i]
		p.buffers = slices.Delete(p.buffers, i, i+1)
		p.bytes -= cap(b)
		return b[:n]
	}
	if n < spareGrain {
		return make([]byte, n)
	}
	return make([]byte, n, (n+spareGrain-1)/spareGrain*spareGrain)
}

// put takes a buffer that nobody uses any more.
func (p *spare) put(b []byte) {
	if cap(b) < spareGrain || p.bytes+cap(b) > p.limit {
		return
	}
	i, _ := slices.BinarySearchFunc(p.buffers, cap(b), func(b []byte, n int) int { return cap(b) - n })
	p.buffers = slices.Insert(p.buffers, i, b)
	p.bytes += cap(b)
}
