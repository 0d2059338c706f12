// SPDX-License-Identifier: Apache-2.0

package walk

import (
	"bytes"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/ebbproject/ebb/content"
)

// longAgo is when the files of these tests were written, so that whatever is
// written in the course of a test is later, however coarse the clock is.
var longAgo = time.Date(2020, time.January, 1, 0, 0, 0, 0, time.UTC)

var options = Options{Name: "test", Created: longAgo}

// random is n bytes without any pattern.
func random(seed byte, n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{seed}).Read(b)
	return b
}

// write writes a file, and the directories it is in, long ago.
func write(t testing.TB, name string, data []byte) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(name), 0o755))
	must(t, os.WriteFile(name, data, 0o644))
	must(t, os.Chmod(name, 0o644))
	must(t, os.Chtimes(name, longAgo, longAgo))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A shelf keeps chunks, and checks that each is what its id says.
type shelf struct {
	t      testing.TB
	chunks map[content.ID][]byte
	puts   int
}

func newShelf(t testing.TB) *shelf { return &shelf{t: t, chunks: map[content.ID][]byte{}} }

func (s *shelf) put(id content.ID, data []byte) error {
	if content.Sum(data) != id {
		s.t.Errorf("chunk %s has other bytes", id)
	}
	s.chunks[id] = bytes.Clone(data)
	s.puts++
	return nil
}

// file puts a file of m together from the chunks that cover it.
func (s *shelf) file(m *content.Manifest, path string) []byte {
	s.t.Helper()
	l := m.Layout()
	for i, e := range m.Entries {
		if e.Path != path {
			continue
		}
		offset, length := l.FileRange(i)
		first, end := l.Cover(offset, length)
		var b []byte
		for _, c := range m.Chunks[first:end] {
			b = append(b, s.chunks[c.ID]...)
		}
		if first < end {
			start, _ := l.ChunkRange(first)
			b = b[offset-start:][:length]
		}
		return b
	}
	s.t.Fatalf("no %q in %s", path, m)
	return nil
}

func TestFile(t *testing.T) {
	for _, size := range []int{0, 1, content.MinChunk, 11<<20 + 3} {
		name := filepath.Join(t.TempDir(), "image.iso")
		data := random(1, size)
		write(t, name, data)
		s := newShelf(t)
		var progress []int64
		o := Options{
			Name: "image", Version: "2", Type: "os-image", Origins: []string{"https://origin.example/image.iso"},
			Created: longAgo, Expires: longAgo.AddDate(1, 0, 0),
			Progress: func(bytes int64) { progress = append(progress, bytes) },
		}
		m, err := Publish(name, o, s.put)
		must(t, err)
		must(t, m.Validate())
		want := &content.Manifest{
			Name: o.Name, Version: o.Version, Type: o.Type, Origins: o.Origins, Created: o.Created, Expires: o.Expires,
			Entries: []content.Entry{{Path: "image.iso", Mode: mode(0o644), Size: int64(size)}},
			Chunks:  m.Chunks,
		}
		if !reflect.DeepEqual(m, want) {
			t.Errorf("got %+v\nwant %+v", m, want)
		}
		if !bytes.Equal(s.file(m, "image.iso"), data) {
			t.Error("the chunks are not the file's bytes")
		}
		if s.puts != len(m.Chunks) || len(progress) != s.puts || size > 0 && progress[s.puts-1] != int64(size) {
			t.Errorf("%d chunks, %d put, progress %d", len(m.Chunks), s.puts, progress)
		}
	}
}

// mode is what the system makes of a file's permissions: Windows knows only
// whether it can be written.
func mode(m uint32) uint32 {
	if runtime.GOOS == "windows" {
		return m | 0o666
	}
	return m
}

func TestTree(t *testing.T) {
	dir := t.TempDir()
	big, small := random(1, 5<<20), random(2, 1000)
	write(t, filepath.Join(dir, "a", "big"), big)
	write(t, filepath.Join(dir, "a", "b", "small"), small)
	write(t, filepath.Join(dir, "a-b"), small)
	write(t, filepath.Join(dir, "a", "none"), nil)
	must(t, os.Mkdir(filepath.Join(dir, "void"), 0o755))
	must(t, os.Chmod(filepath.Join(dir, "a-b"), 0o755))
	must(t, os.Symlink("../a-b", filepath.Join(dir, "a", "link")))

	s := newShelf(t)
	m, err := Publish(dir, options, s.put)
	must(t, err)
	must(t, m.Validate())
	if !m.Tree {
		t.Error("not a tree")
	}
	want := []content.Entry{
		{Path: "a", Kind: content.Directory, Mode: mode(0o755)},
		{Path: "a/b", Kind: content.Directory, Mode: mode(0o755)},
		{Path: "a/b/small", Mode: mode(0o644), Size: 1000},
		{Path: "a/big", Mode: mode(0o644), Size: 5 << 20},
		{Path: "a/link", Kind: content.Symlink, Target: "../a-b"},
		{Path: "a/none", Mode: mode(0o644)},
		{Path: "a-b", Mode: mode(0o755), Size: 1000},
		{Path: "void", Kind: content.Directory, Mode: mode(0o755)},
	}
	if runtime.GOOS != "windows" && !reflect.DeepEqual(m.Entries, want) {
		t.Errorf("got %+v\nwant %+v", m.Entries, want)
	}
	for path, data := range map[string][]byte{"a/b/small": small, "a/big": big, "a/none": nil, "a-b": small} {
		if !bytes.Equal(s.file(m, path), data) {
			t.Errorf("%s has other bytes", path)
		}
	}

	again, err := Publish(dir+string(filepath.Separator), options, newShelf(t).put)
	if err != nil || !reflect.DeepEqual(again, m) {
		t.Errorf("published again: %v, %v", again, err)
	}
}

