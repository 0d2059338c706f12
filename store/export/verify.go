// SPDX-License-Identifier: Apache-2.0

package export

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/ebbproject/ebb/content"
)

// A DifferenceError says in what an exported file or tree is not what its manifest says.
type DifferenceError struct {
	Path   string // as in the manifest; "" for the destination itself
	Reason string // "is missing", "has mode 0600 instead of 0644", "holds other bytes"
}

func (e *DifferenceError) Error() string {
	if e.Path == "" {
		return e.Reason
	}
	return fmt.Sprintf("%s %s", e.Path, e.Reason)
}

func differs(path, format string, args ...any) error {
	return &DifferenceError{Path: path, Reason: fmt.Sprintf(format, args...)}
}

// Verify compares the file or tree at dst with its manifest: names, kinds, modes, links, sizes and every byte. In a tree
// nothing may be missing and nothing may be there beside. The first difference is a *DifferenceError; other errors say
// that something could not be read. Modes are not compared on Windows, which has others.
func Verify(m *content.Manifest, dst string) error {
	if err := m.Validate(); err != nil {
		return err
	}
	if err := verify(m, dst); err != nil {
		return fmt.Errorf("comparing %s with its manifest: %w", dst, err)
	}
	return nil
}

func verify(m *content.Manifest, dst string) error {
	p, err := placeAt(dst, m.Tree)
	if err != nil {
		return err
	}
	defer p.close()
	info, err := p.parent.Lstat(p.base)
	if err != nil {
		return err
	}
	c := comparison{m: m}
	if !m.Tree {
		if err := c.entry(p.parent, p.base, &m.Entries[0], info); err != nil {
			return err
		}
		return c.bytes(p.parent, func(int) string { return p.base })
	}
	if !info.IsDir() {
		return differs("", "it is %s and not a folder", describe(info))
	}
	root, err := p.parent.OpenRoot(p.base)
	if err != nil {
		return err
	}
	defer root.Close()
	if err := c.names(root); err != nil {
		return err
	}
	return c.bytes(root, func(i int) string { return m.Entries[i].Path })
}

type comparison struct {
	m *content.Manifest
}

// names walks the tree beside the list of entries: both are in the same order, each folder directly in front of what is
// in it, names as bytes.
func (c *comparison) names(root *os.Root) error {
	next := 0
	err := fs.WalkDir(root.FS(), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == "." {
			return err
		}
		if next == len(c.m.Entries) || c.m.Entries[next].Path != path {
			if next < len(c.m.Entries) {
				if _, err := root.Lstat(c.m.Entries[next].Path); errors.Is(err, fs.ErrNotExist) {
					return differs(c.m.Entries[next].Path, "is missing")
				}
			}
			return differs(path, "is not in the manifest")
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		next++
		return c.entry(root, path, &c.m.Entries[next-1], info)
	})
	if err == nil && next < len(c.m.Entries) {
		return differs(c.m.Entries[next].Path, "is missing")
	}
	return err
}

// entry compares all but the bytes of a file.
func (c *comparison) entry(root *os.Root, name string, e *content.Entry, info fs.FileInfo) error {
	var kind bool
	switch e.Kind {
	case content.File:
		kind = info.Mode().IsRegular()
	case content.Directory:
		kind = info.IsDir()
	case content.Symlink:
		kind = info.Mode()&fs.ModeSymlink != 0
	}
	if !kind {
		return differs(e.Path, "is %s instead of a %s", describe(info), e.Kind)
	}
	if e.Kind == content.Symlink {
		target, err := root.Readlink(name)
		if err == nil && filepath.ToSlash(target) != e.Target {
			return differs(e.Path, "points to %q instead of %q", target, e.Target)
		}
		return err
	}
	if mode := info.Mode().Perm(); mode != fs.FileMode(e.Mode) && runtime.GOOS != "windows" {
		return differs(e.Path, "has mode %#o instead of %#o", mode, e.Mode)
	}
	if e.Kind == content.File && info.Size() != e.Size {
		return differs(e.Path, "has %d bytes instead of %d", info.Size(), e.Size)
	}
	return nil
}

// bytes reads the files one after the other, which is the stream, and hashes it chunk by chunk.
func (c *comparison) bytes(root *os.Root, name func(entry int) string) error {
	files := fileStream{m: c.m, root: root, name: name}
	defer files.close()
	buf := make([]byte, content.MaxChunk)
	for _, chunk := range c.m.Chunks {
		first := files.at()
		if _, err := io.ReadFull(&files, buf[:chunk.Size]); err != nil {
			return fmt.Errorf("%s: %w", files.at(), err)
		}
		if content.Sum(buf[:chunk.Size]) == chunk.ID {
			continue
		}
		if last := files.at(); last != first {
			return differs(first, "holds other bytes, or a file behind it up to %s does", last)
		}
		return differs(first, "holds other bytes")
	}
	return nil
}

// A fileStream is the bytes of all files.
type fileStream struct {
	m     *content.Manifest
	root  *os.Root
	name  func(entry int) string
	entry int      // the one at hand
	open  *os.File // nil: not opened yet
	read  int64    // of it
}

// at names the file in which the stream is.
func (s *fileStream) at() string {
	s.skip()
	return s.m.Entries[min(s.entry, len(s.m.Entries)-1)].Path
}

// skip passes over what has no bytes to give any more.
func (s *fileStream) skip() {
	for s.entry < len(s.m.Entries) && s.read == s.m.Entries[s.entry].Size {
		s.close()
		s.entry++
	}
}

func (s *fileStream) close() {
	if s.open != nil {
		_ = s.open.Close()
	}
	s.open, s.read = nil, 0
}

func (s *fileStream) Read(p []byte) (n int, err error) {
	s.skip()
	if s.entry == len(s.m.Entries) {
		return 0, io.EOF
	}
	if s.open == nil {
		if s.open, err = s.root.Open(s.name(s.entry)); err != nil {
			return 0, err
		}
	}
	left := s.m.Entries[s.entry].Size - s.read
	n, err = s.open.Read(p[:min(int64(len(p)), left)])
	s.read += int64(n)
	if err == io.EOF {
		err = differs(s.m.Entries[s.entry].Path, "ends early")
	}
	return n, err
}
