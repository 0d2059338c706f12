// SPDX-License-Identifier: Apache-2.0

package store

import (
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/ebbproject/ebb/store/direct"
)

// chunkCategory marks the files that hold chunks, for the file system that treats them differently.
const chunkCategory vfs.DiskWriteCategory = "ebb-chunk"

// systemFS is the operating system's file system, where chunk files are written past the page cache if it can be: what
// is stored for others must not push out what the users of the machine have there.
func systemFS() vfs.FS {
	if !direct.Supported {
		return vfs.Default
	}
	return directFS{vfs.Default}
}

type directFS struct{ vfs.FS }

func (d directFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := d.FS.Create(name, c)
	if err != nil || c != chunkCategory {
		return f, err
	}
	return &directFile{File: f, past: direct.NewWriter(f)}, nil
}

func (d directFS) Unwrap() vfs.FS { return d.FS }

// A directFile is written past the page cache, whole blocks at a time. Unlike others, it leaves alone what it writes.
type directFile struct {
	vfs.File
	past *direct.Writer
}

// Write holds nothing back, so that the other methods find all that was written.
func (f *directFile) Write(p []byte) (int, error) {
	before := f.past.Offset()
	_, err := f.past.Write(p)
	if err == nil {
		err = f.past.Flush()
	}
	return int(f.past.Offset() - before), err
}
