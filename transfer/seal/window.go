// SPDX-License-Identifier: Apache-2.0

package seal

// Window is how many sequence numbers, counted down from the highest one opened, are still let in, once each:
// 46 ms of reordering at 2 Gbit/s in datagrams of 1400 bytes.
const Window = 8192

const (
	wordBits = 64
	// One word more than the window needs: it moves by whole words (RFC 6479 section 2).
	words = Window/wordBits + 1
)

// A window remembers which of the last sequence numbers were opened.
type window struct {
	top  uint64 // one more than the highest opened; 0: none was
	seen [words]uint64
}

// fresh says that sequence was not opened before and is not too old to tell.
func (w *window) fresh(sequence uint64) bool {
	if sequence >= w.top {
		return true
	}
	return w.top-sequence <= Window && w.seen[sequence/wordBits%words]&(1<<(sequence%wordBits)) == 0
}

// opened enters a fresh sequence number whose datagram has proved genuine.
//
// RFC 4303 section 3.4.3: "The receive window is updated only if the integrity verification succeeds."
func (w *window) opened(sequence uint64) {
	if sequence >= w.top {
		w.advance(sequence)
	}
	w.seen[sequence/wordBits%words] |= 1 << (sequence % wordBits)
}

// advance moves the top above sequence and forgets the words that come round again.
func (w *window) advance(sequence uint64) {
	word := sequence / wordBits
	if w.top > 0 {
		last := (w.top - 1) / wordBits
		for i := range min(word-last, words) {
			w.seen[(last+1+i)%words] = 0
		}
	}
	w.top = sequence + 1
}
