// SPDX-License-Identifier: Apache-2.0

package desired

import (
	"bytes"
	"cmp"
	"crypto/ecdsa"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/ebbproject/ebb/fleet"
)

// Book is the newest document of each register. Its owner calls Heard with every document that comes and Forget now and then, and
// makes what Heard took durable before it acts on it.
type Book struct {
	ca     *ecdsa.PublicKey
	owner  *fleet.Identity
	docs   map[Key]entry // but for those of locations
	roots  map[place]Root
	newest uint64
	recent []change // the latest, the oldest first

	locations map[Key]location
}

type entry struct {
	Document
	rank rank
	mark Root
	raw  []byte
}

// place is whom a document may concern: all hosts, those of a location, one.
type place struct{ location, peer string }

func (p place) concerns(id fleet.Identity) bool {
	return Selector{Location: p.location, Peer: p.peer}.Concerns(id)
}

func (e entry) place() place { return place{e.Scope.Location, e.Scope.Peer} }

// NewBook is an empty one that takes what the holder of this key signed and may concern the owner; nil: everything.
func NewBook(ca *ecdsa.PublicKey, owner *fleet.Identity) *Book {
	return &Book{ca: ca, owner: owner, docs: map[Key]entry{}, roots: map[place]Root{}, locations: map[Key]location{}}
}

// Heard takes a document if it is news. Every error leaves the book as it was: those of Check.
func (b *Book) Heard(now time.Time, raw []byte) (Document, error) {
	e, err := b.check(now, raw)
	if err != nil {
		return e.Document, err
	}
	b.take(e, bytes.Clone(raw))
	return e.Document, nil
}

// Restored takes a document whose signature need not be looked at: it is from the own journal, or was looked at or made just now. The bytes are
// the book's from then on. The errors are those of Check but ErrForeign.
func (b *Book) Restored(now time.Time, raw []byte) (Document, error) {
	_, payload, err := divide(raw)
	if err != nil {
		return Document{}, err
	}
	d, err := read(payload)
	if err != nil {
		return d, err
	}
	e, err := b.admit(now, d, digest(payload))
	if err == nil {
		b.take(e, raw)
	}
	return d, err
}

func (b *Book) take(e entry, raw []byte) {
	e.raw = raw
	if e.Kind == Location {
		b.putLocation(e)
	} else {
		b.put(e.Key(), e)
	}
	b.newest = max(b.newest, e.Version)
}

// Check says whether Heard would take a document, and does not take it: who must make it durable first asks so. ErrTooLong,
// ErrMalformed, ErrForeign, ErrElsewhere, ErrExpired, ErrOld, ErrKnown, ErrFull.
func (b *Book) Check(now time.Time, raw []byte) (Document, error) {
	e, err := b.check(now, raw)
	return e.Document, err
}

func (b *Book) check(now time.Time, raw []byte) (entry, error) {
	d, sum, err := open(raw, b.ca)
	if err != nil {
		return entry{Document: d}, err
	}
	return b.admit(now, d, sum)
}

// admit says whether a document is news, and makes it an entry.
func (b *Book) admit(now time.Time, d Document, sum [sha256.Size]byte) (entry, error) {
	e := entry{Document: d, rank: ranked(d, sum)}
	if b.owner != nil && !d.Scope.Concerns(*b.owner) {
		return e, fmt.Errorf("%w: %s", ErrElsewhere, d.Scope)
	}
	if d.gone(now) {
		return e, fmt.Errorf("%w at %s", ErrExpired, d.Expires.Format(time.RFC3339))
	}
	old, exists := b.known(d.Key())
	switch {
	case exists && old == e.rank:
		return e, ErrKnown
	case exists && !e.rank.above(old):
		return e, fmt.Errorf("%w, %s", ErrOld, EntryID(old.version))
	case !exists && d.Kind != Location && len(b.docs) >= MaxDocuments:
		return e, fmt.Errorf("%w: %d are allowed", ErrFull, MaxDocuments)
	case !exists && d.Kind == Location && len(b.locations) >= MaxLocations:
		return e, fmt.Errorf("%w: something was said of %d locations", ErrFull, MaxLocations)
	}
	copy(e.mark[:], sum[:])
	return e, nil
}

