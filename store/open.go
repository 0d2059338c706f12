// SPDX-License-Identifier: Apache-2.0

package store

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"

	"github.com/cockroachdb/pebble/v2"
)

// Open opens the store in dir, or makes one. After a crash it removes what was being written or removed at that
// moment, and looks at no other chunk file. ErrLocked; *DamagedError; or what the file system says.
func Open(dir string, o Options) (*Store, error) {
	s, err := enter(dir, o)
	if err != nil {
		return nil, err
	}
	if err := s.open(); err != nil {
		if s.journal != nil {
			_ = s.journal.close()
		}
		return nil, errors.Join(err, s.lock.Close())
	}
	return s, nil
}

// enter makes the directory and takes its lock.
func enter(dir string, o Options) (*Store, error) {
	s := &Store{dir: dir, fs: o.FS, events: o.Events, writing: make(chan struct{}, maxWriters)}
	if s.fs == nil {
		s.fs = systemFS()
		abs, err := filepath.Abs(dir) // locks are known by name
		if err != nil {
			return nil, err
		}
		s.dir = abs
	}
	if err := s.fs.MkdirAll(s.dir, 0o700); err != nil {
		return nil, explain("making the state directory", err)
	}
	lock, err := s.fs.Lock(s.fs.PathJoin(s.dir, lockName))
	if err != nil {
		return nil, lockFailure(s.dir, err)
	}
	s.lock = lock
	return s, nil
}

func (s *Store) open() (err error) {
	root := s.chunks()
	existing, err := listFolders(s.fs, root)
	if err != nil {
		return explain("listing "+root, err)
	}
	if err := s.openJournal(len(existing) > 0); err != nil {
		return err
	}
	if err := s.prepare(); err != nil {
		return explain("preparing "+s.dir, err)
	}
	v := s.journal.acquire()
	defer s.journal.release(v)
	if err := s.recount(v); err != nil {
		return s.readFailure(v, err)
	}
	next, strays, err := s.survey(v, existing[max(0, len(existing)-2):])
	if err != nil {
		return err
	}
	s.folders = newFolders(s.fs, root, next)
	_ = s.discard(strays)
	return s.sweep(v)
}

// openJournal opens or makes the journal. With chunks there, a journal that is missing or empty is a lost one.
func (s *Store) openJournal(chunks bool) error {
	dir := s.fs.PathJoin(s.dir, journalName)
	lost := chunks || s.exists(setAsideName)
	if lost && !s.exists(journalName) {
		return &DamagedError{Dir: s.dir, Cause: errMissing}
	}
	j, err := openJournal(s.fs, dir)
	if err != nil {
		return s.openFailure(err)
	}
	s.journal = j
	v := j.acquire()
	defer j.release(v)
	version, err := v.get(versionKey)
	switch {
	case errors.Is(err, ErrNotFound) && lost:
		return &DamagedError{Dir: s.dir, Cause: errMissing}
	case errors.Is(err, ErrNotFound):
		return explain("making the journal", j.commit(func(b *pebble.Batch, _ *view) error {
			return b.Set(versionKey, []byte(strconv.Itoa(formatVersion)), nil)
		}))
	case err != nil:
		return s.readFailure(v, err)
	case string(version) != strconv.Itoa(formatVersion):
		return fmt.Errorf("%s was written in format %q, and this ebb reads format %d: use the version that wrote it", s.dir, version, formatVersion)
	}
	return nil
}

func (s *Store) exists(name string) bool {
	_, err := s.fs.Stat(s.fs.PathJoin(s.dir, name))
	return err == nil
}

// prepare makes the names above the chunk files durable. It does so at each start: the process that made them may
// have been killed before it could.
func (s *Store) prepare() error {
	if err := s.fs.RemoveAll(s.fs.PathJoin(s.dir, freshName)); err != nil {
		return err
	}
	if err := s.fs.MkdirAll(s.chunks(), 0o700); err != nil {
		return err
	}
	if err := syncFolder(s.fs, s.chunks()); err != nil {
		return err
	}
	if err := syncFolder(s.fs, s.dir); err != nil {
		return err
	}
	// The directory above may belong to somebody else and be closed to us; then it is not we who made ours.
	if err := syncFolder(s.fs, s.fs.PathDir(s.dir)); err != nil && !errors.Is(err, fs.ErrPermission) {
		return err
	}
	return nil
}

// survey finds the files of the given folders that the journal does not name, and the next number to give out, which
// is higher than any that exists.
func (s *Store) survey(v *view, folders []uint64) (next uint64, strays []file, err error) {
	for _, kind := range []byte{kindOrder, kindDoomed} {
		k, err := v.last([]byte{kind})
		if err != nil {
			return 0, nil, s.readFailure(v, err)
		}
		if k != nil {
			n, err := parseNumberKey(k)
			if err != nil {
				return 0, nil, s.readFailure(v, err)
			}
			next = max(next, n+1)
		}
	}
	for _, folder := range folders {
		path := s.fs.PathJoin(s.chunks(), folderName(folder))
		files, err := listFiles(s.fs, path, folder)
		if err != nil {
			return 0, nil, explain("listing "+path, err)
		}
		next = max(next, folder*folderCapacity)
		for _, f := range files {
			next = max(next, f.number+1)
			held, err := v.find(f.id)
			if err != nil && err != ErrNotFound {
				return 0, nil, s.readFailure(v, err)
			}
			if held.number != f.number {
				strays = append(strays, f)
			}
		}
	}
	return next, strays, nil
}

// sweep removes the files that are doomed in the journal. What cannot be removed stays doomed.
func (s *Store) sweep(v *view) error {
	var files []file
	err := v.each([]byte{kindDoomed}, func(k, value []byte) error {
		f, err := parseDoomed(k, value)
		files = append(files, f)
		return err
	})
	if err != nil {
		return s.readFailure(v, err)
	}
	_ = s.clear(files)
	return nil
}
