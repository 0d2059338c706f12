// SPDX-License-Identifier: Apache-2.0

// Package content says what is moved.
//
// A chunk is a piece of 256 KiB to 4 MiB, cut where the bytes themselves say so
// (a Chunker), and named by its digest (an ID). A content is a file or a
// directory tree: entries over one stream of bytes, the files' bytes one after
// the other, which is cut into chunks regardless of where a file ends. A
// Manifest lists the entries and the chunks; the digest of the encoded manifest
// is the content id. A publisher signs the content id (Signed), and whoever
// pinned the publisher's key can check every byte of the content from there:
// key, signature, manifest, chunks.
//
// # Encoding
//
// A manifest has exactly one encoding. Numbers are unsigned varints of 7 bits a
// byte, least significant first, in the fewest bytes; a text is a number, its
// length, and so many bytes. In this order, with nothing in between:
//
//	magic     8 bytes    "EBB-MAN", version 1
//	name      text
//	version   text
//	type      text
//	created   number     seconds since 1970, UTC
//	expires   number     seconds since 1970, UTC; 0: never
//	shape     1 byte     0: a single file, 1: a tree
//	origins   number     and so many
//	  origin  text
//	chunks    number     and so many
//	  id      32 bytes   SHA-256
//	  size    number     bytes
//	entries   number     and so many
//	  kind    1 byte     0: file, 1: directory, 2: symbolic link
//	  path    text
//	  target  text       symbolic link only
//	  mode    number     file and directory only
//	  size    number     file only: bytes
//
// And a signed one:
//
//	magic     8 bytes    "EBB-SIG", version 1
//	key       32 bytes   Ed25519
//	signature 64 bytes   of "ebb manifest v1", a zero byte, the content id
//	manifest             the rest
//
// FORMAT.md has the rules and limits of each field, and an example; testdata
// has vectors.
//
// # What is not promised
//
// That a content is what its name says: a signature tells who says so. That an
// older content does not come back in place of a newer one: who remembers the
// newest version sees to that. Confidentiality: an id tells that somebody has
// the bytes to whoever has them too. A size that fits: a content may be larger
// than the disk. Names that are distinct on every file system: those that are
// equal after Unicode normalisation are found only when they are written.
package content
