// SPDX-License-Identifier: Apache-2.0

package store

import (
	"errors"
	"io"
	"io/fs"
	"strings"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// A guard stands between pebble and the file system and turns a failed write into a power cut.
//
// Pebble answers a failed write or sync of its log or its manifest by ending the process, because it cannot know what
// reached the disk. A process that also serves chunks, and that is asked to wait politely for room on a full disk,
// cannot do that. What a store has to survive anyway, and what is tested most, is a power cut. So from the first
// failed write on the guard lets nothing more through to the disk: later writes are taken and forgotten, files created
// later live in memory, and pebble notices nothing. The journal asks failure after each commit, takes a commit that
// met one for not made, and opens the directory anew through a new guard: the recovery after a power cut.
type guard struct {
	vfs.FS // reading calls go straight through

	// inflight is held for reading while a call is on its way to the disk, so that cut returns when none is left.
	inflight sync.RWMutex

	mu     sync.Mutex
	cause  error               // the first failed write; nil: none so far
	shadow map[string]struct{} // names created after the cut, kept in memory
	memory *vfs.MemFS
}

func newGuard(fsys vfs.FS) *guard {
	return &guard{FS: fsys, shadow: map[string]struct{}{}, memory: vfs.NewMem()}
}

// failure is the write that failed first, or nil.
func (g *guard) failure() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.cause
}

func (g *guard) fail(err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.cause == nil {
		g.cause = err
	}
}

// seal makes sure that nothing reaches the disk through this guard any more: it cuts, and waits for calls in flight.
func (g *guard) seal(cause error) {
	g.fail(cause)
	g.inflight.Lock()
	defer g.inflight.Unlock()
}

// write lets one writing call through, unless the cut has come; through tells whether it went to the disk. An error
// for which expected returns true is an answer, not a failure.
func (g *guard) write(call func() error, expected func(error) bool) (through bool, err error) {
	g.inflight.RLock()
	defer g.inflight.RUnlock()
	if g.failure() != nil {
		return false, nil
	}
	err = call()
	if err != nil && !expected(err) {
		g.fail(err)
		return false, nil
	}
	return true, err
}

func never(error) bool { return false }

func aboutNames(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrExist)
}

// inMemory is the name of a shadow file: MemFS knows slashes only, and no folders are needed.
func inMemory(name string) string { return strings.ReplaceAll(name, "/", "|") }

func (g *guard) shadowed(name string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	_, ok := g.shadow[name]
	return ok
}

func (g *guard) shade(name string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shadow[name] = struct{}{}
}

// open runs a call that opens a file for writing; after the cut the file is one in memory.
func (g *guard) open(name string, call func() (vfs.File, error)) (vfs.File, error) {
	var f vfs.File
	through, err := g.write(func() (err error) { f, err = call(); return err }, never)
	if through {
		return &guardedFile{File: f, guard: g}, err
	}
	g.shade(name)
	return g.memory.Create(inMemory(name), vfs.WriteCategoryUnspecified)
}

// Create also mends an order. Pebble writes and syncs a new manifest, then creates a marker file whose name points at
// it, then syncs the folder; where names reach the disk in any order, a power cut can leave the marker without the
// manifest. The folder is synced before a marker as well.
func (g *guard) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return g.open(name, func() (vfs.File, error) {
		if strings.HasPrefix(g.PathBase(name), "marker.") {
			if err := syncFolder(g.FS, g.PathDir(name)); err != nil {
				return nil, err
			}
		}
		return g.FS.Create(name, c)
	})
}

func (g *guard) OpenReadWrite(name string, c vfs.DiskWriteCategory, o ...vfs.OpenOption) (vfs.File, error) {
	return g.open(name, func() (vfs.File, error) { return g.FS.OpenReadWrite(name, c, o...) })
}

func (g *guard) ReuseForWrite(oldname, newname string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return g.open(newname, func() (vfs.File, error) { return g.FS.ReuseForWrite(oldname, newname, c) })
}

func (g *guard) Open(name string, o ...vfs.OpenOption) (vfs.File, error) {
	if g.shadowed(name) {
		return g.memory.Open(inMemory(name))
	}
	return g.FS.Open(name, o...)
}

func (g *guard) OpenDir(name string) (vfs.File, error) {
	f, err := g.FS.OpenDir(name)
	if err != nil {
		return nil, err
	}
	return &guardedFile{File: f, guard: g}, nil
}

func (g *guard) Link(oldname, newname string) error {
	_, err := g.write(func() error { return g.FS.Link(oldname, newname) }, aboutNames)
	return err
}

func (g *guard) Remove(name string) error {
	_, err := g.write(func() error { return g.FS.Remove(name) }, aboutNames)
	return err
}

func (g *guard) RemoveAll(name string) error {
	_, err := g.write(func() error { return g.FS.RemoveAll(name) }, aboutNames)
	return err
}

func (g *guard) Rename(oldname, newname string) error {
	if g.shadowed(oldname) {
		g.shade(newname)
		return g.memory.Rename(inMemory(oldname), inMemory(newname))
	}
	_, err := g.write(func() error { return g.FS.Rename(oldname, newname) }, aboutNames)
	return err
}

func (g *guard) MkdirAll(dir string, perm fs.FileMode) error {
	_, err := g.write(func() error { return g.FS.MkdirAll(dir, perm) }, never)
	return err
}

func (g *guard) Stat(name string) (vfs.FileInfo, error) {
	if g.shadowed(name) {
		return g.memory.Stat(inMemory(name))
	}
	return g.FS.Stat(name)
}

// Lock does nothing: the store holds a lock on the whole state directory, across all guards that come and go.
func (g *guard) Lock(string) (io.Closer, error) { return io.NopCloser(nil), nil }

func (g *guard) Unwrap() vfs.FS { return g.FS }

// A guardedFile was opened before the cut.
type guardedFile struct {
	vfs.File
	guard *guard
}

func (f *guardedFile) Write(p []byte) (n int, err error) {
	through, err := f.guard.write(func() (err error) { n, err = f.File.Write(p); return err }, never)
	if !through {
		return len(p), nil
	}
	return n, err
}

func (f *guardedFile) WriteAt(p []byte, off int64) (n int, err error) {
	through, err := f.guard.write(func() (err error) { n, err = f.File.WriteAt(p, off); return err }, never)
	if !through {
		return len(p), nil
	}
	return n, err
}

func (f *guardedFile) Sync() error {
	_, err := f.guard.write(f.File.Sync, never)
	return err
}

func (f *guardedFile) SyncData() error {
	_, err := f.guard.write(f.File.SyncData, never)
	return err
}

func (f *guardedFile) SyncTo(length int64) (full bool, err error) {
	_, err = f.guard.write(func() (err error) { full, err = f.File.SyncTo(length); return err }, never)
	return full, err
}

// Preallocate may fail: not every file system can, and pebble does not mind.
func (f *guardedFile) Preallocate(offset, length int64) error {
	if f.guard.failure() != nil {
		return nil
	}
	return f.File.Preallocate(offset, length)
}

func (f *guardedFile) Close() error {
	// A file is closed whether the cut has come or not: what it still holds in the kernel was written before.
	if err := f.File.Close(); err != nil {
		f.guard.fail(err)
	}
	return nil
}
