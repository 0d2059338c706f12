// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"time"

	"github.com/ebbproject/ebb/content"
	"github.com/ebbproject/ebb/fleet"
	"github.com/ebbproject/ebb/fleet/node"
)

// Enrollment is a wish to join a fleet.
type Enrollment struct {
	Hub      string // control port, host:port
	Token    string
	Location string
	State    string // state directory that the enrolment is written to
	Again    bool   // replace one that is there
}

// Enroll joins a fleet. The private key is made here and never leaves. Nothing is said to a hub whose CA is not the
// one in the token.
func Enroll(ctx context.Context, e Enrollment) (*node.Node, error) {
	token, err := fleet.ParseToken(e.Token)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTokenUnknown, err)
	}
	if err := fleet.ValidLocation(e.Location); err != nil {
		return nil, err
	}
	if node.Exists(e.State) && !e.Again {
		return nil, fmt.Errorf("%w: %s; use --again to replace that", node.ErrEnrolled, e.State)
	}
	key, csr, err := newKey()
	if err != nil {
		return nil, err
	}
	c, err := newClient(e.Hub, &tls.Config{MinVersion: tls.VersionTLS13, ServerName: fleet.HubName,
		InsecureSkipVerify: true, // there is no CA yet: the fingerprint in the token takes its place
		VerifyConnection:   func(s tls.ConnectionState) error { return pinned(s, token.CA) }})
	if err != nil {
		return nil, err
	}
	defer c.Close()
	var reply fleet.EnrollReply
	if err := c.post(ctx, "/v1/enroll", fleet.EnrollRequest{Token: e.Token, CSR: csr, Location: e.Location}, &reply); err != nil {
		return nil, err
	}
	n := &node.Node{Dir: e.State, HubAddr: e.Hub, Hub: reply.Hub}
	if n.Publishers, err = publishers(reply.Publishers); err != nil {
		return nil, err
	}
	if err := accept(n, key, reply); err != nil {
		return nil, err
	}
	return n, n.Save()
}

// pinned accepts the chain whose CA has the fingerprint in the token.
func pinned(s tls.ConnectionState, want [sha256.Size]byte) error {
	last := s.PeerCertificates[len(s.PeerCertificates)-1]
	got := sha256.Sum256(last.Raw)
	if subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
		return fmt.Errorf("%w: its CA is not the one that the token names", ErrForeign)
	}
	roots := x509.NewCertPool()
	roots.AddCert(last)
	_, err := s.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: roots, DNSName: fleet.HubName})
	return err
}

func newKey() (*ecdsa.PrivateKey, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	return key, csr, err
}

// accept checks that the certificate that came is for our key and from the CA that came with it.
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
	roots := x509.NewCertPool()
	roots.AddCert(n.CA)
	if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}); err != nil {
		return fmt.Errorf("the certificate from the hub: %w", err)
	}
	n.Certificate = tls.Certificate{Certificate: [][]byte{r.Certificate}, PrivateKey: key, Leaf: leaf}
	return nil
}

func publishers(texts []string) ([]ed25519.PublicKey, error) {
	var keys []ed25519.PublicKey
	for _, t := range texts {
		k, err := content.ParsePublisherKey(t)
		if err != nil {
			return nil, fmt.Errorf("the hub's publisher keys: %w", err)
		}
		keys = append(keys, k)
	}
	return keys, nil
}

// Due reports whether a certificate has lived two thirds of its time and wants to be renewed.
func Due(n *node.Node, now time.Time) bool {
	leaf := n.Certificate.Leaf
	return now.After(leaf.NotBefore.Add(leaf.NotAfter.Sub(leaf.NotBefore) * 2 / 3))
}

// Renew fetches a new certificate for the same key (the peer's name is its hash) and saves it. The daemon uses it from
// its next start on.
func Renew(ctx context.Context, n *node.Node) (*node.Node, error) {
	key, ok := n.Certificate.PrivateKey.(*ecdsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("the private key is a %T, not an ECDSA key", n.Certificate.PrivateKey)
	}
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	if err != nil {
		return nil, err
	}
	c, err := New(n)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	var reply fleet.EnrollReply
	if err := c.post(ctx, "/v1/renew", fleet.RenewRequest{CSR: csr}, &reply); err != nil {
		return nil, err
	}
	fresh := *n
	if err := accept(&fresh, key, reply); err != nil {
		return nil, err
	}
	return &fresh, fresh.Save()
}
