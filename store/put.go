// SPDX-License-Identifier: Apache-2.0

package store

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/ebbproject/ebb/content"
)

const (
	// maxWriters bounds the files that are written and synced at the same time, over all calls. A disk with a
	// queue takes several syncs at once; more than this only adds memory and latency.
	maxWriters = 8
	// maxBlobs bounds the files of one group commit of one call.
	maxBlobs = 256
	// journalReserve is room in bytes that chunks leave to the journal, so that a disk filled with chunks can
	// still delete some: its log, a table being written, and the ones being merged.
	journalReserve = 16 << 20
	// copyBuffer is the size in bytes of the pieces in which chunks are written.
	copyBuffer = 128 << 10
)

// Put stores chunks, durably on return: file synced, then its folder, then the journal. It verifies the bytes against
// the ids first, unless the caller just did. Each chunk is stored whole or not at all; calls with up to 256 chunks store all of them or none.
// Concurrent calls share syncs. Chunks that are there already are fine. ErrNoSpace, ErrMismatch.
func (s *Store) Put(blobs ...Blob) error {
	if err := s.gate.enter(); err != nil {
		return err
	}
	defer s.gate.leave()
	for part := range slices.Chunk(blobs, maxBlobs) {
		if err := s.put(part); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) put(blobs []Blob) error {
	fresh, bytes, err := s.missing(blobs)
	if err != nil || len(fresh) == 0 {
		return err
	}
	if s.journal.failure() != nil {
		if err := s.change(&change{}); err != nil { // open it anew before writing files in vain
			return err
		}
	}
	if err := s.room(bytes); err != nil {
		return err
	}
	files := make([]file, len(fresh))
	for i, b := range fresh {
		files[i] = file{id: b.ID, size: uint32(len(b.Data))}
	}
	if err := s.folders.place(files); err != nil {
		return explain("making a folder in "+s.chunks(), err)
	}
	if err := s.writeFiles(files, fresh); err != nil {
		_ = s.discard(files)
		s.folders.settle(files)
		return err
	}
	c := &change{puts: files}
	if err := s.change(c); err != nil {
		if !c.unsure {
			_ = s.discard(files)
			s.folders.settle(files)
		}
		return err
	}
	_ = s.discard(c.spare)
	s.folders.settle(files)
	return nil
}

// missing returns the blobs whose chunks are not stored, and their size in bytes.
func (s *Store) missing(blobs []Blob) (fresh []Blob, bytes int64, err error) {
	v := s.journal.acquire()
	defer s.journal.release(v)
	for _, b := range blobs {
		if len(b.Data) == 0 || len(b.Data) > content.MaxChunk {
			return nil, 0, fmt.Errorf("chunk %s has %d bytes: want 1 to %d", b.ID.Short(), len(b.Data), content.MaxChunk)
		}
		switch _, err := v.find(b.ID); err {
		case nil:
		case ErrNotFound:
			fresh = append(fresh, b)
			bytes += int64(len(b.Data))
		default:
			return nil, 0, s.readFailure(v, err)
		}
	}
	return fresh, bytes, nil
}

// Disk says how many bytes of the volume are free for us, and how large it is. ErrUnsupported when the file system
// cannot tell.
func (s *Store) Disk() (free, total int64, err error) {
	usage, err := s.fs.GetDiskUsage(s.dir)
	if errors.Is(err, vfs.ErrUnsupported) {
		err = errors.ErrUnsupported
	}
	return int64(min(usage.AvailBytes, math.MaxInt64)), int64(min(usage.TotalBytes, math.MaxInt64)), err
}

// room refuses what would leave the journal without room to breathe. File systems that cannot tell are trusted.
func (s *Store) room(bytes int64) error {
	usage, err := s.fs.GetDiskUsage(s.dir)
	if err == nil && usage.AvailBytes < uint64(bytes)+journalReserve {
		return fmt.Errorf("storing %d bytes in %s: %w: %d bytes are free and %d are kept for the journal: make room and try again",
			bytes, s.dir, ErrNoSpace, usage.AvailBytes, journalReserve)
	}
	return nil
}

// writeFiles writes and syncs each blob's file. It returns when none is being written any more.
func (s *Store) writeFiles(files []file, blobs []Blob) error {
	errs := make([]error, len(files))
	var all sync.WaitGroup
	for i := 1; i < len(files); i++ {
		s.writing <- struct{}{} // before the goroutine, to bound those as well
		all.Go(func() {
			defer func() { <-s.writing }()
			errs[i] = s.writeFile(files[i], blobs[i])
		})
	}
	s.writing <- struct{}{}
	errs[0] = s.writeFile(files[0], blobs[0])
	<-s.writing
	all.Wait()
	return errors.Join(errs...)
}

var copyBuffers = sync.Pool{New: func() any { return new([copyBuffer]byte) }}

func (s *Store) writeFile(f file, b Blob) (err error) {
	if !b.Verified && content.Sum(b.Data) != f.id {
		return fmt.Errorf("chunk %s: %w", f.id.Short(), ErrMismatch)
	}
	defer func() { err = explain("writing "+s.path(f), err) }()
	w, err := s.fs.Create(s.path(f), chunkCategory)
	if err != nil {
		return err
	}
	if err := fill(w, b.Data); err != nil {
		return errors.Join(err, w.Close())
	}
	return errors.Join(w.SyncData(), w.Close())
}

// fill writes a file. vfs allows a file to scribble on what it writes, and the data is the caller's, so it is copied;
// a directFile does not, and wants all at once.
func fill(w vfs.File, data []byte) error {
	if d, ok := w.(*directFile); ok {
		_, err := d.Write(data)
		return err
	}
	buf := copyBuffers.Get().(*[copyBuffer]byte)
	defer copyBuffers.Put(buf)
	for part := range slices.Chunk(data, copyBuffer) {
		if _, err := w.Write(buf[:copy(buf[:], part)]); err != nil {
			return err
		}
	}
	return nil
}
