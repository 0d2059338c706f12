// SPDX-License-Identifier: Apache-2.0

package store

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// A journal is pebble in one directory, with two promises of its own.
//
// What is read is durable. Pebble shows a batch to readers before its log is synced; a journal shows the state after
// the last commit that was synced, and nothing newer.
//
// A failed write does not end it. The failed commit is reported and not shown; reading goes on from the last durable
// state; reopen opens the directory anew. Whether the failed commit is found there is open, as after a power cut.
type journal struct {
	dir string
	fs  vfs.FS

	mu      sync.Mutex
	current *view
}

// A session is pebble opened once, behind a guard of its own.
type session struct {
	db       *pebble.DB
	guard    *guard
	readOnly bool
	views    int // guarded by journal.mu; at 0 the session is closed
}

// A view is one durable state of the journal. It stays readable until it is released as often as it was acquired.
type view struct {
	session *session
	state   *pebble.Snapshot
	users   int // guarded by journal.mu; the journal itself is one while the view is current
}

// openSession opens pebble in dir; readOnly leaves the directory exactly as it is.
func openSession(fsys vfs.FS, dir string, readOnly bool) (s *session, err error) {
	g := newGuard(fsys)
	defer func() {
		// Pebble panics on some kinds of nonsense in its files.
		if r := recover(); r != nil {
			g.seal(errSealed)
			s, err = nil, fmt.Errorf("opening the journal: %w: %v", errNonsense, r)
		}
	}()
	db, err := pebble.Open(dir, pebbleOptions(g, readOnly))
	if failed := g.failure(); failed != nil {
		g.seal(failed)
		if db != nil {
			_ = db.Close() // of no consequence: nothing of it is on disk
		}
		return nil, fmt.Errorf("opening the journal: %w", failed)
	}
	if err != nil {
		g.seal(err)
		return nil, fmt.Errorf("opening the journal: %w", err)
	}
	return &session{db: db, guard: g, readOnly: readOnly}, nil
}

// memTableSize bounds in bytes what pebble holds in memory before it writes a table. Tests make it small, to meet
// flushes and compactions more often.
var memTableSize uint64 = 4 << 20

// pebbleOptions keeps pebble small: a journal has little to say, and the memory belongs to the transfers.
func pebbleOptions(fsys vfs.FS, readOnly bool) *pebble.Options {
	o := &pebble.Options{
		FS:       fsys,
		ReadOnly: readOnly,
		// Its checksummed table footers and synced offsets in the log tell damage from a torn end.
		FormatMajorVersion:          pebble.FormatTableFormatV6,
		CacheSize:                   8 << 20,
		MemTableSize:                memTableSize,
		MemTableStopWritesThreshold: 3,
		MaxOpenFiles:                100,
		L0CompactionThreshold:       4,
		CompactionConcurrencyRange:  func() (int, int) { return 1, 1 },
		Logger:                      silence{},
		EventListener: &pebble.EventListener{
			BackgroundError: func(error) {}, // failed writes reach the guard, failed reads their reader
			DataCorruption:  func(pebble.DataCorruptionInfo) {},
		},
	}
	// The usual scheduler wakes up ten times a second, and is left running when Open fails. With one compaction at a
	// time, granting the next when one is done is enough; the name says what else it is used for.
	o.Experimental.CompactionScheduler = pebble.NewConcurrencyLimitSchedulerWithNoPeriodicGrantingForTest()
	for i := range o.Levels {
		o.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
	}
	return o
}

// silence is pebble's logger. What matters reaches the caller as an error; what is fatal to pebble is a broken
// invariant, since write errors end at the guard, and must not go unnoticed.
type silence struct{}

func (silence) Infof(string, ...any)              {}
func (silence) Errorf(string, ...any)             {}
func (silence) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

func openJournal(fsys vfs.FS, dir string) (*journal, error) {
	if err := wantMarker(fsys, dir); err != nil {
		return nil, err
	}
	s, err := openSession(fsys, dir, false)
	if Full(err) {
		s, err = openFull(fsys, dir, err)
	}
	if err != nil {
		return nil, err
	}
	j := &journal{dir: dir, fs: fsys}
	j.show(s)
	return j, nil
}

// openFull opens a journal for which the disk has no room: pebble begins each life with a log and a manifest of its own. It is like one that
// was open when the disk became full: what is stored can be read, and each change tries first to open it anew. cause, where there is
// nothing to read yet either.
func openFull(fsys vfs.FS, dir string, cause error) (*session, error) {
	if _, err := fsys.Stat(dir); errors.Is(err, fs.ErrNotExist) { // which pebble says in words alone
		return nil, cause
	}
	s, err := openSession(fsys, dir, true)
	if errors.Is(err, pebble.ErrDBDoesNotExist) {
		return nil, cause
	}
	if err != nil {
		return nil, err
	}
	s.guard.fail(cause)
	return s, nil
}

