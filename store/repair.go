// SPDX-License-Identifier: Apache-2.0

package store

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/ebbproject/ebb/content"
)

// A RepairReport says what Repair kept and what is lost.
type RepairReport struct {
	Chunks  int      // whole chunks kept
	Bytes   int64    // their bytes
	Broken  int      // chunk files that were not whole, removed
	Records int      // records kept; beside a loss some may have an older value than the last
	Lost    []string // what is lost, in words for the operator; none: nothing
}

// Repair makes a new journal from the chunk files, reading and hashing every one, and from what can still be read of
// the old journal, which is set aside in journal.damaged. It may be interrupted at any time and called again. It also
// works on a journal without damage, and then loses nothing. ErrLocked, ErrNoSpace, or what the file system says.
func Repair(dir string, o Options) (RepairReport, error) {
	s, err := enter(dir, o)
	if err != nil {
		return RepairReport{}, err
	}
	r := repair{Store: s}
	err = r.run()
	return r.report, errors.Join(explain("repairing "+s.dir, err), s.lock.Close())
}

type repair struct {
	*Store
	report RepairReport
}

func (r *repair) run() error {
	name := func(n string) string { return r.fs.PathJoin(r.dir, n) }
	old, replace := name(journalName), r.exists(journalName)
	if !replace {
		old = name(setAsideName) // an earlier Repair came as far as this
	}
	if err := r.fs.RemoveAll(name(freshName)); err != nil {
		return err
	}
	if err := r.rebuild(old, name(freshName)); err != nil {
		return err
	}
	if replace {
		if err := r.fs.RemoveAll(name(setAsideName)); err != nil {
			return err
		}
		if err := r.fs.Rename(old, name(setAsideName)); err != nil {
			return err
		}
	}
	// Between here and the next line the journal is missing, which Open takes for damage as long as the old one
	// lies beside it.
	if err := r.fs.Rename(name(freshName), name(journalName)); err != nil {
		return err
	}
	return syncFolder(r.fs, r.dir)
}

func (r *repair) rebuild(old, fresh string) error {
	j, err := openJournal(r.fs, fresh)
	if err != nil {
		return err
	}
	r.journal = j
	err = j.commit(func(b *pebble.Batch, _ *view) error {
		return b.Set(versionKey, []byte(strconv.Itoa(formatVersion)), nil)
	})
	if err == nil {
		err = r.salvage(old)
	}
	if err == nil {
		err = r.rescan()
	}
	return errors.Join(err, j.close())
}

func (r *repair) lost(format string, args ...any) {
	r.report.Lost = append(r.report.Lost, fmt.Sprintf(format, args...))
}

// salvage copies the records that can still be read.
func (r *repair) salvage(old string) error {
	s, err := openSession(hidden{r.fs, "OPTIONS-", ""}, old, true)
	if err != nil {
		r.lost("records written last: the log of the journal cannot be read: %s", firstLine(err))
		s, err = openSession(hidden{r.fs, "OPTIONS-", ".log"}, old, true)
	}
	if err != nil {
		r.report.Lost = nil
		r.lost("all records of flows and contents: the journal cannot be read: %s", firstLine(err))
		return nil
	}
	defer s.db.Close()
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: []byte{kindRecord}, UpperBound: []byte{kindRecord + 1}})
	if err != nil {
		return err
	}
	defer it.Close()
	// Up from the first record, and where that ends at damage, down from the last: what is between is lost.
	last, cause, err := r.copy(it, it.First, it.Next, nil)
	if err != nil || cause == nil {
		return err
	}
	r.lost("records behind %q: %s", strings.TrimPrefix(string(last), string(rune(kindRecord))), firstLine(cause))
	_, _, err = r.copy(it, it.Last, it.Prev, last)
	return err
}

// copy copies records in the direction of step, until the end, the key until, or damage, which is the cause returned.
func (r *repair) copy(it *pebble.Iterator, start, step func() bool, until []byte) (last []byte, cause, err error) {
	const batch = 1 << 20 // bytes
	for ok := start(); ok; {
		err := r.journal.commit(func(b *pebble.Batch, _ *view) error {
			for ; ok && b.Len() < batch; ok = step() {
				value, err := it.ValueAndErr()
				if err != nil || until != nil && bytes.Compare(it.Key(), until) <= 0 {
					cause, ok = err, false
					return nil
				}
				last = slices.Clone(it.Key())
				r.report.Records++
				if err := b.Set(last, value, nil); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return last, nil, err
		}
	}
	return last, errors.Join(cause, it.Error()), nil
}

// hidden hides files that pebble reads and can do without: its options, which are not damage worth losing records for,
// and its logs, without which the tables can still be read.
type hidden struct {
	vfs.FS
	prefix, suffix string // "" hides nothing
}

func (h hidden) List(dir string) ([]string, error) {
	names, err := h.FS.List(dir)
	return slices.DeleteFunc(names, func(name string) bool {
		return h.prefix != "" && strings.HasPrefix(name, h.prefix) || h.suffix != "" && strings.HasSuffix(name, h.suffix)
	}), err
}

// rescan enters every whole chunk file into the new journal and removes the others.
func (r *repair) rescan() error {
	folders, err := listFolders(r.fs, r.chunks())
	if err != nil {
		return err
	}
	r.folders = newFolders(r.fs, r.chunks(), 1)
	for _, folder := range folders {
		if err := r.rescanFolder(folder); err != nil {
			return err
		}
	}
	if r.report.Broken > 0 {
		r.lost("%d chunks whose files were not whole: they will be fetched again", r.report.Broken)
	}
	return nil
}

func (r *repair) rescanFolder(folder uint64) error {
	files, err := listFiles(r.fs, r.folders.path(folder), folder)
	if err != nil {
		return err
	}
	var whole, doomed []file
	buf := make([]byte, 0, content.MaxChunk)
	for _, f := range files {
		ok, err := r.whole(&f, buf)
		if err != nil {
			return err
		}
		if ok {
			whole = append(whole, f)
		} else {
			doomed = append(doomed, f)
			r.report.Broken++
		}
	}
	if err := r.folders.sync(folder); err != nil {
		return err
	}
	e := entries{now: map[content.ID]file{}}
	err = r.journal.commit(func(b *pebble.Batch, v *view) error {
		e.batch, e.view = b, v
		for _, f := range whole {
			spare, err := e.put(f)
			if err != nil {
				return err
			}
			if spare {
				doomed = append(doomed, f)
			}
		}
		return e.doom(nil, doomed) // Open removes them
	})
	if err != nil {
		return err
	}
	for _, f := range e.added {
		r.report.Chunks++
		r.report.Bytes += int64(f.size)
	}
	return nil
}

// whole tells whether a file holds its chunk, and makes it durable if it does: it may never have been synced. A file
// that cannot be read counts as not whole.
func (r *repair) whole(f *file, buf []byte) (bool, error) {
	info, err := r.fs.Stat(r.path(*f))
	if err != nil || info.Size() == 0 || info.Size() > content.MaxChunk {
		return false, nil
	}
	f.size = uint32(info.Size())
	if _, reason, err := r.read(*f, buf); err != nil || reason != "" {
		return false, nil
	}
	w, err := r.fs.OpenReadWrite(r.path(*f), vfs.WriteCategoryUnspecified)
	if err != nil {
		return false, err
	}
	return true, errors.Join(w.SyncData(), w.Close())
}
