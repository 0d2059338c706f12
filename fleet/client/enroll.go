// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"

	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/fleet/node"
)

// Enrollment is a wish to join a fleet.
type Enrollment struct {
	Hub      string // control port, host:port
	Token    string
	Location string // or fleet.LocationAuto: the hub finds out
	State    string // state directory that the enrolment is written to
	Again    bool   // replace one that is there
}

// enrollTimeout bounds an enrolment and a renewal.
const enrollTimeout = time.Minute

// Enroll joins a fleet. The private key is made here and never leaves. Nothing is said to a hub whose CA is not the
// one in the token, and no token is spent where the enrolment could not be kept. ErrForeign, ErrExpired,
// ErrTokenUnknown, ErrTokenUsed, ErrTokenExpired, ErrDenied (the token is for another location), ErrUnreachable,
// node.ErrEnrolled, fleet.ErrLocation. A hub that is there and has no time is asked again for up to a minute.
func Enroll(ctx context.Context, e Enrollment) (*node.Node, error) {
	ctx, cancel := context.WithTimeout(ctx, enrollTimeout)
	defer cancel()
	token, err := e.check()
	if err != nil {
		return nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	csr, err := request(key)
	if err != nil {
		return nil, err
	}
	a, err := newAsker(e.Hub, &tls.Config{
		InsecureSkipVerify: true, // there is no CA yet: the fingerprint in the token takes its place
		VerifyConnection:   func(s tls.ConnectionState) error { return pinned(s.PeerCertificates, token) }})
	if err != nil {
		return nil, err
	}
	defer a.Close()
	reply, err := a.enrol(ctx, fleet.EnrollRequest{Token: e.Token, CSR: csr, Location: e.Location, Net: a.own(ctx)})
	if err != nil {
		return nil, err
	}
	if sha256.Sum256(reply.CA) != token.CA {
		return nil, fmt.Errorf("%w: the CA that it sent is not the one that the token names", ErrForeign)
	}
	n := &node.Node{Dir: e.State, HubAddr: e.Hub}
	if err := accept(n, key, reply); err != nil {
		return nil, err
	}
	if n.Identity.Role != fleet.RoleAgent || e.Location != fleet.LocationAuto && n.Identity.Location != e.Location {
		return nil, fmt.Errorf("%w: it sent a certificate for %s", ErrForeign, n.Identity)
	}
	n.Hub = a.locatedHub(ctx, n.Hub)
	return n, n.Save()
}

// The first pause before a hub that has no time is asked again, and the longest; each is spread by half.
const (
	enrolAgain  = 100 * time.Millisecond
	enrolAtMost = 5 * time.Second
)

// enrol asks to be let in. Where somebody takes the connection and does not come to the handshake, nothing was said: the token is still good,
// and the hub is asked again until ctx ends.
func (a asker) enrol(ctx context.Context, q fleet.EnrollRequest) (reply fleet.EnrollReply, err error) {
	for pause := enrolAgain; ; pause = min(2*pause, enrolAtMost) {
		var met, asked atomic.Bool
		traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
			ConnectDone: func(_, _ string, err error) {
				if err == nil {
					met.Store(true)
				}
			},
			GotConn: func(httptrace.GotConnInfo) { asked.Store(true) }})
		_, err = a.post(traced, pathEnroll, q, &reply)
		var noTLS tls.RecordHeaderError
		if !errors.Is(err, ErrUnreachable) || !met.Load() || asked.Load() || errors.Is(err, http.ErrSchemeMismatch) || errors.As(err, &noTLS) {
			return reply, err
		}
		select {
		case <-time.After(pause/2 + mathrand.N(pause)):
		case <-ctx.Done():
			return reply, err
		}
	}
}

// check finds out before anything is spent what would go wrong later.
func (e Enrollment) check() (fleet.Token, error) {
	token, err := fleet.ParseToken(e.Token)
	if err != nil {
		return token, fmt.Errorf("%w: %w", ErrTokenUnknown, err)
	}
	if err := fleet.ValidLocation(e.Location); err != nil {
		return token, err
	}
	if node.Exists(e.State) && !e.Again {
		return token, fmt.Errorf("%w: %s; use --again to replace that", node.ErrEnrolled, e.State)
	}
	if n, err := node.Load(e.State); err == nil && n.Identity.Role == fleet.RoleHub {
		return token, fmt.Errorf("%w: %s belongs to the hub of fleet %s; choose another state directory", node.ErrEnrolled, e.State,
			n.Identity.Fleet)
	}
	if err := node.Writable(e.State); err != nil {
		return token, fmt.Errorf("state directory: %w", err)
	}
	return token, nil
}

var errPinned = errors.New("its CA is not the one that the token names")

// pinned accepts a hub's chain that ends with the CA that the token names.
func pinned(chain []*x509.Certificate, token fleet.Token) error {
	last := chain[len(chain)-1]
	got := sha256.Sum256(last.Raw)
	if subtle.ConstantTimeCompare(got[:], token.CA[:]) != 1 {
		return errPinned
	}
	roots := x509.NewCertPool()
	roots.AddCert(last)
	_, err := chain[0].Verify(x509.VerifyOptions{Roots: roots, DNSName: fleet.HubName})
	return err
}

// request is a certificate request for the key. Only the key counts; the hub knows the rest.
func request(key *ecdsa.PrivateKey) ([]byte, error) {
	return x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
}

// accept takes over what the hub sent. The certificate must be for our key and from the CA that came with it. Its dates
// are not looked at: a clock that is wrong now can be set right, a token that was spent does not come back.
func accept(n *node.Node, key *ecdsa.PrivateKey, r fleet.EnrollReply) (err error) {
	if n.CA, err = x509.ParseCertificate(r.CA); err != nil {
		return fmt.Errorf("the hub's CA: %w", err)
	}
	leaf, err := x509.ParseCertificate(r.Certificate)
	if err != nil {
		return fmt.Errorf("the certificate from the hub: %w", err)
	}
	if !key.PublicKey.Equal(leaf.PublicKey) {
		return fmt.Errorf("%w: the certificate it sent is for another key", ErrForeign)
	}
	if err := leaf.CheckSignatureFrom(n.CA); err != nil {
		return fmt.Errorf("%w: the certificate it sent: %w", ErrForeign, err)
	}
	if n.Identity, err = fleet.IdentityOf(leaf); err != nil {
		return fmt.Errorf("%w: the certificate it sent: %w", ErrForeign, err)
	}
	if n.Publishers, err = node.ParsePublishers(r.Publishers); err != nil {
		return fmt.Errorf("the hub's publisher keys: %w", err)
	}
	n.Hub = r.Hub
	n.Certificate = tls.Certificate{Certificate: [][]byte{r.Certificate}, PrivateKey: key, Leaf: leaf}
	return nil
}
