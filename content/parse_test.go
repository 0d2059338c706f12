// SPDX-License-Identifier: Apache-2.0

package content

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// A form is an encoded manifest in parts, so that a test can spoil one of them.
type form struct{ magic, name, version, kind, created, expires, shape, origins, chunks, entries, end string }

// single is the form of the smallest content: one empty file.
func single() form {
	return form{
		magic: manifestMagic, name: "\x01n", version: "\x00", kind: "\x00",
		created: "\x01", expires: "\x00", shape: "\x00",
		origins: "\x00", chunks: "\x00", entries: "\x01" + "\x00\x01f\xa4\x03\x00",
	}
}

func (f form) bytes() []byte {
	return []byte(f.magic + f.name + f.version + f.kind + f.created + f.expires + f.shape + f.origins + f.chunks + f.entries + f.end)
}

func uvarint(v uint64) string { return string(binary.AppendUvarint(nil, v)) }

func TestSmallestManifest(t *testing.T) {
	m, err := ParseManifest(single().bytes())
	if err != nil {
		t.Fatal(err)
	}
	if m.Name != "n" || len(m.Entries) != 1 || m.Entries[0] != (Entry{Path: "f", Mode: 0o644}) {
		t.Errorf("%+v", m)
	}
}

// Every rule of FORMAT.md, broken.
func TestMalformedManifests(t *testing.T) {
	id := strings.Repeat("i", len(ID{}))
	for _, c := range []struct {
		what  string // of the error
		spoil func(f *form)
	}{
		{"start of a manifest", func(f *form) { *f = form{} }},
		{"start of a manifest", func(f *form) { *f = form{magic: manifestMagic[:7]} }},
		{"start", func(f *form) { f.magic = signedMagic }},
		{"format version", func(f *form) { f.magic = manifestMagic[:7] + "\x02" }},
		{"name", func(f *form) { f.name = "\x00" }},
		{"name", func(f *form) { f.name = "\x02.n" }},
		{"name", func(f *form) { f.name = "\x81\x00n" }}, // 1 in two bytes
		{"name", func(f *form) { f.name = "\x81\x01" + strings.Repeat("n", 129) }},
		{"name", func(f *form) { f.name = uvarint(1<<63) + "n" }},
		{"name", func(f *form) { f.name = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01" }},
		{"name", func(f *form) { *f = form{magic: f.magic, name: "\x05name"} }},
		{"name", func(f *form) { *f = form{magic: f.magic, name: "\x80"} }},
		{"version", func(f *form) { f.version = "\x01/" }},
		{"type", func(f *form) { f.kind = "\x01/" }},
		{"created", func(f *form) { f.created = uvarint(lastSecond + 1) }},
		{"created", func(f *form) { f.created = "\x80\x00" }},
		{"expires", func(f *form) { f.expires = "\x01" }},
		{"expires", func(f *form) { f.expires = "\x80\x00" }},
		{"expires", func(f *form) { f.expires = uvarint(lastSecond + 1) }},
		{"shape", func(f *form) { f.shape = "\x02" }},
		{"entries", func(f *form) { f.shape, f.entries = "\x00", "\x00" }},
		{"origins", func(f *form) { f.origins = "\x11" + strings.Repeat("\x09http://ab", 17) }},
		{"origins", func(f *form) { *f = form{magic: f.magic + f.name + "\x00\x00\x01\x00\x00\x05"} }},
		{"origin", func(f *form) { f.origins = "\x01\x04http" }},
		{"origin", func(f *form) { f.origins = "\x01" + uvarint(MaxOrigin+1) }},
		{"origin", func(f *form) { f.origins = "\x02" + strings.Repeat("\x09http://ab", 2) }},
		{"chunks", func(f *form) { f.chunks = uvarint(MaxChunks + 1) }},
		{"chunks", func(f *form) { f.chunks = uvarint(MaxChunks) }},
		{"chunks", func(f *form) { f.chunks = "\x01" + id + "\x00" }},
		{"chunks", func(f *form) { f.chunks = "\x01" + id + "\x01" }}, // a byte too many for the files
		{"chunk size", func(f *form) { f.chunks = "\x01" + id + uvarint(MaxChunk+1) }},
		{"chunk size", func(f *form) { f.chunks = "\x01" + id + "\x85\x00" }},
		{"entries", func(f *form) { f.entries = uvarint(MaxEntries + 1) }},
		{"entries", func(f *form) { f.entries = uvarint(MaxEntries) }},
		{"kind", func(f *form) { f.shape, f.entries = "\x01", "\x01\x03\x01f\x00" }},
		{"kind", func(f *form) { f.entries = "\x01\x80\x00\x01f\x00\x00" }},
		{"entries", func(f *form) { f.entries = "\x01\x00\x01f" }},
		{"path", func(f *form) { f.entries = "\x01\x00" + uvarint(MaxPath+1) + "f" }},
		{"path", func(f *form) { f.entries = "\x01\x00\x06f\xa4\x03\x00" }},
		{"mode", func(f *form) { f.entries = "\x01\x00\x01f\x80\x04\x00" }},
		{"size", func(f *form) { f.entries = "\x01\x00\x01f\x00" + uvarint(uint64(maxSize)+1) }},
		{"size", func(f *form) { f.entries = "\x01\x00\x01f\xa4\x03" }},
		{"target", func(f *form) { f.shape, f.entries = "\x01", "\x01\x02\x01f\x05x" }},
		{"chunks", func(f *form) { f.entries = "\x01\x00\x01f\x00\x01" }}, // a byte in no chunk
		{"end", func(f *form) { f.end = "\x00" }},
	} {
		f := single()
		c.spoil(&f)
		m, err := ParseManifest(f.bytes())
		var format *FormatError
		if !errors.As(err, &format) || !errors.Is(err, ErrMalformed) || m != nil || format.What != c.what {
			t.Errorf("%s: %q: %v", c.what, f.bytes(), err)
		}
	}
}

func TestHostileNamesInManifests(t *testing.T) {
	for _, path := range []string{"", "..", "/f", "a/f", `a\f`, "f\x00", "NUL", "f.", "f:g"} {
		f := single()
		f.shape, f.entries = "\x01", "\x01\x00"+uvarint(uint64(len(path)))+path+"\x00\x00"
		var name *NameError
		if m, err := ParseManifest(f.bytes()); !errors.As(err, &name) || m != nil {
			t.Errorf("%q: %v", path, err)
		}
	}
}

func TestManifestSharesNoMemory(t *testing.T) {
	b, err := sample().Encode()
	if err != nil {
		t.Fatal(err)
	}
	m, err := ParseManifest(b)
	if err != nil {
		t.Fatal(err)
	}
	clear(b)
	if again, err := m.Encode(); err != nil || !bytes.Equal(again[:8], []byte(manifestMagic)) || m.Entries[2].Path != "bin/tool" {
		t.Errorf("%v, %v", m, err)
	}
}

// allocated is the number of bytes that f allocates, freed or not.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// Whatever is announced, memory is spent on what is there only.
func TestParsingAllocatesInProportion(t *testing.T) {
	announce := single()
	announce.chunks = uvarint(MaxChunks) + strings.Repeat("c", 1<<16)
	many := single()
	many.shape, many.entries = "\x01", uvarint(MaxEntries)+strings.Repeat("\x01\x01d\x00", MaxEntries)
	torn := many
	torn.entries = many.entries[:len(many.entries)-1] + "\xff"
	for name, c := range map[string]struct {
		b     []byte
		times int
	}{
		"announced chunks": {announce.bytes(), 1},
		"a lie at the end": {torn.bytes(), 2},
		"smallest entries": {many.bytes(), 14},
		"too long":         {make([]byte, MaxManifest+1), 0},
		"a usual one":      {usual(t), 4},
	} {
		got := allocated(func() { ParseManifest(c.b) })
		if most := uint64(c.times*len(c.b)) + 4096; got > most {
			t.Errorf("%s: %d bytes allocated for %d, want at most %d", name, got, len(c.b), most)
		}
		t.Logf("%s: %.1f bytes a byte", name, float64(got)/float64(len(c.b)))
	}
}

// usual is an encoded manifest of 10,000 files and 4 GiB.
func usual(t testing.TB) []byte {
	m := &Manifest{Name: "usual", Created: created, Tree: true}
	for i := range 100 {
		dir := fmt.Sprintf("directory-%03d", i)
		m.Entries = append(m.Entries, Entry{Path: dir, Kind: Directory, Mode: 0o755})
		for k := range 100 {
			m.Entries = append(m.Entries, Entry{Path: fmt.Sprintf("%s/some-file-%03d.dat", dir, k), Mode: 0o644, Size: 4 << 30 / 10_000})
		}
	}
	for left := m.Size(); left > 0; left -= AvgChunk {
		m.Chunks = append(m.Chunks, Chunk{Sum(fmt.Append(nil, left)), uint32(min(left, AvgChunk))})
	}
	b, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func BenchmarkParseManifest(b *testing.B) {
	encoded := usual(b)
	b.SetBytes(int64(len(encoded)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseManifest(encoded); err != nil {
			b.Fatal(err)
		}
	}
}
