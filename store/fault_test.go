// SPDX-License-Identifier: Apache-2.0

package store

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/ebbproject/ebb/content"
)

// A faultyDisk fails one call, or all calls from one on, that match.
type faultyDisk struct {
	err     error
	at      atomic.Int64 // the call that fails, from 1; 0: none
	forever bool         // and all after it
	match   func(errorfs.Op) bool
	calls   atomic.Int64
	failed  atomic.Int64
}

func (d *faultyDisk) String() string { return "faulty disk" }

func (d *faultyDisk) MaybeError(op errorfs.Op) error {
	if d.match != nil && !d.match(op) {
		return nil
	}
	n, at := d.calls.Add(1), d.at.Load()
	if at == 0 || n < at || n > at && !d.forever {
		return nil
	}
	d.failed.Add(1)
	return d.err
}

// job is what the sweep runs: some of everything, until a call fails.
func job(fs vfs.FS, m *model) error {
	s, err := Open("state", Options{FS: fs})
	if err != nil {
		return err
	}
	err = jobWith(s, m)
	return errors.Join(err, s.Close())
}

func jobWith(s *Store, m *model) error {
	try := func(f fate, blobs []Blob, call func(ids ...content.ID) error) error {
		var ids []content.ID
		for _, b := range blobs {
			ids = append(ids, b.ID)
			m.chunks[b.ID] = unsure
			m.blobs[b.ID] = b.Data
		}
		err := call(ids...)
		if err == nil {
			for _, id := range ids {
				m.chunks[id] = f
			}
		}
		return err
	}
	var blobs []Blob
	for i := range 8 {
		blobs = append(blobs, blob(uint64(i), 3000))
	}
	for i := 0; i < len(blobs); i += 2 {
		pair := blobs[i : i+2]
		if err := try(stored, pair, func(...content.ID) error { return s.Put(pair...) }); err != nil {
			return err
		}
		m.record[1] = fmt.Sprint(i)
		if err := s.Record(Record{recordA, []byte(m.record[1])}, Record{recordB, []byte(m.record[1])}); err != nil {
			return err
		}
		m.record[0] = m.record[1]
	}
	if err := try(absent, blobs[5:7], s.Delete); err != nil {
		return err
	}
	if _, err := s.Get(blobs[7].ID, nil); err != nil {
		return err
	}
	return try(absent, blobs[:2], func(ids ...content.ID) error {
		_, err := s.Evict(1<<20, func(id content.ID) bool { return !slices.Contains(ids, id) })
		return err
	})
}

// Every call to the disk fails once, with every kind of error. The store reports it (or had no need of the call),
// keeps what it acknowledged, in a power cut as well, and works again when the disk does.
func TestEveryFailingCall(t *testing.T) {
	count := &faultyDisk{}
	if err := job(errorfs.Wrap(vfs.NewCrashableMem(), count), newModel()); err != nil {
		t.Fatal(err)
	}
	step := int64(1)
	if testing.Short() {
		step = 7
	}
	for _, kind := range []struct {
		err     error
		forever bool
	}{{syscall.EIO, false}, {syscall.EIO, true}, {syscall.ENOSPC, false}, {syscall.ENOSPC, true}} {
		t.Run(fmt.Sprintf("%v,forever=%v", kind.err, kind.forever), func(t *testing.T) {
			t.Parallel()
			for at := int64(1); at <= count.calls.Load(); at += step {
				d := &faultyDisk{err: kind.err, forever: kind.forever}
				d.at.Store(at)
				if kind.err == syscall.ENOSPC { // which reading does not answer
					d.match = func(op errorfs.Op) bool { return op.Kind.ReadOrWrite() == errorfs.OpIsWrite }
				}
				if err := sweep(d); err != nil {
					t.Fatalf("call %d: %v", at, err)
				}
			}
		})
	}
}

func newModel() *model {
	return &model{chunks: map[content.ID]fate{}, blobs: map[content.ID][]byte{}}
}

func sweep(d *faultyDisk) error {
	disk, m := vfs.NewCrashableMem(), newModel()
	err := job(errorfs.Wrap(disk, d), m)
	if err != nil && d.failed.Load() == 0 {
		return fmt.Errorf("an error without a fault: %w", err)
	}
	if err != nil && d.err == syscall.ENOSPC && !errors.Is(err, ErrNoSpace) {
		return fmt.Errorf("a full disk is not called one: %w", err)
	}
	// A power cut right now, and then the disk as it is.
	for _, after := range []*vfs.MemFS{disk.CrashClone(vfs.CrashCloneCfg{}), disk} {
		if err := m.check(after); err != nil {
			return err
		}
		again := m.clone()
		if err := job(after, &again); err != nil {
			return fmt.Errorf("working on a healthy disk: %w", err)
		}
	}
	return nil
}

// The same, but the process lives on: the store that met the fault goes on working once the disk does.
func TestAStoreOutlivesItsDisksFaults(t *testing.T) {
	step := int64(1)
	if testing.Short() {
		step = 7
	}
	for _, fault := range []error{syscall.EIO, syscall.ENOSPC} {
		for at := int64(1); ; at += step {
			d := &faultyDisk{err: fault, forever: true, match: func(op errorfs.Op) bool {
				return op.Kind.ReadOrWrite() == errorfs.OpIsWrite && op.Kind != errorfs.OpLock
			}}
			disk, m := vfs.NewCrashableMem(), newModel()
			s, err := Open("state", Options{FS: errorfs.Wrap(disk, d)})
			if err != nil {
				t.Fatal(err)
			}
			d.at.Store(d.calls.Load() + at)
			err = jobWith(s, m)
			d.at.Store(0) // the disk is well again
			hit := d.failed.Load() > 0
			if hit {
				if err := jobWith(s, m); err != nil {
					t.Errorf("%v at call %d: the store does not recover: %v", fault, at, err)
				}
			} else if err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Errorf("%v at call %d: closing: %v", fault, at, err)
			}
			if err := m.check(disk.CrashClone(vfs.CrashCloneCfg{})); err != nil {
				t.Fatalf("%v at call %d: %v", fault, at, err)
			}
			if !hit {
				break
			}
		}
	}
}
