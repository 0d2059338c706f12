// SPDX-License-Identifier: Apache-2.0

// Package walk publishes: it reads a file or a directory tree from the disk,
// cuts it into chunks, hands each chunk to the caller, and describes the whole
// in a manifest.
//
// It goes over the tree three times. First it lists everything and refuses what
// cannot be published, before a byte is read. Then it reads the files, one
// after the other in the order of the list, as one stream; each must be the
// file that was listed, and still be it, with the same size and time, when its
// last byte was read. At last it lists everything again, and both lists must be
// equal. So a manifest describes a state in which the tree stood still, or
// there is no manifest.
//
// What is noticed is what the file system shows: the names, and the kind,
// permissions, size, modification time and target of each. A writer that is
// quicker than the clock of the file system, or that sets size and time back,
// is not noticed. Hard links are published as separate files, holes as zeroes;
// owners, times, extended attributes and the permissions of the root itself are
// not published. Memory: 8 MiB for the stream, and some 150 bytes an entry
// besides its path.
package walk
