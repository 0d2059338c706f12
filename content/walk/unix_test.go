// SPDX-License-Identifier: Apache-2.0

//go:build unix

package walk

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/ebbproject/ebb/content"
)

// A pipe is refused at once, not waited for: in a tree, as the root, and in the
// place of a file that was listed.
func TestPipes(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	must(t, syscall.Mkfifo(pipe, 0o644))
	for _, root := range []string{dir, pipe} {
		m, err := Publish(root, options, newShelf(t).put)
		var unreadable *UnreadableError
		if !errors.Is(err, ErrSpecial) || !errors.As(err, &unreadable) || unreadable.Path != pipe || m != nil {
			t.Errorf("%v", err)
		}
	}
	must(t, os.Remove(pipe))
	write(t, filepath.Join(dir, "a"), random(1, 20<<20))
	write(t, filepath.Join(dir, "pipe"), nil)
	puts := 0
	_, err := Publish(dir, options, func(content.ID, []byte) error {
		if puts++; puts == 1 {
			must(t, os.Remove(pipe))
			must(t, syscall.Mkfifo(pipe, 0o644))
		}
		return nil
	})
	if !errors.Is(err, ErrSpecial) {
		t.Errorf("a pipe in the place of a file: %v", err)
	}
}

// A disk that fails in the middle of a file: /proc/self/mem is a regular file
// whose first page is not there.
func TestReadError(t *testing.T) {
	const mem = "/proc/self/mem"
	if _, err := os.Stat(mem); err != nil {
		t.Skip("no ", mem)
	}
	m, err := Publish(mem, options, newShelf(t).put)
	var unreadable *UnreadableError
	if !errors.As(err, &unreadable) || !errors.Is(err, syscall.EIO) || m != nil {
		t.Errorf("%v", err)
	}
}

// A file that says it is empty and is not.
func TestFileOfUnknownSize(t *testing.T) {
	const status = "/proc/self/status"
	if _, err := os.Stat(status); err != nil {
		t.Skip("no ", status)
	}
	m, err := Publish(status, options, newShelf(t).put)
	var changed *ChangedError
	if !errors.As(err, &changed) || m != nil {
		t.Errorf("%v", err)
	}
}

// Whether it went well or not, nothing stays open.
func TestNothingStaysOpen(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("open files are counted in /proc")
	}
	open := func() int {
		names, err := os.ReadDir("/proc/self/fd")
		must(t, err)
		return len(names)
	}
	dir := t.TempDir()
	for i := range 20 {
		write(t, filepath.Join(dir, fmt.Sprint(i), "f"), random(byte(i), 1<<20))
	}
	before := open()
	most := 0
	for _, fail := range []int{0, 1, 5, 10} {
		puts := 0
		Publish(dir, options, func(content.ID, []byte) error {
			most = max(most, open()-before)
			if puts++; puts == fail {
				return errors.New("no")
			}
			return nil
		})
		if after := open(); after != before {
			t.Errorf("failing at chunk %d: %d files open, %d before", fail, after, before)
		}
	}
	if most > 3 {
		t.Errorf("up to %d files open at a time: want the root, a directory, a file", most)
	}
}

func BenchmarkPublish(b *testing.B) {
	file := filepath.Join(b.TempDir(), "image")
	write(b, file, random(1, 256<<20))
	benchmark(b, file)
}

func BenchmarkPublishSmallFiles(b *testing.B) {
	dir := b.TempDir()
	for i := range 4096 {
		write(b, filepath.Join(dir, fmt.Sprint(i/64), fmt.Sprint(i)), random(byte(i), 16<<10))
	}
	benchmark(b, dir)
}

// benchmark publishes root from the page cache to nowhere. Beside MB/s by the
// clock it reports them by processor time, the kernel's included: what one core
// publishes if nothing else wants it.
func benchmark(b *testing.B, root string) {
	publish := func() int64 {
		m, err := Publish(root, options, func(content.ID, []byte) error { return nil })
		must(b, err)
		return m.Size()
	}
	size := publish()
	b.SetBytes(size)
	b.ReportAllocs()
	start := processor(b)
	for b.Loop() {
		publish()
	}
	spent := processor(b) - start
	b.ReportMetric(float64(size)*float64(b.N)/1e6/spent, "MB/cpu-s")
}

// processor is the processor time of this process in seconds.
func processor(b *testing.B) float64 {
	var u syscall.Rusage
	must(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}
