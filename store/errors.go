// SPDX-License-Identifier: Apache-2.0

package store

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/ebbproject/ebb/content"
)

// Sentinels to decide by; errors.Is finds them through every wrapping.
var (
	// ErrLocked: another process (or another Store of this one) has the state directory open.
	ErrLocked = errors.New("state directory is in use by another process")
	// ErrNoSpace: the disk is full. What was stored before stays stored, nothing of the failed call is; the same
	// call works once there is room.
	ErrNoSpace = errors.New("disk full")
	// ErrNotFound: no such chunk, no such record.
	ErrNotFound = errors.New("not found")
	// ErrMismatch: the bytes given to Put are not those that their id names.
	ErrMismatch = errors.New("bytes do not match their id")
	// ErrClosed: the store was closed.
	ErrClosed = errors.New("store is closed")
)

var (
	errSealed   = errors.New("the journal was opened anew")
	errNonsense = errors.New("its files make no sense")
	errUnmarked = errors.New("the marker of its manifest is missing")
	errMissing  = errors.New("it is missing, and chunks are there")
)

// A CorruptError says that a chunk file no longer holds what its name promises. The store has already dropped the
// chunk from its index and removed the file, so that Has is false and the chunk can be fetched again.
type CorruptError struct {
	ID     content.ID
	Path   string
	Reason string // "17 of 1048576 bytes are left", "its bytes changed at rest", "its file is missing"
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("chunk %s is damaged (%s): %s; it was dropped and must be fetched again", e.ID.Short(), e.Path, e.Reason)
}

// A DamagedError says that the journal cannot be read. Chunk files are not touched by it; Repair makes a new journal
// from them and keeps what records can still be read.
type DamagedError struct {
	Dir   string // the state directory
	Cause error
}

func (e *DamagedError) Error() string {
	return fmt.Sprintf("the journal in %s is damaged: %s. Chunks on disk are kept; records of flows and contents may be lost. "+
		"Repair it with: ebb doctor --repair --state %s", e.Dir, firstLine(e.Cause), e.Dir)
}

// firstLine is what fits into a sentence: pebble's errors go on with details for its authors.
func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

func (e *DamagedError) Unwrap() error { return e.Cause }

// explain gives an error of the file system or of pebble the name that callers decide by. The words say what was
// being done.
func explain(words string, err error) error {
	switch {
	case err == nil:
		return nil
	case Full(err):
		return fmt.Errorf("%s: %w: make room and try again: %w", words, ErrNoSpace, err)
	default:
		return fmt.Errorf("%s: %w", words, err)
	}
}

// readFailure tells damage of the journal from trouble in reading it, which may pass. A session that has failed is not
// asked: what it wrote last is not on disk.
func (s *Store) readFailure(v *view, err error) error {
	var odd malformedError
	damage := pebble.IsCorruptionError(err) || errors.As(err, &odd)
	if damage && v.session.guard.failure() == nil {
		return &DamagedError{Dir: s.dir, Cause: err}
	}
	return explain("reading the journal", err)
}

// openFailure does the same for opening, where pebble reports damage in many words and trouble as errors of the
// operating system.
func (s *Store) openFailure(err error) error {
	var errno syscall.Errno
	if errors.As(err, &errno) && !errors.Is(err, fs.ErrNotExist) {
		return explain("state directory "+s.dir, err)
	}
	return &DamagedError{Dir: s.dir, Cause: err}
}

// lockFailure tells a lock that somebody else holds from one that cannot be made.
func lockFailure(dir string, err error) error {
	const sharingViolation = syscall.Errno(32) // how Windows says it
	var errno syscall.Errno
	var path *fs.PathError
	held := !errors.As(err, &errno) || errno == syscall.EAGAIN || errno == sharingViolation ||
		errno == syscall.EACCES && !errors.As(err, &path)
	if held {
		return fmt.Errorf("%w: %s: stop the other ebb, or choose another directory with --state", ErrLocked, dir)
	}
	return explain("locking "+dir, err)
}

// Full reports whether the disk has no room for what was tried, whoever tried it.
func Full(err error) bool {
	return vfs.IsNoSpaceError(err) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}
