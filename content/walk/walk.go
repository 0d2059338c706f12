// SPDX-License-Identifier: Apache-2.0

// Package walk publishes: it reads a file or a directory tree from the disk,
// cuts it into chunks and describes it in a manifest.
package walk

import (
	"errors"
	"time"

	"github.com/ebbproject/ebb/content"
)

// Options are the labels of what is published.
type Options struct {
	Name, Version, Type string
	Created             time.Time // zero: now
	Expires             time.Time // zero: never
	Origins             []string
	Progress            func(bytes int64) // if set, called after every chunk with the bytes done so far
}

// UnreadableError says what could not be read, and why.
type UnreadableError struct {
	Path string
	Err  error
}

// ChangedError says what changed while it was read.
type ChangedError struct {
	Path   string
	Change string
}

func (e *UnreadableError) Error() string { return e.Path + ": " + e.Err.Error() }
func (e *UnreadableError) Unwrap() error { return e.Err }
func (e *ChangedError) Error() string    { return e.Path + ": " + e.Change }

// Publish reads root.
func Publish(root string, o Options, put func(id content.ID, data []byte) error) (*content.Manifest, error) {
	return nil, errors.New("not written yet")
}
