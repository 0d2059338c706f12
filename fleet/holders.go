// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"slices"
	"time"

	"github.com/ebbproject/ebb/content"
)

// Member is one host by its name, a silent one too; false: it is not remembered.
func (d *Directory) Member(peer string) (Member, bool) {
	e := d.members[peer]
	if e == nil {
		return Member{}, false
	}
	return e.Member, true
}

// Holdings lists what a member holds, by content.
func (d *Directory) Holdings(peer string) []Holding {
	e := d.members[peer]
	if e == nil {
		return nil
	}
	list := make([]Holding, 0, len(e.holds))
	for id := range e.holds {
		p := d.holders[id][e]
		list = append(list, Holding{Content: id, Chunks: p.chunks, Complete: p.complete})
	}
	slices.SortFunc(list, func(a, b Holding) int { return a.Content.Compare(b.Content) })
	return list
}

// Holders visits who holds something of a content, in any order, silent hosts included.
func (d *Directory) Holders(id content.ID, visit func(Member, Holding)) {
	for e, p := range d.holders[id] {
		visit(e.Member, Holding{Content: id, Chunks: p.chunks, Complete: p.complete})
	}
}

// Spread is how many hosts hold all of a content, and how many a part of it.
func (d *Directory) Spread(id content.ID) (whole, part int) {
	return d.whole[id], len(d.holders[id]) - d.whole[id]
}

// Silent reports whether a host that was seen then is not listed any more.
func Silent(now, seen time.Time) bool { return now.Sub(seen) >= SilentAfter }