func TestEmptyTree(t *testing.T) {
	m, err := Publish(t.TempDir(), options, newShelf(t).put)
	if err != nil || !m.Tree || len(m.Entries)+len(m.Chunks) != 0 {
		t.Errorf("%v, %v", m, err)
	}
}

// A deep tree takes no more open files than a flat one, and comes out in order.
func TestDeepTree(t *testing.T) {
	dir := t.TempDir()
	name := dir
	for range 100 {
		name = filepath.Join(name, "d")
		write(t, filepath.Join(name, "c"), []byte("c"))
		write(t, filepath.Join(name, "e"), []byte("e"))
	}
	m, err := Publish(dir, options, newShelf(t).put)
	must(t, err)
	if len(m.Entries) != 300 || m.Size() != 200 {
		t.Errorf("%s", m)
	}
	for range 500 {
		name = filepath.Join(name, "d")
		if err := os.Mkdir(name, 0o755); err != nil {
			t.Skipf("this system ends at %d bytes: %v", len(name), err)
		}
	}
	var hostile *content.NameError
	if m, err := Publish(dir, options, newShelf(t).put); !errors.As(err, &hostile) || m != nil {
		t.Errorf("deeper than a path is long: %v", err)
	}
}

// The root may be reached through a link; only what is below it is content.
func TestRootThroughLink(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "target"), []byte("bytes"))
	link := filepath.Join(dir, "link")
	must(t, os.Symlink("target", link))
	s := newShelf(t)
	m, err := Publish(link, options, s.put)
	must(t, err)
	if m.Tree || string(s.file(m, "link")) != "bytes" {
		t.Errorf("%+v", m)
	}
}

func TestCreatedNow(t *testing.T) {
	before := time.Now().Truncate(time.Second)
	m, err := Publish(t.TempDir(), Options{Name: "now"}, newShelf(t).put)
	must(t, err)
	if m.Created.Before(before) || m.Created.After(time.Now()) {
		t.Errorf("created at %s, not before %s", m.Created, before)
	}
}

// What is wrong with the labels is said before the disk is touched.
func TestLabelsComeFirst(t *testing.T) {
	for _, o := range []Options{
		{}, {Name: "a b"}, {Name: "a", Version: "/"}, {Name: "a", Type: "-"}, {Name: "a", Origins: []string{"?"}},
		{Name: "a", Created: longAgo, Expires: longAgo},
	} {
		m, err := Publish("/nowhere", o, nil)
		var format *content.FormatError
		if !errors.As(err, &format) || m != nil {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

func TestStoreThatFails(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "f"), random(1, 9<<20))
	full := errors.New("no space left")
	puts := 0
	m, err := Publish(dir, options, func(content.ID, []byte) error {
		if puts++; puts == 2 {
			return full
		}
		return nil
	})
	if !errors.Is(err, full) || m != nil || puts != 2 {
		t.Errorf("%v, %v after %d puts", m, err, puts)
	}
}

func TestUnreadable(t *testing.T) {
	dir := t.TempDir()
	must(t, os.Symlink("loop", filepath.Join(dir, "loop")))
	for _, name := range []string{"none", "loop"} {
		name = filepath.Join(dir, name)
		m, err := Publish(name, options, newShelf(t).put)
		var unreadable *UnreadableError
		if !errors.As(err, &unreadable) || unreadable.Path != name || m != nil {
			t.Errorf("%v", err)
		}
		if errors.Is(err, fs.ErrNotExist) != strings.HasSuffix(name, "none") {
			t.Errorf("lost its cause: %v", err)
		}
		if strings.Count(err.Error(), dir) != 1 {
			t.Errorf("says the path more than once: %v", err)
		}
	}
}

func TestPermissionDenied(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "d", "f")
	write(t, name, []byte("secret"))
	for _, denied := range []string{name, filepath.Dir(name)} {
		must(t, os.Chmod(denied, 0))
		defer os.Chmod(denied, 0o700)
		if f, err := os.Open(denied); err == nil {
			f.Close()
			t.Skip("nothing is denied to this user")
		}
		_, err := Publish(dir, options, newShelf(t).put)
		var unreadable *UnreadableError
		if !errors.As(err, &unreadable) || unreadable.Path != denied || !errors.Is(err, fs.ErrPermission) {
			t.Errorf("%s: %v", denied, err)
		}
	}
}

// Memory is that of the chunker and of the list of entries, not of the bytes.
func TestMemoryIsBounded(t *testing.T) {
	dir := t.TempDir()
	for i := range 8 {
		write(t, filepath.Join(dir, string(rune('a'+i))), random(byte(i), 8<<20))
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := Publish(dir, options, func(content.ID, []byte) error { return nil })
	must(t, err)
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > 3*content.MaxChunk {
		t.Errorf("%d bytes allocated to publish 64 MiB", got)
	}
}
