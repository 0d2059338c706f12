// SPDX-License-Identifier: Apache-2.0

package carrier

import (
	"errors"
	"fmt"
	"net/netip"
)

// What a caller may want to decide on. Errors returned wrap one of these and say to which address it happened.
var (
	// ErrUnreachable: nothing answered in the time given, or the socket could not send there.
	ErrUnreachable = errors.New("peer not reachable")
	// ErrForeign: a certificate, theirs or ours, was not issued by the fleet's authority.
	ErrForeign = errors.New("certificate is not of this fleet")
	// ErrExpired: a certificate, theirs or ours, has expired or is not valid yet.
	ErrExpired = errors.New("certificate has expired or is not valid yet")
	// ErrRefused: Config.Verify, here or there, did not want the certificate.
	ErrRefused = errors.New("certificate was refused")
	// ErrClosed: Close was called here.
	ErrClosed = errors.New("connection closed")
	// ErrPeerClosed: the peer said goodbye.
	ErrPeerClosed = errors.New("connection closed by the peer")
	// ErrDead: nothing was heard for Config.DeadAfter.
	ErrDead = errors.New("nothing heard of the peer for too long")
	// ErrBroken: the peer broke the protocol.
	ErrBroken = errors.New("peer broke the protocol")
	// ErrSize: a message is empty or larger than MaxMessage.
	ErrSize = errors.New("message is empty or too large")
)

// A HandshakeError says why no Conn came about. It wraps one of the errors above.
type HandshakeError struct {
	Addr   netip.AddrPort
	Reason error  // one of the errors above
	Hint   string // what is wrong, and what to do
	Err    error  // the cause; nil if there is none
}

func (e *HandshakeError) Error() string {
	s := fmt.Sprintf("connect with %v: %v", e.Addr, e.Reason)
	if e.Hint != "" {
		s += ": " + e.Hint
	}
	if e.Err != nil {
		s += fmt.Sprintf(" (%v)", e.Err)
	}
	return s
}

func (e *HandshakeError) Unwrap() []error { return []error{e.Reason, e.Err} }
