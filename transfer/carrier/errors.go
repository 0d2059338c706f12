// SPDX-License-Identifier: Apache-2.0

package carrier

import "errors"

// What a caller may want to decide on. Errors returned wrap one of these and say to which address it happened.
var (
	ErrUnreachable = errors.New("peer not reachable")               // nothing answered in the time given
	ErrForeign     = errors.New("certificate is not of this fleet") // theirs to us, or ours to them
	ErrExpired     = errors.New("certificate has expired or is not valid yet")
	ErrRefused     = errors.New("certificate was refused") // Config.Verify said no, here or there
	ErrClosed      = errors.New("connection closed")       // Close was called here
	ErrPeerClosed  = errors.New("connection closed by the peer")
	ErrDead        = errors.New("nothing heard of the peer for too long")
	ErrTooLarge    = errors.New("message larger than MaxMessage")
)
