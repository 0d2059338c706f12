// SPDX-License-Identifier: Apache-2.0

package desired

import (
	"bytes"
	"cmp"
	"crypto/ecdsa"
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
	docs   map[Key]entry
	roots  map[place]Root
	newest uint64
}

type entry struct {
	Document
	rank rank
	mark Root
	raw  []byte
}

// place is whom a document may concern: all hosts, those of a location, one.
type place struct{ location, peer string }

// NewBook is an empty one that takes what the holder of this key signed.
func NewBook(ca *ecdsa.PublicKey) *Book {
	return &Book{ca: ca, docs: map[Key]entry{}, roots: map[place]Root{}}
}

// Heard takes a document if it is news. Every error leaves the book as it was: ErrTooLong, ErrMalformed, ErrForeign, ErrExpired,
// ErrOld, ErrKnown, ErrFull.
func (b *Book) Heard(now time.Time, raw []byte) (Document, error) {
	d, sum, err := open(raw, b.ca)
	if err != nil {
		return d, err
	}
	if d.gone(now) {
		return d, fmt.Errorf("%w at %s", ErrExpired, d.Expires.Format(time.RFC3339))
	}
	key, r := d.Key(), ranked(d, sum)
	old, exists := b.docs[key]
	switch {
	case exists && old.rank == r:
		return d, ErrKnown
	case exists && !r.above(old.rank):
		return d, fmt.Errorf("%w: %s", ErrOld, old.Issued.Format(time.RFC3339))
	case !exists && len(b.docs) >= MaxDocuments:
		return d, fmt.Errorf("%w: %d are allowed", ErrFull, MaxDocuments)
	}
	e := entry{Document: d, rank: r, raw: bytes.Clone(raw)}
	copy(e.mark[:], sum[:])
	b.put(key, e)
	b.newest = max(b.newest, d.Version)
	return d, nil
}

func (b *Book) put(key Key, e entry) {
	b.drop(key)
	b.docs[key] = e
	b.mark(e)
}

func (b *Book) drop(key Key) {
	if old, ok := b.docs[key]; ok {
		b.mark(old)
		delete(b.docs, key)
	}
}

// mark adds a document to the root of those whom it may concern, or takes it out again.
func (b *Book) mark(e entry) {
	p := place{e.Scope.Location, e.Scope.Peer}
	r := b.roots[p]
	r.add(e.mark)
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
		b.drop(key)
	}
	return gone
}

// next is the document that says a rule of a register now.
func (b *Book) next(now time.Time, r Register, rule Rule) Document {
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
	e, ok := b.docs[r.Key()]
	return e.Document, ok
}

// Documents lists all, the newest first.
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
		}
	}
	return list
}

// Keep drops what does not concern a host, and says which.
func (b *Book) Keep(id fleet.Identity) []Key {
	var gone []Key
	for _, key := range b.keys() {
		if !b.docs[key].Scope.Concerns(id) {
			gone = append(gone, key)
			b.drop(key)
		}
	}
	return gone
}

func (b *Book) keys() []Key { return slices.SortedFunc(maps.Keys(b.docs), compareKeys) }

func compareKeys(x, y Key) int { return bytes.Compare(x[:], y[:]) }

func sortedRegisters(m map[Register]Rule) []Register {
	return slices.SortedFunc(maps.Keys(m), func(x, y Register) int { return cmp.Compare(string(x.Kind)+x.Name, string(y.Kind)+y.Name) })
}
