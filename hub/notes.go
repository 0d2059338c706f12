// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/ebbproject/ebb/store"
)

// keyNote is where a note stands: and its number, 20 digits.
const keyNote = "hub/notes/"

// keepNotes is how many notes are kept.
const keepNotes = 1000

// notes is what the console wants remembered of who signed in and was refused.
type notes struct {
	store *store.Store

	mu      sync.Mutex
	numbers []uint64 // in order
}

func noteKey(n uint64) string { return fmt.Sprintf("%s%020d", keyNote, n) }

func openNotes(st *store.Store) (*notes, error) {
	x := &notes{store: st}
	err := st.Scan(keyNote, func(key string, _ []byte) bool {
		var n uint64
		if _, err := fmt.Sscanf(strings.TrimPrefix(key, keyNote), "%020d", &n); err == nil {
			x.numbers = append(x.numbers, n)
		}
		return true
	})
	return x, err
}

// Note makes a line durable; the oldest one goes for it where there are many.
func (s *Server) Note(line []byte) error {
	x := s.notes
	x.mu.Lock()
	defer x.mu.Unlock()
	next := uint64(1)
	if n := len(x.numbers); n > 0 {
		next = x.numbers[n-1] + 1
	}
	records := []store.Record{{Key: noteKey(next), Value: line}}
	old := max(len(x.numbers)+1-keepNotes, 0)
	for _, n := range x.numbers[:old] {
		records = append(records, store.Record{Key: noteKey(n)})
	}
	if err := x.store.Record(records...); err != nil {
		return err
	}
	x.numbers = append(slices.Delete(x.numbers, 0, old), next)
	return nil
}

// Notes are the lines that are remembered, at most so many, the oldest first.
func (s *Server) Notes(most int) (lines [][]byte, err error) {
	err = s.notes.store.Scan(keyNote, func(_ string, line []byte) bool {
		lines = append(lines, bytes.Clone(line))
		return true
	})
	return lines[max(len(lines)-most, 0):], err
}
