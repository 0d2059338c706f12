// SPDX-License-Identifier: Apache-2.0

package direct

import (
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// cached returns how many bytes of a file are in the page cache.
func cached(t *testing.T, f *os.File) int {
	t.Helper()
	var stat unix.Cachestat_t
	if err := unix.Cachestat(uint(f.Fd()), &unix.CachestatRange{}, &stat, 0); err != nil {
		t.Skip("the kernel does not tell what is cached: ", err)
	}
	return int(stat.Cache) * os.Getpagesize()
}

func TestWholeBlocksDoNotFillTheCache(t *testing.T) {
	for _, by := range []int{0, 1} {
		f := create(t, t.TempDir())
		if !worthTrying(f.Fd()) || avoidCache(f.Fd(), true) != nil || avoidCache(f.Fd(), false) != nil {
			t.Skip("the file system of temporary files has no way past the cache")
		}
		data := shifted(noise(4*Block+17), by)
		w := NewWriter(f)
		_, err := w.Write(data)
		if err := errors.Join(err, w.Flush(), f.Sync()); err != nil {
			t.Fatal(err)
		}
		if w.ordinary {
			t.Skip("the file system refuses direct writes")
		}
		if n := cached(t, f); n > 64<<10 {
			t.Errorf("%d bytes of %d are in the cache", n, len(data))
		}
		holds(t, f, data)
	}
}

func TestAFileSystemInMemory(t *testing.T) {
	dir, err := os.MkdirTemp("/dev/shm", "ebb-test")
	if err != nil {
		t.Skip(err)
	}
	defer os.RemoveAll(dir)
	for _, size := range sizes {
		s := &spy{File: create(t, dir)}
		if worthTrying(s.Fd()) {
			t.Skip("/dev/shm is not in memory")
		}
		data := noise(size)
		w := NewWriter(s)
		_, err := w.Write(data)
		if err := errors.Join(err, w.Flush()); err != nil {
			t.Fatal(err)
		}
		holds(t, s.File, data)
	}
}
