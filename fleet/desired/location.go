// SPDX-License-Identifier: Apache-2.0

package desired

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"
)

// location is the newest document of one. A fleet may have a hundred thousand, none of which says anything of a flow: so they are not
// among those that are looked through, and are kept as they were signed.
type location struct {
	name string
	rank rank
	mark Root
	was  Root   // mark of the document before, if it was here
	says uint64 // a hash of what is said
	void bool
	raw  []byte
}

// locationRegister is where something is said of a location.
func locationRegister(name string) Register {
	return Register{Scope: Selector{Location: name}, Kind: Location}
}

func (b *Book) putLocation(e entry) {
	key, p := e.Key(), place{location: e.Scope.Location}
	old := b.locations[key]
	l := location{name: p.location, rank: e.rank, mark: e.mark, was: old.mark, says: hashed(e.Location), void: e.Void, raw: e.raw}
	both := l.mark
	both.add(old.mark)
	b.change(change{key, p, both})
	b.markAt(p, both)
	b.locations[key] = l
}

// hashed is a hash of what is said of a location.
func hashed(body []byte) uint64 {
	sum := sha256.Sum256(body)
	return binary.BigEndian.Uint64(sum[:])
}

// document is what was signed, which was read before.
func (l location) document() (d Document) {
	if _, payload, err := divide(l.raw); err == nil {
		d, _ = read(payload)
	}
	return d
}

// Locations lists what was said last of each location, those that were taken back too, the newest first.
func (b *Book) Locations() []Document {
	list := make([]Document, 0, len(b.locations))
	for _, l := range b.locations {
		list = append(list, l.document())
	}
	slices.SortFunc(list, func(x, y Document) int {
		rx, ry := b.locations[x.Key()].rank, b.locations[y.Key()].rank
		return cmp.Or(cmp.Compare(ry.version, rx.version), cmp.Compare(ry.hash, rx.hash), cmp.Compare(x.Scope.Location, y.Scope.Location))
	})
	return list
}

// Locate is how the locations are given by name: the documents, to be signed and heard, of those of which something else was said or
// nothing, and of those that are there no more. ErrFull.
func (b *Book) Locate(now time.Time, given map[string]json.RawMessage) ([]Document, error) {
	said := map[string]Rule{}
	fresh := 0
	for name, body := range given {
		l, known := b.locations[locationRegister(name).Key()]
		if known && !l.void && l.says == hashed(body) {
			continue
		}
		if !known {
			fresh++
		}
		said[name] = Rule{Location: body}
	}
	for _, l := range b.locations {
		if _, ok := given[l.name]; !ok && !l.void {
			said[l.name] = Rule{Void: true}
		}
	}
	if n := len(b.locations) + fresh; n > MaxLocations {
		return nil, fmt.Errorf("%w: with these something was said of %d locations, %d are possible", ErrFull, n, MaxLocations)
	}
	docs := make([]Document, 0, len(said))
	for _, name := range slices.Sorted(maps.Keys(said)) {
		d := b.Said(now, locationRegister(name), said[name])
		d.Version += uint64(len(docs))
		docs = append(docs, d)
	}
	return docs, nil
}
