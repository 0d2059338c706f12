// SPDX-License-Identifier: Apache-2.0

package carrier

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"
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

// isAlert reports whether the peer said why it stopped, and its word for it.
func isAlert(err error) bool {
	var alert interface{ IsFatalOrCloseNotify() bool }
	return errors.As(err, &alert)
}

// refusal is what Config.Verify said.
type refusal struct{ error }

func (r refusal) Unwrap() error { return r.error }

// explain finds the reason in whatever DTLS says.
func (e *Endpoint) explain(addr netip.AddrPort, err error) *HandshakeError {
	h := &HandshakeError{Addr: addr, Reason: ErrUnreachable, Err: err}
	var invalid x509.CertificateInvalidError
	var unknown x509.UnknownAuthorityError
	var refused refusal
	switch {
	case errors.As(err, &refused):
		h.Reason, h.Hint = ErrRefused, "we do not accept the peer's certificate"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		h.Reason, h.Hint = ErrExpired, "the peer's certificate; have it enrolled again, and compare the clocks"
	case errors.As(err, &invalid), errors.As(err, &unknown):
		h.Reason, h.Hint = ErrForeign, "the peer's certificate; is it enrolled with another hub?"
	case isAlert(err) && strings.Contains(err.Error(), "BadCertificate"):
		h.Hint, h.Reason = e.ownFault()
	case isAlert(err):
		h.Reason, h.Hint = ErrRefused, "the peer ended the handshake"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		h.Hint = "it stopped answering during the handshake"
	}
	for _, reason := range []error{ErrBroken, ErrPeerClosed, ErrClosed} {
		if errors.Is(err, reason) {
			h.Reason, h.Hint = reason, ""
		}
	}
	return h
}

// ownFault finds out what a peer may have against our certificate, since its alert does not tell.
func (e *Endpoint) ownFault() (hint string, reason error) {
	leaf, err := leafOf(*e.certificate.Load())
	if err != nil {
		return "our own certificate cannot be read", ErrForeign
	}
	now := time.Now()
	if now.After(leaf.NotAfter) || now.Before(leaf.NotBefore) {
		return "our own certificate; enroll again", ErrExpired
	}
	_, err = leaf.Verify(x509.VerifyOptions{
		Roots: e.cfg.Roots, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	if err != nil {
		return "our own certificate was not issued by the fleet; enroll again", ErrForeign
	}
	return "the peer does not accept our certificate; is it of the same fleet, and is its clock right?", ErrRefused
}

func leafOf(c tls.Certificate) (*x509.Certificate, error) {
	if c.Leaf != nil {
		return c.Leaf, nil
	}
	if len(c.Certificate) == 0 {
		return nil, errors.New("no certificate")
	}
	return x509.ParseCertificate(c.Certificate[0])
}
