// SPDX-License-Identifier: Apache-2.0

package store

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestADamagedChunkIsDroppedAndCanBeStoredAgain(t *testing.T) {
	for name, harm := range map[string]func(path string) error{
		"truncated":  func(path string) error { return os.Truncate(path, 1234) },
		"emptied":    func(path string) error { return os.Truncate(path, 0) },
		"extended":   func(path string) error { return os.Truncate(path, 9999) },
		"bit flip":   func(path string) error { return flip(path, 4321) },
		"file gone":  os.Remove,
		"now a tree": func(path string) error { return errors.Join(os.Remove(path), os.Mkdir(path, 0o700)) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := open(t, dir, Options{})
			bad, good := blob(1, 5000), blob(2, 5000)
			mustPut(t, s, bad, good)
			path := s.Path(bad.ID)
			if err := harm(path); err != nil {
				t.Fatal(err)
			}
			data, err := s.Get(bad.ID, nil)
			var corrupt *CorruptError
			if !errors.As(err, &corrupt) || corrupt.ID != bad.ID || corrupt.Path != path || data != nil {
				t.Fatalf("got %d bytes, %v", len(data), err)
			}
			lacks(t, s, bad)
			if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("the file is still there: %v", err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s = open(t, dir, Options{})
			lacks(t, s, bad)
			holds(t, s, good)
			mustPut(t, s, bad)
			holds(t, s, bad)
		})
	}
}

func flip(path string, at int64) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	data[at%int64(len(data))] ^= 0x10
	return os.WriteFile(path, data, 0o600)
}

