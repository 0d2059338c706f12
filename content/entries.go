// SPDX-License-Identifier: Apache-2.0

package content

import (
	"fmt"
	"slices"
	"strings"
)

// maxSize bounds a stream's length in bytes, and so every file in it: sums of
// sizes cannot overflow.
const maxSize = int64(MaxChunks) * MaxChunk

// ValidateEntries tells whether a manifest may list these entries: a tree, or
// a single file. It refuses with a *NameError
//
//   - paths that are empty, absolute, longer than MaxPath or hold a component
//     that is empty, ".", "..", longer than MaxComponent, not UTF-8, or not a
//     name on Windows (control characters, backslash, any of <>:"|?*, a dot or
//     a space at the end, the names of devices);
//   - paths out of order (component by component as bytes, a directory directly
//     in front of what is in it) or listed twice;
//   - paths whose directory is not listed, or is listed as something else;
//   - names in one directory that differ only in case;
//   - symbolic links that are absolute, that leave the tree, or that go up
//     behind a name;
//
// and with a *FormatError fields that do not belong to an entry's kind or are
// out of range, and more than MaxEntries.
func ValidateEntries(tree bool, entries []Entry) error {
	if len(entries) > MaxEntries {
		return invalid("entries", "more than %d: publish in parts", MaxEntries)
	}
	for i := range entries {
		if err := checkEntry(&entries[i]); err != nil {
			return err
		}
	}
	if !tree {
		return checkSingle(entries)
	}
	return checkTree(entries)
}

func invalid(what, format string, args ...any) error {
	return &FormatError{What: what, Offset: -1, Reason: fmt.Sprintf(format, args...)}
}

// checkEntry checks what can be seen of an entry by itself.
func checkEntry(e *Entry) error {
	if err := checkPath(e.Path); err != nil {
		return err
	}
	field := func(what string) string { return fmt.Sprintf("%s of %q", what, e.Path) }
	switch {
	case e.Kind > Symlink:
		return invalid(field("kind"), "%d is not known", e.Kind)
	case e.Mode > 0o777:
		return invalid(field("mode"), "%#o has more than permission bits", e.Mode)
	case e.Mode != 0 && e.Kind == Symlink:
		return invalid(field("mode"), "a symbolic link has none")
	case e.Size < 0 || e.Size > maxSize:
		return invalid(field("size"), "%d is out of range", e.Size)
	case e.Size != 0 && e.Kind != File:
		return invalid(field("size"), "a %s has none", e.Kind)
	case e.Target != "" && e.Kind != Symlink:
		return invalid(field("target"), "a %s has none", e.Kind)
	case e.Kind == Symlink:
		return checkTarget(e)
	}
	return nil
}

func checkSingle(entries []Entry) error {
	if len(entries) != 1 || entries[0].Kind != File {
		return invalid("entries", "a content that is no tree is exactly one file")
	}
	if path := entries[0].Path; strings.Contains(path, "/") {
		return &NameError{path, "the name of a single file has no directory"}
	}
	return nil
}

// A treeCheck visits the entries of a tree in order and keeps the directories
// between the root and the entry at hand.
type treeCheck struct {
	entries []Entry
	open    []openDir // never empty: the root is the first
	names   []uint32  // indices of the entries in the open directories, innermost last
}

type openDir struct {
	path string // "" for the root
	from int    // its entries are names[from:] while it is innermost
}

// checkTree checks what the entries of a tree must be to each other. Beyond the
// entries it needs 4 bytes for each.
func checkTree(entries []Entry) error {
	t := &treeCheck{entries: entries, open: []openDir{{}}}
	for i := range entries {
		if err := t.visit(i); err != nil {
			return err
		}
	}
	return t.closeUpTo("", true)
}

func (t *treeCheck) visit(i int) error {
	path := t.entries[i].Path
	if i > 0 {
		switch c := comparePaths(t.entries[i-1].Path, path); {
		case c == 0:
			return &NameError{path, "listed twice"}
		case c > 0:
			return &NameError{path, fmt.Sprintf("out of order behind %q", t.entries[i-1].Path)}
		}
	}
	dir, _ := splitPath(path)
	if err := t.closeUpTo(dir, false); err != nil {
		return err
	}
	if t.open[len(t.open)-1].path != dir {
		return t.orphan(path, dir)
	}
	t.names = append(t.names, uint32(i))
	if t.entries[i].Kind == Directory {
		t.open = append(t.open, openDir{path, len(t.names)})
	}
	return nil
}

// closeUpTo closes the open directories that dir is not in. Entries are in
// order, so nothing more can follow in them, and they can be checked for twins.
// With all, the root is closed as well.
func (t *treeCheck) closeUpTo(dir string, all bool) error {
	for n := len(t.open) - 1; n >= 0; n-- {
		d := t.open[n]
		if !all && within(dir, d.path) {
			return nil
		}
		if err := t.twins(t.names[d.from:]); err != nil {
			return err
		}
		t.open, t.names = t.open[:n], t.names[:d.from]
	}
	return nil
}

// within tells whether path is dir or lies in it.
func within(path, dir string) bool {
	return dir == "" || path == dir ||
		len(path) > len(dir) && path[len(dir)] == '/' && path[:len(dir)] == dir
}

// orphan explains why dir is not a directory that path could be in.
func (t *treeCheck) orphan(path, dir string) error {
	i, found := slices.BinarySearchFunc(t.entries, dir, func(e Entry, dir string) int {
		return comparePaths(e.Path, dir)
	})
	if found {
		return &NameError{path, fmt.Sprintf("its directory is listed as a %s", t.entries[i].Kind)}
	}
	return &NameError{path, "its directory is not listed"}
}

// twins refuses names of one directory that differ only in case. It reorders
// the names, which nobody needs any more.
func (t *treeCheck) twins(names []uint32) error {
	base := func(i uint32) string {
		_, base := splitPath(t.entries[i].Path)
		return base
	}
	if !slices.ContainsFunc(names, func(i uint32) bool { return folds(base(i)) }) {
		return nil
	}
	slices.SortFunc(names, func(i, j uint32) int {
		if c := compareFolded(base(i), base(j)); c != 0 {
			return c
		}
		return int(i) - int(j)
	})
	for k := 1; k < len(names); k++ {
		if a, b := base(names[k-1]), base(names[k]); compareFolded(a, b) == 0 {
			return &NameError{t.entries[names[k]].Path,
				fmt.Sprintf("differs from %q only in case, and many machines keep only one: rename it", a)}
		}
	}
	return nil
}
