// SPDX-License-Identifier: Apache-2.0

package export

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/store"
)

// A box is a source in memory.
type box map[content.ID][]byte

var errNoChunk = errors.New("no such chunk")

func (b box) Get(id content.ID, buf []byte) ([]byte, error) {
	data, ok := b[id]
	if !ok {
		return nil, errNoChunk
	}
	return append(buf[:0], data...), nil
}

func (b box) Path(content.ID) string { return "" }

// pack makes a manifest of entries; files maps a path to the file's bytes.
func pack(t testing.TB, tree bool, entries []content.Entry, files map[string]string, put func(content.ID, []byte)) *content.Manifest {
	t.Helper()
	var stream bytes.Buffer
	for i := range entries {
		if entries[i].Kind == content.File {
			entries[i].Size = int64(len(files[entries[i].Path]))
			stream.WriteString(files[entries[i].Path])
		}
	}
	m := &content.Manifest{Name: "test", Tree: tree, Entries: entries, Created: time.Unix(1, 0).UTC()}
	cut := content.NewChunker(&stream)
	for {
		data, err := cut.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		id := content.Sum(data)
		put(id, data)
		m.Chunks = append(m.Chunks, content.Chunk{ID: id, Size: uint32(len(data))})
	}
	if err := m.Validate(); err != nil {
		t.Fatal(err)
	}
	return m
}

func (b box) pack(t testing.TB, tree bool, entries []content.Entry, files map[string]string) *content.Manifest {
	return pack(t, tree, entries, files, func(id content.ID, data []byte) { b[id] = bytes.Clone(data) })
}

func noise(seed uint64, n int) string {
	b := make([]byte, n)
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	_, _ = rand.NewChaCha8(key).Read(b)
	return string(b)
}

func oneFile(t testing.TB, b box, data string, mode uint32) *content.Manifest {
	return b.pack(t, false, []content.Entry{{Path: "image.iso", Mode: mode}}, map[string]string{"image.iso": data})
}

func aTree(t testing.TB, b box) *content.Manifest {
	return b.pack(t, true, []content.Entry{
		{Path: "a", Mode: 0o644},
		{Path: "bin", Kind: content.Directory, Mode: 0o555},
		{Path: "bin/tool", Mode: 0o755},
		{Path: "bin/tool2", Mode: 0o400},
		{Path: "bin.txt", Mode: 0o600},
		{Path: "empty", Kind: content.Directory, Mode: 0o750},
		{Path: "link", Kind: content.Symlink, Target: "bin/tool"},
		{Path: "sub", Kind: content.Directory, Mode: 0o700},
		{Path: "sub/deep", Kind: content.Directory, Mode: 0o755},
		{Path: "sub/deep/nothing", Mode: 0o644},
		{Path: "sub/deep/up", Kind: content.Symlink, Target: "../../empty"},
		{Path: "z", Mode: 0o640},
	}, map[string]string{
		"a": noise(1, 300_000), "bin/tool": noise(2, 5_000_000), "bin/tool2": "x", "bin.txt": noise(3, 700_000), "z": noise(4, 100),
	})
}

// nothingElse fails the test if the folder holds other names than these.
func nothingElse(t testing.TB, dir string, want ...string) {
	t.Helper()
	found, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range found {
		names = append(names, e.Name())
	}
	if strings.Join(names, " ") != strings.Join(want, " ") {
		t.Errorf("the folder holds %q, want %q", names, want)
	}
}

func TestAFileIsWritten(t *testing.T) {
	for name, size := range map[string]int{"empty": 0, "one byte": 1, "one chunk": 100_000, "many chunks": 9_000_000} {
		t.Run(name, func(t *testing.T) {
			b, dir := box{}, t.TempDir()
			data := noise(1, size)
			m := oneFile(t, b, data, 0o741)
			var told int64
			dst := filepath.Join(dir, "copy.iso")
			if err := Write(m, b, dst, Options{Progress: func(n int64) { told += n }}); err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(dst)
			if err != nil || string(got) != data || told != int64(size) {
				t.Errorf("%d bytes of %d, told of %d, %v", len(got), size, told, err)
			}
			if err := Verify(m, dst); err != nil {
				t.Error(err)
			}
			nothingElse(t, dir, "copy.iso")
		})
	}
}

func TestATreeIsWritten(t *testing.T) {
	b, dir := box{}, t.TempDir()
	m := aTree(t, b)
	dst := filepath.Join(dir, "tree")
	defer removeTreeAt(t, dir, "tree")
	if err := Write(m, b, dst, Options{}); err != nil {
		t.Fatal(err)
	}
	if err := Verify(m, dst); err != nil {
		t.Error(err)
	}
	if target, err := os.Readlink(filepath.Join(dst, "sub/deep/up")); err != nil || filepath.ToSlash(target) != "../../empty" {
		t.Errorf("link: %q, %v", target, err)
	}
	nothingElse(t, dir, "tree")
}

// removeTreeAt removes what t.TempDir could not: folders without the right to.
func removeTreeAt(t testing.TB, dir, name string) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	removeTree(root, name)
}

