// SPDX-License-Identifier: Apache-2.0

package store

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// shelf makes a closed store on a disk, and says what it holds.
func shelf(t *testing.T) (*vfs.MemFS, *model) {
	disk, m := vfs.NewCrashableMem(), newModel()
	s := open(t, "state", Options{FS: disk})
	for i := range 5 {
		b := blob(uint64(i), 5000)
		mustPut(t, s, b)
		m.chunks[b.ID], m.blobs[b.ID] = stored, b.Data
	}
	m.record = [2]string{"kept", "kept"}
	if err := s.Record(Record{recordA, []byte("kept")}, Record{recordB, []byte("kept")}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return disk, m
}

// checkOrRepair wants everything to be there, if Open asks for it after a repair.
func checkOrRepair(m *model, disk *vfs.MemFS) (asked bool, err error) {
	err = m.check(disk)
	if damaged := new(DamagedError); !errors.As(err, &damaged) {
		return false, err
	}
	if _, err := Repair("state", Options{FS: disk}); err != nil {
		return true, err
	}
	return true, m.check(disk)
}

// Repair is interrupted by a power cut before each of its calls to the disk.
func TestRepairSurvivesPowerCuts(t *testing.T) {
	disk, m := shelf(t)
	rng := rand.New(rand.NewPCG(1, 1))
	for range 3 { // the later rounds replace an older journal.damaged
		calls := errorfs.InjectorFunc(func(op errorfs.Op) error {
			if op.Kind.ReadOrWrite() == errorfs.OpIsRead {
				return nil
			}
			after := disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: rng.IntN(5) * 25, RNG: rng})
			if _, err := checkOrRepair(m, after); err != nil {
				return fmt.Errorf("cut before call %v of %s: %w", op.Kind, op.Path, err)
			}
			return nil
		})
		report, err := Repair("state", Options{FS: errorfs.Wrap(disk, calls)})
		if err != nil || report.Chunks != 5 || report.Records != 2 || len(report.Lost) != 0 {
			t.Fatalf("%+v, %v", report, err)
		}
	}
}

// Repair stops at each of its calls to the disk, because they fail from there on or because the process is killed.
func TestRepairSurvivesFailingCalls(t *testing.T) {
	asked := 0
	for at := int64(1); ; at++ {
		disk, m := shelf(t)
		d := &faultyDisk{err: syscall.EIO, forever: true, match: func(op errorfs.Op) bool {
			return op.Kind.ReadOrWrite() == errorfs.OpIsWrite
		}}
		d.at.Store(at)
		_, err := Repair("state", Options{FS: errorfs.Wrap(disk, d)})
		if d.failed.Load() == 0 {
			break
		}
		again, cerr := checkOrRepair(m, disk)
		if cerr != nil {
			t.Fatalf("stopped at call %d by %v: %v", at, err, cerr)
		}
		if again {
			asked++
		}
	}
	if asked == 0 {
		t.Error("Repair was never stopped between the two renames")
	}
}

func TestALargeRecord(t *testing.T) {
	dir := t.TempDir()
	value := append(blob(1, 4<<20).Data, blob(2, 4<<20).Data...)
	for range 2 {
		s := open(t, dir, Options{})
		if err := s.Record(Record{"manifest", value}, Record{"small", []byte("x")}); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = open(t, dir, Options{})
		if got, err := s.Lookup("manifest"); err != nil || string(got) != string(value) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
