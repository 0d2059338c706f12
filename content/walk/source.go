// SPDX-License-Identifier: Apache-2.0

package walk

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ebbproject/ebb/content"
)

// A source is what is published: a tree, or a single file. Below the root of a
// tree nothing is ever reached through a link that leads out of it: os.Root
// sees to that, whoever swaps directories for links meanwhile.
type source struct {
	root string   // as the caller wrote it
	tree *os.Root // nil: root is a single file

	// The directory whose files were opened last is kept open, because the
	// next file is likely to be in it.
	dir     *os.Root
	dirPath string
}

func openSource(root string) (*source, error) {
	s := &source{root: root}
	// Look before opening: to open a pipe is to wait for its writer.
	info, err := os.Stat(root)
	switch {
	case err != nil:
		return nil, &UnreadableError{root, cause(err)}
	case info.Mode().IsRegular():
		return s, nil
	case !info.IsDir():
		return nil, &UnreadableError{root, ErrSpecial}
	}
	if s.tree, err = os.OpenRoot(root); err != nil {
		return nil, &UnreadableError{root, cause(err)}
	}
	return s, nil
}

func (s *source) close() {
	s.leave()
	if s.tree != nil {
		s.tree.Close()
	}
}

func (s *source) leave() {
	if s.dir != nil {
		s.dir.Close()
	}
	s.dir = nil
}

// enter returns the directory that the entry at p is in.
func (s *source) enter(p string) (*os.Root, error) {
	dir := path.Dir(p)
	if s.dir != nil && s.dirPath == dir {
		return s.dir, nil
	}
	s.leave()
	var err error
	s.dir, err = s.tree.OpenRoot(dir)
	s.dirPath = dir
	return s.dir, err
}

// open opens the file of an entry for reading, without waiting for anybody
// should it have become a pipe.
func (s *source) open(p string) (*os.File, error) {
	const flags = os.O_RDONLY | nonblock
	if s.tree == nil {
		return os.OpenFile(s.root, flags, 0)
	}
	dir, err := s.enter(p)
	if err != nil {
		return nil, err
	}
	return dir.OpenFile(path.Base(p), flags, 0)
}

// stat describes what is now at the place of an entry.
func (s *source) stat(p string) (fs.FileInfo, error) {
	if s.tree == nil {
		return os.Stat(s.root)
	}
	dir, err := s.enter(p)
	if err != nil {
		return nil, err
	}
	return dir.Lstat(path.Base(p))
}

// place writes an entry's path as the operating system does.
func (s *source) place(p string) string {
	if s.tree == nil {
		return s.root
	}
	return filepath.Join(s.root, filepath.FromSlash(p))
}

// failed reports err, met at an entry that was seen before.
func (s *source) failed(p string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return &ChangedError{s.place(p), "is gone"}
	}
	return &UnreadableError{s.place(p), cause(err)}
}

// cause strips the path off err, which stands in our own errors already.
func cause(err error) error {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		return pe.Err
	}
	return err
}

// A node is an entry as the disk shows it.
type node struct {
	content.Entry
	modified int64 // nanoseconds since 1970
}

// visit calls see for every entry of the source, in the order of a manifest.
func (s *source) visit(see func(node) error) error {
	if s.tree != nil {
		return s.visitDir(".", see)
	}
	info, err := os.Stat(s.root)
	if err != nil {
		return s.failed("", err)
	}
	n, err := s.node(nil, filepath.Base(s.root), info)
	if err != nil {
		return err
	}
	return see(n)
}

// visitDir reads a directory to its end and closes it before it goes into the
// directories below, so that however deep a tree is, only one is open.
func (s *source) visitDir(dir string, see func(node) error) error {
	nodes, err := s.readDir(dir)
	if err != nil {
		return err
	}
	slices.SortFunc(nodes, func(a, b node) int { return strings.Compare(a.Path, b.Path) })
	for _, n := range nodes {
		if err := see(n); err != nil {
			return err
		}
		if n.Kind == content.Directory {
			if err := s.visitDir(n.Path, see); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *source) readDir(dir string) ([]node, error) {
	root, err := s.tree.OpenRoot(dir)
	if err != nil {
		return nil, s.failed(dir, err)
	}
	defer root.Close()
	f, err := root.Open(".")
	if err != nil {
		return nil, s.failed(dir, err)
	}
	defer f.Close()
	var nodes []node
	for {
		names, err := f.Readdirnames(1024)
		for _, name := range names {
			p := path.Join(dir, name)
			info, err := root.Lstat(name)
			if err != nil {
				return nil, s.failed(p, err)
			}
			n, err := s.node(root, p, info)
			if err != nil {
				return nil, err
			}
			nodes = append(nodes, n)
		}
		switch {
		case err == io.EOF:
			return nodes, nil
		case err != nil:
			return nil, s.failed(dir, err)
		case len(nodes) > content.MaxEntries:
			return nil, s.tooMany()
		}
	}
}

func (s *source) tooMany() error {
	return &content.FormatError{What: "entries", Offset: -1,
		Reason: fmt.Sprintf("more than %d in %q: publish it in parts", content.MaxEntries, s.root)}
}

// node makes an entry of what was found at p; dir is the directory it is in,
// and needed for symbolic links only.
func (s *source) node(dir *os.Root, p string, info fs.FileInfo) (node, error) {
	n := node{modified: info.ModTime().UnixNano()}
	n.Path = p
	switch info.Mode().Type() {
	case 0:
		n.Kind, n.Size = content.File, info.Size()
	case fs.ModeDir:
		n.Kind = content.Directory
	case fs.ModeSymlink:
		target, err := dir.Readlink(path.Base(p))
		if err != nil {
			return node{}, s.failed(p, err)
		}
		n.Kind, n.Target = content.Symlink, filepath.ToSlash(target)
		return n, nil // the permissions of a link differ between systems and mean nothing
	default:
		return node{}, &UnreadableError{s.place(p), ErrSpecial}
	}
	n.Mode = uint32(info.Mode().Perm())
	return n, nil
}