func TestALargeTreeIsWritten(t *testing.T) {
	b, dir := box{}, t.TempDir()
	entries := []content.Entry{{Path: "d", Kind: content.Directory, Mode: 0o755}}
	files := map[string]string{}
	for i := range 3 * fewFiles {
		path := "d/" + string(rune('a'+i/26/26)) + string(rune('a'+i/26%26)) + string(rune('a'+i%26))
		entries = append(entries, content.Entry{Path: path, Mode: 0o644})
		files[path] = noise(uint64(i), i*37)
	}
	m := b.pack(t, true, entries, files)
	dst := filepath.Join(dir, "tree")
	if err := Write(m, b, dst, Options{}); err != nil {
		t.Fatal(err)
	}
	if err := Verify(m, dst); err != nil {
		t.Error(err)
	}
}

func TestWhatExistsIsNotReplacedUnlessAsked(t *testing.T) {
	b := box{}
	file, tree := oneFile(t, b, "new", 0o644), aTree(t, b)
	old := map[string]func(path string) error{
		"file":        func(path string) error { return os.WriteFile(path, []byte("old"), 0o644) },
		"folder":      func(path string) error { return os.Mkdir(path, 0o755) },
		"full folder": func(path string) error { return os.MkdirAll(filepath.Join(path, "x/y"), 0o755) },
		"link":        func(path string) error { return os.Symlink("elsewhere", path) },
	}
	for name, make := range old {
		for _, m := range []*content.Manifest{file, tree} {
			for _, overwrite := range []bool{false, true} {
				dir := t.TempDir()
				dst := filepath.Join(dir, "dst")
				if err := errors.Join(make(dst), os.WriteFile(filepath.Join(dir, "elsewhere"), []byte("old"), 0o644)); err != nil {
					t.Fatal(err)
				}
				defer removeTreeAt(t, dir, "dst")
				err := Write(m, b, dst, Options{Overwrite: overwrite})
				isFolder := strings.HasSuffix(name, "folder")
				if overwrite && isFolder == m.Tree {
					if err != nil {
						t.Errorf("%s by tree=%v: %v", name, m.Tree, err)
					} else if err := Verify(m, dst); err != nil {
						t.Errorf("%s by tree=%v: %v", name, m.Tree, err)
					}
				} else if !errors.Is(err, ErrExists) {
					t.Errorf("%s by tree=%v, overwrite=%v: %v", name, m.Tree, overwrite, err)
				} else if err := Verify(m, dst); err == nil {
					t.Errorf("%s by tree=%v was replaced", name, m.Tree)
				}
				if got, err := os.ReadFile(filepath.Join(dir, "elsewhere")); err != nil || string(got) != "old" {
					t.Errorf("written through a link: %q, %v", got, err)
				}
				nothingElse(t, dir, "dst", "elsewhere")
			}
		}
	}
}

func TestNothingIsLeftOfAnExportThatFails(t *testing.T) {
	b := box{}
	for _, m := range []*content.Manifest{oneFile(t, b, noise(1, 9_000_000), 0o644), aTree(t, b)} {
		for _, c := range m.Chunks {
			dir := t.TempDir()
			dst := filepath.Join(dir, "dst")
			data := b[c.ID]
			delete(b, c.ID)
			if err := Write(m, b, dst, Options{}); !errors.Is(err, errNoChunk) {
				t.Errorf("without chunk %s: %v", c.ID.Short(), err)
			}
			b[c.ID] = data[:len(data)-1]
			if err := Write(m, b, dst, Options{}); err == nil || !strings.Contains(err.Error(), "the manifest says") {
				t.Errorf("with a short chunk: %v", err)
			}
			nothingElse(t, dir)
			b[c.ID] = data
		}
	}
}

func TestHostileNamesAreNotWritten(t *testing.T) {
	for _, path := range []string{"../out", "/tmp/out", "a/../../out", "sub/../x", "NUL", "a\\b"} {
		dir := t.TempDir()
		m := &content.Manifest{Name: "bad", Tree: true, Created: time.Unix(1, 0).UTC(), Entries: []content.Entry{{Path: path, Mode: 0o644}}}
		var name *content.NameError
		if err := Write(m, box{}, filepath.Join(dir, "dst"), Options{}); !errors.As(err, &name) {
			t.Errorf("%q: %v", path, err)
		}
		nothingElse(t, dir)
	}
	for _, dst := range []string{"", "/", "missing/dst"} {
		b := box{}
		if err := Write(oneFile(t, b, "x", 0o644), b, dst, Options{}); err == nil {
			t.Errorf("written to %q", dst)
		}
	}
}

