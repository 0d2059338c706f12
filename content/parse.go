// SPDX-License-Identifier: Apache-2.0

package content

import (
	"encoding/binary"
	"fmt"
	"time"
)

// ParseManifest reads the form that Encode writes and no other:
// Encode(Parse(b)) is b. The manifest returned is valid and shares no memory
// with b. Errors are those of Validate, and *FormatError for bytes that follow
// the format nowhere.
//
// No count or length is believed before the bytes it speaks of are seen to be
// there: less than 16 bytes are allocated for a byte of b, some 2 as a rule, and
// none at all if b is longer than MaxManifest.
func ParseManifest(b []byte) (*Manifest, error) {
	if len(b) > MaxManifest {
		return nil, &FormatError{"manifest", MaxManifest, fmt.Sprintf("longer than %d bytes", MaxManifest)}
	}
	d := &decoder{b: b}
	d.magic("manifest", manifestMagic)
	m := &Manifest{
		Name:    d.text("name", MaxLabel),
		Version: d.text("version", MaxLabel),
		Type:    d.text("type", MaxLabel),
		Created: d.second("created"),
	}
	if expires := d.second("expires"); expires.Unix() != 0 {
		m.Expires = expires
	}
	m.Tree = d.number("shape", 1) == 1
	for range d.count("origins", MaxOrigins, minOrigin) {
		m.Origins = append(m.Origins, d.text("origin", MaxOrigin))
	}
	m.Chunks = d.chunks()
	m.Entries = d.entries()
	if d.err == nil && d.off != len(d.b) {
		d.fail("end", "%d more bytes follow", len(d.b)-d.off)
	}
	if d.err != nil {
		return nil, d.err
	}
	if err := m.Validate(); err != nil {
		return nil, err
	}
	return m, nil
}

// The fewest bytes in which one of each can be written.
const (
	minOrigin = 1
	minChunk  = len(ID{}) + 1 // id, size
	minEntry  = 4             // kind, path of one letter, mode
)

// A decoder reads the format's parts one after the other. After its first error
// it reads only zero values, and keeps that error.
type decoder struct {
	b    []byte
	off  int    // of the next byte
	tail string // copy of b[from:] that texts are cut out of; "" to copy each by itself
	from int
	err  error
}

func (d *decoder) fail(what, format string, args ...any) {
	if d.err == nil {
		d.err = &FormatError{what, d.off, fmt.Sprintf(format, args...)}
	}
}

// take returns the next n bytes, or nil if there are fewer.
func (d *decoder) take(what string, n int) []byte {
	if d.err == nil && n > len(d.b)-d.off {
		d.fail(what, "cut off: %d bytes wanted, %d left", n, len(d.b)-d.off)
	}
	if d.err != nil {
		return nil
	}
	d.off += n
	return d.b[d.off-n : d.off]
}

// magic reads what every encoding of a kind starts with. The last byte is the
// version.
func (d *decoder) magic(what, want string) {
	got := d.take("start of a "+what, len(want))
	switch version := len(want) - 1; {
	case d.err != nil || string(got) == want:
	case string(got[:version]) == want[:version]:
		d.fail("format version", "%d is not known here: a newer ebb may read it", got[version])
	default:
		d.fail("start", "these bytes are not a %s", what)
	}
}

// number reads a varint of at most limit: 7 bits a byte, least significant
// first, the top bit set on all but the last, in the fewest bytes.
func (d *decoder) number(what string, limit uint64) uint64 {
	if d.err != nil {
		return 0
	}
	v, n := binary.Uvarint(d.b[d.off:])
	switch {
	case n == 0:
		d.fail(what, "cut off in a number")
	case n < 0:
		d.fail(what, "a number of more than 64 bits")
	case n != uvarintLen(v):
		d.fail(what, "%d written in %d bytes instead of %d", v, n, uvarintLen(v))
	case v > limit:
		d.fail(what, "%d is more than %d", v, limit)
	default:
		d.off += n
		return v
	}
	return 0
}

// count reads how many things follow, each of at least size bytes.
func (d *decoder) count(what string, limit, size int) int {
	n := int(d.number(what, uint64(limit)))
	if left := len(d.b) - d.off; d.err == nil && n > left/size {
		d.fail(what, "%d announced, and %d bytes left", n, left)
	}
	if d.err != nil {
		return 0
	}
	return n
}

func (d *decoder) text(what string, limit int) string {
	b := d.take(what, int(d.number(what, uint64(limit))))
	if d.tail == "" {
		return string(b)
	}
	end := d.off - d.from
	return d.tail[end-len(b) : end]
}

func (d *decoder) second(what string) time.Time {
	return time.Unix(int64(d.number(what, lastSecond)), 0).UTC()
}

func (d *decoder) chunks() []Chunk {
	n := d.count("chunks", MaxChunks, minChunk)
	if n == 0 {
		return nil
	}
	chunks := make([]Chunk, n)
	for i := range chunks {
		copy(chunks[i].ID[:], d.take("chunk id", len(ID{})))
		chunks[i].Size = uint32(d.number("chunk size", MaxChunk))
	}
	return chunks
}

// entries reads the entries, which are the last part: all their texts are cut
// out of one copy of it.
func (d *decoder) entries() []Entry {
	n := d.count("entries", MaxEntries, minEntry)
	if n == 0 {
		return nil
	}
	d.tail, d.from = string(d.b[d.off:]), d.off
	// An Entry takes some ten times the fewest bytes it can be written in, so
	// the first time through is only to see that all of them are there.
	for range n {
		d.entry()
	}
	if d.err != nil {
		return nil
	}
	d.off = d.from
	entries := make([]Entry, n)
	for i := range entries {
		entries[i] = d.entry()
	}
	return entries
}

func (d *decoder) entry() Entry {
	e := Entry{Kind: Kind(d.number("kind", uint64(Symlink)))}
	e.Path = d.text("path", MaxPath)
	if e.Kind == Symlink {
		e.Target = d.text("target", MaxPath)
		return e
	}
	e.Mode = uint32(d.number("mode", 0o777))
	if e.Kind == File {
		e.Size = int64(d.number("size", uint64(maxSize)))
	}
	return e
}