// wantMarker refuses a directory that holds logs or tables and no marker of a manifest. Pebble would take it for a new
// one, and clear it; it makes the marker durable before the first log.
func wantMarker(fsys vfs.FS, dir string) error {
	names, err := fsys.List(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	marked := slices.ContainsFunc(names, func(name string) bool { return strings.HasPrefix(name, "marker.manifest.") })
	used := slices.ContainsFunc(names, func(name string) bool {
		return strings.HasSuffix(name, ".log") || strings.HasSuffix(name, ".sst")
	})
	if used && !marked {
		return errUnmarked
	}
	return nil
}

// show makes the present state of a session the current view.
func (j *journal) show(s *session) {
	next := &view{session: s, state: s.db.NewSnapshot(), users: 1}
	j.mu.Lock()
	s.views++
	last := j.current
	j.current = next
	j.mu.Unlock()
	if last != nil {
		_ = j.release(last)
	}
}

func (j *journal) acquire() *view {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.current.users++
	return j.current
}

// release gives a view back. The error is that of closing the session with its last view.
func (j *journal) release(v *view) error {
	j.mu.Lock()
	v.users--
	lastUser := v.users == 0
	var lastView bool
	if lastUser {
		v.session.views--
		lastView = v.session.views == 0
	}
	j.mu.Unlock()
	if !lastUser {
		return nil
	}
	err := v.state.Close()
	if lastView {
		err = errors.Join(err, v.session.db.Close())
	}
	return err
}

// failure is why the journal takes no commits at present, or nil.
func (j *journal) failure() error {
	v := j.acquire()
	defer j.release(v)
	return v.session.guard.failure()
}

// reopen opens the directory anew after a failure. Until it succeeds, the old session goes on to serve reads. Commits
// and reopenings must not overlap: group sees to it.
func (j *journal) reopen() error {
	v := j.acquire()
	defer j.release(v)
	v.session.guard.seal(errSealed)
	s, err := openSession(j.fs, j.dir, false)
	if err != nil {
		return err
	}
	j.show(s)
	return nil
}

// commit makes a batch durable and then visible. After an error it is not visible, and whether it is durable is open
// until reopen.
func (j *journal) commit(fill func(*pebble.Batch, *view) error) error {
	v := j.acquire()
	defer j.release(v)
	s := v.session
	b := s.db.NewBatch()
	defer b.Close()
	if err := fill(b, v); err != nil {
		return err
	}
	if b.Empty() {
		return nil
	}
	err := s.db.Apply(b, pebble.Sync)
	if failed := s.guard.failure(); failed != nil {
		return failed
	}
	if err != nil {
		return err
	}
	j.show(s)
	return nil
}

// close moves what is in the log to a table before it closes. The log ends where writing ended, so that damage at its
// end looks like a power cut and cannot be told from one; a table has checksums from one end to the other. Where the disk has no room for
// the table, what was acknowledged is in the log; only damage to the end of that would go unnoticed.
func (j *journal) close() error {
	j.mu.Lock()
	v := j.current
	j.mu.Unlock()
	if v.session.readOnly { // nothing of it is left to be written
		return j.release(v)
	}
	err := v.session.db.Flush()
	err = errors.Join(err, j.release(v))
	if failed := v.session.guard.failure(); failed != nil && !Full(failed) {
		return failed
	}
	return err
}

// get returns a copy of a value. ErrNotFound.
func (v *view) get(key []byte) ([]byte, error) {
	value, closer, err := v.state.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	defer closer.Close()
	return slices.Clone(value), nil
}

// errStop ends an iteration early.
var errStop = errors.New("stop")

// each calls fn for each key with the prefix, in order; key and value are valid only during the call. An error of fn
// ends it; errStop is none.
func (v *view) each(prefix []byte, fn func(k, value []byte) error) error {
	return v.between(prefix, after(prefix), fn)
}

// between is each for the keys from one on and below another.
func (v *view) between(from, below []byte, fn func(k, value []byte) error) error {
	it, err := v.state.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: below})
	if err != nil {
		return err
	}
	defer it.Close()
	for ok := it.First(); ok; ok = it.Next() {
		value, err := it.ValueAndErr()
		if err == nil {
			err = fn(it.Key(), value)
		}
		if errors.Is(err, errStop) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return it.Error()
}

// last returns the last key with the prefix, or nil.
func (v *view) last(prefix []byte) ([]byte, error) {
	it, err := v.state.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: after(prefix)})
	if err != nil {
		return nil, err
	}
	defer it.Close()
	if !it.Last() {
		return nil, it.Error()
	}
	return slices.Clone(it.Key()), nil
}
