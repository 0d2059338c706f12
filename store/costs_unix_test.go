// SPDX-License-Identifier: Apache-2.0

//go:build unix

package store

import (
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// BenchmarkPutCosts stores 8 chunks of 1 MiB at a time, past the page cache and through it in turn, so that both meet
// the same disk in the same mood, and measures what each costs the machine.
func BenchmarkPutCosts(b *testing.B) {
	memTableSize = 4 << 20
	const group, size = 8, 1 << 20
	names := []string{"direct", "cached"}
	stores := []*Store{open(b, b.TempDir(), Options{}), open(b, b.TempDir(), Options{FS: vfs.Default})}
	var wall, system [2]time.Duration
	blobs := make([]Blob, group)
	for i := range b.N {
		for k := range blobs {
			blobs[k] = blob(uint64(i*group+k), size)
		}
		for n := range stores {
			which := (i + n) % 2
			start, before := time.Now(), systemTime(b)
			if err := stores[which].Put(blobs...); err != nil {
				b.Fatal(err)
			}
			wall[which] += time.Since(start)
			system[which] += systemTime(b) - before
		}
	}
	gb := float64(b.N*group*size) / 1e9
	for i, name := range names {
		b.ReportMetric(gb*1000/wall[i].Seconds(), "MB/s-"+name)
		b.ReportMetric(system[i].Seconds()/gb, "sys-s/GB-"+name)
	}
}

// systemTime is what the kernel has worked for this process so far.
func systemTime(b *testing.B) time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Stime.Nano())
}
