// SPDX-License-Identifier: Apache-2.0

package content

import (
	"encoding/binary"
	"math/bits"
	"time"
)

// manifestMagic starts every encoded manifest; its last byte is the version of
// the format.
const manifestMagic = "EBB-MAN\x01"

// Encode writes m in its one canonical form (see FORMAT.md), or returns what
// Validate returns.
func (m *Manifest) Encode() ([]byte, error) {
	if err := m.Validate(); err != nil {
		return nil, err
	}
	b := make([]byte, 0, m.encodedSize())
	b = append(b, manifestMagic...)
	b = appendText(b, m.Name)
	b = appendText(b, m.Version)
	b = appendText(b, m.Type)
	b = binary.AppendUvarint(b, uint64(m.Created.Unix()))
	b = binary.AppendUvarint(b, expirySeconds(m.Expires))
	b = append(b, treeByte(m.Tree))
	b = binary.AppendUvarint(b, uint64(len(m.Origins)))
	for _, origin := range m.Origins {
		b = appendText(b, origin)
	}
	b = binary.AppendUvarint(b, uint64(len(m.Chunks)))
	for i := range m.Chunks {
		b = append(b, m.Chunks[i].ID[:]...)
		b = binary.AppendUvarint(b, uint64(m.Chunks[i].Size))
	}
	b = binary.AppendUvarint(b, uint64(len(m.Entries)))
	for i := range m.Entries {
		b = appendEntry(b, &m.Entries[i])
	}
	return b, nil
}

// ID is the id of the content: the digest of m's encoded form. Its errors are
// those of Validate.
func (m *Manifest) ID() (ID, error) {
	b, err := m.Encode()
	if err != nil {
		return ID{}, err
	}
	return Sum(b), nil
}

func appendEntry(b []byte, e *Entry) []byte {
	b = append(b, byte(e.Kind))
	b = appendText(b, e.Path)
	if e.Kind == Symlink {
		return appendText(b, e.Target)
	}
	b = binary.AppendUvarint(b, uint64(e.Mode))
	if e.Kind == File {
		b = binary.AppendUvarint(b, uint64(e.Size))
	}
	return b
}

func appendText(b []byte, s string) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

// expirySeconds is 0 for never, which no expiry can be: it is after a creation
// that is not before second 0.
func expirySeconds(t time.Time) uint64 {
	if t.IsZero() {
		return 0
	}
	return uint64(t.Unix())
}

func treeByte(tree bool) byte {
	if tree {
		return 1
	}
	return 0
}

// encodedSize is the length of m's encoded form, found without encoding it.
func (m *Manifest) encodedSize() int {
	n := len(manifestMagic) + textLen(m.Name) + textLen(m.Version) + textLen(m.Type)
	n += uvarintLen(uint64(m.Created.Unix())) + uvarintLen(expirySeconds(m.Expires)) + 1
	n += uvarintLen(uint64(len(m.Origins)))
	for _, origin := range m.Origins {
		n += textLen(origin)
	}
	n += uvarintLen(uint64(len(m.Chunks)))
	for i := range m.Chunks {
		n += len(ID{}) + uvarintLen(uint64(m.Chunks[i].Size))
	}
	n += uvarintLen(uint64(len(m.Entries)))
	for i := range m.Entries {
		n += entryLen(&m.Entries[i])
	}
	return n
}

func entryLen(e *Entry) int {
	n := 1 + textLen(e.Path)
	if e.Kind == Symlink {
		return n + textLen(e.Target)
	}
	n += uvarintLen(uint64(e.Mode))
	if e.Kind == File {
		n += uvarintLen(uint64(e.Size))
	}
	return n
}

func textLen(s string) int { return uvarintLen(uint64(len(s))) + len(s) }

// uvarintLen is the number of 7-bit groups in v, at least one.
func uvarintLen(v uint64) int { return (bits.Len64(v|1) + 6) / 7 }