func TestVerifyFindsEachDifference(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("links and modes")
	}
	b := box{}
	m := aTree(t, b)
	for name, c := range map[string]struct {
		change func(in func(string) string) error
		want   string
	}{
		"byte":      {func(in func(string) string) error { return poke(in("z"), 50) }, "bin/tool holds other bytes, or a file behind it up to z does"},
		"byte deep": {func(in func(string) string) error { return poke(in("bin/tool"), 4_000_000) }, "bin/tool holds other bytes"},
		"shorter":   {func(in func(string) string) error { return os.Truncate(in("a"), 5) }, "a has 5 bytes instead of 300000"},
		"mode":      {func(in func(string) string) error { return os.Chmod(in("a"), 0o600) }, "a has mode 0600 instead of 0644"},
		"dir mode":  {func(in func(string) string) error { return os.Chmod(in("empty"), 0o700) }, "empty has mode 0700 instead of 0750"},
		"missing":   {func(in func(string) string) error { return os.Remove(in("bin.txt")) }, "bin.txt is missing"},
		"last gone": {func(in func(string) string) error { return os.Remove(in("z")) }, "z is missing"},
		"extra":     {func(in func(string) string) error { return os.WriteFile(in("more"), nil, 0o600) }, "more is not in the manifest"},
		"extra end": {func(in func(string) string) error { return os.WriteFile(in("zz"), nil, 0o600) }, "zz is not in the manifest"},
		"target":    {func(in func(string) string) error { return relink(in("link"), "a") }, `link points to "a" instead of "bin/tool"`},
		"kind":      {func(in func(string) string) error { return relink(in("z"), "a") }, "z is a symbolic link instead of a file"},
		"all gone": {func(in func(string) string) error {
			return errors.Join(os.Chmod(in("bin"), 0o700), os.RemoveAll(in("")))
		}, "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			dst := filepath.Join(dir, "tree")
			defer removeTreeAt(t, dir, "tree")
			if err := Write(m, b, dst, Options{}); err != nil {
				t.Fatal(err)
			}
			if err := c.change(func(path string) string { return filepath.Join(dst, path) }); err != nil {
				t.Fatal(err)
			}
			err := Verify(m, dst)
			var d *DifferenceError
			if err == nil || !strings.Contains(err.Error(), c.want) || !errors.As(err, &d) && !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%v, want %s", err, c.want)
			}
		})
	}
}

func poke(path string, at int64) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	var b [1]byte
	if _, err := f.ReadAt(b[:], at); err != nil {
		return err
	}
	b[0]++
	_, err = f.WriteAt(b[:], at)
	return errors.Join(err, f.Close())
}

func relink(path, target string) error {
	return errors.Join(os.Remove(path), os.Symlink(target, path))
}

func TestOldUnfinishedWorkIsRemoved(t *testing.T) {
	b, dir := box{}, t.TempDir()
	p, err := placeAt(filepath.Join(dir, "dst"), false)
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	long := time.Now().Add(-2 * staleAfter)
	for name, old := range map[string]bool{tempFor("dst") + "A.part": true, tempFor("dst") + "B.part": false, tempFor("other") + "C.part": true} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Join(path, "x"), 0o700); err != nil {
			t.Fatal(err)
		}
		if old {
			if err := os.Chtimes(path, long, long); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := Write(oneFile(t, b, "x", 0o644), b, filepath.Join(dir, "dst"), Options{}); err != nil {
		t.Fatal(err)
	}
	want := []string{tempFor("dst") + "B.part", tempFor("other") + "C.part"}
	if want[0] > want[1] {
		want[0], want[1] = want[1], want[0]
	}
	nothingElse(t, dir, append(want, "dst")...)
}

// The real source: a chunk that rotted at rest never reaches the exported file, and once it is there again all is well.
func TestExportFromAStore(t *testing.T) {
	dir := t.TempDir()
	s, err := store.Open(filepath.Join(dir, "state"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var blobs []store.Blob
	m := pack(t, false, []content.Entry{{Path: "f", Mode: 0o644}}, map[string]string{"f": noise(1, 6_000_000)}, func(id content.ID, data []byte) {
		blobs = append(blobs, store.Blob{ID: id, Data: bytes.Clone(data)})
	})
	if err := s.Put(blobs...); err != nil {
		t.Fatal(err)
	}
	if err := poke(s.Path(blobs[1].ID), 1000); err != nil {
		t.Fatal(err)
	}
	dst := filepath.Join(dir, "f")
	var corrupt *store.CorruptError
	if err := Write(m, s, dst, Options{}); !errors.As(err, &corrupt) || corrupt.ID != blobs[1].ID {
		t.Errorf("a rotten chunk: %v", err)
	}
	if err := Write(m, s, dst, Options{}); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the chunk was dropped: %v", err)
	}
	if err := s.Put(blobs[1]); err != nil {
		t.Fatal(err)
	}
	if err := Write(m, s, dst, Options{}); err != nil {
		t.Fatal(err)
	}
	if err := Verify(m, dst); err != nil {
		t.Error(err)
	}
	// What the user does to the copy does not touch the store.
	if err := errors.Join(poke(dst, 10), os.Chmod(dst, 0)); err != nil {
		t.Fatal(err)
	}
	for _, b := range blobs {
		if got, err := s.Get(b.ID, nil); err != nil || !bytes.Equal(got, b.Data) {
			t.Errorf("chunk %s: %v", b.ID.Short(), err)
		}
	}
}
