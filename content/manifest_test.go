// SPDX-License-Identifier: Apache-2.0

package content

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// sample is a manifest with one of everything.
func sample() *Manifest {
	return &Manifest{
		Name: "tools", Version: "1.4", Type: "application",
		Created: created, Expires: created.AddDate(1, 0, 0),
		Tree: true,
		Entries: []Entry{
			{Path: "bin", Kind: Directory, Mode: 0o755},
			{Path: "bin/empty", Mode: 0o600},
			{Path: "bin/tool", Mode: 0o755, Size: 300_000},
			{Path: "latest", Kind: Symlink, Target: "bin/tool"},
			{Path: "read me.txt", Mode: 0o644, Size: 5},
		},
		Chunks:  []Chunk{{Sum([]byte("one")), 300_000}, {Sum([]byte("two")), 5}},
		Origins: []string{"https://origin.example/tools"},
	}
}

func TestManifestSaysWhatItIs(t *testing.T) {
	m := sample()
	if got, want := m.String(), "tools 1.4 (application): tree of 5 entries, 300005 bytes in 2 chunks"; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	m = &Manifest{Name: "a", Entries: []Entry{{Path: "f"}}}
	if got, want := m.String(), "a: file, 0 bytes in 0 chunks"; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	if File.String() != "file" || Kind(7).String() != "kind 7" {
		t.Error("kinds have names")
	}
}

func TestManifestsRules(t *testing.T) {
	if err := sample().Validate(); err != nil {
		t.Fatal(err)
	}
	for what, spoil := range map[string]func(m *Manifest){
		"name":            func(m *Manifest) { m.Name = "" },
		"name, as an id":  func(m *Manifest) { m.Name = emptyID },
		"version":         func(m *Manifest) { m.Version = "1/2" },
		"type":            func(m *Manifest) { m.Type = strings.Repeat("a", MaxLabel+1) },
		"created":         func(m *Manifest) { m.Created = time.Time{} },
		"created, nanos":  func(m *Manifest) { m.Created = created.Add(1) },
		"created, zone":   func(m *Manifest) { m.Created = created.In(time.FixedZone("", 3600)) },
		"created, early":  func(m *Manifest) { m.Created = time.Unix(-1, 0).UTC() },
		"expires, late":   func(m *Manifest) { m.Expires = time.Unix(lastSecond+1, 0).UTC() },
		"expires":         func(m *Manifest) { m.Expires = created },
		"expires, nanos":  func(m *Manifest) { m.Expires = m.Expires.Add(1) },
		"origin":          func(m *Manifest) { m.Origins = []string{"nowhere"} },
		"origin, twice":   func(m *Manifest) { m.Origins = append(m.Origins, m.Origins[0]) },
		"origins":         func(m *Manifest) { m.Origins = manyOrigins(MaxOrigins + 1) },
		"chunks, none":    func(m *Manifest) { m.Chunks = nil },
		"chunks, empty":   func(m *Manifest) { m.Chunks = append(m.Chunks, Chunk{}) },
		"chunks, size":    func(m *Manifest) { m.Chunks[0].Size = MaxChunk + 1 },
		"chunks, more":    func(m *Manifest) { m.Chunks[1].Size++ },
		"chunks, one id":  func(m *Manifest) { m.Chunks[1].ID = m.Chunks[0].ID },
		"entries":         func(m *Manifest) { m.Tree = false },
		"entries, number": func(m *Manifest) { m.Entries = make([]Entry, MaxEntries+1) },
		"chunks, number":  func(m *Manifest) { m.Chunks = make([]Chunk, MaxChunks+1) },
	} {
		m := sample()
		spoil(m)
		var format *FormatError
		err := m.Validate()
		if !errors.As(err, &format) || !errors.Is(err, ErrMalformed) || format.Offset != -1 ||
			format.What != strings.Split(what, ",")[0] {
			t.Errorf("%s: %v", what, err)
		}
		if b, err := m.Encode(); err == nil || b != nil {
			t.Errorf("%s: encoded", what)
		}
		if _, err := m.ID(); err == nil {
			t.Errorf("%s: has an id", what)
		}
	}
	m := sample()
	m.Entries[1].Path = "bin/.."
	var name *NameError
	if err := m.Validate(); !errors.As(err, &name) {
		t.Errorf("hostile name: %v", err)
	}
}

func manyOrigins(n int) []string {
	var origins []string
	for i := range n {
		origins = append(origins, fmt.Sprintf("https://host%d.example", i))
	}
	return origins
}

// The same bytes may be in a content any number of times.
func TestChunksMayComeTwice(t *testing.T) {
	m := sample()
	m.Chunks = []Chunk{{Sum(nil), 100_000}, {Sum([]byte("x")), 5}, {Sum(nil), 100_000}, {Sum(nil), 100_000}}
	if err := m.Validate(); err != nil {
		t.Error(err)
	}
}

func TestManifestsAreOfBoundedSize(t *testing.T) {
	m := sample()
	m.Entries, m.Chunks = nil, nil
	long := strings.Repeat("x", 240)
	for i := range MaxManifest / 250 {
		m.Entries = append(m.Entries, Entry{Path: fmt.Sprintf("%08d%s", i, long)})
	}
	var format *FormatError
	if err := m.Validate(); !errors.As(err, &format) || format.What != "manifest" {
		t.Errorf("%d bytes encoded: %v", m.encodedSize(), err)
	}
}

func TestCoverAtTheEdges(t *testing.T) {
	m := sample()
	l := m.Layout()
	const huge = 1<<63 - 1
	for _, c := range []struct {
		offset, length int64
		first, end     int
	}{
		{0, 0, 0, 0}, {0, 1, 0, 1}, {0, huge, 0, 2}, {299_999, 1, 0, 1}, {299_999, 2, 0, 2}, {300_000, 1, 1, 2},
		{300_004, huge, 1, 2}, {300_005, 1, 0, 0}, {huge, huge, 0, 0}, {-huge, huge, 0, 0}, {-1, 2, 0, 1}, {5, -huge, 0, 0},
		{-huge - 1, -huge - 1, 0, 0},
	} {
		if first, end := l.Cover(c.offset, c.length); first != c.first || end != c.end {
			t.Errorf("%d+%d: %d to %d, want %d to %d", c.offset, c.length, first, end, c.first, c.end)
		}
	}
	if first, end := (&Manifest{}).Layout().Cover(0, 1); first != end {
		t.Error("an empty stream is covered by something")
	}
}
