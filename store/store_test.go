// SPDX-License-Identifier: Apache-2.0

package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"go.uber.org/goleak"

	"github.com/ebbproject/ebb/content"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		fmt.Fprintln(os.Stderr, child(dir))
		os.Exit(1)
	}
	memTableSize = 64 << 10
	goleak.VerifyTestMain(m)
}

// blob makes a chunk of the given size; the same seed makes the same chunk.
func blob(seed uint64, size int) Blob {
	data := make([]byte, size)
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	binary.LittleEndian.PutUint64(key[8:], uint64(size))
	_, _ = rand.NewChaCha8(key).Read(data)
	return Blob{ID: content.Sum(data), Data: data}
}

func open(t testing.TB, dir string, o Options) *Store {
	t.Helper()
	s, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func mustPut(t testing.TB, s *Store, blobs ...Blob) {
	t.Helper()
	if err := s.Put(blobs...); err != nil {
		t.Fatal(err)
	}
}

// holds fails the test unless the chunk is there and whole.
func holds(t testing.TB, s *Store, b Blob) {
	t.Helper()
	got, err := s.Get(b.ID, nil)
	if err != nil || !bytes.Equal(got, b.Data) || !s.Has(b.ID) {
		t.Fatalf("chunk %s: %d bytes, %v; Has is %v", b.ID.Short(), len(got), err, s.Has(b.ID))
	}
}

func lacks(t testing.TB, s *Store, b Blob) {
	t.Helper()
	if _, err := s.Get(b.ID, nil); !errors.Is(err, ErrNotFound) || s.Has(b.ID) || s.Path(b.ID) != "" {
		t.Fatalf("chunk %s: %v; Has is %v, Path %q", b.ID.Short(), err, s.Has(b.ID), s.Path(b.ID))
	}
}

func TestWhatWasPutIsThereAfterReopening(t *testing.T) {
	dir := t.TempDir()
	a, b := blob(1, 300_000), blob(2, 1)
	s := open(t, dir, Options{})
	mustPut(t, s, a, b, a)
	mustPut(t, s, a)
	if err := s.Record(Record{"flow/1", []byte("half")}, Record{"flow/2", []byte{}}, Record{"token", []byte("x")}); err != nil {
		t.Fatal(err)
	}
	want := Stats{Chunks: 2, Bytes: 300_001}
	for range 2 {
		holds(t, s, a)
		holds(t, s, b)
		if got := s.Stats(); got != want {
			t.Errorf("stats are %+v, want %+v", got, want)
		}
		var ids []content.ID
		if err := s.Each(func(id content.ID, size uint32) bool { ids = append(ids, id); return true }); err != nil {
			t.Fatal(err)
		}
		if len(ids) != 2 || !slices.IsSortedFunc(ids, content.ID.Compare) {
			t.Errorf("Each: %v", ids)
		}
		var keys []string
		if err := s.Scan("flow/", func(k string, v []byte) bool { keys = append(keys, k+"="+string(v)); return true }); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(keys, []string{"flow/1=half", "flow/2="}) {
			t.Errorf("Scan: %q", keys)
		}
		if v, err := s.Lookup("flow/2"); err != nil || v == nil || len(v) != 0 {
			t.Errorf("Lookup of an empty record: %v, %v", v, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = open(t, dir, Options{})
	}
	if err := s.Record(Record{Key: "flow/1"}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Lookup("flow/1"); !errors.Is(err, ErrNotFound) {
		t.Errorf("Lookup of a deleted record: %v", err)
	}
}

func TestGetUsesTheBuffer(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	a := blob(1, 1000)
	mustPut(t, s, a)
	buf := make([]byte, 5, 1000)
	got, err := s.Get(a.ID, buf)
	if err != nil || &got[0] != &buf[0] || !bytes.Equal(got, a.Data) {
		t.Errorf("got other memory, or other bytes: %v", err)
	}
}

func TestPutRefusesWhatIsNotAChunk(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	good, bad := blob(1, 1000), blob(2, 1000)
	bad.Data[17] ^= 1
	if err := s.Put(good, bad); !errors.Is(err, ErrMismatch) {
		t.Errorf("flipped bit: %v", err)
	}
	lacks(t, s, good) // one call, all or nothing
	lacks(t, s, bad)
	if err := s.Put(Blob{ID: content.Sum(nil)}); err == nil {
		t.Error("an empty chunk was stored")
	}
	large := make([]byte, content.MaxChunk+1)
	if err := s.Put(Blob{ID: content.Sum(large), Data: large}); err == nil {
		t.Error("a chunk over the limit was stored")
	}
	if err := s.Record(Record{Value: []byte("x")}); err == nil {
		t.Error("a record without a key was stored")
	}
	if n := filesOnDisk(t, s); n != 0 {
		t.Errorf("%d files are left over", n)
	}
}

// filesOnDisk counts chunk files, whatever the journal says of them.
func filesOnDisk(t testing.TB, s *Store) int {
	t.Helper()
	n, err := countFiles(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestDeletedChunksAndTheirFilesAreGone(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Options{})
	var all []Blob
	for i := range 10 {
		all = append(all, blob(uint64(i), 1000+i))
	}
	mustPut(t, s, all...)
	if err := s.Delete(all[0].ID, all[3].ID, all[3].ID, content.Sum([]byte("never stored"))); err != nil {
		t.Fatal(err)
	}
	for i, b := range all {
		if i == 0 || i == 3 {
			lacks(t, s, b)
		} else {
			holds(t, s, b)
		}
	}
	if n := filesOnDisk(t, s); n != 8 {
		t.Errorf("%d files, want 8", n)
	}
	mustPut(t, s, all[3])
	holds(t, s, all[3])
}

func TestEvictTakesTheOldestThatMayGo(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	var all []Blob
	for i := range 10 {
		all = append(all, blob(uint64(i), 1000))
		mustPut(t, s, all[i])
	}
	keep := func(id content.ID) bool { return id == all[1].ID }
	freed, err := s.Evict(2500, keep)
	if err != nil || freed != 3000 {
		t.Fatalf("freed %d, %v; want 3000", freed, err)
	}
	for i, b := range all {
		if i == 0 || i == 2 || i == 3 {
			lacks(t, s, b)
		} else {
			holds(t, s, b)
		}
	}
	if freed, err := s.Evict(1<<40, keep); err != nil || freed != 6000 {
		t.Errorf("freed %d, %v; want 6000", freed, err)
	}
	if freed, err := s.Evict(0, nil); err != nil || freed != 0 {
		t.Errorf("freed %d, %v; want nothing", freed, err)
	}
	if got := s.Stats(); got != (Stats{1, 1000}) {
		t.Errorf("stats are %+v", got)
	}
}

func TestFoldersFillOneAfterTheOtherAndGoWhenEmpty(t *testing.T) {
	s := open(t, "state", Options{FS: vfs.NewMem()})
	var all []Blob
	for i := range 3*folderCapacity + 100 {
		all = append(all, blob(uint64(i), 10))
	}
	mustPut(t, s, all...)
	folders, err := listFolders(s.fs, s.chunks())
	if err != nil || len(folders) != 4 {
		t.Fatalf("folders %v, %v; want 4", folders, err)
	}
	if _, err := s.Evict(3*folderCapacity*10, nil); err != nil {
		t.Fatal(err)
	}
	folders, err = listFolders(s.fs, s.chunks())
	if err != nil || len(folders) != 2 { // the last two may hold files of open fate and stay
		t.Errorf("folders %v, %v; want 2", folders, err)
	}
	for i, b := range all {
		if i >= 3*folderCapacity {
			holds(t, s, b)
		}
	}
}

func TestADirectoryHasOneOwner(t *testing.T) {
	for name, o := range map[string]Options{"disk": {}, "memory": {FS: vfs.NewMem()}} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := open(t, dir, o)
			if _, err := Open(dir, o); !errors.Is(err, ErrLocked) {
				t.Errorf("a second Open: %v", err)
			}
			if _, err := Repair(dir, o); !errors.Is(err, ErrLocked) {
				t.Errorf("Repair beside Open: %v", err)
			}
			a := blob(1, 100)
			mustPut(t, s, a)
			holds(t, s, a)
		})
	}
}

func TestAClosedStoreSaysSo(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	a := blob(1, 100)
	mustPut(t, s, a)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	_, getErr := s.Get(a.ID, nil)
	_, lookupErr := s.Lookup("x")
	_, evictErr := s.Evict(1, nil)
	for i, err := range []error{
		getErr, lookupErr, evictErr, s.Put(a), s.Delete(a.ID), s.Record(Record{"x", []byte("y")}),
		s.Each(func(content.ID, uint32) bool { return true }),
		s.Scan("", func(string, []byte) bool { return true }),
	} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("call %d: %v", i, err)
		}
	}
	if s.Has(a.ID) || s.Path(a.ID) != "" {
		t.Error("a closed store has chunks")
	}
	if err := s.Close(); err != nil {
		t.Errorf("closing twice: %v", err)
	}
}

func TestNamesHaveOneSpelling(t *testing.T) {
	f := file{id: content.Sum([]byte("x")), number: 3*folderCapacity + 0x1f}
	got, ok := parseFileName(3, f.name())
	if !ok || got != f {
		t.Errorf("%q reads as %+v, %v", f.name(), got, ok)
	}
	for _, bad := range []string{"", "-", f.name() + "0", f.name()[:66], "A" + f.name()[1:], fmt.Sprintf("%s-400", f.id), fmt.Sprintf("%s-1f", f.id), f.id.String()} {
		if _, ok := parseFileName(3, bad); ok {
			t.Errorf("%q was taken for a chunk file", bad)
		}
	}
	for _, bad := range []string{"", "3", "00000G", "00000A", "+00003", "0000003"} {
		if _, ok := parseFolderName(bad); ok {
			t.Errorf("%q was taken for a folder", bad)
		}
	}
	if n, ok := parseFolderName(folderName(1 << 30)); !ok || n != 1<<30 {
		t.Error("large folder numbers do not read")
	}
}