func (b *Book) put(key Key, e entry) {
	b.change(change{key: key, place: e.place(), mark: b.drop(key)}.and(e))
	b.docs[key] = e
	b.mark(e)
}

// drop takes a document out, and gives back what it added to the roots.
func (b *Book) drop(key Key) Root {
	old, ok := b.docs[key]
	if ok {
		b.mark(old)
		delete(b.docs, key)
	}
	return old.mark
}

// mark adds a document to the root of those whom it may concern, or takes it out again.
func (b *Book) mark(e entry) { b.markAt(e.place(), e.mark) }

func (b *Book) markAt(p place, m Root) {
	r := b.roots[p]
	r.add(m)
	if r == (Root{}) {
		delete(b.roots, p)
		return
	}
	b.roots[p] = r
}

// Forget drops what expired and says which.
func (b *Book) Forget(now time.Time) []Key {
	var gone []Key
	for key, e := range b.docs {
		if e.gone(now) {
			gone = append(gone, key)
		}
	}
	slices.SortFunc(gone, compareKeys)
	for _, key := range gone {
		p := b.docs[key].place()
		b.change(change{key, p, b.drop(key)})
	}
	return gone
}

// Said is the document that says a rule of a register now.
func (b *Book) Said(now time.Time, r Register, rule Rule) Document {
	d := Document{Register: r, Rule: rule, Version: max(uint64(max(now.UnixMicro(), 0)), b.newest+1),
		Issued: now.UTC().Truncate(time.Millisecond), Expires: rule.Until}
	if old, ok := b.docs[r.Key()]; ok && (rule.Void || old.Expires.IsZero() || old.Expires.After(rule.Until)) {
		d.Expires = old.Expires // or what is replaced could come back
	}
	return d
}

// Newest is the greatest version ever heard of.
func (b *Book) Newest() uint64 { return b.newest }

// Find is what was said last of a register.
func (b *Book) Find(r Register) (Document, bool) {
	if r.Kind == Location {
		l, ok := b.locations[r.Key()]
		return l.document(), ok
	}
	e, ok := b.docs[r.Key()]
	return e.Document, ok
}

// Version of what was said last of a register; 0: nothing was.
func (b *Book) Version(r Register) uint64 {
	known, _ := b.known(r.Key())
	return known.version
}

// known is the rank of what is said of a register.
func (b *Book) known(key Key) (rank, bool) {
	if e, ok := b.docs[key]; ok {
		return e.rank, true
	}
	l, ok := b.locations[key]
	return l.rank, ok
}

// Documents lists all but those of locations, the newest first.
func (b *Book) Documents() []Document {
	list := make([]Document, 0, len(b.docs))
	for _, key := range b.keys() {
		list = append(list, b.docs[key].Document)
	}
	slices.SortStableFunc(list, func(x, y Document) int { return cmp.Compare(y.Version, x.Version) })
	return list
}

// Raw gives documents as they were signed; those that are not here are left out.
func (b *Book) Raw(keys []Key) [][]byte {
	var list [][]byte
	for _, key := range keys {
		if e, ok := b.docs[key]; ok {
			list = append(list, e.raw)
		} else if l, ok := b.locations[key]; ok {
			list = append(list, l.raw)
		}
	}
	return list
}

func (b *Book) keys() []Key { return slices.SortedFunc(maps.Keys(b.docs), compareKeys) }

func compareKeys(x, y Key) int { return bytes.Compare(x[:], y[:]) }

func sortedRegisters(m map[Register]Rule) []Register {
	return slices.SortedFunc(maps.Keys(m), func(x, y Register) int {
		return cmp.Or(cmp.Compare(x.Kind, y.Kind), cmp.Compare(x.Name, y.Name), cmp.Compare(x.Scope.String(), y.Scope.String()))
	})
}
