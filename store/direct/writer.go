// SPDX-License-Identifier: Apache-2.0

// Package direct writes files past the page cache, where the system and the file system can.
//
// What goes through the page cache pushes out pages that the users of the machine have there, and is copied and
// looked after by the kernel at a multiple of the price. So the parts of a file that consist of whole blocks are
// written with O_DIRECT, straight from memory that is aligned like them. What is left at the edges, less than a block
// each, is written in the ordinary way. The flag is set on the descriptor for the time of one write only; at all other
// times the descriptor is an ordinary one.
//
// The file systems that are tried are known ones on local disks. One that refuses a write nevertheless gets it in the
// ordinary way, and so does the rest of that file.
//
// # Not promised
//
// Nothing is durable before the file is synced: the disk has a cache of its own, and sizes are journaled. Memory that
// is not aligned like the file is copied. Pages of the same file that are in the cache already are the kernel's
// business, which keeps both views of a file the same.
package direct

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"syscall"
	"unsafe"
)

const (
	// Align in bytes is what offsets, lengths and addresses of direct writes are multiples of. It suits all disks
	// with blocks up to this size; larger ones refuse, and get ordinary writes.
	Align = 4096
	// Block in bytes is the size of one direct write of data that had to be copied.
	Block = 1 << 20
	// least is the size in bytes from which on memory that is aligned already is written as it is, instead of
	// being gathered to a block.
	least = 64 << 10
)

// A File is what a Writer writes to; *os.File is one. Its Write moves on in the file, and leaves the bytes alone.
type File interface {
	io.Writer
	Fd() uintptr
}

// A Writer writes a file from its beginning to its end. It holds data back until there is a block of it: Flush must
// follow the last Write. After an error it writes nothing more, and every call returns that error.
type Writer struct {
	f        File
	at       int64 // where the file is
	ordinary bool  // no direct writes: not wanted, or refused
	probed   bool  // the file system was asked

	block *block
	from  int // of the block: where what is held back begins, as far behind Align as the file is
	to    int // and where it ends
	err   error
}

// NewWriter writes to a file that is empty.
func NewWriter(f File) *Writer { return &Writer{f: f} }

// Ordinary writes to a file that is not worth it: all goes through the page cache, and nothing is held back.
func Ordinary(f File) *Writer { return &Writer{f: f, ordinary: true} }

// Offset is how many bytes of the file are written, without those that are held back.
func (w *Writer) Offset() int64 { return w.at }

// Write writes p, or holds it back. It takes all of it, or returns an error.
func (w *Writer) Write(p []byte) (n int, err error) {
	for n < len(p) && w.err == nil {
		rest := p[n:]
		switch {
		case w.from < w.to || !w.straight(rest):
			n += w.hold(rest)
		case w.ordinary:
			n += w.write(rest, false)
		default:
			end := (w.at+int64(len(rest)))&^(Align-1) - w.at
			n += w.put(rest[:end])
		}
	}
	return n, w.err
}

// Flush writes what is held back.
func (w *Writer) Flush() error {
	if w.err == nil && w.from < w.to {
		w.put(w.block.memory()[w.from:w.to])
	}
	w.from, w.to = 0, 0
	if w.block != nil {
		blocks.Put(w.block)
		w.block = nil
	}
	return w.err
}

// Skip says that the file was moved on by n bytes that somebody else has put there, after Flush.
func (w *Writer) Skip(n int64) { w.at += n }

// straight tells whether data can be written from where it is in memory.
func (w *Writer) straight(p []byte) bool {
	return w.ordinary || len(p) >= least && (address(p)-uintptr(w.at))%Align == 0
}

// hold copies data into the block, and writes the block when it is full.
func (w *Writer) hold(p []byte) int {
	if w.from == w.to {
		if w.block == nil {
			w.block = blocks.Get().(*block)
		}
		w.from = int(w.at % Align)
		w.to = w.from
	}
	memory := w.block.memory()
	n := copy(memory[w.to:], p)
	w.to += n
	if w.to == Block {
		w.put(memory[w.from:])
		w.from, w.to = 0, 0
	}
	return n
}

// put writes data that lies in memory as in the file: the edges in the ordinary way and what is between them directly.
func (w *Writer) put(p []byte) int {
	if w.ordinary {
		return w.write(p, false)
	}
	head := min(int(-w.at&(Align-1)), len(p))
	middle := head + (len(p)-head)&^(Align-1)
	n := w.write(p[:head], false)
	n += w.write(p[head:middle], true)
	return n + w.write(p[middle:], false)
}

func (w *Writer) write(p []byte, past bool) (n int) {
	if len(p) == 0 || w.err != nil {
		return 0
	}
	if past && !w.probed {
		w.probed = true
		w.ordinary = !worthTrying(w.f.Fd())
	}
	if past && !w.ordinary {
		n, w.err = w.past(p)
		w.ordinary = errors.Is(w.err, syscall.EINVAL) || errors.Is(w.err, syscall.EOPNOTSUPP)
	}
	if !past || w.ordinary {
		var more int
		more, w.err = w.f.Write(p[n:])
		n += more
	}
	w.at += int64(n)
	return n
}

// past does one write with the page cache out of the way.
func (w *Writer) past(p []byte) (n int, err error) {
	if err := avoidCache(w.f.Fd(), true); err != nil {
		return 0, err
	}
	n, err = w.f.Write(p)
	// A descriptor that stays direct would refuse the edges and the reads of others.
	if back := avoidCache(w.f.Fd(), false); back != nil {
		return n, fmt.Errorf("going back to ordinary writes: %w", back)
	}
	return n, err
}

// A block has room for Block bytes that begin at a multiple of Align.
type block [Block + Align]byte

var blocks = sync.Pool{New: func() any { return new(block) }}

func (b *block) memory() []byte {
	skip := int(-address(b[:]) % Align)
	return b[skip:][:Block:Block]
}

func address(p []byte) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(p))) }
