// SPDX-License-Identifier: Apache-2.0

package content

import (
	"encoding/binary"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestMain makes the property tests try the same cases every time; another
// -rapid.seed tries others.
func TestMain(m *testing.M) {
	flag.Set("rapid.seed", "1")
	os.Exit(m.Run())
}

// pseudo is a stream of n bytes that anybody can make in any language: the
// digests of 0, 1, 2 ... as big-endian 64-bit numbers, behind one another.
func pseudo(n int) []byte {
	b := make([]byte, 0, n+len(ID{}))
	var counter [8]byte
	for i := uint64(0); len(b) < n; i++ {
		binary.BigEndian.PutUint64(counter[:], i)
		id := Sum(counter[:])
		b = append(b, id[:]...)
	}
	return b[:n]
}

var created = time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)

// anyManifest draws a valid manifest.
func anyManifest() *rapid.Generator[*Manifest] {
	return rapid.Custom(func(t *rapid.T) *Manifest {
		label := rapid.StringMatching(`[a-zA-Z0-9_+][a-zA-Z0-9._+-]{0,20}`)
		m := &Manifest{
			Name:    label.Draw(t, "name"),
			Version: rapid.OneOf(rapid.Just(""), label).Draw(t, "version"),
			Type:    rapid.OneOf(rapid.Just(""), label).Draw(t, "type"),
			Created: time.Unix(rapid.Int64Range(0, lastSecond-1).Draw(t, "created"), 0).UTC(),
			Tree:    rapid.Bool().Draw(t, "tree"),
		}
		if rapid.Bool().Draw(t, "expires?") {
			m.Expires = time.Unix(rapid.Int64Range(m.Created.Unix()+1, lastSecond).Draw(t, "expires"), 0).UTC()
		}
		for i := range rapid.IntRange(0, 3).Draw(t, "origins") {
			m.Origins = append(m.Origins, fmt.Sprintf("https://%d.example/%s", i, m.Name))
		}
		if m.Tree {
			m.Entries = anyTree(t)
		} else {
			m.Entries = []Entry{anyFile(t, "the.file")}
		}
		m.Chunks = anyChunks(t, m.Size())
		return m
	})
}

// anyTree draws directories, and entries in them, and sorts them all.
func anyTree(t *rapid.T) []Entry {
	// All in one case: twins are a test of their own.
	name := rapid.StringMatching(`[a-zé0-9][a-z -]{0,5}[a-z0-9]`)
	dirs := []string{""}
	taken := map[string]bool{}
	var entries []Entry
	for range rapid.IntRange(0, 12).Draw(t, "entries") {
		dir := rapid.SampledFrom(dirs).Draw(t, "in")
		path := strings.TrimPrefix(dir+"/"+name.Draw(t, "name"), "/")
		if taken[path] || isDevice(path[strings.LastIndex(path, "/")+1:]) {
			continue
		}
		taken[path] = true
		switch Kind(rapid.IntRange(0, 2).Draw(t, "kind")) {
		case Directory:
			mode := rapid.Uint32Range(0, 0o777).Draw(t, "mode")
			entries = append(entries, Entry{Path: path, Kind: Directory, Mode: mode})
			dirs = append(dirs, path)
		case Symlink:
			up := rapid.IntRange(0, strings.Count(path, "/")).Draw(t, "up")
			entries = append(entries, Entry{Path: path, Kind: Symlink, Target: strings.Repeat("../", up) + "a/b"})
		default:
			entries = append(entries, anyFile(t, path))
		}
	}
	slices.SortFunc(entries, func(a, b Entry) int { return comparePaths(a.Path, b.Path) })
	return entries
}

func anyFile(t *rapid.T, path string) Entry {
	return Entry{
		Path: path,
		Mode: rapid.Uint32Range(0, 0o777).Draw(t, "mode"),
		Size: rapid.Int64Range(0, 8*MaxChunk).Draw(t, "size"),
	}
}

// anyChunks draws chunks of size bytes altogether, none of them of no bytes.
func anyChunks(t *rapid.T, size int64) []Chunk {
	var chunks []Chunk
	for size > 0 {
		n := min(size, rapid.Int64Range(MinChunk, MaxChunk).Draw(t, "chunk"))
		chunks = append(chunks, Chunk{Sum(fmt.Append(nil, len(chunks))), uint32(n)})
		size -= n
	}
	return chunks
}
