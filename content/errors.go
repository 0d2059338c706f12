// SPDX-License-Identifier: Apache-2.0

package content

import (
	"errors"
	"fmt"
)

// What to decide by, with errors.Is.
var (
	// ErrMalformed: these bytes are not the encoding of a manifest, or this
	// Manifest cannot be encoded. Reported by a *FormatError.
	ErrMalformed = errors.New("malformed")

	// ErrSignature: the signature does not belong to this manifest and key.
	ErrSignature = errors.New("the signature does not fit")

	// ErrUnknownPublisher: signed with a key that is not pinned here.
	ErrUnknownPublisher = errors.New("signed by a publisher that is not pinned here")

	// ErrExpired: the manifest is genuine, but its time is over.
	ErrExpired = errors.New("expired")
)

// A FormatError says which rule of the format was broken, and where.
type FormatError struct {
	What   string // the manifest's field, or what was being read
	Offset int    // byte of the encoded form at which it was noticed; -1: no bytes were involved
	Reason string
}

// Error says what is wrong, with what, and where.
func (e *FormatError) Error() string {
	if e.Offset < 0 {
		return fmt.Sprintf("content: %s: %s", e.What, e.Reason)
	}
	return fmt.Sprintf("content: byte %d, %s: %s", e.Offset, e.What, e.Reason)
}

// Unwrap makes every FormatError an ErrMalformed.
func (e *FormatError) Unwrap() error { return ErrMalformed }

// A NameError refuses a name or a path that would do harm on some machine the
// content may be sent to: that leaves the tree, that means a device, or that
// cannot be told from another one.
type NameError struct {
	Path   string // as it was found
	Reason string // what is wrong with it, and what to do
}

// Error quotes the name, so that what cannot be seen in it is seen here.
func (e *NameError) Error() string {
	return fmt.Sprintf("content: name %q refused: %s", shorten(e.Path), e.Reason)
}
