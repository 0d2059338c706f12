// SPDX-License-Identifier: Apache-2.0

package carrier

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"
)

// Trust is how a host shows who it is, and whom it believes, whatever brings the bytes.
type Trust struct {
	// Certificate is this host's own, ECDSA P-256, issued by one of Roots for both client and server authentication.
	Certificate tls.Certificate
	// Roots are the certificate authorities of the fleet.
	Roots *x509.CertPool
	// Verify, if set, has the last word on a peer's certificate after its chain and dates were checked.
	Verify func(*x509.Certificate) error
}

// Check verifies the certificates that a peer has shown, its own first (DER), for that usage. It is what a handshake does that looks at no
// name of a host: who is meant is said by the certificate, not by the address.
func (t Trust) Check(shown [][]byte, usage x509.ExtKeyUsage) error {
	if len(shown) == 0 {
		return refusal{errors.New("no certificate")}
	}
	leaf, err := x509.ParseCertificate(shown[0])
	if err != nil {
		return refusal{err}
	}
	between := x509.NewCertPool()
	for _, der := range shown[1:] {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return refusal{err}
		}
		between.AddCert(c)
	}
	chains, err := leaf.Verify(x509.VerifyOptions{Roots: t.Roots, Intermediates: between, KeyUsages: []x509.ExtKeyUsage{usage}})
	if err != nil {
		return err
	}
	return t.approve(chains)
}

// approve has the last word on a certificate whose chain is good.
func (t Trust) approve(chains [][]*x509.Certificate) error {
	if len(chains) == 0 || len(chains[0]) == 0 {
		return refusal{errors.New("no chain of certificates")}
	}
	if t.Verify == nil {
		return nil
	}
	if err := t.Verify(chains[0][0]); err != nil {
		return refusal{err}
	}
	return nil
}

// Expired says that our own certificate has run out, so that nobody needs to be asked; nil if it has not.
func (t Trust) Expired(addr netip.AddrPort) error {
	if leaf, err := leafOf(t.Certificate); err != nil || !time.Now().After(leaf.NotAfter) {
		return nil
	}
	hint, reason := t.ownFault()
	return &HandshakeError{Addr: addr, Reason: reason, Hint: hint}
}

// Explain finds the reason in whatever a handshake with that address has said.
func (t Trust) Explain(addr netip.AddrPort, err error) *HandshakeError {
	h := &HandshakeError{Addr: addr, Reason: ErrUnreachable, Err: err}
	var invalid x509.CertificateInvalidError
	var unknown x509.UnknownAuthorityError
	var refused refusal
	switch {
	case errors.As(err, &refused):
		h.Reason, h.Hint = ErrRefused, "we do not accept the peer's certificate"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		h.Reason, h.Hint = ErrExpired, outOfDate("the peer's certificate", invalid.Cert, time.Now())
	case errors.As(err, &invalid), errors.As(err, &unknown):
		h.Reason, h.Hint = ErrForeign, "the peer's certificate; is it enrolled with another hub?"
	case isAlert(err) && strings.Contains(strings.ToLower(err.Error()), "certificate"):
		h.Hint, h.Reason = t.ownFault()
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

// isAlert reports whether the peer said why it stopped, and its word for it.
func isAlert(err error) bool {
	var alert interface{ IsFatalOrCloseNotify() bool } // pion/dtls
	var remote *net.OpError                            // crypto/tls
	return errors.As(err, &alert) || errors.As(err, &remote) && remote.Op == "remote error"
}

// refusal is what Trust.Verify said.
type refusal struct{ error }

func (r refusal) Unwrap() error { return r.error }

// ownFault finds out what a peer may have against our certificate, since its alert does not tell.
func (t Trust) ownFault() (hint string, reason error) {
	leaf, err := leafOf(t.Certificate)
	if err != nil {
		return "our own certificate cannot be read", ErrForeign
	}
	now := time.Now()
	if now.After(leaf.NotAfter) || now.Before(leaf.NotBefore) {
		return outOfDate("our own certificate", leaf, now), ErrExpired
	}
	_, err = leaf.Verify(x509.VerifyOptions{
		Roots: t.Roots, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	if err != nil {
		return "our own certificate was not issued by the fleet; enroll again", ErrForeign
	}
	return "the peer does not accept our certificate; is it of the same fleet, and is its clock right?", ErrRefused
}

// outOfDate says what to do about a certificate that counts later, or no more, by the clock of this machine.
func outOfDate(whose string, leaf *x509.Certificate, now time.Time) string {
	if now.Before(leaf.NotBefore) {
		return fmt.Sprintf("%s counts from %s on, and here it is %s: set this machine's clock", whose, leaf.NotBefore.UTC().Format(time.RFC3339),
			now.UTC().Format(time.RFC3339))
	}
	return fmt.Sprintf("%s counted until %s; enrol that host again, and compare the clocks", whose, leaf.NotAfter.UTC().Format(time.RFC3339))
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
