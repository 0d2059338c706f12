// SPDX-License-Identifier: Apache-2.0

package content

import "slices"

// A Layout answers where things lie in a content's stream, in constant time for
// an entry or a chunk and by binary search for a range. It does not change when
// the manifest it was made from does.
type Layout struct {
	entries []int64 // entries[i] is the offset of entry i; one more for the end
	chunks  []int64 // chunks[i] is the offset of chunk i; one more for the end
}

// Layout lays m out. It takes 8 bytes an entry and 8 bytes a chunk.
func (m *Manifest) Layout() *Layout {
	l := &Layout{
		entries: make([]int64, len(m.Entries)+1),
		chunks:  make([]int64, len(m.Chunks)+1),
	}
	for i := range m.Entries {
		l.entries[i+1] = l.entries[i] + m.Entries[i].Size
	}
	for i := range m.Chunks {
		l.chunks[i+1] = l.chunks[i] + int64(m.Chunks[i].Size)
	}
	return l
}

// Size is the length of the stream in bytes.
func (l *Layout) Size() int64 { return l.chunks[len(l.chunks)-1] }

// FileRange tells where the bytes of entry i lie; for an entry that is not a
// file the length is 0. It panics if there is no entry i.
func (l *Layout) FileRange(i int) (offset, length int64) {
	return l.entries[i], l.entries[i+1] - l.entries[i]
}

// ChunkRange tells where the bytes of chunk i lie. It panics if there is no
// chunk i.
func (l *Layout) ChunkRange(i int) (offset, length int64) {
	return l.chunks[i], l.chunks[i+1] - l.chunks[i]
}

// Cover returns the chunks that hold the given range of the stream: those with
// first <= index < end. What lies outside the stream is left out; a range that
// holds no byte of the stream is covered by no chunk, and then first == end.
func (l *Layout) Cover(offset, length int64) (first, end int) {
	if offset < 0 && length > 0 {
		offset, length = 0, length+offset
	}
	if length <= 0 || offset >= l.Size() {
		return 0, 0
	}
	last := l.Size() - 1
	if length <= last-offset { // not offset+length, which may overflow
		last = offset + length - 1
	}
	return l.chunkAt(offset), l.chunkAt(last) + 1
}

// chunkAt finds the chunk that holds the byte at offset, which is in the stream.
func (l *Layout) chunkAt(offset int64) int {
	i, found := slices.BinarySearch(l.chunks, offset)
	if !found {
		i--
	}
	return i
}
