// SPDX-License-Identifier: Apache-2.0

package desired

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/ebbproject/ebb/fleet"
)

// Root is 16 octets over a set of documents: the hashes of all, cut to that length and added without carry. Only the CA can make
// documents, so nobody can choose two sets with one root.
type Root [16]byte

func (r *Root) add(o Root) {
	for i := range r {
		r[i] ^= o[i]
	}
}

// String is 32 hexadecimal digits.
func (r Root) String() string { return hex.EncodeToString(r[:]) }

// Root of what a host should hold.
func (b *Book) Root(id fleet.Identity) Root {
	var r Root
	for _, p := range []place{{}, {id.Location, ""}, {"", id.Peer}, {id.Location, id.Peer}} {
		r.add(b.roots[p])
	}
	return r
}

// ParseRoot reads what String writes. ErrMalformed.
func ParseRoot(s string) (r Root, err error) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(r) || hex.EncodeToString(b) != s {
		return r, fmt.Errorf("%w: the root %.40q", ErrMalformed, s)
	}
	copy(r[:], b)
	return r, nil
}

// change is what the root of those whom a register may concern has become another by: its documents before and after, added.
type change struct {
	key   Key
	place place
	mark  Root
}

func (c change) and(e entry) change {
	c.mark.add(e.mark)
	return c
}

// maxRecent bounds the changes that are remembered: more than an operator makes while news are on their way.
const maxRecent = 64

func (b *Book) change(c change) {
	if len(b.recent) == maxRecent {
		b.recent = slices.Delete(b.recent, 0, 1)
	}
	b.recent = append(b.recent, c)
}

// Behind says what a host lacks whose root is that of what was here before the latest changes, the newest first: who lost a push, or whose news
// crossed one, needs no digest for that. ok is false for a host that differs otherwise, or has been away for longer than changes are remembered.
func (b *Book) Behind(id fleet.Identity, root Root) (lacks [][]byte, ok bool) {
	at := b.Root(id)
	var keys []Key
	for i := len(b.recent) - 1; i >= 0 && at != root; i-- {
		c := b.recent[i]
		if !c.place.concerns(id) {
			continue
		}
		at.add(c.mark)
		if !slices.Contains(keys, c.key) {
			keys = append(keys, c.key)
		}
	}
	if at != root {
		return nil, false
	}
	return b.Raw(keys), true
}

// digestEntry is key, version and hash, 8 octets each.
const digestEntry = 24

// MaxDigest bounds the bytes of a digest.
const MaxDigest = digestEntry * MaxDocuments

// Digest lists what a host holds: 24 octets a document, by key.
func (b *Book) Digest(id fleet.Identity) []byte {
	var out []byte
	for _, key := range b.keys() {
		if e := b.docs[key]; e.Scope.Concerns(id) {
			out = append(out, key[:]...)
			out = binary.BigEndian.AppendUint64(out, e.rank.version)
			out = binary.BigEndian.AppendUint64(out, e.rank.hash)
		}
	}
	return out
}

// parseDigest reads the one accepted form. ErrMalformed.
func parseDigest(d []byte) (map[Key]rank, error) {
	if len(d)%digestEntry != 0 || len(d) > MaxDigest {
		return nil, fmt.Errorf("%w: a digest of %d bytes", ErrMalformed, len(d))
	}
	list := make(map[Key]rank, len(d)/digestEntry)
	var last Key
	for i := 0; i < len(d); i += digestEntry {
		var key Key
		copy(key[:], d[i:])
		if i > 0 && compareKeys(last, key) >= 0 {
			return nil, fmt.Errorf("%w: a digest that is not in order", ErrMalformed)
		}
		last = key
		list[key] = rank{binary.BigEndian.Uint64(d[i+8:]), binary.BigEndian.Uint64(d[i+16:])}
	}
	return list, nil
}

// Compare says what a host with this digest lacks of what is here, the newest first, and which documents of its own are newer
// than what is here. ErrMalformed.
func (b *Book) Compare(id fleet.Identity, digest []byte) (lacks [][]byte, wants []Key, err error) {
	theirs, err := parseDigest(digest)
	if err != nil {
		return nil, nil, err
	}
	for _, d := range b.Documents() {
		key := d.Key()
		e := b.docs[key]
		if have, ok := theirs[key]; d.Scope.Concerns(id) && (!ok || e.rank.above(have)) {
			lacks = append(lacks, e.raw)
		}
	}
	for i := 0; i < len(digest); i += digestEntry {
		var key Key
		copy(key[:], digest[i:])
		if e, ok := b.docs[key]; !ok || theirs[key].above(e.rank) {
			wants = append(wants, key)
		}
	}
	return lacks, wants, nil
}

// ParseKey reads what Key.String writes. ErrMalformed.
func ParseKey(s string) (k Key, err error) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(k) {
		return k, fmt.Errorf("%w: the key %q", ErrMalformed, s)
	}
	copy(k[:], b)
	return k, nil
}
