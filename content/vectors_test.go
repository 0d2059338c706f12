// SPDX-License-Identifier: Apache-2.0

package content

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ebbproject/ebb/golden"
)

// The files in testdata let another implementation check itself: the JSON says
// what is meant, the binary file beside it is how it is written. They change
// when the format does, which is to say never without a new version.

func goldenJSON(t *testing.T, name string, v any) {
	t.Helper()
	b, err := json.MarshalIndent(v, "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	golden.Check(t, filepath.Join("testdata", name), append(b, '\n'))
}

// vectors are manifests that between them use every part of the format.
func vectors() map[string]*Manifest {
	most := strings.Repeat("n", MaxLabel)
	return map[string]*Manifest{
		"empty-file": {
			Name: "n", Created: time.Unix(0, 0).UTC(),
			Entries: []Entry{{Path: "f", Mode: 0o644}},
		},
		"empty-tree": {Name: "nothing", Version: "0", Type: "data", Created: created, Tree: true},
		"file": {
			Name: "image", Version: "24.04+1", Type: "os-image",
			Created: created, Expires: created.AddDate(2, 0, 0),
			Entries: []Entry{{Path: "image.iso", Mode: 0o600, Size: 2<<20 + 1}},
			Chunks:  []Chunk{{Sum([]byte("a")), 1 << 20}, {Sum([]byte("b")), 1}, {Sum([]byte("a")), 1 << 20}},
			Origins: []string{"https://origin.example/image.iso", "http://10.0.0.1:8080/a%20b?c=d"},
		},
		"tree": sample(),
		"names": {
			Name: "names", Created: created, Tree: true,
			Entries: []Entry{
				{Path: "-", Kind: Symlink, Target: "."},
				{Path: "a", Kind: Directory},
				{Path: "a/a", Kind: Directory, Mode: 0o777},
				{Path: "a/a/up", Kind: Symlink, Target: "../../a-b"},
				{Path: "a/é", Mode: 0o7},
				{Path: "a-b", Kind: Symlink, Target: "./a/a"},
				{Path: "日本", Kind: Directory, Mode: 0o700},
			},
		},
		"longest": {
			Name: most, Version: most, Type: most,
			Created: time.Unix(lastSecond-1, 0).UTC(), Expires: time.Unix(lastSecond, 0).UTC(),
			Entries: []Entry{{Path: strings.Repeat("p", MaxComponent), Mode: 0o777, Size: MaxChunk}},
			Chunks:  []Chunk{{ID{0: 0xff}, MaxChunk}},
			Origins: manyOrigins(MaxOrigins),
		},
	}
}

func TestManifestVectors(t *testing.T) {
	for name, m := range vectors() {
		t.Run(name, func(t *testing.T) {
			b, err := m.Encode()
			if err != nil {
				t.Fatal(err)
			}
			golden.Check(t, filepath.Join("testdata", name+".manifest"), b)
			goldenJSON(t, name+".json", struct {
				ID       ID
				Manifest *Manifest
			}{Sum(b), m})
			back, err := ParseManifest(b)
			if err != nil || !reflect.DeepEqual(back, m) {
				t.Errorf("read again: %+v, %v", back, err)
			}
		})
	}
}

func TestSignatureVectors(t *testing.T) {
	type vector struct{ Secret, Key, File, ID, Signed, Signature string }
	var all []vector
	for i, name := range []string{"file", "tree"} {
		key := publisher(byte(i + 1))
		s := signed(t, vectors()[name], key)
		golden.Check(t, filepath.Join("testdata", name+".signed"), s.Encode())
		all = append(all, vector{
			Secret: MarshalPublisherSecret(key), Key: MarshalPublisherKey(s.Key),
			File: name + ".signed", ID: s.ID().String(),
			Signed: hex.EncodeToString(signedBytes(s.ID())), Signature: hex.EncodeToString(s.Signature),
		})
	}
	goldenJSON(t, "signatures.json", all)
}

// Where the pseudo-random stream of these tests is cut, and what the chunks'
// ids are. Should a new version of the library cut elsewhere, contents would no
// longer share chunks with those published before: this test is what says so.
func TestChunkVectors(t *testing.T) {
	type vector struct {
		Stream string
		Bytes  int
		Chunks []Chunk
	}
	stream := pseudo(16 << 20)
	var all []vector
	for _, n := range []int{0, 1, MinChunk, 2 << 20, len(stream)} {
		all = append(all, vector{
			"the SHA-256 digests of 0, 1, 2 ... as 64-bit big-endian numbers", n,
			cutAll(t, bytes.NewReader(stream[:n]), stream[:n]),
		})
	}
	zeroes := make([]byte, 9<<20)
	all = append(all, vector{"zeroes", len(zeroes), cutAll(t, bytes.NewReader(zeroes), zeroes)})
	goldenJSON(t, "chunks.json", all)
}

// A manifest that another version of the format, or nobody, would write.
func TestRefusedVectors(t *testing.T) {
	type vector struct{ Why, Manifest, Error string }
	f := single()
	spoiled := func(spoil func(f *form)) form {
		f := f
		spoil(&f)
		return f
	}
	var all []vector
	for why, f := range map[string]form{
		"another version":        spoiled(func(f *form) { f.magic = "EBB-MAN\x02" }),
		"a number too long":      spoiled(func(f *form) { f.created = "\x81\x00" }),
		"a number cut off":       {magic: f.magic, name: f.name, version: f.version, kind: f.kind, created: "\x80"},
		"a byte behind":          spoiled(func(f *form) { f.end = "\x00" }),
		"no name":                spoiled(func(f *form) { f.name = "\x00" }),
		"expired when created":   spoiled(func(f *form) { f.expires = f.created }),
		"bytes in no chunk":      spoiled(func(f *form) { f.entries = "\x01\x00\x01f\xa4\x03\x01" }),
		"more than announced":    spoiled(func(f *form) { f.entries = "\x00" + f.entries[1:] }),
		"fewer than announced":   spoiled(func(f *form) { f.entries = "\x02" + f.entries[1:] }),
		"leaves the tree":        spoiled(func(f *form) { f.shape, f.entries = "\x01", "\x01\x00\x04../f\xa4\x03\x00" }),
		"absolute":               spoiled(func(f *form) { f.shape, f.entries = "\x01", "\x01\x00\x02/f\xa4\x03\x00" }),
		"a device":               spoiled(func(f *form) { f.entries = "\x01\x00\x07nul.txt\xa4\x03\x00" }),
		"twins":                  spoiled(func(f *form) { f.shape, f.entries = "\x01", "\x02\x01\x01F\x00\x01\x01f\x00" }),
		"out of order":           spoiled(func(f *form) { f.shape, f.entries = "\x01", "\x02\x01\x01g\x00\x01\x01f\x00" }),
		"in a file":              spoiled(func(f *form) { f.shape, f.entries = "\x01", "\x02\x00\x01f\x00\x00\x01\x03f/g\x00" }),
		"a link that leaves":     spoiled(func(f *form) { f.shape, f.entries = "\x01", "\x01\x02\x01l\x02.." }),
		"a link behind a detour": spoiled(func(f *form) { f.shape, f.entries = "\x01", "\x01\x02\x01l\x04a/.." }),
	} {
		_, err := ParseManifest(f.bytes())
		if err == nil {
			t.Errorf("%s: accepted", why)
			continue
		}
		all = append(all, vector{why, hex.EncodeToString(f.bytes()), err.Error()})
	}
	slices.SortFunc(all, func(a, b vector) int { return strings.Compare(a.Why, b.Why) })
	goldenJSON(t, "refused.json", all)
}

// The worked example of FORMAT.md is a vector, byte for byte.
func TestFormatsExampleIsTrue(t *testing.T) {
	doc, err := os.ReadFile("FORMAT.md")
	if err != nil {
		t.Fatal(err)
	}
	_, example, _ := strings.Cut(string(doc), "<!-- example: tree.manifest -->")
	example, _, _ = strings.Cut(example, "<!-- end -->")
	var b []byte
	for line := range strings.Lines(example) {
		if code, indented := strings.CutPrefix(line, "    "); indented {
			code, _, _ = strings.Cut(code, "#")
			for _, word := range strings.Fields(code) {
				part, err := hex.DecodeString(word)
				if err != nil {
					t.Fatalf("%q in the example: %v", word, err)
				}
				b = append(b, part...)
			}
		}
	}
	want, err := os.ReadFile(filepath.Join("testdata", "tree.manifest"))
	if err != nil || !bytes.Equal(b, want) {
		t.Errorf("FORMAT.md shows %x\nwant %x, %v", b, want, err)
	}
}
