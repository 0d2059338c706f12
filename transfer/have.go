// SPDX-License-Identifier: Apache-2.0

package transfer

import (
	"fmt"
	"slices"
)

// A Have describes a range of chunks either by the lengths of its runs or by one bit a chunk, whichever is shorter;
// runs win a tie. Thousands of chunks held in one piece cost five bytes, every second chunk costs a bit.
const (
	formRuns = 0
	formBits = 1
)

// haveOverhead is the most a Have takes besides its runs or bits: type, id, three numbers and the form.
const haveOverhead = 1 + len(ID{}) + 3*5 + 1

// Holding describes the whole set of a content with that many chunks.
func Holding(content ID, total uint32, held func(index uint32) bool) Have {
	h := Have{Content: content, Total: total, Count: total}
	for i := range total {
		if held(i) {
			h.Held = appendRun(h.Held, Run{First: i, Count: 1})
		}
	}
	return h
}

// Gained describes one chunk that is held now.
func Gained(content ID, total, index uint32) Have {
	return Have{Content: content, Total: total, First: index, Count: 1, Held: []Run{{First: index, Count: 1}}}
}

// Lost describes one chunk that is no longer held.
func Lost(content ID, total, index uint32) Have {
	return Have{Content: content, Total: total, First: index, Count: 1}
}

// appendRun appends a run that does not start before the last one ends, joining the two where they touch.
func appendRun(runs []Run, r Run) []Run {
	if n := len(runs); n > 0 && runs[n-1].end() == r.First {
		runs[n-1].Count += r.Count
		return runs
	}
	return append(runs, r)
}

func (r Run) end() uint32 { return r.First + r.Count }

// validate says in words what is wrong with h as its owner made it; "" is nothing. Runs may touch, which they never do
// on the wire.
func (h Have) validate() string {
	if h.Total == 0 || h.Total > MaxChunks {
		return fmt.Sprintf("a content of %d chunks, allowed are 1 to %d", h.Total, MaxChunks)
	}
	if h.Count == 0 || h.Count > h.Total || h.First > h.Total-h.Count {
		return fmt.Sprintf("chunks %d+%d of %d", h.First, h.Count, h.Total)
	}
	at := h.First // the first chunk that the next run may start with
	for _, r := range h.Held {
		if r.Count == 0 || r.First < at {
			return fmt.Sprintf("run %d+%d is empty or out of order", r.First, r.Count)
		}
		if r.First >= h.First+h.Count || r.Count > h.First+h.Count-r.First {
			return fmt.Sprintf("run %d+%d is out of the range %d+%d", r.First, r.Count, h.First, h.Count)
		}
		at = r.end()
	}
	return ""
}

func bitsSize(count uint32) int { return (int(count) + 7) / 8 }

// runsSize is how many bytes the runs of h take.
func (h Have) runsSize() int {
	size, at := 0, h.First
	for _, r := range h.Held {
		size += uvarintLen(uint64(r.First-at)) + uvarintLen(uint64(r.Count))
		at = r.end()
	}
	return size
}

// Append implements Message. A Have that is not valid, or too large for one message, has no form; Session.Have takes care.
func (h Have) Append(dst []byte) []byte {
	dst = append(append(dst, typeHave), h.Content[:]...)
	dst = appendUvarint(dst, h.Total)
	dst = appendUvarint(dst, h.First)
	dst = appendUvarint(dst, h.Count)
	if h.runsSize() > bitsSize(h.Count) {
		return h.appendBits(append(dst, formBits))
	}
	dst = append(dst, formRuns)
	at := h.First
	for _, r := range h.Held {
		dst = appendUvarint(dst, r.First-at)
		dst = appendUvarint(dst, r.Count)
		at = r.end()
	}
	return dst
}

func (h Have) appendBits(dst []byte) []byte {
	start := len(dst)
	dst = slices.Grow(dst, bitsSize(h.Count))[:start+bitsSize(h.Count)]
	set := dst[start:]
	clear(set)
	for _, r := range h.Held {
		for i := r.First - h.First; i < r.end()-h.First; i++ {
			set[i/8] |= 1 << (i % 8)
		}
	}
	return dst
}

func (r *reader) have() Have {
	h := Have{Content: r.id()}
	h.Total = uint32(r.uvarint(1, MaxChunks, "number of chunks"))
	h.First = uint32(r.uvarint(0, MaxChunks-1, "first chunk"))
	h.Count = uint32(r.uvarint(1, MaxChunks, "range"))
	form := r.byte(formRuns, formBits, "form")
	if r.fault == "" && (h.Count > h.Total || h.First > h.Total-h.Count) {
		r.fail("chunks %d+%d of %d", h.First, h.Count, h.Total)
	}
	if r.fault != "" {
		return Have{}
	}
	if form == formBits {
		h.Held = r.bits(h)
	} else {
		h.Held = r.runs(h)
	}
	return h
}

// runs takes the lengths of alternating runs, not held and held, to the end of the message.
func (r *reader) runs(h Have) []Run {
	if len(r.b) > bitsSize(h.Count) {
		r.fail("runs are longer than bits would be")
		return nil
	}
	var held []Run
	at, left := h.First, h.Count
	for len(r.b) > 0 {
		least := uint64(1) // two runs that touch are one
		if len(held) == 0 {
			least = 0
		}
		gap := uint32(r.uvarint(least, uint64(left), "gap"))
		count := uint32(r.uvarint(1, uint64(left-gap), "run"))
		if r.fault != "" {
			return nil
		}
		held = append(held, Run{First: at + gap, Count: count})
		at, left = at+gap+count, left-gap-count
	}
	return held
}

func (r *reader) bits(h Have) []Run {
	set := r.bytes(bitsSize(h.Count), "bits")
	if r.fault != "" {
		return nil
	}
	if unused := h.Count % 8; unused != 0 && set[len(set)-1]>>unused != 0 {
		r.fail("bits behind the last chunk are set")
		return nil
	}
	for i := range h.Count {
		if set[i/8]>>(i%8)&1 == 1 {
			h.Held = appendRun(h.Held, Run{First: h.First + i, Count: 1})
		}
	}
	if h.runsSize() <= len(set) {
		r.fail("bits are not shorter than runs would be")
	}
	return h.Held
}
