// SPDX-License-Identifier: Apache-2.0

package store

import (
	"errors"
	"fmt"

	"github.com/ebbproject/ebb/content"
)

// Sentinels to decide by; errors.Is finds them through every wrapping.
var (
	// ErrLocked: another process (or another Store of this one) has the state directory open.
	ErrLocked = errors.New("state directory in use by another process")
	// ErrNoSpace: the disk is full. What was stored before stays stored, nothing of the failed call is; the same
	// call works once there is room.
	ErrNoSpace = errors.New("disk full")
	// ErrNotFound: no such chunk, no such record.
	ErrNotFound = errors.New("not found")
	// ErrClosed: the store was closed.
	ErrClosed = errors.New("store is closed")
)

// A CorruptError says that a chunk file no longer holds what its name promises. The store has already dropped the
// chunk from its index and removed the file, so that Has is false and the chunk can be fetched again.
type CorruptError struct {
	ID     content.ID
	Path   string
	Reason string // "truncated: 17 of 1048576 bytes", "bytes changed at rest", "file is missing"
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("chunk %s is damaged (%s): %s; it was dropped and must be fetched again", e.ID.Short(), e.Path, e.Reason)
}

// A DamagedError says that the journal cannot be read. Chunk files are not touched by it; Repair makes a new journal
// from them and keeps what records can still be read.
type DamagedError struct {
	Dir   string
	Cause error
}

func (e *DamagedError) Error() string {
	return fmt.Sprintf("the journal in %s is damaged: %v; chunks on disk are intact, records of flows and manifests written last may be lost; "+
		"repair with: ebb doctor --repair --state %s", e.Dir, e.Cause, e.Dir)
}

func (e *DamagedError) Unwrap() error { return e.Cause }
