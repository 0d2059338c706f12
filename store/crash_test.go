// SPDX-License-Identifier: Apache-2.0

package store

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/ebbproject/ebb/content"
)

var (
	cuts     = flag.Int("cuts", 10_000, "power cuts to simulate")
	cutsSeed = flag.Uint64("cuts-seed", 1, "seed of the power cuts")
)

// The power-cut harness runs a store on a disk in memory that remembers what was synced. Before every call that
// writes to that disk it makes a copy as a power cut at that moment would leave it: all that was synced, and of the
// rest a random part, block by block and name by name. It opens the copy and compares what the store says with a model
// of what the callers were told. The run goes on, or goes on from one of the copies.

// A fate is what may be found after a cut.
type fate uint8

const (
	absent fate = iota // Delete returned, or a Put that failed
	unsure             // a call about it is under way
	stored             // Put returned
)

// A model is what callers were told.
type model struct {
	chunks map[content.ID]fate
	blobs  map[content.ID][]byte
	record [2]string // value of both records: last acknowledged, and under way
}

func (m *model) clone() model {
	return model{chunks: maps.Clone(m.chunks), blobs: m.blobs, record: m.record}
}

// The two records are always written together.
const recordA, recordB = "pair/a", "pair/b"

// A world is one run.
type world struct {
	rng  *rand.Rand
	disk *vfs.MemFS
	wrap func(vfs.FS) vfs.FS // seeds a bug; nil: none

	mu    sync.Mutex
	model model
	left  int // cuts to go
	next  uint64
	found error
	heir  *vfs.MemFS // the copy to go on from
	known model      // what the callers knew when it was made
}

func newWorld(seed uint64, cuts int, wrap func(vfs.FS) vfs.FS) *world {
	return &world{
		rng:   rand.New(rand.NewPCG(seed, 7)),
		disk:  vfs.NewCrashableMem(),
		wrap:  wrap,
		left:  cuts,
		model: model{chunks: map[content.ID]fate{}, blobs: map[content.ID][]byte{}},
	}
}

