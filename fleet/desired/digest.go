// SPDX-License-Identifier: Apache-2.0

package desired

import (
	"cmp"
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
	if keys, ok := b.behind(id, b.Root(id), root); ok {
		return b.Raw(keys), true
	}
	// Many locations may change at once, so that more is done than is remembered: of each, the last change is.
	key := locationRegister(id.Location).Key()
	l, ok := b.locations[key]
	if !ok {
		return nil, false
	}
	before := b.Root(id)
	before.add(l.mark)
	before.add(l.was)
	return b.Raw([]Key{key}), before == root
}

// behind lists the registers of the latest changes that made a root another.
func (b *Book) behind(id fleet.Identity, at, root Root) (keys []Key, ok bool) {
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
	return keys, at == root
}

// digestEntry is key, version and hash, 8 octets each.
const digestEntry = 24

// MaxDigest bounds the bytes of a digest.
const MaxDigest = digestEntry * MaxDocuments

// Digest lists what a host holds: 24 octets a document, by key.
func (b *Book) Digest(id fleet.Identity) []byte {
	var out []byte
	for _, key := range b.concerning(id) {
		r, _ := b.known(key)
		out = append(out, key[:]...)
		out = binary.BigEndian.AppendUint64(out, r.version)
		out = binary.BigEndian.AppendUint64(out, r.hash)
	}
	return out
}

// concerning lists the registers of what a host should hold, in order.
func (b *Book) concerning(id fleet.Identity) (keys []Key) {
	for key, e := range b.docs {
		if e.Scope.Concerns(id) {
			keys = append(keys, key)
		}
	}
	key := locationRegister(id.Location).Key()
	if _, ok := b.locations[key]; ok {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, compareKeys)
	return keys
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
	var lacked []Key
	version := map[Key]uint64{}
	for _, key := range b.concerning(id) {
		mine, _ := b.known(key)
		if have, ok := theirs[key]; !ok || mine.above(have) {
			lacked, version[key] = append(lacked, key), mine.version
		}
	}
	slices.SortStableFunc(lacked, func(x, y Key) int { return cmp.Compare(version[y], version[x]) })
	lacks = b.Raw(lacked)
	for i := 0; i < len(digest); i += digestEntry {
		var key Key
		copy(key[:], digest[i:])
		if mine, ok := b.known(key); !ok || theirs[key].above(mine) {
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
