// SPDX-License-Identifier: Apache-2.0

package walk

import (
	"fmt"

	"github.com/ebbproject/ebb/content"
)

// A list is what a source holds, in the order of a manifest.
type list struct {
	entries  []content.Entry
	modified []int64 // nanoseconds since 1970, one an entry
}

func (l *list) node(i int) node { return node{l.entries[i], l.modified[i]} }

// list lists the source. The entries are not yet valid, but of bounded number
// and depth.
func (s *source) list() (*list, error) {
	l := &list{}
	err := s.visit(func(n node) error {
		if len(l.entries) == content.MaxEntries {
			return s.tooMany()
		}
		if len(n.Path) > content.MaxPath {
			return &content.NameError{Path: n.Path, Reason: fmt.Sprintf("longer than %d bytes", content.MaxPath)}
		}
		l.entries = append(l.entries, n.Entry)
		l.modified = append(l.modified, n.modified)
		return nil
	})
	return l, err
}

// compare lists the source again and reports the first difference from l.
func (s *source) compare(l *list) error {
	next := 0
	err := s.visit(func(n node) error {
		if next == len(l.entries) || n.Path != l.entries[next].Path {
			return s.differs(l, next, n)
		}
		if change := l.node(next).change(n); change != "" {
			return &ChangedError{s.place(n.Path), change}
		}
		next++
		return nil
	})
	if err == nil && next < len(l.entries) {
		return &ChangedError{s.place(l.entries[next].Path), "is gone"}
	}
	return err
}

// differs tells which one it was, where the lists part: the entry of the old
// list is gone, unless that of the new one is new.
func (s *source) differs(l *list, next int, n node) error {
	for i := next; i < len(l.entries); i++ {
		if l.entries[i].Path == n.Path {
			return &ChangedError{s.place(l.entries[next].Path), "is gone"}
		}
	}
	return &ChangedError{s.place(n.Path), "appeared"}
}

// change says how the node at one place became another one; "" if it did not.
// A directory's time is left out: its names are compared one by one, and a
// temporary file that came and went in it does no harm.
func (n node) change(now node) string {
	switch {
	case n.Kind != now.Kind:
		return fmt.Sprintf("changed from a %s into a %s", n.Kind, now.Kind)
	case n.Size != now.Size:
		return fmt.Sprintf("changed its size from %d to %d bytes", n.Size, now.Size)
	case n.Target != now.Target:
		return fmt.Sprintf("changed its target from %q to %q", n.Target, now.Target)
	case n.Mode != now.Mode:
		return fmt.Sprintf("changed its permissions from %#o to %#o", n.Mode, now.Mode)
	case n.Kind == content.File && n.modified != now.modified:
		return "was written to"
	}
	return ""
}
