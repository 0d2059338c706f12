// SPDX-License-Identifier: Apache-2.0

package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"

	"github.com/ebbproject/ebb/content"
)

// Has says whether the chunk is durably stored. It does not look at its bytes: Get does.
func (s *Store) Has(id content.ID) bool {
	_, err := s.find(id)
	return err == nil
}

// Path returns the name of the chunk's file, or "" when it is not stored. The file may go at any time, and what is in
// it is not verified; nobody but the store may write to it.
func (s *Store) Path(id content.ID) string {
	f, err := s.find(id)
	if err != nil {
		return ""
	}
	return s.path(f)
}

// find returns the file that holds a chunk, in the last durable state. ErrNotFound.
func (s *Store) find(id content.ID) (file, error) {
	if err := s.gate.enter(); err != nil {
		return file{}, err
	}
	defer s.gate.leave()
	v := s.journal.acquire()
	defer s.journal.release(v)
	f, err := v.find(id)
	if err != nil && err != ErrNotFound {
		return file{}, s.readFailure(v, err)
	}
	return f, err
}

// Get returns the bytes of a chunk, in buf if that is large enough, after verifying them against the id: no byte that
// is not the chunk's ever leaves. ErrNotFound; *CorruptError when the file does not hold the chunk any more, which
// also drops the chunk; other errors say that it could not be read now, and leave it stored.
func (s *Store) Get(id content.ID, buf []byte) ([]byte, error) {
	if err := s.gate.enter(); err != nil {
		return nil, err
	}
	defer s.gate.leave()
	for {
		f, err := s.find(id)
		if err != nil {
			return nil, err
		}
		data, reason, err := s.read(f, buf)
		if err != nil {
			return nil, explain("reading "+s.path(f), err)
		}
		if reason == "" {
			return data, nil
		}
		// The chunk may have been deleted, and even stored again in another file, since find looked.
		if now, err := s.find(id); err != nil || now != f {
			continue
		}
		return nil, s.dropCorrupt(f, reason)
	}
}

// read reads and verifies a chunk file. A reason says what is wrong with the chunk, an error what is wrong with
// reading.
func (s *Store) read(f file, buf []byte) (data []byte, reason string, err error) {
	r, err := s.fs.Open(s.path(f))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, "its file is missing", nil
	}
	if err != nil {
		return nil, "", err
	}
	defer r.Close()
	info, err := r.Stat()
	if err != nil {
		return nil, "", err
	}
	if size := info.Size(); size != int64(f.size) {
		return nil, fmt.Sprintf("%d of %d bytes are left", min(size, int64(f.size)), f.size), nil
	}
	data = slices.Grow(buf[:0], int(f.size))[:f.size]
	switch _, err := io.ReadFull(r, data); {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return nil, "it ends early", nil
	case err != nil:
		return nil, "", err
	}
	if content.Sum(data) != f.id {
		return nil, "its bytes changed at rest", nil
	}
	return data, "", nil
}

// dropCorrupt takes a chunk that is not whole any more out of the index, durably, and then removes its file.
func (s *Store) dropCorrupt(f file, reason string) error {
	corrupt := &CorruptError{ID: f.id, Path: s.path(f), Reason: reason}
	c := &change{drops: []file{f}}
	if err := s.change(c); err != nil {
		return fmt.Errorf("%w; but dropping it failed: %w", corrupt, err)
	}
	_ = s.clear(c.dropped) // the journal remembers what is left to do
	return corrupt
}

// Each calls fn for each stored chunk with its size in bytes, in order of ids, until fn returns false. It shows one
// state of the store, whatever is stored or deleted meanwhile.
func (s *Store) Each(fn func(id content.ID, size uint32) bool) error {
	return s.scan([]byte{kindChunk}, func(k, value []byte) error {
		id, err := parseChunkKey(k)
		if err != nil {
			return err
		}
		f, err := parseChunkValue(id, value)
		if err != nil {
			return err
		}
		if !fn(id, f.size) {
			return errStop
		}
		return nil
	})
}
