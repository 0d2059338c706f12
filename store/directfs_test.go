// SPDX-License-Identifier: Apache-2.0

package store

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/ebbproject/ebb/store/direct"
)

var edgySizes = []int{1, 4095, 4096, 4097, 1<<20 - 1, 1 << 20, 1<<20 + 1, 4 << 20}

// Every size around the blocks of a disk, from memory at every kind of address, is the same chunk after reopening.
func TestChunksOfAllSizes(t *testing.T) {
	dirs := []string{t.TempDir()}
	if dir, err := os.MkdirTemp("/dev/shm", "ebb-test"); err == nil { // has no disk
		defer os.RemoveAll(dir)
		dirs = append(dirs, dir)
	}
	for _, dir := range dirs {
		s := open(t, dir, Options{})
		var all []Blob
		for i, size := range edgySizes {
			for _, by := range []int{0, 1, 512} {
				b := blob(uint64(i*1000+by), size)
				room := make([]byte, by+size)
				copy(room[by:], b.Data)
				b.Data = room[by:]
				all = append(all, b)
			}
		}
		mustPut(t, s, all...)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = open(t, dir, Options{})
		for _, b := range all {
			holds(t, s, b)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// A chunk file is a vfs.File like any other, for who writes in pieces, syncs in between and reads what was written.
func TestAChunkFileIsAFile(t *testing.T) {
	fs := directFS{vfs.Default}
	data := blob(1, 3<<20+99).Data
	for _, piece := range []int{1 << 10, 4096, 100_000, 128 << 10, 1 << 20, 1<<20 + 1, len(data)} {
		name := filepath.Join(t.TempDir(), "f")
		f, err := fs.Create(name, chunkCategory)
		if err != nil {
			t.Fatal(err)
		}
		syncs := []func() error{f.Sync, f.SyncData, func() error { _, err := f.SyncTo(10); return err }}
		at := 0
		for part := range slices.Chunk(data, piece) {
			n, err := f.Write(part)
			if err != nil || n != len(part) {
				t.Fatalf("pieces of %d: %d, %v", piece, n, err)
			}
			at += n
			if info, err := f.Stat(); err != nil || info.Size() != int64(at) {
				t.Fatalf("pieces of %d: something was held back: %v", piece, err)
			}
		}
		for i, sync := range syncs {
			if err := sync(); err != nil {
				t.Errorf("sync %d: %v", i, err)
			}
		}
		odd := make([]byte, 1001)
		if _, err := f.ReadAt(odd[1:], 4095); err != nil || !bytes.Equal(odd[1:], data[4095:][:1000]) {
			t.Errorf("reading what was written: %v", err)
		}
		if n, err := f.Write(nil); n != 0 || err != nil {
			t.Errorf("writing nothing: %d, %v", n, err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		if n, err := f.Write(data[:8192]); n != 0 || !errors.Is(err, os.ErrClosed) {
			t.Errorf("writing after Close: %d, %v", n, err)
		}
		if got, err := os.ReadFile(name); err != nil || !bytes.Equal(got, data) {
			t.Errorf("pieces of %d: the file holds other bytes: %v", piece, err)
		}
	}
}

// Only chunk files take the other way: the journal's are small and read again soon.
func TestOnlyChunkFilesAreDirect(t *testing.T) {
	fs := systemFS()
	for c, want := range map[vfs.DiskWriteCategory]bool{chunkCategory: direct.Supported, vfs.WriteCategoryUnspecified: false} {
		f, err := fs.Create(filepath.Join(t.TempDir(), "f"), c)
		if err != nil {
			t.Fatal(err)
		}
		if _, got := f.(*directFile); got != want {
			t.Errorf("category %s: %v", c, got)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := fs.Create(filepath.Join(t.TempDir(), "missing", "f"), chunkCategory); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no such folder: %v", err)
	}
}

// The disk fills up in mid-chunk, under the direct writes and under the edges.
func TestAFullDiskUnderDirectWrites(t *testing.T) {
	disk := &faultyDisk{err: syscall.ENOSPC, match: func(op errorfs.Op) bool { return op.Kind == errorfs.OpFileWrite }}
	fs := directFS{errorfs.Wrap(vfs.Default, disk)}
	s := open(t, t.TempDir(), Options{})
	s.fs = chunksOn{s.fs, fs}
	for i, failing := range []int64{1, 2} {
		b := blob(uint64(i), 1<<20+5)
		disk.at.Store(disk.calls.Load() + failing)
		if err := s.Put(b); !errors.Is(err, ErrNoSpace) || !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("write %d fails: %v", failing, err)
		}
		lacks(t, s, b)
		if n := filesOnDisk(t, s); n != i {
			t.Errorf("half a chunk is left over: %d files", n)
		}
		mustPut(t, s, b)
		holds(t, s, b)
	}
}

// chunksOn lets only chunk files go to another file system.
type chunksOn struct {
	vfs.FS
	chunks vfs.FS
}

func (c chunksOn) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if category == chunkCategory {
		return c.chunks.Create(name, category)
	}
	return c.FS.Create(name, category)
}

func (c chunksOn) Unwrap() vfs.FS { return c.FS }
