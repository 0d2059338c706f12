// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"bytes"
	"context"
	"encoding/binary"
	"log/slog"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/ebbproject/ebb/agent"
	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/store"
)

// writing is a daemon that only stores chunks.
func writing(s *store.Store, log *slog.Logger) *Daemon {
	d := &Daemon{o: Options{Store: s, Log: log}, events: make(chan func(*agent.Core, time.Time), 1024), toWrite: newMailbox[agent.Store](),
		toEvict: newMailbox[agent.Evict]()}
	d.ctx, d.cancel = context.WithCancel(context.Background())
	d.running.Add(1)
	go d.write()
	return d
}

// numbered is a small chunk.
func numbered(n int) agent.Store {
	data := binary.BigEndian.AppendUint32(nil, uint32(n))
	return agent.Store{ID: content.Sum(data), Data: data}
}

// fullDisk takes no new chunk files while it is full.
type fullDisk struct {
	vfs.FS
	full atomic.Bool
}

func (f *fullDisk) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if f.full.Load() && strings.Contains(name, "chunks") {
		return nil, syscall.ENOSPC
	}
	return f.FS.Create(name, c)
}

// Several groups find a full disk. That is said once, nothing of them is lost, and all are stored once there is room.
func TestChunksWaitForAFullDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := &fullDisk{FS: vfs.NewMem()}
		s, err := store.Open("state", store.Options{FS: disk})
		must(t, err)
		said := &bytes.Buffer{}
		d := writing(s, slog.New(slog.NewTextHandler(said, nil)))
		const chunks = 5 * groupMost / 2
		disk.full.Store(true)
		for n := range chunks {
			d.toWrite.put(numbered(n))
		}
		time.Sleep(3 * storeRetry)
		synctest.Wait()
		if n := s.Stats().Chunks; n != 0 || len(d.events) != 1 || strings.Count(said.String(), "cannot be written") != 1 {
			t.Errorf("%d chunks stored, %d events, said: %s", n, len(d.events), said)
		}
		disk.full.Store(false)
		time.Sleep(storeRetry)
		synctest.Wait()
		for n := range chunks {
			if !s.Has(numbered(n).ID) {
				t.Errorf("chunk %d is lost", n)
			}
		}
		if got := s.Stats().Chunks; got != chunks {
			t.Errorf("%d chunks are stored, not %d", got, chunks)
		}
		d.cancel()
		d.running.Wait()
		must(t, s.Close())
	})
}

// A drowsy disk takes its time for every sync, of as many at once as are asked for.
type drowsy struct{ vfs.FS }

type drowsyFile struct{ vfs.File }

const drowsySync = 8 * time.Millisecond

func (d drowsy) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := d.FS.Create(name, c)
	return drowsyFile{f}, err
}

func (d drowsy) OpenDir(name string) (vfs.File, error) {
	f, err := d.FS.OpenDir(name)
	return drowsyFile{f}, err
}

func (f drowsyFile) Sync() error {
	time.Sleep(drowsySync)
	return f.File.Sync()
}

func (f drowsyFile) SyncData() error {
	time.Sleep(drowsySync)
	return f.File.SyncData()
}

// BenchmarkWriter stores chunks that come once a millisecond, 32 of them under way, on a disk that takes 8 ms for a sync.
func BenchmarkWriter(b *testing.B) {
	const window, every = 32, time.Millisecond
	var stored atomic.Int64
	s, err := store.Open("state", store.Options{FS: drowsy{vfs.NewMem()},
		Events: store.Events{Committed: func(c store.Commit) { stored.Add(int64(c.Chunks)) }}})
	if err != nil {
		b.Fatal(err)
	}
	d := writing(s, slog.New(slog.DiscardHandler))
	b.ResetTimer()
	for sent := 0; stored.Load() < int64(b.N); {
		time.Sleep(every)
		for len(d.events) > 0 {
			<-d.events
		}
		if sent < b.N && sent < int(stored.Load())+window {
			d.toWrite.put(numbered(sent))
			sent++
		}
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "chunks/s")
	d.cancel()
	d.running.Wait()
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
}
