// SPDX-License-Identifier: Apache-2.0

// Package export writes contents out of the store as the files and trees they describe.
package export

import (
	"errors"

	"github.com/ebbproject/ebb/content"
)

// ErrExists: the destination exists and may not be replaced.
var ErrExists = errors.New("destination exists")

// A Source gives verified chunks; *store.Store is one.
type Source interface {
	// Get returns the bytes of a chunk after verifying them, in buf if it is large enough.
	Get(id content.ID, buf []byte) ([]byte, error)
	// Path returns the name of the file that holds exactly the chunk's bytes, or "".
	Path(id content.ID) string
}

// Options of Write. The zero value is ready to use.
type Options struct {
	// Overwrite replaces an existing destination: a file atomically, a tree by swapping.
	Overwrite bool
	// Progress is told of bytes written, as they are; the sum is the content's size.
	Progress func(bytes int64)
}

// Write writes the content to dst, whole or not at all.
func Write(m *content.Manifest, src Source, dst string, o Options) error {
	return errors.New("export: not built yet")
}

// Verify compares what is at dst with the manifest.
func Verify(m *content.Manifest, dst string) error {
	return errors.New("export: not built yet")
}
