// SPDX-License-Identifier: Apache-2.0

package store

import (
	"io"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/ebbproject/ebb/content"
)

// Options of a store. The zero value is ready to use.
type Options struct {
	// FS is the file system that journal and chunk files share; nil is the operating system's,
	// where chunk files are written past the page cache if it can be.
	FS vfs.FS
	// Events is told what happens inside.
	Events Events
}

// Events observes a store. Any function may be nil; none is called twice at the same time, and none may call back
// into the store.
type Events struct {
	// Committed: one sync of the journal made a group of changes durable.
	Committed func(Commit)
	// JournalFailed: a write or sync of the journal failed. The changes of that group were refused; the journal is
	// opened anew before the next change, and until then what is stored can be read.
	JournalFailed func(err error)
	// JournalReopened: the journal works again.
	JournalReopened func()
}

// A Commit is one group of changes, of one or several calls, that one sync of the journal made durable.
type Commit struct {
	Chunks, Dropped, Records int
	Folders                  time.Duration // spent on syncing chunk folders
	Journal                  time.Duration // spent on writing and syncing the journal
}

// A Blob is a chunk on its way to the disk.
type Blob struct {
	ID       content.ID
	Data     []byte // 1 to content.MaxChunk bytes
	Verified bool   // the caller has just hashed Data itself and found ID
}

// A Record is a small durable fact of the rooms above: a flow, a manifest, the highest version seen.
type Record struct {
	Key   string // not empty
	Value []byte // nil deletes the key
}

// Stats says how much is held.
type Stats struct {
	Chunks int
	Bytes  int64 // of chunks; the journal comes on top
}

// Store holds chunks and records. It is safe for concurrent use.
type Store struct {
	dir    string
	fs     vfs.FS
	events Events

	lock    io.Closer
	journal *journal
	folders *folders
	writing chan struct{} // a token for each file being written, at most maxWriters
	gate    gate
	group   group
	doomed  doomed

	mu    sync.Mutex
	stats Stats
}

// Stats says how much is held.
func (s *Store) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stats
}

func (s *Store) count(f file, sign int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Chunks += sign
	s.stats.Bytes += int64(sign) * int64(f.size)
}

// recount takes the stats from the journal; it also reads every entry of the order once, which shows damage early.
func (s *Store) recount(v *view) error {
	var stats Stats
	err := v.each([]byte{kindOrder}, func(k, value []byte) error {
		f, err := parseOrder(k, value)
		stats.Chunks++
		stats.Bytes += int64(f.size)
		return err
	})
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats = stats
	return nil
}

func (s *Store) chunks() string { return s.fs.PathJoin(s.dir, chunksName) }

func (s *Store) path(f file) string {
	return s.fs.PathJoin(s.folders.path(f.folder()), f.name())
}

// Close waits for the calls in progress and closes the journal. Everything that was acknowledged is durable before
// Close as well as after it.
func (s *Store) Close() error {
	if !s.gate.shut() {
		return nil
	}
	if s.doomed.pending() {
		s.lead() // forget files that are gone; what fails here is done by the next Open
	}
	err := s.journal.close()
	if cerr := s.lock.Close(); err == nil {
		err = cerr
	}
	return explain("closing the journal", err)
}

// Record writes records: all of them or none, durably on return.
func (s *Store) Record(rs ...Record) error {
	if err := s.gate.enter(); err != nil {
		return err
	}
	defer s.gate.leave()
	for _, r := range rs {
		if r.Key == "" {
			return malformed("record without a key")
		}
	}
	return s.change(&change{records: rs})
}

// Lookup returns a copy of a record's value. ErrNotFound.
func (s *Store) Lookup(key string) ([]byte, error) {
	if err := s.gate.enter(); err != nil {
		return nil, err
	}
	defer s.gate.leave()
	v := s.journal.acquire()
	defer s.journal.release(v)
	value, err := v.get(recordKey(key))
	if err != nil && err != ErrNotFound {
		return nil, s.readFailure(v, err)
	}
	return value, err
}

// Scan calls fn for each record whose key begins with prefix, in order of keys, until fn returns false. It shows one
// state of the store, whatever is written meanwhile. The value is valid only during the call.
func (s *Store) Scan(prefix string, fn func(key string, value []byte) bool) error {
	return s.scan(recordKey(prefix), func(k, value []byte) error {
		if !fn(string(k[1:]), value) {
			return errStop
		}
		return nil
	})
}

// scan is view.each on the present state.
func (s *Store) scan(prefix []byte, fn func(k, value []byte) error) error {
	if err := s.gate.enter(); err != nil {
		return err
	}
	defer s.gate.leave()
	v := s.journal.acquire()
	defer s.journal.release(v)
	if err := v.each(prefix, fn); err != nil {
		return s.readFailure(v, err)
	}
	return nil
}

// A gate counts the calls in progress, so that Close can wait for them.
type gate struct {
	mu     sync.Mutex
	closed bool
	calls  sync.WaitGroup
}

func (g *gate) enter() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return ErrClosed
	}
	g.calls.Add(1)
	return nil
}

func (g *gate) leave() { g.calls.Done() }

// shut lets nobody in any more and waits for those inside; false: it was shut before.
func (g *gate) shut() bool {
	g.mu.Lock()
	before := g.closed
	g.closed = true
	g.mu.Unlock()
	g.calls.Wait()
	return !before
}
