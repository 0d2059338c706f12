// SPDX-License-Identifier: Apache-2.0

package walk

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/ebbproject/ebb/content"
)

// Options are what a manifest says beyond the bytes. See content.Manifest.
type Options struct {
	Name, Version, Type string
	Created             time.Time // zero: now
	Expires             time.Time // zero: never
	Origins             []string

	// Progress, if set, is called after each chunk with the number of bytes
	// put so far.
	Progress func(bytes int64)
}

// An UnreadableError says that something could not be read: for want of
// permission, because the disk failed, or because it is no file, no directory
// and no symbolic link (ErrSpecial).
type UnreadableError struct {
	Path string // as the operating system writes it
	Err  error
}

// Error says what cannot be read, why, and what to do.
func (e *UnreadableError) Error() string {
	return fmt.Sprintf("cannot read %q (%v), so nothing was published: make it readable, or leave it out", e.Path, e.Err)
}

// Unwrap returns why it cannot be read.
func (e *UnreadableError) Unwrap() error { return e.Err }

// ErrSpecial: a device, a pipe, a socket or the like, which has no content.
var ErrSpecial = errors.New("neither a file, a directory nor a symbolic link")

// A ChangedError says that something changed while it was being published.
type ChangedError struct {
	Path   string // as the operating system writes it
	Change string // what happened to it: "is gone"
}

// Error says what changed, and what to do.
func (e *ChangedError) Error() string {
	return fmt.Sprintf("%q %s while it was being published: publish again when nothing writes to it", e.Path, e.Change)
}

// Publish reads the file or the directory tree at root and returns its
// manifest, valid and not signed. A symbolic link at root itself is followed.
//
// Every chunk of the content is handed to put before Publish returns, in the
// order of the stream, and more than once if it occurs more than once; data is
// valid during the call only.
//
// Errors are *UnreadableError, *ChangedError, *content.NameError and
// *content.FormatError, and what put returns, wrapped. After any of them there
// is no manifest, and the chunks already put belong to nothing.
func Publish(root string, o Options, put func(id content.ID, data []byte) error) (*content.Manifest, error) {
	m, err := o.manifest()
	if err != nil {
		return nil, err
	}
	src, err := openSource(root)
	if err != nil {
		return nil, err
	}
	defer src.close()

	l, err := src.list()
	if err != nil {
		return nil, err
	}
	m.Tree, m.Entries = src.tree != nil, l.entries
	if err := content.ValidateEntries(m.Tree, m.Entries); err != nil {
		return nil, err
	}
	s := &stream{src: src, list: l}
	defer s.close()
	if m.Chunks, err = cut(s, o.Progress, put); err != nil {
		return nil, err
	}
	if err := src.compare(l); err != nil {
		return nil, err
	}
	if err := m.Validate(); err != nil {
		return nil, err
	}
	return m, nil
}

// manifest returns a manifest with everything but the content, and refuses what
// is wrong with it before anything is read: with no entries at all it is that
// of an empty tree, which is valid if its labels are.
func (o *Options) manifest() (*content.Manifest, error) {
	m := &content.Manifest{
		Name: o.Name, Version: o.Version, Type: o.Type,
		Created: o.Created, Expires: o.Expires,
		Tree:    true,
		Origins: o.Origins,
	}
	if m.Created.IsZero() {
		m.Created = time.Now().UTC().Truncate(time.Second)
	}
	return m, m.Validate()
}

// cut cuts what r yields and puts the chunks.
func cut(r io.Reader, progress func(int64), put func(content.ID, []byte) error) ([]content.Chunk, error) {
	var chunks []content.Chunk
	var done int64
	c := content.NewChunker(r)
	for {
		data, err := c.Next()
		if err == io.EOF {
			return chunks, nil
		}
		if err != nil {
			return nil, err
		}
		id := content.Sum(data)
		if err := put(id, data); err != nil {
			return nil, fmt.Errorf("storing chunk %s: %w", id.Short(), err)
		}
		chunks = append(chunks, content.Chunk{ID: id, Size: uint32(len(data))})
		if done += int64(len(data)); progress != nil {
			progress(done)
		}
	}
}