// stocked makes a closed store with chunks and records, some of them in tables and some in the log.
func stocked(t *testing.T) (dir string, blobs []Blob, records map[string]string) {
	dir, records = t.TempDir(), map[string]string{}
	s := open(t, dir, Options{})
	for i := range 300 {
		key, value := fmt.Sprintf("flow/%04d", i), strings.Repeat(fmt.Sprint(i), 500)
		records[key] = value
		if err := s.Record(Record{key, []byte(value)}); err != nil {
			t.Fatal(err)
		}
		if i%20 == 0 {
			blobs = append(blobs, blob(uint64(i), 2000))
			mustPut(t, s, blobs[len(blobs)-1])
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return dir, blobs, records
}

// Whatever happens to a file of the journal: Open says so, or nothing that was acknowledged is missing or wrong.
// Repair then brings every chunk back, and every record that it does not call lost.
func TestADamagedJournalSaysSoAndIsRepaired(t *testing.T) {
	original, blobs, records := stocked(t)
	names, err := os.ReadDir(filepath.Join(original, journalName))
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	harms := map[string]func(path string) error{
		"removed":   os.Remove,
		"emptied":   func(path string) error { return os.Truncate(path, 0) },
		"halved":    func(path string) error { return halve(path) },
		"flipped 1": func(path string) error { return flip(path, rng.Int64N(1<<20)) },
		"flipped 2": func(path string) error { return flip(path, rng.Int64N(1<<20)) },
		"garbage":   func(path string) error { return os.WriteFile(path, []byte(strings.Repeat("garbage", 100)), 0o600) },
	}
	said := 0
	for _, name := range names {
		for harm, do := range harms {
			t.Run(name.Name()+" "+harm, func(t *testing.T) {
				dir := t.TempDir()
				if err := os.CopyFS(dir, os.DirFS(original)); err != nil {
					t.Fatal(err)
				}
				path := filepath.Join(dir, journalName, name.Name())
				if info, err := os.Stat(path); err != nil || info.Size() == 0 && harm != "removed" && harm != "garbage" {
					t.Skip("nothing in it")
				}
				if err := do(path); err != nil {
					t.Fatal(err)
				}
				if err := audit(dir, blobs, records); err == nil {
					return // no damage that matters
				} else if damaged := new(DamagedError); !errors.As(err, &damaged) || !strings.Contains(err.Error(), "ebb doctor --repair --state "+dir) {
					t.Fatalf("not called damage: %v", err)
				}
				said++
				report, err := Repair(dir, Options{})
				if err != nil {
					t.Fatal(err)
				}
				t.Logf("%+v", report)
				if report.Chunks != len(blobs) || report.Broken != 0 || report.Records < len(records) && len(report.Lost) == 0 {
					t.Errorf("report: %+v", report)
				}
				if len(report.Lost) == 0 {
					report.Records = len(records)
				}
				if err := auditRepaired(dir, blobs, records, report.Records); err != nil {
					t.Error(err)
				}
			})
		}
	}
	if said < 10 {
		t.Errorf("only %d kinds of damage were noticed: is the test looking?", said)
	}
}

func halve(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	return os.Truncate(path, info.Size()/2)
}

// audit opens a store and compares all of it.
func audit(dir string, blobs []Blob, records map[string]string) error {
	return auditRepaired(dir, blobs, records, len(records))
}

// auditRepaired wants a number of records, none of them wrong.
func auditRepaired(dir string, blobs []Blob, records map[string]string, n int) (err error) {
	s, err := Open(dir, Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	for _, b := range blobs {
		if _, err := s.Get(b.ID, nil); err != nil {
			return err
		}
	}
	found := 0
	err = s.Scan("", func(key string, value []byte) bool {
		if records[key] == string(value) {
			found++
		}
		return true
	})
	if err == nil && found != n {
		err = fmt.Errorf("%d records of %d", found, n)
	}
	return err
}

func TestAMissingJournalIsNotAnEmptyStore(t *testing.T) {
	dir, blobs, _ := stocked(t)
	if err := os.RemoveAll(filepath.Join(dir, journalName)); err != nil {
		t.Fatal(err)
	}
	var damaged *DamagedError
	for range 2 {
		if _, err := Open(dir, Options{}); !errors.As(err, &damaged) {
			t.Fatalf("Open: %v", err)
		}
	}
	// One chunk suffers as well, one file is none of ours.
	chunk := func(b Blob) string {
		found, err := filepath.Glob(filepath.Join(dir, chunksName, "*", b.ID.String()+"-*"))
		if err != nil || len(found) != 1 {
			t.Fatal(found, err)
		}
		return found[0]
	}
	if err := errors.Join(flip(chunk(blobs[3]), 99), os.WriteFile(filepath.Join(dir, chunksName, "000000", "README"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	report, err := Repair(dir, Options{})
	if err != nil || report.Chunks != len(blobs)-1 || report.Broken != 1 || report.Records != 0 || len(report.Lost) != 2 {
		t.Fatalf("report: %+v, %v", report, err)
	}
	s := open(t, dir, Options{})
	for i, b := range blobs {
		if i == 3 {
			lacks(t, s, b)
		} else {
			holds(t, s, b)
		}
	}
	if n := filesOnDisk(t, s); n != len(blobs)-1 {
		t.Errorf("%d files", n)
	}
	more := blob(77, 100)
	mustPut(t, s, more)
	holds(t, s, more)
}

func TestRepairOfAHealthyStoreLosesNothing(t *testing.T) {
	dir, blobs, records := stocked(t)
	for range 2 {
		report, err := Repair(dir, Options{})
		if err != nil || len(report.Lost) != 0 || report.Chunks != len(blobs) || report.Records != len(records) {
			t.Fatalf("report: %+v, %v", report, err)
		}
		if err := audit(dir, blobs, records); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAnUnknownFormatIsRefused(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Options{})
	b := s.journal.acquire().session.db
	if err := b.Set(versionKey, []byte("2"), nil); err != nil {
		t.Fatal(err)
	}
	s.journal.release(s.journal.current)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, Options{}); err == nil || !strings.Contains(err.Error(), `format "2"`) {
		t.Errorf("Open: %v", err)
	}
}
