// SPDX-License-Identifier: Apache-2.0

package cache

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/ebbproject/ebb/content"
)

// Chunks are the distinct chunks of one content. Len, At and Index never change; held does.
type Chunks interface {
	Len() int
	At(i int) (c content.Chunk, held bool)
	Index(id content.ID) (i int, ok bool)
}

// Item is one content of which something is held.
type Item struct {
	ID         content.ID
	Superseded bool           // a newer version of its name is known
	Pinned     bool           // by an operator
	Needed     bool           // a flow wants it
	Last       bool           // the location would have too few copies without this host's
	Used       time.Duration  // when it was last used, on the Clock
	Age        *time.Duration // unused, up to which it is kept, 0: any; nil: as Limits.MaxAge
	Chunks     Chunks
}

// Kept says why the content may not go; empty: it may.
func (x Item) Kept() string {
	switch {
	case x.Needed:
		return "needed"
	case x.Pinned:
		return "pinned"
	}
	return ""
}

// before is the order in which contents go.
func (x Item) before(y Item) int {
	rank := func(x Item) int {
		switch {
		case x.Superseded && !x.Last:
			return 0
		case x.Superseded:
			return 1
		case !x.Last:
			return 2
		}
		return 3
	}
	return cmp.Or(cmp.Compare(rank(x), rank(y)), cmp.Compare(x.Used, y.Used), x.ID.Compare(y.ID))
}

func (x Item) String() string {
	s := x.ID.Short()
	for _, word := range []struct {
		on   bool
		text string
	}{{x.Needed, "needed"}, {x.Pinned, "pinned"}, {x.Superseded, "superseded"}, {x.Last, "last"}} {
		if word.on {
			s += " " + word.text
		}
	}
	return fmt.Sprintf("%s used %s", s, x.Used)
}

// Shelf is everything that is held.
type Shelf struct {
	Items []Item
	Busy  map[content.ID]bool // chunks that are read for peers now
}

// Sorted lists the contents in the order in which they go; those that may not go come last.
func (s Shelf) Sorted() []Item {
	list := slices.Clone(s.Items)
	slices.SortFunc(list, func(x, y Item) int {
		return cmp.Or(cmp.Compare(x.Kept(), y.Kept()), x.before(y)) // "" is the smallest
	})
	return list
}

// Removal is chunks that are to go.
type Removal struct {
	Chunks []content.Chunk // each once
	Bytes  int64
	Items  []content.ID // whose chunks they were
}

// Pick chooses what goes: chunks of at least the given bytes, or all that may, but no more than most in number. Only
// contents for which from is true give something; nil is every one. Those that may not go never do.
func (s Shelf) Pick(bytes int64, most int, from func(Item) bool) Removal {
	var giving, keeping []Item
	for _, x := range s.Sorted() {
		if x.Kept() == "" && (from == nil || from(x)) {
			giving = append(giving, x)
		} else {
			keeping = append(keeping, x)
		}
	}
	var r Removal
	for i, x := range giving {
		before := len(r.Chunks)
		for n := 0; n < x.Chunks.Len() && r.Bytes < bytes && len(r.Chunks) < most; n++ {
			c, held := x.Chunks.At(n)
			if !held || s.Busy[c.ID] || among(keeping, c.ID) || among(giving[i+1:], c.ID) {
				continue
			}
			r.Chunks = append(r.Chunks, c)
			r.Bytes += int64(c.Size)
		}
		if len(r.Chunks) > before {
			r.Items = append(r.Items, x.ID)
		}
		if r.Bytes >= bytes || len(r.Chunks) == most {
			break
		}
	}
	return r
}

// among reports whether one of the contents has the chunk: a chunk that is on disk is held by all contents that have it.
func among(items []Item, id content.ID) bool {
	return slices.ContainsFunc(items, func(x Item) bool {
		_, ok := x.Chunks.Index(id)
		return ok
	})
}

// Stale reports whether a content goes without need: it is too old, and not the last copy of a current version.
func (l Limits) Stale(x Item, lived time.Duration) bool {
	age := l.MaxAge
	if x.Age != nil {
		age = *x.Age
	}
	return age > 0 && lived-x.Used > age && (x.Superseded || !x.Last)
}
