// SPDX-License-Identifier: Apache-2.0

// Package export writes contents out of a store, as the files and trees that people use.
//
// # Promises
//
// Whole or absent: a content is written beside its destination under a name of its own, synced, and then renamed. What
// is at the destination is the whole content or what was there before, after a power cut as well.
//
// Verified: every byte written is one that the source has just hashed and found to be the chunk's. It is written from
// the very memory that was hashed. Where the file system can share blocks (reflink: Linux on XFS, Btrfs and others), a
// chunk that begins a file is shared instead of written, after its file was compared with that memory through the
// descriptor that is shared. Chunks are cut by content, so the others do not lie on the boundaries of blocks that
// sharing wants. Hard links are not used: a file in two places is one file, and whoever wrote to the exported one, or
// changed its mode, would damage the store. Copying in the kernel is not used either: to be verified, the bytes have
// to be in memory anyway, and from there the way to the file is as short.
//
// Inside: all names are resolved by os.Root below a folder that Write makes itself, so nothing is written anywhere
// else, whatever the names in the manifest and whatever links lie about. The destination's own last name is never
// followed if it is a link.
//
// Modes are those of the manifest, whatever the umask. Memory is bounded by one chunk, beside the manifest.
//
// # Not promised
//
// Owners, times and extended attributes are not kept. A process that is killed leaves its unfinished work behind, as
// ".ebb-*.part" beside the destination; a later Write to the same destination removes it after a day. Two Writes to
// one destination at a time are safe, and one of them wins.
package export

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/store"
)

// ErrExists: the destination exists and may not be replaced.
var ErrExists = errors.New("destination exists")

// A Source gives chunks; *store.Store is one.
type Source interface {
	// Get returns the bytes of a chunk after verifying them, in buf if it is large enough.
	Get(id content.ID, buf []byte) ([]byte, error)
	// Path returns the name of a file that holds the chunk's bytes and nothing else, or "".
	Path(id content.ID) string
}

// Options of Write. The zero value is ready to use.
type Options struct {
	// Overwrite replaces what is at the destination: a file by a file and a tree by a tree, never one by the other.
	Overwrite bool
	// Progress is called with the number of bytes written since it was called last; the sum is the content's size.
	Progress func(bytes int64)
}

// Write writes the content that m describes to dst, whole or not at all. The folder that dst is in must exist.
// ErrExists; store.ErrNoSpace; what the source says of a chunk, such as *store.CorruptError or store.ErrNotFound, after
// which the same call works once the chunk is there again.
func Write(m *content.Manifest, src Source, dst string, o Options) error {
	if err := write(m, src, dst, o); err != nil {
		if store.Full(err) {
			err = fmt.Errorf("%w: make room and try again: %w", store.ErrNoSpace, err)
		}
		return fmt.Errorf("writing %s to %s: %w", m.Name, dst, err)
	}
	return nil
}

func write(m *content.Manifest, src Source, dst string, o Options) (err error) {
	if err := m.Validate(); err != nil {
		return err
	}
	p, err := placeAt(dst, m.Tree)
	if err != nil {
		return err
	}
	defer p.close()
	if err := p.mayPlace(o.Overwrite); err != nil {
		return err
	}
	p.clean()
	defer func() {
		if err != nil {
			removeTree(p.parent, p.temp)
		}
	}()
	w := writer{m: m, stream: stream{chunks: m.Chunks, src: src}, progress: o.Progress}
	if m.Tree {
		err = w.tree(p.parent, p.temp)
	} else {
		err = w.file(p.parent, p.temp, &m.Entries[0])
	}
	if err != nil {
		return err
	}
	return p.publish(o.Overwrite)
}

// A writer writes the entries of a manifest, in their order, which is that of the stream.
type writer struct {
	m        *content.Manifest
	stream   stream
	progress func(int64)
	lazy     bool // files are not synced one by one
}

// fewFiles is the number of entries up to which a tree is synced file by file. Beyond it, one call that syncs the whole
// file system takes less time than thousands that sync a file each.
const fewFiles = 100

