// SPDX-License-Identifier: Apache-2.0

package walk

import (
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/ebbproject/ebb/content"
)

// A stream is the bytes of all files of a list, one file after the other. Each
// file is checked against the list when it is opened and again when it was read
// to its end.
type stream struct {
	src  *source
	list *list
	next int // index of the entry to open next

	f    *os.File // the file being read; nil between two
	at   node     // as it was listed
	info fs.FileInfo
	read int64 // bytes read of it
}

// Read yields bytes of one file at a time.
func (s *stream) Read(p []byte) (int, error) {
	for {
		if s.f == nil {
			if err := s.open(); err != nil {
				return 0, err
			}
		}
		n, err := s.f.Read(p)
		s.read += int64(n)
		switch {
		case err != nil && err != io.EOF:
			return n, &UnreadableError{s.src.place(s.at.Path), cause(err)}
		case s.read > s.at.Size:
			return n, &ChangedError{s.src.place(s.at.Path), fmt.Sprintf("grew beyond %d bytes", s.at.Size)}
		case n > 0 || err == nil:
			return n, nil
		}
		if err := s.finish(); err != nil {
			return n, err
		}
	}
}

// open goes on to the next file of the list; behind the last it returns io.EOF.
func (s *stream) open() error {
	for s.next < len(s.list.entries) && s.list.entries[s.next].Kind != content.File {
		s.next++
	}
	if s.next == len(s.list.entries) {
		return io.EOF
	}
	s.at = s.list.node(s.next)
	f, err := s.src.open(s.at.Path)
	if err != nil {
		return s.src.failed(s.at.Path, err)
	}
	s.f, s.read = f, 0
	s.next++
	return s.check()
}

// finish sees that the file was read from beginning to end without a change,
// and is still what its path leads to, and closes it.
func (s *stream) finish() error {
	if s.read < s.at.Size {
		return &ChangedError{s.src.place(s.at.Path), fmt.Sprintf("shrank from %d to %d bytes", s.at.Size, s.read)}
	}
	if err := s.check(); err != nil {
		return err
	}
	// A file that took the place of this one may well have its size and time.
	there, err := s.src.stat(s.at.Path)
	if err != nil {
		return s.src.failed(s.at.Path, err)
	}
	if !os.SameFile(s.info, there) {
		return &ChangedError{s.src.place(s.at.Path), "was replaced by another file"}
	}
	s.close()
	return nil
}

// check compares the open file with the list.
func (s *stream) check() error {
	var err error
	if s.info, err = s.f.Stat(); err != nil {
		return s.src.failed(s.at.Path, err)
	}
	now, err := s.src.node(nil, s.at.Path, s.info)
	if err != nil {
		return err
	}
	if change := s.at.change(now); change != "" {
		return &ChangedError{s.src.place(s.at.Path), change}
	}
	return nil
}

func (s *stream) close() {
	if s.f != nil {
		s.f.Close()
	}
	s.f = nil
}
