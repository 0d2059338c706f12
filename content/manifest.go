// SPDX-License-Identifier: Apache-2.0

package content

import (
	"fmt"
	"time"
)

// A Chunk is one piece of a content's stream: which bytes, and how many of them.
type Chunk struct {
	ID   ID
	Size uint32 // bytes: 1 to MaxChunk
}

// Kind tells what an entry of a content is.
type Kind uint8

// The kinds of entries. There are no others: devices, sockets and pipes are
// not content.
const (
	File      Kind = 0 // a regular file, whose bytes are a range of the stream
	Directory Kind = 1
	Symlink   Kind = 2 // a symbolic link that stays inside the tree
)

// String names the kind in lower case.
func (k Kind) String() string {
	switch k {
	case File:
		return "file"
	case Directory:
		return "directory"
	case Symlink:
		return "symlink"
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// An Entry is one file, directory or symbolic link of a content.
type Entry struct {
	Path   string // relative, components separated by slashes; see ValidateEntries
	Target string // Symlink only: what it points to, relative to its own directory
	Size   int64  // File only: bytes
	Mode   uint32 // permission bits, 0 to 0777; of a Symlink 0
	Kind   Kind
}

// A Manifest says what a content is: an ordered list of entries over one
// stream of bytes (the files' bytes, one file after the other in the order of
// the entries), and the chunks into which that stream is cut. Small files
// share chunks, and a file is a range of the stream.
type Manifest struct {
	// Name, Version and Type are labels: at most MaxLabel bytes out of
	// [a-zA-Z0-9._+-], not starting with a dot or a dash. A Name is never empty
	// and never looks like an ID.
	Name, Version, Type string

	Created time.Time // whole seconds, UTC
	Expires time.Time // whole seconds, UTC, after Created; zero: never

	// Tree tells a directory tree, of any number of entries, from a single
	// file, which is exactly one entry with a path of one component.
	Tree    bool
	Entries []Entry
	Chunks  []Chunk

	Origins []string // addresses that serve the same bytes, best first
}

// Limits of a manifest. ParseManifest checks them before it allocates.
const (
	MaxManifest  = 64 << 20 // bytes of an encoded manifest
	MaxEntries   = 2 << 20
	MaxChunks    = 8 << 20 // MaxManifest binds first: near 1.9 million chunks
	MaxOrigins   = 16
	MaxOrigin    = 2048 // bytes of one origin
	MaxLabel     = 128  // bytes of a name, a version, a type
	MaxPath      = 1024 // bytes of a path, and of a link's target
	MaxComponent = 255  // bytes between two slashes
)

// Size is the length of the content's stream in bytes: the sizes of all files.
func (m *Manifest) Size() int64 {
	var n int64
	for i := range m.Entries {
		n += m.Entries[i].Size
	}
	return n
}

// String describes m in one line.
func (m *Manifest) String() string {
	s := m.Name
	if m.Version != "" {
		s += " " + m.Version
	}
	if m.Type != "" {
		s += " (" + m.Type + ")"
	}
	shape := "file"
	if m.Tree {
		shape = fmt.Sprintf("tree of %d entries", len(m.Entries))
	}
	return fmt.Sprintf("%s: %s, %d bytes in %d chunks", s, shape, m.Size(), len(m.Chunks))
}

// FileRange tells where in the stream the bytes of entry i lie; for an entry
// that is not a file the length is 0. It adds up the sizes of the entries
// before i: to ask for many, ask a Layout. It panics if there is no entry i.
func (m *Manifest) FileRange(i int) (offset, length int64) {
	for j := range m.Entries[:i] {
		offset += m.Entries[j].Size
	}
	return offset, m.Entries[i].Size
}
