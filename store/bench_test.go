// SPDX-License-Identifier: Apache-2.0

package store

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/ebbproject/ebb/content"
)

// BenchmarkJournalCommit measures what one durable record costs, for one caller and for several that share syncs.
func BenchmarkJournalCommit(b *testing.B) {
	for _, callers := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			memTableSize = 4 << 20
			s := open(b, b.TempDir(), Options{})
			took := make([]time.Duration, b.N)
			var next atomic.Int64
			var all sync.WaitGroup
			b.ResetTimer()
			for range callers {
				all.Go(func() {
					for i := next.Add(1) - 1; i < int64(b.N); i = next.Add(1) - 1 {
						start := time.Now()
						if err := s.Record(Record{fmt.Sprintf("flow/%d", i%1000), make([]byte, 100)}); err != nil {
							b.Error(err)
							return
						}
						took[i] = time.Since(start)
					}
				})
			}
			all.Wait()
			b.StopTimer()
			slices.Sort(took)
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commits/s")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
		})
	}
}

// BenchmarkPut measures storing chunks of 1 MiB, durably, by callers that store one at a time, and how much of that time
// is spent on syncing folders and journal.
func BenchmarkPut(b *testing.B) {
	for _, callers := range []int{1, 4, 16} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			memTableSize = 4 << 20
			var spent Commit
			var groups int
			s := open(b, b.TempDir(), Options{Events: Events{Committed: func(c Commit) {
				spent.Journal += c.Journal
				spent.Folders += c.Folders
				groups++
			}}})
			putAll(b, 1<<20, callers, func(_ int, one Blob) error { return s.Put(one) })
			wall := b.Elapsed().Seconds()
			b.ReportMetric(100*spent.Journal.Seconds()/wall, "%journal")
			b.ReportMetric(100*spent.Folders.Seconds()/wall, "%folders")
			b.ReportMetric(float64(b.N)/float64(max(groups, 1)), "chunks/commit")
		})
	}
}

// BenchmarkPutOverhead stores chunks of 1 MiB in groups, and writes and syncs as many files without an index in turn, so
// that both meet the same disk in the same mood. What the index adds is the difference.
func BenchmarkPutOverhead(b *testing.B) {
	for _, n := range []int{1, 8, 32} {
		b.Run(fmt.Sprintf("group=%d", n), func(b *testing.B) {
			memTableSize = 4 << 20
			s := open(b, b.TempDir(), Options{})
			bare := &Store{fs: systemFS(), dir: b.TempDir(), writing: make(chan struct{}, maxWriters)}
			bare.folders = newFolders(bare.fs, bare.chunks(), 1)
			blobs, files := make([]Blob, n), make([]file, n)
			var with, without time.Duration
			for i := range b.N {
				for k := range blobs {
					blobs[k] = blob(uint64(i*n+k), 1<<20)
					files[k] = file{id: blobs[k].ID, size: 1 << 20}
				}
				start := time.Now()
				if err := s.Put(blobs...); err != nil {
					b.Fatal(err)
				}
				with += time.Since(start)
				if err := bare.folders.place(files); err != nil {
					b.Fatal(err)
				}
				bare.folders.settle(files)
				start = time.Now()
				if err := bare.writeFiles(files, blobs); err != nil {
					b.Fatal(err)
				}
				without += time.Since(start)
			}
			b.ReportMetric(float64(b.N*n)/with.Seconds()*1.048576, "MB/s-put")
			b.ReportMetric(float64(b.N*n)/without.Seconds()*1.048576, "MB/s-files")
			b.ReportMetric(float64((with-without).Microseconds())/float64(b.N*n)/1000, "ms/chunk-index")
		})
	}
}

func putAll(b *testing.B, size, callers int, put func(i int, one Blob) error) {
	b.SetBytes(int64(size))
	template := blob(1, size)
	var next atomic.Int64
	var all sync.WaitGroup
	b.ResetTimer()
	for range callers {
		all.Go(func() {
			data := slices.Clone(template.Data)
			for i := next.Add(1) - 1; i < int64(b.N); i = next.Add(1) - 1 {
				copy(data, fmt.Sprintf("%020d", i))
				if err := put(int(i), Blob{ID: content.Sum(data), Data: data}); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	b.StopTimer()
}

// BenchmarkGet measures reading and verifying a chunk of 1 MiB from the page cache.
func BenchmarkGet(b *testing.B) {
	s := open(b, b.TempDir(), Options{})
	one := blob(1, 1<<20)
	mustPut(b, s, one)
	buf := make([]byte, 1<<20)
	b.SetBytes(1 << 20)
	for b.Loop() {
		if _, err := s.Get(one.ID, buf); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkHas measures one look into an index of 100,000 chunks.
func BenchmarkHas(b *testing.B) {
	memTableSize = 4 << 20
	s := open(b, "state", Options{FS: vfs.NewMem()})
	ids := make([]content.ID, 100_000)
	index(b, s, ids)
	for i := 0; b.Loop(); i++ {
		if !s.Has(ids[i%len(ids)]) {
			b.Fatal("missing")
		}
	}
}

// BenchmarkOpen measures opening a store with 100,000 chunks.
func BenchmarkOpen(b *testing.B) {
	memTableSize = 4 << 20
	dir := b.TempDir()
	s := open(b, dir, Options{})
	index(b, s, make([]content.ID, 100_000))
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		s, err := Open(dir, Options{})
		if err != nil {
			b.Fatal(err)
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// index fills the index with chunks that have no files.
func index(b *testing.B, s *Store, ids []content.ID) {
	for from := 0; from < len(ids); from += 1000 {
		err := s.journal.commit(func(batch *pebble.Batch, _ *view) error {
			for i := from; i < from+1000; i++ {
				ids[i] = content.Sum(fmt.Append(nil, i))
				if err := putKeys(batch, file{id: ids[i], number: uint64(i + 1), size: 1}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}
