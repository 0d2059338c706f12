// SPDX-License-Identifier: Apache-2.0

package export

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// A place is where a content goes: a name in a folder, and another name beside it for the work that is not finished.
type place struct {
	parent *os.Root
	base   string
	temp   string
	tree   bool
}

// Unfinished work is ".ebb-", what it is for, "-", a random part, ".part".
const (
	tempPrefix = ".ebb-"
	tempSuffix = ".part"
	// staleAfter is how long unfinished work is left in peace: somebody may be at it.
	staleAfter = 24 * time.Hour
)

func placeAt(dst string, tree bool) (*place, error) {
	abs, err := filepath.Abs(dst)
	if err != nil {
		return nil, err
	}
	base := filepath.Base(abs)
	if dst == "" || filepath.Dir(abs) == abs {
		return nil, fmt.Errorf("%q is no name for a file or a folder", dst)
	}
	parent, err := os.OpenRoot(filepath.Dir(abs))
	if err != nil {
		return nil, fmt.Errorf("the folder to write to: %w", err)
	}
	return &place{parent: parent, base: base, temp: tempFor(base) + rand.Text() + tempSuffix, tree: tree}, nil
}

// tempFor is how the names of unfinished work for one destination begin. It is short, however long the name is.
func tempFor(base string) string {
	sum := sha256.Sum256([]byte(base))
	return fmt.Sprintf("%s%x-", tempPrefix, sum[:6])
}

func (p *place) close() { _ = p.parent.Close() }

// mayPlace refuses early what publish would refuse in the end.
func (p *place) mayPlace(overwrite bool) error {
	info, err := p.parent.Lstat(p.base)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !overwrite:
		return fmt.Errorf("%w: choose another, or have it replaced", ErrExists)
	case p.tree && info.IsDir(), !p.tree && (info.Mode().IsRegular() || info.Mode()&fs.ModeSymlink != 0):
		return nil
	}
	return fmt.Errorf("%w and is %s: a file replaces a file only, a tree a tree", ErrExists, describe(info))
}

func describe(info fs.FileInfo) string {
	switch {
	case info.IsDir():
		return "a folder"
	case info.Mode()&fs.ModeSymlink != 0:
		return "a symbolic link"
	case info.Mode().IsRegular():
		return "a file"
	}
	return "neither file nor folder"
}

// clean removes work on the same destination that nobody has touched for long.
func (p *place) clean() {
	dir, err := p.parent.Open(".")
	if err != nil {
		return
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1)
	for _, name := range names {
		if !strings.HasPrefix(name, tempFor(p.base)) || !strings.HasSuffix(name, tempSuffix) {
			continue
		}
		if info, err := p.parent.Lstat(name); err == nil && time.Since(info.ModTime()) > staleAfter {
			removeTree(p.parent, name)
		}
	}
}

// publish gives the finished work its name, and makes that durable.
func (p *place) publish(overwrite bool) error {
	if err := p.mayPlace(overwrite); err != nil {
		return err
	}
	var err error
	switch {
	case p.tree && overwrite:
		err = p.swap()
	case p.tree, overwrite: // a renamed folder replaces nothing but an empty folder
		err = p.parent.Rename(p.temp, p.base)
	default:
		err = p.link()
	}
	if err != nil {
		return err
	}
	dir, err := p.parent.Open(".")
	if err != nil {
		return err
	}
	return errors.Join(syncDir(dir), dir.Close())
}

// link names a file without ever replacing another that came in between, where the file system has links.
func (p *place) link() error {
	err := p.parent.Link(p.temp, p.base)
	switch {
	case err == nil:
		return p.parent.Remove(p.temp)
	case errors.Is(err, fs.ErrExist):
		return fmt.Errorf("%w: choose another, or have it replaced", ErrExists)
	}
	return p.parent.Rename(p.temp, p.base)
}

// swap puts the new tree where the old one is, in one step where the system can, and removes the old one.
func (p *place) swap() error {
	if _, err := p.parent.Lstat(p.base); errors.Is(err, fs.ErrNotExist) {
		return p.parent.Rename(p.temp, p.base)
	}
	if exchange(p.parent, p.temp, p.base) {
		removeTree(p.parent, p.temp) // which is the old one now
		return nil
	}
	old := strings.TrimSuffix(p.temp, tempSuffix) + "-old" + tempSuffix
	if err := p.parent.Rename(p.base, old); err != nil {
		return err
	}
	if err := p.parent.Rename(p.temp, p.base); err != nil {
		return errors.Join(err, p.parent.Rename(old, p.base))
	}
	removeTree(p.parent, old)
	return nil
}

// removeTree removes a file or a tree, also one whose modes forbid it. What stays is removed after a day.
func removeTree(parent *os.Root, name string) {
	if parent.RemoveAll(name) == nil {
		return
	}
	_ = fs.WalkDir(parent.FS(), name, func(path string, d fs.DirEntry, err error) error {
		if d != nil && d.IsDir() && err == nil {
			_ = parent.Chmod(path, 0o700)
		}
		return nil
	})
	_ = parent.RemoveAll(name)
}