func (w *writer) tree(parent *os.Root, name string) error {
	w.lazy = canSyncAll && len(w.m.Entries) > fewFiles
	if err := parent.Mkdir(name, 0o700); err != nil {
		return err
	}
	root, err := parent.OpenRoot(name)
	if err != nil {
		return err
	}
	defer root.Close()
	for i := range w.m.Entries {
		e := &w.m.Entries[i]
		switch e.Kind {
		case content.Directory:
			err = root.Mkdir(e.Path, 0o700) // for as long as things are put into it
		case content.File:
			err = w.file(root, e.Path, e)
		}
		if err != nil {
			return err
		}
	}
	return w.finish(root)
}

// finish makes what has to come last: links, which on Windows want to know what they point at, then the modes of
// directories, innermost first, which may forbid to put anything into them, then the sync of all that.
func (w *writer) finish(root *os.Root) error {
	for _, e := range w.m.Entries {
		if e.Kind == content.Symlink {
			if err := root.Symlink(filepath.FromSlash(e.Target), e.Path); err != nil {
				return err
			}
		}
	}
	for i := len(w.m.Entries) - 1; i >= 0; i-- {
		if e := &w.m.Entries[i]; e.Kind == content.Directory {
			if err := w.finishDir(root, e.Path, e.Mode); err != nil {
				return err
			}
		}
	}
	if err := w.finishDir(root, ".", 0o755); err != nil { // a manifest has no mode for the top
		return err
	}
	if !w.lazy {
		return nil
	}
	top, err := root.Open(".")
	if err != nil {
		return err
	}
	return errors.Join(syncAll(top), top.Close())
}

func (w *writer) finishDir(root *os.Root, name string, mode uint32) error {
	dir, err := root.Open(name)
	if err != nil {
		return err
	}
	if err := dir.Chmod(fs.FileMode(mode)); err != nil && runtime.GOOS != "windows" {
		return errors.Join(err, dir.Close())
	}
	if !w.lazy {
		err = syncDir(dir)
	}
	return errors.Join(err, dir.Close())
}

// file writes the next e.Size bytes of the stream.
func (w *writer) file(root *os.Root, name string, e *content.Entry) error {
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	err = w.copy(f, e.Size)
	if err == nil {
		err = f.Chmod(fs.FileMode(e.Mode))
	}
	if err == nil && !w.lazy {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func (w *writer) copy(f *os.File, size int64) error {
	for at := int64(0); at < size; {
		data, whole, err := w.stream.next(size - at)
		if err != nil {
			return err
		}
		if whole == nil || !share(f, at, w.stream.src.Path(whole.ID), data) {
			if _, err := f.WriteAt(data, at); err != nil {
				return err
			}
		}
		at += int64(len(data))
		if w.progress != nil {
			w.progress(int64(len(data)))
		}
	}
	return nil
}

// A stream is the content's bytes, one chunk of them in memory at a time.
type stream struct {
	chunks []content.Chunk // still to come
	src    Source
	buf    []byte
	left   []byte // of the chunk that came last
}

// next returns up to n bytes, of which there are some. When they are a whole chunk, it says which.
func (s *stream) next(n int64) (data []byte, whole *content.Chunk, err error) {
	if len(s.left) == 0 {
		c := &s.chunks[0] // the manifest is valid: files are as long as the chunks together
		s.chunks = s.chunks[1:]
		got, err := s.src.Get(c.ID, s.buf)
		if err != nil {
			return nil, nil, err
		}
		if len(got) != int(c.Size) {
			return nil, nil, fmt.Errorf("chunk %s has %d bytes, and the manifest says %d", c.ID.Short(), len(got), c.Size)
		}
		s.buf, s.left = got, got
		if int64(len(got)) <= n {
			whole = c
		}
	}
	data = s.left[:min(n, int64(len(s.left)))]
	s.left = s.left[len(data):]
	return data, whole, nil
}
