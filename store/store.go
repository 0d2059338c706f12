// SPDX-License-Identifier: Apache-2.0

package store

import (
	"errors"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/ebbproject/ebb/content"
)

var errNotBuilt = errors.New("store: not built yet")

// Options of a store. The zero value is ready to use.
type Options struct {
	// FS is the file system that journal and chunk files share; nil is the operating system's.
	FS vfs.FS
	// Events is told what happens inside; any of its functions may be nil.
	Events Events
}

// Events observes a store. The functions are called from the goroutine that does the work, never concurrently with
// one another for one group, and must not call back into the store.
type Events struct {
	// Committed: one journal sync made a group of changes durable.
	Committed func(Commit)
	// JournalFailed: a write or sync of the journal failed; the group it belonged to was refused, and the journal is
	// opened anew before the next change.
	JournalFailed func(err error)
	// JournalReopened: the journal works again.
	JournalReopened func()
}

// A Commit is one group of changes made durable by one sync of the journal.
type Commit struct {
	Chunks, Deleted, Records int           // what the group held
	Folders                  time.Duration // time spent in syncing chunk folders
	Journal                  time.Duration // time spent in writing and syncing the journal
}

// A Blob is a chunk on its way to the disk.
type Blob struct {
	ID   content.ID
	Data []byte
}

// A Record is a small durable fact of the rooms above: a flow, a manifest, the highest version seen.
type Record struct {
	Key   string
	Value []byte // nil deletes the key
}

// Stats says how much is held.
type Stats struct {
	Chunks int
	Bytes  int64 // of chunk data, without the journal
}

// Store holds chunks and records. It is safe for concurrent use.
type Store struct{}

// Open opens or creates the store in dir. ErrLocked, *DamagedError, or what the file system says.
func Open(dir string, o Options) (*Store, error) { return nil, errNotBuilt }

// Close waits for calls in progress and closes the journal.
func (s *Store) Close() error { return errNotBuilt }

// Put stores chunks, durably on return.
func (s *Store) Put(blobs ...Blob) error { return errNotBuilt }

// Get returns the verified bytes of a chunk, in buf if it is large enough.
func (s *Store) Get(id content.ID, buf []byte) ([]byte, error) { return nil, errNotBuilt }

// Has says whether the chunk is durably stored.
func (s *Store) Has(id content.ID) bool { return false }

// Path returns the name of the chunk's file, or "" when it is not stored.
func (s *Store) Path(id content.ID) string { return "" }

// Delete removes chunks; those not stored are fine.
func (s *Store) Delete(ids ...content.ID) error { return errNotBuilt }

// Evict removes chunks, oldest first, until at least the given number of bytes is freed.
func (s *Store) Evict(bytes int64, keep func(content.ID) bool) (freed int64, err error) {
	return 0, errNotBuilt
}

// Each calls fn for each stored chunk with its size in bytes, in order of ids, until fn returns false.
func (s *Store) Each(fn func(id content.ID, size uint32) bool) error { return errNotBuilt }

// Stats says how much is stored.
func (s *Store) Stats() Stats { return Stats{} }

// Record writes records: all of them or none, durably on return.
func (s *Store) Record(rs ...Record) error { return errNotBuilt }

// Lookup returns a copy of a record's value. ErrNotFound.
func (s *Store) Lookup(key string) ([]byte, error) { return nil, errNotBuilt }

// Scan calls fn for each record whose key begins with prefix, in order of keys, until fn returns false. The value is
// valid only during the call.
func (s *Store) Scan(prefix string, fn func(key string, value []byte) bool) error {
	return errNotBuilt
}

// A RepairReport says what Repair kept and what is lost.
type RepairReport struct {
	Chunks      int      // whole chunks kept
	Bytes       int64    // their bytes
	Broken      int      // chunk files that were not whole, removed
	Records     int      // records kept
	RecordsLost bool     // the old journal could not be read to its end: records may be missing
	Lost        []string // in words, for the operator
}

// Repair makes a new journal from the chunk files, and from what can still be read of the old one.
func Repair(dir string, o Options) (RepairReport, error) { return RepairReport{}, errNotBuilt }
