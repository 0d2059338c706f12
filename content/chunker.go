// SPDX-License-Identifier: Apache-2.0

package content

import (
	"io"

	chunkers "github.com/PlakarKorp/go-cdc-chunkers"
)

// The sizes of chunks, in bytes. They belong to the format: two publishers
// share chunks only if they cut alike.
const (
	MinChunk = 256 << 10 // no chunk but the last of a stream is smaller
	AvgChunk = 1 << 20   // what the cut points are aimed at
	MaxChunk = 4 << 20   // no chunk is larger
)

// A Chunker cuts a stream of bytes where its content says so, so that equal
// stretches of two streams become equal chunks wherever they lie. The cuts
// depend on the bytes alone: not on the sizes of the reads, the machine, or
// anything before the chunk's own first byte.
//
// A Chunker reads ahead by at most 2*MaxChunk bytes, which is also all the
// memory it takes.
type Chunker struct {
	cut *chunkers.Chunker
	err error // what every further Next returns
}

// NewChunker cuts what r yields. It allocates 2*MaxChunk bytes.
func NewChunker(r io.Reader) *Chunker {
	cut, err := chunkers.NewChunker(fastCutName, r, &chunkers.ChunkerOpts{
		MinSize:    MinChunk,
		NormalSize: AvgChunk,
		MaxSize:    MaxChunk,
	})
	return &Chunker{cut: cut, err: err}
}

// Next returns the next chunk: 1 to MaxChunk bytes, valid until the next call.
// At the end of the stream, and at once for an empty one, it returns io.EOF. An
// error of the reader is returned as it is, in place of the chunks not yet
// returned, and again by every later call.
func (c *Chunker) Next() ([]byte, error) {
	if c.err != nil {
		return nil, c.err
	}
	data, err := c.cut.Next()
	switch {
	case err != nil && err != io.EOF: // an error that only wraps io.EOF is no end
		c.err = err
		return nil, err
	case len(data) == 0:
		c.err = io.EOF
		return nil, c.err
	}
	// The library returns io.EOF together with a last chunk below the minimum,
	// and without it when the last chunk is larger. Here io.EOF always comes alone.
	if err != nil {
		c.err = io.EOF
	}
	return data, nil
}
