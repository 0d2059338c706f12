// SPDX-License-Identifier: Apache-2.0

//go:build unix

package export

import (
	"bytes"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/store"
)

// BenchmarkExport writes a file of 256 MB out of a store, durably, and measures what that costs the machine.
func BenchmarkExport(b *testing.B) {
	dir := b.TempDir()
	s, err := store.Open(filepath.Join(dir, "state"), store.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	const size = 256e6
	m := pack(b, false, []content.Entry{{Path: "f", Mode: 0o644}}, map[string]string{"f": noise(1, size)}, func(id content.ID, data []byte) {
		if err := s.Put(store.Blob{ID: id, Data: bytes.Clone(data)}); err != nil {
			b.Fatal(err)
		}
	})
	for _, c := range m.Chunks { // from the page cache
		if _, err := s.Get(c.ID, nil); err != nil {
			b.Fatal(err)
		}
	}
	dst := filepath.Join(dir, "f")
	var system time.Duration
	for b.Loop() {
		before := systemTime(b)
		if err := Write(m, s, dst, Options{}); err != nil {
			b.Fatal(err)
		}
		system += systemTime(b) - before
		if err := os.Remove(dst); err != nil {
			b.Fatal(err)
		}
	}
	gb := size * float64(b.N) / 1e9
	b.ReportMetric(gb*1000/b.Elapsed().Seconds(), "MB/s")
	b.ReportMetric(system.Seconds()/gb, "sys-s/GB")
}

// systemTime is what the kernel has worked for this process so far.
func systemTime(b *testing.B) time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Stime.Nano())
}