// MaybeError is called before every call to the disk, and cuts the power of a copy.
func (w *world) MaybeError(op errorfs.Op) error {
	if op.Kind.ReadOrWrite() == errorfs.OpIsRead {
		return nil // leaves the disk as it was at the last cut
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.left == 0 || w.found != nil {
		return nil
	}
	w.left--
	config := vfs.CrashCloneCfg{UnsyncedDataPercent: w.rng.IntN(5) * 25, RNG: w.rng}
	copied := w.disk.CrashClone(config)
	if w.rng.IntN(50) == 0 { // check would change it
		w.heir, w.known = w.disk.CrashClone(config), w.model.clone()
	}
	if err := w.model.check(copied); err != nil {
		w.found = fmt.Errorf("power cut before call %v of %s, %d%% of the unsynced kept: %w", op.Kind, op.Path, config.UnsyncedDataPercent, err)
	}
	return nil
}

func (w *world) String() string { return "power cut" }

// check opens the disk and compares. It is strict: a chunk that was deleted must not come back, and no file may lie
// about that the journal does not name.
func (m *model) check(disk *vfs.MemFS) (err error) {
	s, err := Open("state", Options{FS: disk})
	if err != nil {
		return fmt.Errorf("opening: %w", err)
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	found := map[content.ID]bool{}
	var bytesHeld int64
	err = s.Each(func(id content.ID, size uint32) bool {
		found[id] = true
		bytesHeld += int64(size)
		return true
	})
	if err != nil {
		return err
	}
	for id := range found {
		if m.chunks[id] == absent {
			return fmt.Errorf("chunk %s is there again", id.Short())
		}
		if got, err := s.Get(id, nil); err != nil || !bytes.Equal(got, m.blobs[id]) {
			return fmt.Errorf("chunk %s is reported and not whole: %w", id.Short(), err)
		}
	}
	for id, f := range m.chunks {
		if f == stored && !found[id] {
			return fmt.Errorf("chunk %s was reported stored and is lost", id.Short())
		}
	}
	if got := s.Stats(); got.Chunks != len(found) || got.Bytes != bytesHeld {
		return fmt.Errorf("stats are %+v for %d chunks of %d bytes", got, len(found), bytesHeld)
	}
	if n, err := countFiles(s); err != nil || n != len(found) {
		return fmt.Errorf("%d files for %d chunks: %w", n, len(found), err)
	}
	a, errA := s.Lookup(recordA)
	b, errB := s.Lookup(recordB)
	if errA != nil && !errors.Is(errA, ErrNotFound) || !errors.Is(errB, errA) || string(a) != string(b) {
		return fmt.Errorf("one of two records: %q, %v; %q, %v", a, errA, b, errB)
	}
	if !slices.Contains(m.record[:], string(a)) {
		return fmt.Errorf("the records are %q, want one of %q", a, m.record)
	}
	return nil
}

func countFiles(s *Store) (n int, err error) {
	folders, err := listFolders(s.fs, s.chunks())
	for _, folder := range folders {
		files, lerr := listFiles(s.fs, s.folders.path(folder), folder)
		n += len(files)
		err = errors.Join(err, lerr)
	}
	return n, err
}

// run works until all cuts are made or one has found something.
func (w *world) run() error {
	for {
		w.heir = nil
		disk := vfs.FS(w.disk)
		if w.wrap != nil {
			disk = w.wrap(disk)
		}
		err := w.life(errorfs.Wrap(disk, w))
		if err == nil {
			err = w.found
		}
		if err != nil || w.left == 0 {
			return err
		}
		if w.heir != nil {
			w.disk = w.heir
			w.inherit()
		}
	}
}

// inherit takes for acknowledged what a cut has left; check has agreed with it.
func (w *world) inherit() {
	w.model = w.known
	s, err := Open("state", Options{FS: w.disk.CrashClone(vfs.CrashCloneCfg{})})
	if err != nil {
		w.found = err
		return
	}
	defer s.Close()
	for id := range w.model.chunks {
		w.model.chunks[id] = absent
		if s.Has(id) {
			w.model.chunks[id] = stored
		}
	}
	value, _ := s.Lookup(recordA)
	w.model.record = [2]string{string(value), string(value)}
}

// life is one process: it opens the store, works, and closes it.
func (w *world) life(fs vfs.FS) error {
	s, err := Open("state", Options{FS: fs})
	if err != nil {
		return err
	}
	defer s.Close()
	for range 5 + w.draw(25) {
		if err := w.step(s); err != nil {
			return err
		}
	}
	return nil
}

func (w *world) draw(n int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.rng.IntN(n)
}

func (w *world) step(s *Store) error {
	switch w.draw(8) {
	case 0:
		return w.delete(s)
	case 1:
		return w.evict(s)
	case 2:
		return w.write(s)
	case 3: // several callers at once share syncs
		errs := make([]error, 4)
		var all sync.WaitGroup
		for i := range errs {
			all.Go(func() { errs[i] = w.put(s, 1+w.draw(2)) })
		}
		all.Wait()
		return errors.Join(errs...)
	default:
		return w.put(s, 1+w.draw(3))
	}
}

func (w *world) mark(f fate, ids ...content.ID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, id := range ids {
		w.model.chunks[id] = f
	}
}

func (w *world) put(s *Store, n int) error {
	var blobs []Blob
	var ids []content.ID
	w.mu.Lock()
	for range n {
		w.next++
		b := blob(w.next, 1+w.rng.IntN(6_000))
		blobs, ids = append(blobs, b), append(ids, b.ID)
		w.model.blobs[b.ID] = b.Data
	}
	w.mu.Unlock()
	w.mark(unsure, ids...)
	err := s.Put(blobs...)
	if err == nil {
		w.mark(stored, ids...)
	}
	return err
}

// some returns stored chunks, in an order that repeats.
func (w *world) some(n int) (ids []content.ID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for id, f := range w.model.chunks {
		if f == stored {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, content.ID.Compare)
	w.rng.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
	return ids[:min(n, len(ids))]
}

func (w *world) delete(s *Store) error {
	ids := w.some(1 + w.draw(3))
	w.mark(unsure, ids...)
	err := s.Delete(ids...)
	if err == nil {
		w.mark(absent, ids...)
	}
	return err
}

func (w *world) evict(s *Store) error {
	all := w.some(1 << 20)
	kept := all[:len(all)/3]
	w.mark(unsure, all[len(kept):]...)
	_, err := s.Evict(int64(w.draw(100_000)), func(id content.ID) bool { return slices.Contains(kept, id) })
	if err != nil {
		return err
	}
	for _, id := range all[len(kept):] {
		if s.Has(id) {
			w.mark(stored, id)
		} else {
			w.mark(absent, id)
		}
	}
	return nil
}

func (w *world) write(s *Store) error {
	w.mu.Lock()
	w.next++
	value := fmt.Sprint(w.next)
	w.model.record[1] = value
	w.mu.Unlock()
	err := s.Record(Record{recordA, []byte(value)}, Record{recordB, []byte(value)})
	if err == nil {
		w.mu.Lock()
		w.model.record[0] = value
		w.mu.Unlock()
	}
	return err
}

func TestNoPowerCutLosesAChunkOrShowsABrokenOne(t *testing.T) {
	n := *cuts
	if testing.Short() {
		n = min(n, 1000)
	}
	const workers = 4
	for i := range workers {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			if err := newWorld(*cutsSeed+uint64(i)<<32, n/workers, nil).run(); err != nil {
				t.Error(err)
			}
		})
	}
}

// Three bugs, each a forgotten sync, show that the harness would notice.
func TestTheHarnessFindsAForgottenSync(t *testing.T) {
	inChunks := func(name string) bool { return strings.HasPrefix(name, "state/"+chunksName) }
	for bug, forgets := range map[string]func(name string, dir bool) bool{
		"of the file":    func(name string, dir bool) bool { return inChunks(name) && !dir },
		"of the folder":  func(name string, dir bool) bool { return inChunks(name) && dir },
		"of the journal": func(name string, dir bool) bool { return strings.HasSuffix(name, ".log") },
	} {
		t.Run(bug, func(t *testing.T) {
			t.Parallel()
			w := newWorld(1, 2000, func(fs vfs.FS) vfs.FS { return &forgetful{fs, forgets} })
			if err := w.run(); err == nil {
				t.Error("2000 power cuts found nothing")
			} else {
				t.Log(err)
			}
		})
	}
}

// forgetful is a file system on which the syncs of some names do nothing.
type forgetful struct {
	vfs.FS
	forgets func(name string, dir bool) bool
}

type forgetfulFile struct{ vfs.File }

func (forgetfulFile) Sync() error     { return nil }
func (forgetfulFile) SyncData() error { return nil }

func (f *forgetful) file(file vfs.File, err error, name string, dir bool) (vfs.File, error) {
	if err != nil || !f.forgets(name, dir) {
		return file, err
	}
	return forgetfulFile{file}, nil
}

func (f *forgetful) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	file, err := f.FS.Create(name, c)
	return f.file(file, err, name, false)
}

func (f *forgetful) ReuseForWrite(old, name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	file, err := f.FS.ReuseForWrite(old, name, c)
	return f.file(file, err, name, false)
}

func (f *forgetful) OpenDir(name string) (vfs.File, error) {
	file, err := f.FS.OpenDir(name)
	return f.file(file, err, name, true)
}
